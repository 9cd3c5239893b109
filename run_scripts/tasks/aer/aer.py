"""`evaluate.load("run_scripts/tasks/aer")`: precision, recall, F1 and alignment error rate of word alignments."""

from collections.abc import Sequence
from typing import Any

import datasets
import evaluate

from .alignment_counts import AlignmentCounts

DESCRIPTION = (
    "Alignment error rate (AER), precision, recall and F1 of links between the words of translated sentences."
)
INPUTS = """
Args:
    predictions: each sentence's links, a list of [source word, target word], as `XLMAlignModel.align` returns them.
    references: each sentence's sure links.
    possible: each sentence's links that are no error either way; `compute` takes none for no such links.
Returns:
    precision, recall, f1, aer: numbers from 0 to 1; the lower the AER the better.
Examples:
    >>> aer = evaluate.load("run_scripts/tasks/aer")
    >>> aer.compute(predictions=[[[0, 0], [1, 1]]], references=[[[0, 0]]], possible=[[[1, 1]]])
    {'precision': 1.0, 'recall': 1.0, 'f1': 1.0, 'aer': 0.0}
"""
CITATION = """@article{och-ney-2003-systematic,
  title = {A Systematic Comparison of Various Statistical Alignment Models},
  author = {Och, Franz Josef and Ney, Hermann},
  journal = {Computational Linguistics},
  year = {2003},
}"""
Sentences = Sequence[Sequence[tuple[int, int]]]


class AlignmentErrorRate(evaluate.Metric):
    """The metric; `alignment_counts` holds its formulas."""

    def _info(self) -> evaluate.MetricInfo:
        links = datasets.List(datasets.List(datasets.Value("int32")))
        return evaluate.MetricInfo(
            description=DESCRIPTION,
            citation=CITATION,
            inputs_description=INPUTS,
            features=datasets.Features({"predictions": links, "references": links, "possible": links}),
        )

    def compute(
        self, *, predictions: Sentences | None = None, references: Sentences | None = None, **options: Any
    ) -> dict[str, float] | None:
        """Score the given sentences, or those that were added before."""
        if predictions is not None:
            options.setdefault("possible", [[] for _ in predictions])
        return super().compute(predictions=predictions, references=references, **options)

    def _compute(self, predictions: Sentences, references: Sentences, possible: Sentences) -> dict[str, float]:
        counts = AlignmentCounts()
        for links, sure, may in zip(predictions, references, possible, strict=True):
            counts.add(links, sure, may)
        return counts.scores()
