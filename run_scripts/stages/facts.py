"""What the cards of runs say: from what a finished run knows to `Facts`, one function per kind of thing trained."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from xlzoo.hub_cards import Facts, Figure, Metric
from xlzoo.hub_cards.bases import Base, describe_base
from xlzoo.run_scripts.arguments import ModelArguments, RunArguments
from xlzoo.run_scripts.corpora.languages import display_name, hub_tag
from xlzoo.run_scripts.corpora.sources import PHRASEBOOK
from xlzoo.run_scripts.data_arguments import SourceArguments
from xlzoo.run_scripts.given_flags import is_local, last_part
from xlzoo.run_scripts.stages.papers import ADAPTERS, MADX, MADX2, XLM_R, Paper
from xlzoo.run_scripts.stages.snippets import adapter_usage, other_adapter_usage, peft_usage
from xlzoo.run_scripts.tasks import Scored, Task
from xlzoo.run_scripts.tasks.span_questions import SPAN_TASKS
from xlzoo.run_scripts.tasks.text_pairs import PAIR_TASKS

SPLITS = {"eval": "validation", "test": "test"}
SCORES = ("f1", "precision", "recall", "accuracy", "exact_match", "perplexity", "loss")
"""What a card lists of a run's results, in this order; scores per entity type stay in `all_results.json`."""
LOCAL_FILES = "local files"
PLAIN_NAMES = (PHRASEBOOK, LOCAL_FILES)
DATA_NOTES = {
    PHRASEBOOK: "The data is the phrasebook of xlzoo, simple sentences that a grammar writes; "
    "scores on it say little about other text."
}
TASK_NAMES = {
    "ner": "named entity recognition",
    "pos": "part-of-speech tagging",
    **{name: task.title for name, task in PAIR_TASKS.items()},
    **{name: task.title for name, task in SPAN_TASKS.items()},
}
HEADS = {
    "token-classification": "tagging",
    "text-classification": "classification",
    "question-answering": "question_answering",
}
"""AdapterHub's type of head by the Hub's name of a task."""
LIBRARIES = ("xlzoo", "transformers", "torch", "datasets")


@dataclass(frozen=True)
class Record:
    """What a finished run knows about itself, whatever it trained."""

    base: Base
    language: str | None
    """ISO 639-3."""
    recipe: Mapping[str, object] | str
    datasets: tuple[str, ...] = ()
    """Hub ids."""
    metrics: tuple[Metric, ...] = ()
    figures: tuple[Figure, ...] = ()
    data_note: str = ""
    script: str = ""
    """The program that the recipe is for."""


def record_run(
    arguments: tuple[ModelArguments, SourceArguments, RunArguments],
    results: Mapping[str, Any],
    task: str,
    figures: tuple[Figure, ...],
) -> Record:
    """Collect what the cards of a run need; `task` is the Hub's name of what was scored, "fill-mask" say."""
    model_args, data_args, args = arguments
    start, language = model_args.model_name_or_path, data_args.language_code()
    base = describe_base(start)
    recipe = dict(args.recipe)
    if start and is_local(start):
        recipe["model_name_or_path"] = base.hub_id or last_part(start)
    name = dataset_name(data_args.dataset_name)
    return Record(
        base=base,
        language=language,
        recipe=recipe,
        datasets=() if name in PLAIN_NAMES else (name,),
        metrics=read_metrics(results, task, name, language),
        figures=figures,
        data_note=DATA_NOTES.get(name, ""),
        script=args.script,
    )


def dataset_name(name: str | None) -> str:
    """Return how a card calls the data: a Hub id, the phrasebook, or just local files; never a path."""
    if name == PHRASEBOOK:
        return PHRASEBOOK
    return LOCAL_FILES if name is None or is_local(name) else name


def read_metrics(results: Mapping[str, Any], task: str, dataset: str, language: str | None) -> tuple[Metric, ...]:
    """Return the overall scores on every split of a run's results; what is not finite is no score."""
    tag = hub_tag(language) if language else ""
    return tuple(
        Metric(task, dataset, split, tag, score, float(results[f"{prefix}_{score}"]))
        for prefix, split in SPLITS.items()
        for score in SCORES
        if math.isfinite(results.get(f"{prefix}_{score}", math.nan))
    )


def language_adapter_facts(run: Record) -> Facts:
    """Describe a language adapter."""
    name = display_name(run.language) if run.language else ""
    return Facts(
        title=f"MAD-X language adapter{' for ' * bool(name)}{name}",
        kind="adapter",
        summary=f"A language adapter trained with masked language modelling on {name or 'raw'} text.",
        tags=("adapters", "language-adapter", "mad-x", "xlm-roberta"),
        **_adapter_code(run),
        **of_run(run, MADX, [run.language]),
    )


