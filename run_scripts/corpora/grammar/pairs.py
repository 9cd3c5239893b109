"""One row of the phrasebook: the sentence in any language, its entailment pair and its question."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from . import english, german, spanish, swahili
from .entailment import Hypothesis, hypothesis
from .lexicon import Entry
from .meaning import Clause
from .patterns import Meaning, chooser, draw
from .questions import Point, open_points, question
from .words import Word, span_of, text_of

SENTENCE: Mapping[str, Callable[[Clause], list[Word]]] = {
    "eng": english.sentence,
    "deu": german.sentence,
    "spa": spanish.sentence,
    "swh": swahili.sentence,
}


@dataclass(frozen=True, slots=True)
class Item:
    """The meanings of one row, the same in every language."""

    meaning: Meaning
    hypothesis: Hypothesis
    point: Point


@dataclass(frozen=True, slots=True)
class Question:
    """A question about a context, and the answer as a span of it."""

    context: str
    question: str
    answer: str
    start: int


def item(seed: int, split: str, index: int) -> Item:
    """Return row `index` of a split as meanings."""
    c = chooser(seed, split, index)
    meaning = draw(c)
    return Item(meaning, hypothesis(c, meaning.fact), c.pick(open_points(meaning.fact)))


def entries_of(value: object) -> frozenset[Entry]:
    """Return every dictionary entry and name that a row, or any part of one, is made of."""
    if isinstance(value, Entry):
        return frozenset((value,))
    if isinstance(value, Item):
        return entries_of((value.meaning.said, value.meaning.fact, value.hypothesis.clause))
    if isinstance(value, tuple):
        return frozenset(entry for part in value for entry in entries_of(part))
    return frozenset()


def words_of(row: Item, language: str) -> list[Word]:
    """Return the words of the row's sentence."""
    return SENTENCE[language](row.meaning.said)


def entailment_of(row: Item, language: str) -> tuple[str, str, str]:
    """Return premise, hypothesis and label."""
    realise = SENTENCE[language]
    return text_of(realise(row.meaning.fact)), text_of(realise(row.hypothesis.clause)), row.hypothesis.label


def question_of(row: Item, language: str) -> Question:
    """Return the row's question; its context is the sentence, or the statement behind a question or request."""
    realise = SENTENCE[language]
    words = realise(row.meaning.fact)
    span = span_of(words, row.point.answer)
    if span is None:
        raise AssertionError(f"the answer {row.point.answer} is no span of {text_of(words)!r}")
    answer = text_of(words[span[0] : span[1] + 1])
    start = len(text_of(words[: span[0] + 1])) - len(words[span[0]].form)
    return Question(text_of(words), text_of(realise(question(row.point))), answer, start)
