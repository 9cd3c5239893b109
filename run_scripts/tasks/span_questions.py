"""Questions that a span of a passage answers: one row per task, and the answer that an encoder's scores mean."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

LABELS = ("start", "end")
"""Of the two outputs of a model for every token."""


@dataclass(frozen=True)
class SpanTask:
    """A task of XTREME: what it is called, and whether answers are normalised for their language."""

    name: str
    title: str
    by_language: bool
    """As MLQA does; the others are scored as SQuAD is, see `spans`."""
    pipeline_tag: str = "question-answering"
    metric: str = "f1"


SPAN_TASKS = {
    task.name: task
    for task in (
        SpanTask("xquad", "question answering", by_language=False),
        SpanTask("mlqa", "question answering", by_language=True),
        SpanTask("tydiqa", "question answering", by_language=False),
    )
}


@dataclass(frozen=True)
class Ends:
    """The best beginnings, or ends, of a window: scores, tokens and characters of the passage, `[n]` each."""

    scores: np.ndarray
    tokens: np.ndarray
    characters: np.ndarray


def best_span(windows: Iterable[tuple[Ends, Ends]], longest: int) -> tuple[int, int]:
    """Return the characters of the best answer: the largest sum of scores of a beginning and an end of one window.

    The end is not before the beginning, and at most `longest` tokens are from one to the other. Without any such pair
    the answer is empty.
    """
    best, answer = -np.inf, (0, 0)
    for starts, stops in windows:
        size = stops.tokens[None] - starts.tokens[:, None] + 1
        sums = np.where((size >= 1) & (size <= longest), starts.scores[:, None] + stops.scores[None], -np.inf)
        place = np.unravel_index(sums.argmax(), sums.shape)
        if sums[place] > best:
            best, answer = sums[place], (int(starts.characters[place[0]]), int(stops.characters[place[1]]))
    return answer
