"""Evaluation tasks: one row each."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from xlzoo.run_scripts.tasks.tagging import span_scores, word_accuracy


class Scored(Protocol):
    """What tasks of every kind say: their name, the Hub's name of their kind, and the score that people compare."""

    @property
    def name(self) -> str:
        """The name that flags give it."""

    @property
    def pipeline_tag(self) -> str:
        """The Hub's name of the kind of task."""

    @property
    def metric(self) -> str:
        """The name of its score."""


@dataclass(frozen=True)
class Task:
    """A task: the column of its labels, how it is scored, and the score that people compare."""

    name: str
    pipeline_tag: str
    label_column: str
    score: Callable[..., dict[str, float]]
    metric: str


FURTHER = {"question-answering": ("exact_match",)}
"""Scores that are told beside the one that people compare, by the Hub's name of a kind of task."""


def metrics_of(task: Scored) -> tuple[str, ...]:
    """Return the names of a task's scores, the one that people compare first."""
    return (task.metric, *FURTHER.get(task.pipeline_tag, ()))


TASKS = {
    task.name: task
    for task in (
        Task("ner", "token-classification", "ner_tags", span_scores, "f1"),
        Task("pos", "token-classification", "pos_tags", word_accuracy, "accuracy"),
    )
}
