"""Sentence pairs, read one at a time as often as needed: two files, one `a ||| b` file, or a data set."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

import datasets

from xlzoo.run_scripts.errors import UserError

from .alignments import GoldLinks
from .languages import iso639_3
from .readers import read_lines
from .sources import Source, load

BAR = "|||"
GOLD = {"tokens", "sure", "possible"}
"""Columns of rows with gold links between the words of their pair."""
Sentence = str | Sequence[str]


@dataclass(frozen=True)
class SentencePair:
    """A pair, each side a text or, where the source says so, its words; `place` names it in messages."""

    place: str
    source: Sentence
    target: Sentence
    gold: GoldLinks | None = None
    written: tuple[str, str] | None = None
    """Both sides as they are written, where they come as words and the source says so."""


Bitext = Callable[[], Iterator[SentencePair]]
"""Starts reading from the first pair; raises UserError at the pair that is wrong."""


def two_files(source: Path, target: Path) -> Bitext:
    """Pair the lines of two files, plain or `.gz`, which must have equally many."""

    def read() -> Iterator[SentencePair]:
        for number, one, other in in_step(read_lines(source), read_lines(target), (source, target)):
            yield SentencePair(f"line {number} of {source} and {target}", one, other)

    return read


def in_step(
    source: Iterator[tuple[int, str]], target: Iterator[tuple[int, str]], names: tuple[object, object]
) -> Iterator[tuple[int, str, str]]:
    """Yield (line number, source, target) of numbered lines; UserError, with the names, where one has more of them."""
    last = 0
    for one, other in zip_longest(source, target):
        if one is None or other is None:
            short, long = names if one is None else names[::-1]
            raise UserError(f"{short} ends after line {last}, {long} goes on; expected as many lines in both.")
        last = one[0]
        yield last, one[1], other[1]


def joined_file(path: Path) -> Bitext:
    """Read `source ||| target` lines."""

    def read() -> Iterator[SentencePair]:
        for number, line in read_lines(path):
            sides = line.split(BAR)
            if len(sides) != 2:
                raise UserError(
                    f"{path}, line {number}: found {len(sides) - 1} {BAR}, expected one between two texts."
                )
            yield SentencePair(f"{path}, line {number}", sides[0].strip(), sides[1].strip())

    return read


def dataset_pairs(source: Source, split: str | None, languages: Sequence[str] = ()) -> Bitext:
    """Read the column `translation`, {language: text}, of a data set, with the gold links of the phrasebook.

    `languages` are source and target in any spelling, by default the first two; `split` is by default the only one, or
    test. Raises UserError where they are not there.
    """
    rows = _one_split(load(source), split, source)
    named, (one, other) = named_languages(rows, source), chosen_languages(rows, languages, source)
    has_gold = GOLD <= set(rows.column_names)

    def read() -> Iterator[SentencePair]:
        for number, row in enumerate(rows):
            texts = row["tokens" if has_gold else "translation"] or {}
            place = f"row {number} of {source}"
            if texts.get(one) is None or texts.get(other) is None:
                raise UserError(f"In {place} there is no text in {one} or {other}; correct the data.")
            gold = _gold(row, named.index(one) > 0) if has_gold else None
            written = (row["translation"][one], row["translation"][other]) if has_gold else None
            yield SentencePair(place, texts[one], texts[other], gold, written)

    return read


def _one_split(loaded: datasets.DatasetDict, split: str | None, source: Source) -> datasets.Dataset:
    name = split or (next(iter(loaded)) if len(loaded) == 1 else "test")
    if name not in loaded:
        raise UserError(f"{source} has no {name} split, only {', '.join(loaded)}; choose one with --split.")
    return loaded[name]


def named_languages(rows: datasets.Dataset, source: Source) -> list[str]:
    """Return the keys of the column `translation`; UserError where there is no such column."""
    if "translation" not in rows.column_names:
        raise UserError(f"{source} has no column translation, only {', '.join(rows.column_names)}; give other data.")
    feature = rows.features["translation"]
    if not isinstance(feature, (datasets.Translation, dict)):
        raise UserError(f"translation of {source} holds {rows['translation'][:1]}; expected a text for each language.")
    return list(feature.languages if isinstance(feature, datasets.Translation) else feature)


def chosen_languages(rows: datasets.Dataset, languages: Sequence[str], source: Source) -> tuple[str, str]:
    """Return the keys of the two languages asked for, in any spelling, or of the first two; UserError without them."""
    named = named_languages(rows, source)
    if not languages:
        if len(named) < 2:
            raise UserError(f"{source} translates into {', '.join(named)} only; expected two languages.")
        return named[0], named[1]
    codes = {_code(name): name for name in named}
    missing = [language for language in languages if _code(language) not in codes]
    if missing:
        raise UserError(f"{source} has no language {missing[0]}, only {', '.join(named)}; choose two of these.")
    one, other = (codes[_code(language)] for language in languages)
    return one, other


def _code(language: str) -> str:
    """Return the ISO 639-3 code of a language in any spelling, and another key as it is."""
    try:
        return iso639_3(language)
    except UserError:
        return language


def _gold(row: dict[str, Any], swapped: bool) -> GoldLinks:
    sides = [{(two, one) if swapped else (one, two) for one, two in row[name]} for name in ("sure", "possible")]
    return GoldLinks(*sides)
