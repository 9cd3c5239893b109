"""Gold links between words: Pharaoh lines (`0-0 1-2 3p4`), or tables of sentence, source word, target word, kind."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from xlzoo.run_scripts.errors import UserError

from .readers import read_lines

LINK = re.compile(r"(\d{1,9})([-p])(\d{1,9})", re.ASCII)
ROW = re.compile(r"(\d{1,9})\t(\d{1,9})\t(\d{1,9})(?:\t([SP]))?", re.ASCII)
MOST_SENTENCES = 10**7
Link = tuple[int, int]


@dataclass
class GoldLinks:
    """A sentence's links, both words counted from 0: those that must be found, and those that may be."""

    sure: set[Link] = field(default_factory=set)
    possible: set[Link] = field(default_factory=set)

    def check(self, place: str, source: int, target: int) -> None:
        """Raise UserError if a link leads beyond the sentence's so many words; `place` says whose links they are."""
        for one, other in sorted(self.sure | self.possible):
            if one >= source or other >= target:
                raise UserError(
                    f"{place} links the words {one} and {other} of sentences of {source} and {target} words; "
                    "expected numbers from 0, correct the gold or the text."
                )


def parse_pharaoh(line: str, place: str) -> GoldLinks:
    """Read the links of one line: `1-2` is sure, `1p2` possible. Raises UserError, which `place` begins."""
    gold = GoldLinks()
    for written in line.split():
        found = LINK.fullmatch(written)
        if found is None:
            raise UserError(f"{place}: {written[:40]!r} is no link; expected 1-2 (sure) or 1p2 (possible).")
        (gold.sure if found[2] == "-" else gold.possible).add((int(found[1]), int(found[3])))
    return gold


def pharaoh(links: Iterable[Link]) -> str:
    """Write links as a Pharaoh line."""
    return " ".join(f"{one}-{other}" for one, other in links)


def read_pharaoh(path: Path) -> Iterator[GoldLinks]:
    """Read Pharaoh lines one by one."""
    return (parse_pharaoh(line, f"{path}, line {number}") for number, line in read_lines(path))


@dataclass(frozen=True)
class Gold:
    """The gold links of the first sentences of a text."""

    path: Path
    sentences: list[GoldLinks]
    is_table: bool
    """Whether sentences without links may be absent at the end."""

    def __getitem__(self, number: int) -> GoldLinks:
        return self.sentences[number] if number < len(self.sentences) else GoldLinks()

    def check_length(self, pairs: int, is_whole: bool) -> None:
        """Raise UserError unless it fits a text of so many pairs, or if not `is_whole` the beginning of one."""
        found = len(self.sentences)
        if (found > pairs and is_whole) or (found < pairs and not self.is_table):
            raise UserError(
                f"{self.path} has links for {found} sentences, the text has {pairs} pairs; give gold of it."
            )


def read_gold(path: Path) -> Gold:
    """Read all gold links of a file, Pharaoh lines or a table, told apart by the tab in its first row.

    A table's rows are sentence, source word, target word, all from 0, and `S` (sure, also where it is left out) or `P`
    (possible); sentences without a row have no links. Raises UserError naming file and line.
    """
    lines = read_lines(path)
    first = next(lines, None)
    if first is None:
        raise UserError(f"{path} is empty; expected links such as 0-0 1-2, one sentence a line.")
    if "\t" not in first[1]:
        return Gold(path, list(read_pharaoh(path)), is_table=False)
    sentences: list[GoldLinks] = []
    for number, line in chain([first], lines):
        row = ROW.fullmatch(line)
        if row is None or int(row[1]) >= MOST_SENTENCES:
            raise UserError(
                f"{path}, line {number}: {line[:40]!r} is no row of sentence, source word, target word, and S or P."
            )
        sentences += [GoldLinks() for _ in range(int(row[1]) + 1 - len(sentences))]
        gold = sentences[int(row[1])]
        (gold.possible if row[4] == "P" else gold.sure).add((int(row[2]), int(row[3])))
    return Gold(path, sentences, is_table=True)
