"""Evaluation tasks: one row each."""

from collections.abc import Callable
from dataclasses import dataclass

from xlzoo.run_scripts.tasks.tagging import span_scores, word_accuracy


@dataclass(frozen=True)
class Task:
    """A task: the column of its labels, how it is scored, and the score that people compare."""

    name: str
    pipeline_tag: str
    label_column: str
    score: Callable[..., dict[str, float]]
    metric: str


TASKS = {
    task.name: task
    for task in (
        Task("ner", "token-classification", "ner_tags", span_scores, "f1"),
        Task("pos", "token-classification", "pos_tags", word_accuracy, "accuracy"),
    )
}
