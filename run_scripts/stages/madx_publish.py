"""Publishing a MAD-X experiment: language adapters, task adapter, and a composed model per target language."""

import shutil
from dataclasses import replace
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory

from transformers import AutoTokenizer

from xlzoo.hub_cards import Facts, Metric
from xlzoo.hub_cards.bases import Base
from xlzoo.hub_cards.probes import record_adapter, record_model
from xlzoo.hub_cards.usage import run_usage
from xlzoo.modeling.adapter_files import read_head
from xlzoo.modeling.modeling_madx import MadxForMaskedLM, MadxForTokenClassification
from xlzoo.run_scripts.arguments import parse, recipe_flags
from xlzoo.run_scripts.data_arguments import DataArguments
from xlzoo.run_scripts.errors import UserError
from xlzoo.run_scripts.runs import read_results
from xlzoo.run_scripts.stages.facts import Record, dataset_name, read_metrics, tagger_facts
from xlzoo.run_scripts.stages.madx import MadxRecipe, evaluation_folder
from xlzoo.run_scripts.stages.publishing import read_facts, send, stand_ins
from xlzoo.run_scripts.stages.snippets import tagger_usage
from xlzoo.run_scripts.stages.task_adapters import label_config
from xlzoo.run_scripts.tasks import TASKS


def publish_all(recipe: MadxRecipe) -> str:
    """Publish the first seed's adapters and models; return what the last model prints in a fresh process.

    Local folders (`hub_dir`) are loaded back from where they were published.
    """
    seed = recipe.seeds[0]
    for language in recipe.languages:
        _publish_language_adapter(recipe, seed, language)
    _publish_task_adapter(recipe, seed)
    return "".join([_publish_composed(recipe, seed, target) for target in recipe.targets][-1:])


def compose(recipe: MadxRecipe, seed: int, target: str) -> MadxForTokenClassification:
    """Return the encoder with the target's language adapter, the task adapter and its head as one model."""
    task_folder = str(recipe.tagger_path(seed, "madx") / recipe.task_name)
    head = read_head(task_folder)
    model = MadxForTokenClassification.from_pretrained(
        recipe.encoder_path, **label_config(head.labels if head else [])
    )
    stack = [
        model.load_adapter(recipe.adapter_path(seed, target)),
        model.load_adapter(task_folder, with_head=True),
    ]
    model.set_active_adapters(stack)
    return model


def _publish_language_adapter(recipe: MadxRecipe, seed: int, language: str) -> None:
    folder = Path(recipe.adapter_path(seed, language))
    model = MadxForMaskedLM.from_pretrained(recipe.encoder_path)
    name = model.load_adapter(folder, set_active=True)
    with TemporaryDirectory(prefix="xlzoo-probe-") as work:
        probe = record_adapter(model, name, Path(work), with_head=False)
        facts = _kept_facts(folder.parent)
        beside = stand_ins(facts, recipe.encoder_path)
        send(folder, facts, recipe.destination(f"madx-{language}"), probe, beside)


def _publish_task_adapter(recipe: MadxRecipe, seed: int) -> None:
    folder = recipe.tagger_path(seed, "madx") / recipe.task_name
    facts = _kept_facts(folder)
    facts = replace(facts, metrics=(*facts.metrics, *_test_metrics(recipe, seed, recipe.source)))
    model = compose(recipe, seed, recipe.source)
    with TemporaryDirectory(prefix="xlzoo-probe-") as work:
        probe = record_adapter(model, recipe.task_name, Path(work), with_head=True)
        beside = stand_ins(facts, recipe.encoder_path)
        send(folder, facts, recipe.destination(f"madx-{recipe.task_name}-{recipe.source}"), probe, beside)


def _publish_composed(recipe: MadxRecipe, seed: int, target: str) -> str:
    """Publish the model for one target language; return what its card prints, loaded from a local `hub_dir`."""
    tagger = recipe.tagger_path(seed, "madx")
    trained, task = _kept_facts(tagger), TASKS[recipe.task_name]
    run = Record(
        base=Base(trained.base_model, trained.license, trained.base_note, trained.license_link),
        language=recipe.source,
        recipe=trained.recipe,
        datasets=trained.datasets,
        metrics=_test_metrics(recipe, seed, target),
        figures=trained.figures,
        data_note=trained.data_note,
        script=trained.script,
    )
    model = compose(recipe, seed, target)
    facts = tagger_facts(run, task, _usage(recipe, target), model.active_adapters, target)
    destination = recipe.destination(f"madx-{task.name}-{recipe.source}-{target}")
    with TemporaryDirectory(prefix="xlzoo-madx-") as work:
        folder, scratch = Path(work) / "model", Path(work) / "scratch"
        scratch.mkdir()
        model.save_pretrained(folder)
        AutoTokenizer.from_pretrained(recipe.encoder_path).save_pretrained(folder)
        for figure in facts.figures:
            shutil.copyfile(tagger / figure.file, folder / figure.file)
        send(folder, facts, destination, record_model(model, scratch), {})
        if destination.hub_dir is None or destination.dry_run:
            return ""
        return run_usage(facts.usage.replace("{repo_id}", destination.repo_id), destination.hub_dir, scratch)


def _kept_facts(folder: Path) -> Facts:
    facts = read_facts(folder)
    if facts is None:
        raise UserError(
            f"{folder} holds no facts.json, so an older version trained it; delete it to train it again, or publish "
            "it with publish.py."
        )
    return facts


def _test_metrics(recipe: MadxRecipe, seed: int, language: str) -> tuple[Metric, ...]:
    """Return the MAD-X scores of one seed on a language's test split."""
    results = read_results(evaluation_folder(recipe, seed, "madx", language)) or {}
    data = dataset_name(recipe.filled(recipe.task_data[language]).get("dataset_name"))
    return read_metrics(results, TASKS[recipe.task_name].pipeline_tag, data, language)


def _usage(recipe: MadxRecipe, language: str) -> str:
    """Tag a test sentence of the language, one with a label if there is one."""
    task = TASKS[recipe.task_name]
    (data,) = parse(recipe_flags(recipe.filled(recipe.task_data[language])), DataArguments)
    column = data.label_column_name or task.label_column
    rows = data.load("tokens", {"tokens": data.text_column_name or "tokens", column: column})["test"]
    labelled = (row["tokens"] for row in rows if len(set(map(str, row[column]))) > 1)
    return tagger_usage(chain(labelled, rows["tokens"]))
