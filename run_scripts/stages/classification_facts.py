"""What the cards of classifiers say, and those of PEFT adapters for them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from xlzoo.hub_cards import Facts, Metric
from xlzoo.run_scripts.corpora.languages import display_name, hub_tag
from xlzoo.run_scripts.errors import UserError
from xlzoo.run_scripts.stages.facts import LIBRARIES, Record, of_run
from xlzoo.run_scripts.stages.papers import ADAPTERS, MADX, XLM_R
from xlzoo.run_scripts.stages.snippets import peft_usage
from xlzoo.run_scripts.tasks import Scored, metrics_of
from xlzoo.run_scripts.tasks.text_pairs import PairTask


def classifier_facts(run: Record, task: PairTask, usage: str, has_adapters: bool) -> Facts:
    """Describe a classifier of sentence pairs, which may hold active MAD-X adapters."""
    return Facts(
        title=f"XLM-R for {task.title}{_in_language(run)}",
        kind="model",
        summary=f"An XLM-R classifier of sentence pairs for {task.title}{', with adapters' * has_adapters}.",
        tags=("xlm-roberta", task.name, *("mad-x",) * has_adapters),
        pipeline_tag=task.pipeline_tag,
        library_name="transformers",
        usage=usage,
        **of_run(run, MADX if has_adapters else XLM_R, [run.language]),
    )


def classifier_adapter_facts(run: Record, task: PairTask, method: str) -> Facts:
    """Describe a "LoRA" or "IA3" adapter with its classifier; its code needs the Hub id of the base."""
    base = run.base.hub_id
    return Facts(
        title=f"{method} task adapter for {task.title}{_in_language(run)}",
        kind="peft",
        summary=f"{'An' if method == 'IA3' else 'A'} {method} adapter of XLM-R with a classifier of sentence pairs.",
        tags=("task-adapter", method.lower(), task.name, "xlm-roberta"),
        pipeline_tag=task.pipeline_tag,
        library_name="peft",
        usage=peft_usage(base, "AutoModelForSequenceClassification", len(task.labels), own_code=False) if base else "",
        **of_run(run, ADAPTERS[method], [run.language], (*LIBRARIES, "peft")),
    )


def with_languages(run: Record, task: Scored, results: Mapping[str, Any], tests: Sequence[str], data: str) -> Record:
    """Add the scores on the test rows of several languages of the data that a card calls so.

    Where there is one language its score goes without its name, which is added here.
    """
    tag = _tag(next(iter(tests), ""))
    overall = tuple(
        replace(one, dataset=data, language=tag or one.language) if one.split == "test" else one for one in run.metrics
    )
    scored = tuple(
        Metric(task.pipeline_tag, data, "test", _tag(language), metric, float(score))
        for metric in metrics_of(task)
        for language in tests
        if (score := results.get(f"test_{language}_{metric}")) is not None
    )
    return replace(run, metrics=(*overall, *scored))


def _tag(language: str) -> str:
    try:
        return hub_tag(language)
    except UserError:
        return ""


def _in_language(run: Record) -> str:
    return f", trained in {display_name(run.language)}" if run.language else ""
