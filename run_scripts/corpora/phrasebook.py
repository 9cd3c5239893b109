"""The phrasebook: unlimited parallel sentences in four languages from a small grammar, with gold annotation.

Every row is drawn from its seed, split and index alone, so row i of a split means the same thing in every language and
on every machine. Test rows use person and organisation names, places and words that never occur in the other splits.
"""

from collections.abc import Callable, Mapping
from typing import Any

from datasets import ClassLabel, Dataset, DatasetDict, Features, List, Value

from xlzoo.run_scripts.errors import UserError

from .grammar.entailment import LABELS
from .grammar.pairs import entailment_of, item, question_of, words_of
from .grammar.words import links, text_of

LANGUAGES = ("eng", "deu", "spa", "swh")
SIZES: Mapping[str, int] = {"train": 4000, "validation": 500, "test": 500}
NER_TAGS = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC", "B-ORG", "I-ORG")
UPOS = tuple("ADJ ADP ADV AUX CCONJ DET INTJ NOUN NUM PART PRON PROPN PUNCT SCONJ SYM VERB X".split())


def load_phrasebook(config: str = "eng", *, seed: int = 0, sizes: Mapping[str, int] | None = None) -> DatasetDict:
    """Return the splits of one language (`swh`) or of a pair (`eng-swh`), drawn from `seed`.

    One language has the columns id, text, tokens, ner_tags, pos_tags, premise, hypothesis, label, context, question
    and answers; a pair has id, translation, tokens, sure and possible (0-based source-target token links, disjoint).
    `sizes` gives the rows of each split. Raises UserError for an unknown config, split or size.
    """
    languages = _languages(config)
    wanted = dict(SIZES) if sizes is None else dict(sizes)
    for split, size in wanted.items():
        if split not in SIZES or size < 0:
            expected = ", ".join(SIZES)
            raise UserError(f"The phrasebook has no split {split!r} of {size} rows; give sizes >= 0 for {expected}.")
    features = _features(*languages)
    row = _single_row if len(languages) == 1 else _pair_row
    return DatasetDict({split: _split(row, languages, seed, split, n, features) for split, n in wanted.items()})


def _languages(config: str) -> tuple[str, ...]:
    languages = tuple(config.split("-"))
    if len(languages) > 2 or len(set(languages)) < len(languages) or not set(languages) <= set(LANGUAGES):
        one = ", ".join(LANGUAGES)
        raise UserError(
            f"The phrasebook has no config {config!r}; choose one of {one}, or two of them such as eng-swh."
        )
    return languages


def _split(
    row: Callable[..., dict[str, Any]],
    languages: tuple[str, ...],
    seed: int,
    split: str,
    size: int,
    features: Features,
) -> Dataset:
    rows = [row(seed, split, index, *languages) for index in range(size)]
    columns = {name: [one[name] for one in rows] for name in features}
    return Dataset.from_dict(columns, features=features)


def _single_row(seed: int, split: str, index: int, language: str) -> dict[str, Any]:
    drawn = item(seed, split, index)
    words = words_of(drawn, language)
    premise, hypothesis, label = entailment_of(drawn, language)
    asked = question_of(drawn, language)
    return {
        "id": f"{split}-{index}",
        "text": text_of(words),
        "tokens": [word.form for word in words],
        "ner_tags": [NER_TAGS.index(word.tag) for word in words],
        "pos_tags": [UPOS.index(word.pos) for word in words],
        "premise": premise,
        "hypothesis": hypothesis,
        "label": LABELS.index(label),
        "context": asked.context,
        "question": asked.question,
        "answers": {"text": [asked.answer], "answer_start": [asked.start]},
    }


def _pair_row(seed: int, split: str, index: int, source: str, target: str) -> dict[str, Any]:
    drawn = item(seed, split, index)
    first, second = words_of(drawn, source), words_of(drawn, target)
    sure, possible = links(first, second)
    return {
        "id": f"{split}-{index}",
        "translation": {source: text_of(first), target: text_of(second)},
        "tokens": {source: [word.form for word in first], target: [word.form for word in second]},
        "sure": [list(link) for link in sure],
        "possible": [list(link) for link in possible],
    }


def _features(source: str, target: str | None = None) -> Features:
    text = Value("string")
    if target is not None:
        pairs = List(List(Value("int32")))
        translation = {source: text, target: text}
        tokens = {source: List(text), target: List(text)}
        return Features({"id": text, "translation": translation, "tokens": tokens, "sure": pairs, "possible": pairs})
    return Features(
        {
            "id": text,
            "text": text,
            "tokens": List(text),
            "ner_tags": List(ClassLabel(names=list(NER_TAGS))),
            "pos_tags": List(ClassLabel(names=list(UPOS))),
            "premise": text,
            "hypothesis": text,
            "label": ClassLabel(names=list(LABELS)),
            "context": text,
            "question": text,
            "answers": {"text": List(text), "answer_start": List(Value("int32"))},
        }
    )
