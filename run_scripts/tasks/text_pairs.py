"""Classification of sentence pairs: one row per task, for encoders that label a pair and for models that answer."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from xlzoo.run_scripts.errors import UserError

PLACE = re.compile(r"\{first\}|\{second\}")


@dataclass(frozen=True)
class PairTask:
    """A task on two sentences: where its data keep them, its labels, and how a model that writes is asked."""

    name: str
    title: str
    columns: tuple[tuple[str, str], ...]
    """The names that its data sets give the two sentences."""
    labels: tuple[str, ...]
    """In the order of the numbers that stand for them."""
    question: str
    """The prompt, in which `{first}` and `{second}` stand for the sentences."""
    answers: tuple[str, ...]
    """The completions, in the order of the labels."""
    other_names: dict[str, str] = field(default_factory=dict)
    """Labels under which some files know one of these."""
    pipeline_tag: str = "text-classification"
    metric: str = "accuracy"

    def label(self, value: object) -> str:
        """Return the label that a cell of the data means: its name, another name of it, or its number."""
        text = str(value)
        if text.isdecimal() and int(text) < len(self.labels):
            return self.labels[int(text)]
        name = self.other_names.get(text, text)
        if name not in self.labels:
            known = ", ".join(f"{number} {label}" for number, label in enumerate(self.labels))
            raise UserError(f"{text[:60]!r} is no label of {self.name}; expected one of {known}, by name or number.")
        return name

    def ask(self, first: str, second: str, label: str) -> dict[str, str]:
        """Return a pair as `{"prompt", "completion"}`."""
        sentences = {"{first}": first, "{second}": second}
        prompt = PLACE.sub(lambda found: sentences[found[0]], self.question)
        return {"prompt": prompt, "completion": self.answers[self.labels.index(label)]}


PAIR_TASKS = {
    task.name: task
    for task in (
        PairTask(
            name="xnli",
            title="natural language inference",
            columns=(("premise", "hypothesis"), ("sentence1", "sentence2")),
            labels=("entailment", "neutral", "contradiction"),
            question="Premise: {first}\nHypothesis: {second}\nRelationship: ",
            answers=("entailment", "neutral", "contradiction"),
            other_names={"contradictory": "contradiction"},
        ),
        PairTask(
            name="pawsx",
            title="paraphrase identification",
            columns=(("sentence1", "sentence2"),),
            labels=("different", "paraphrase"),
            question="Sentence 1: {first}\nSentence 2: {second}\nParaphrase: ",
            answers=("no", "yes"),
        ),
    )
}


def label_accuracy(gold: Sequence[int], predicted: Sequence[int]) -> dict[str, float]:
    """Return the share of rows with the right label."""
    return {"accuracy": sum(g == p for g, p in zip(gold, predicted, strict=True)) / max(len(gold), 1)}
