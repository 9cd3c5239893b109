"""What the cards of models say that answer questions with spans of a passage."""

from collections.abc import Sequence

from xlzoo.hub_cards import Facts
from xlzoo.run_scripts.corpora.languages import display_name
from xlzoo.run_scripts.stages.facts import Record, of_run
from xlzoo.run_scripts.stages.papers import MADX, XLM_R
from xlzoo.run_scripts.stages.snippets import reader_usage
from xlzoo.run_scripts.tasks.span_questions import SpanTask


def reader_facts(run: Record, task: SpanTask, adapters: Sequence[str]) -> Facts:
    """Describe a model that answers questions, which may hold active MAD-X adapters."""
    trained = f", trained in {display_name(run.language)}" if run.language else ""
    return Facts(
        title=f"XLM-R for {task.title}{trained}",
        kind="model",
        summary=f"An XLM-R model that answers questions with spans of a passage{', with adapters' * bool(adapters)}.",
        tags=("xlm-roberta", task.name, *("mad-x",) * bool(adapters)),
        pipeline_tag=task.pipeline_tag,
        library_name="transformers",
        usage=reader_usage(own_code=bool(adapters)),
        **of_run(run, MADX if adapters else XLM_R, [run.language]),
    )