def language_peft_facts(run: Record, method: str) -> Facts:
    """Describe a "LoRA" or "IA3" adapter that learned a language; its code needs the Hub id of the base."""
    name, base = display_name(run.language) if run.language else "", run.base.hub_id
    return Facts(
        title=f"{method} language adapter{' for ' * bool(name)}{name}",
        kind="peft",
        summary=f"{'An' if method == 'IA3' else 'A'} {method} adapter of XLM-R that learned from masked text.",
        tags=("language-adapter", method.lower(), "xlm-roberta"),
        pipeline_tag="fill-mask",
        library_name="peft",
        usage=peft_usage(base, "AutoModelForMaskedLM", None, own_code=False) if base else "",
        **of_run(run, ADAPTERS[method], [run.language], (*LIBRARIES, "peft")),
    )


def task_adapter_facts(run: Record, task: Scored, labels: int, leaves_out_layers: bool) -> Facts:
    """Describe a task adapter with its head of so many labels; one that leaves layers out is of MAD-X 2.0."""
    name = TASK_NAMES[task.name]
    trained = f", trained in {display_name(run.language)}" if run.language else ""
    return Facts(
        title=f"MAD-X task adapter for {name}{trained}",
        kind="adapter",
        summary=f"An adapter for {name} with its head, to be stacked on a language adapter of the same base model.",
        tags=("adapters", "mad-x", "task-adapter", task.pipeline_tag, "xlm-roberta"),
        **_adapter_code(run, HEADS[task.pipeline_tag], labels),
        **of_run(run, MADX2 if leaves_out_layers else MADX, [run.language]),
    )


def task_peft_facts(
    run: Record, task: Scored, method: str, labels: int, auto_class: str = "AutoModelForTokenClassification"
) -> Facts:
    """Describe a "LoRA" or "IA3" adapter with its head of so many labels; its code needs the Hub id of the base."""
    base, trained = run.base.hub_id, f", trained in {display_name(run.language)}" if run.language else ""
    return Facts(
        title=f"{method} task adapter for {TASK_NAMES[task.name]}{trained}",
        kind="peft",
        summary=f"{'An' if method == 'IA3' else 'A'} {method} adapter of XLM-R with its head.",
        tags=("task-adapter", method.lower(), "xlm-roberta"),
        pipeline_tag=task.pipeline_tag,
        library_name="peft",
        usage=peft_usage(base, auto_class, labels, own_code=False) if base else "",
        **of_run(run, ADAPTERS[method], [run.language], (*LIBRARIES, "peft")),
    )


def tagger_facts(
    run: Record, task: Task, usage: str, adapters: Sequence[str] = (), target: str | None = None
) -> Facts:
    """Describe a tagger, which holds the active `adapters`; with `target` it is composed for that other language."""
    languages = [language for language in (target, run.language) if language]
    name = TASK_NAMES[task.name]
    title = f"XLM-R for {name}{f' in {display_name(languages[0])}' if languages else ''}"
    summary = f"An XLM-R tagger for {name}{', with adapters' * bool(adapters)}."
    zero_shot = bool(target and run.language and target != run.language)
    if zero_shot:
        source, other = display_name(str(run.language)), display_name(languages[0])
        title = f"MAD-X for {name} in {other}, transferred from {source}"
        summary = f"XLM-R with a {other} language adapter under an adapter for {name} that saw {source} labels only."
    return Facts(
        title=title,
        kind="model",
        summary=summary,
        tags=("xlm-roberta", *("mad-x",) * bool(adapters), *("zero-shot",) * zero_shot),
        pipeline_tag=task.pipeline_tag,
        library_name="transformers",
        usage=usage,
        **of_run(run, MADX if adapters else XLM_R, languages),
    )


def encoder_facts(run: Record, usage: str) -> Facts:
    """Describe an encoder trained with masked LM."""
    return Facts(
        title=f"XLM-R encoder{f' for {display_name(run.language)}' if run.language else ''}",
        kind="model",
        summary="An XLM-R encoder trained with masked language modelling.",
        tags=("xlm-roberta",),
        pipeline_tag="fill-mask",
        library_name="transformers",
        usage=usage,
        **of_run(run, XLM_R, [run.language]),
    )


def of_run(
    run: Record, paper: Paper | None, languages: Sequence[str | None], libraries: Sequence[str] = LIBRARIES
) -> dict[str, Any]:
    """Return the fields that say the same of whatever a run made; `libraries` are those whose versions matter."""
    return {
        "languages": tuple(dict.fromkeys(hub_tag(language) for language in languages if language)),
        "license": run.base.license,
        "license_link": run.base.license_link,
        "base_model": run.base.hub_id,
        "base_note": run.base.note,
        "datasets": run.datasets,
        "data_note": run.data_note,
        "metrics": run.metrics,
        "script": run.script,
        "recipe": run.recipe,
        "figures": run.figures,
        "versions": {name: version(name) for name in libraries},
        "citation": paper.bibtex if paper else "",
        "paper": paper.arxiv if paper else "",
    }


def _adapter_code(run: Record, head_type: str | None = None, labels: int = 0) -> dict[str, Any]:
    """Return the snippets of an adapter, which need the Hub id of its base."""
    base = run.base.hub_id
    if base is None:
        return {}
    return {
        "usage": adapter_usage(base, head_type, labels),
        "usage_needs": ("xlzoo",),
        "other_usage": other_adapter_usage(base),
    }
