"""What the cards of models say that answer questions with spans of a passage, and those of PEFT adapters for them."""

from collections.abc import Sequence

from xlzoo.hub_cards import Facts
from xlzoo.run_scripts.corpora.languages import display_name
from xlzoo.run_scripts.stages.facts import LIBRARIES, Record, of_run
from xlzoo.run_scripts.stages.papers import ADAPTERS, MADX, XLM_R
from xlzoo.run_scripts.stages.snippets import peft_usage, reader_usage
from xlzoo.run_scripts.tasks.span_questions import LABELS, SpanTask


def reader_facts(run: Record, task: SpanTask, adapters: Sequence[str]) -> Facts:
    """Describe a model that answers questions, which may hold active MAD-X adapters."""
    return Facts(
        title=f"XLM-R for {task.title}{_in_language(run)}",
        kind="model",
        summary=f"An XLM-R model that answers questions with spans of a passage{', with adapters' * bool(adapters)}.",
        tags=("xlm-roberta", task.name, *("mad-x",) * bool(adapters)),
        pipeline_tag=task.pipeline_tag,
        library_name="transformers",
        usage=reader_usage(own_code=bool(adapters)),
        **of_run(run, MADX if adapters else XLM_R, [run.language]),
    )


def reader_adapter_facts(run: Record, task: SpanTask, method: str) -> Facts:
    """Describe a "LoRA" or "IA3" adapter with its head; its code needs the Hub id of the base."""
    base = run.base.hub_id
    return Facts(
        title=f"{method} task adapter for {task.title}{_in_language(run)}",
        kind="peft",
        summary=f"{'An' if method == 'IA3' else 'A'} {method} adapter of XLM-R with a head that finds answers.",
        tags=("task-adapter", method.lower(), task.name, "xlm-roberta"),
        pipeline_tag=task.pipeline_tag,
        library_name="peft",
        usage=peft_usage(base, "AutoModelForQuestionAnswering", len(LABELS), own_code=False) if base else "",
        **of_run(run, ADAPTERS[method], [run.language], (*LIBRARIES, "peft")),
    )


def _in_language(run: Record) -> str:
    return f", trained in {display_name(run.language)}" if run.language else ""
