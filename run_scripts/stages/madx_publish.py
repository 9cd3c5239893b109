"""Publishing a MAD-X experiment: language adapters, task adapter, and a composed model per target language."""

import logging
from pathlib import Path
from tempfile import TemporaryDirectory

from transformers import AutoTokenizer

from xlzoo.hub_cards import Facts, Metric, publish
from xlzoo.hub_cards.usage import run_usage
from xlzoo.modeling.adapter_files import read_head
from xlzoo.modeling.modeling_madx import MadxForTokenClassification
from xlzoo.run_scripts.arguments import DataArguments, parse, recipe_flags
from xlzoo.run_scripts.stages.madx import MadxRecipe, Stage, plan
from xlzoo.run_scripts.stages.madx_report import Scores
from xlzoo.run_scripts.stages.publishing import (
    hub_id,
    language_adapter_facts,
    tagger_facts,
    task_adapter_facts,
)
from xlzoo.run_scripts.stages.tagging import label_config
from xlzoo.run_scripts.tasks import TASKS

logger = logging.getLogger(__name__)


def publish_all(recipe: MadxRecipe, scores: Scores) -> str:
    """Publish the first seed's adapters and models; return what the last model prints in a fresh process.

    Local folders (`hub_dir`) are loaded back from where they were published.
    """
    seed, task = recipe.seeds[0], TASKS[recipe.task_name]
    base = hub_id(recipe.encoder_path)
    stages = {stage.folder: stage for stage in plan(recipe)}
    for language in recipe.languages:
        folder = Path(recipe.adapter_path(seed, language))
        _publish(
            recipe, folder, f"madx-{language}", language_adapter_facts(language, base, stages[folder.parent].flags)
        )
    tagger = stages[recipe.tagger_path(seed, "madx")]
    metrics = _metrics(recipe, scores, recipe.source, tagger)
    facts = task_adapter_facts(task, recipe.source, base, tagger.flags, metrics)
    _publish(recipe, tagger.folder / task.name, f"madx-{task.name}-{recipe.source}", facts)
    shown = ""
    for target in recipe.targets:
        words = _example(recipe, target)
        metrics = _metrics(recipe, scores, target, tagger)
        facts = tagger_facts(task, (recipe.source, target), tagger.flags, metrics, words)
        with TemporaryDirectory() as work:
            compose(recipe, seed, target, Path(work) / "model")
            repo_id = _publish(recipe, Path(work) / "model", f"madx-{task.name}-{recipe.source}-{target}", facts)
            if recipe.hub_dir:
                shown = run_usage(facts.usage.replace("{repo_id}", repo_id), Path(recipe.hub_dir), Path(work))
    return shown


def compose(recipe: MadxRecipe, seed: int, target: str, folder: Path) -> None:
    """Save the encoder with the target's language adapter, the task adapter and its head as one model."""
    task_folder = str(recipe.tagger_path(seed, "madx") / recipe.task_name)
    head = read_head(task_folder)
    labels = head.labels if head else []
    model = MadxForTokenClassification.from_pretrained(recipe.encoder_path, **label_config(labels))
    stack = [
        model.load_adapter(recipe.adapter_path(seed, target)),
        model.load_adapter(task_folder, with_head=True),
    ]
    model.set_active_adapters(stack)
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(recipe.encoder_path).save_pretrained(folder)


def _publish(recipe: MadxRecipe, folder: Path, name: str, facts: Facts) -> str:
    repo_id = f"{recipe.hub_namespace}/{name}"
    where = publish(folder, repo_id, facts, hub_dir=Path(recipe.hub_dir) if recipe.hub_dir else None)
    logger.info("published %s", where)
    return repo_id


def _metrics(recipe: MadxRecipe, scores: Scores, language: str, tagger: Stage) -> tuple[Metric, ...]:
    """Return the MAD-X score of the first seed on a language, if the data has a name that is an id."""
    dataset = recipe.task_data[language].get("dataset_name", "")
    if "madx" not in scores or not dataset or Path(dataset).exists():
        return ()
    task = TASKS[recipe.task_name]
    value = scores["madx"][language][0] / 100
    return (Metric(task.pipeline_tag, dataset, "test", language, task.metric, value),)


def _example(recipe: MadxRecipe, language: str) -> list[str]:
    """Return the first test sentence of at most twelve words that has a label."""
    task = TASKS[recipe.task_name]
    (data,) = parse(recipe_flags(recipe.filled(recipe.task_data[language])), DataArguments)
    column = data.label_column_name or task.label_column
    rows = data.load("tokens", {"tokens": data.text_column_name or "tokens", column: column})["test"]
    labelled = (row["tokens"] for row in rows if len(row["tokens"]) <= 12 and len(set(map(str, row[column]))) > 1)
    return next(labelled, rows[0]["tokens"])
