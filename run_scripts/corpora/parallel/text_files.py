"""Local files of sentence pairs as streams: two files of lines, or one with both sides in each line."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from xlzoo.run_scripts.corpora.bitext import BAR, in_step
from xlzoo.run_scripts.corpora.readers import read_lines
from xlzoo.run_scripts.errors import UserError

from .shards import Pair

TAB = "\t"


@dataclass(frozen=True)
class TextFiles:
    """Two files, line by line, or one file of `source TAB target` or `source ||| target` lines; plain or `.gz`."""

    source: Path
    target: Path | None = None
    limit: int = 0
    """The most lines that are read, 0 for all."""

    @property
    def name(self) -> str:
        """What the files are called."""
        return " + ".join(path.name for path in self._paths())

    def identity(self) -> dict[str, Any]:
        """Return what the pairs depend on."""
        stats = [path.stat() if path.is_file() else None for path in self._paths()]
        stamps = [[found.st_size, found.st_mtime_ns] if found else [] for found in stats]
        return {"files": [str(path.absolute()) for path in self._paths()], "stamps": stamps, "limit": self.limit}

    def pairs(self) -> Iterator[Pair]:
        """Read the pairs; UserError where a file is missing, damaged or of another form."""
        read = self._joined() if self.target is None else self._two(self.target)
        return islice(read, self.limit or None)

    def licence(self) -> str:
        """Return nothing: files say nothing of it."""
        return ""

    def _paths(self) -> list[Path]:
        return [self.source] if self.target is None else [self.source, self.target]

    def _two(self, target: Path) -> Iterator[Pair]:
        for _, one, other in in_step(read_lines(self.source), read_lines(target), (self.source, target)):
            yield one, other

    def _joined(self) -> Iterator[Pair]:
        for number, line in read_lines(self.source):
            sides = line.split(TAB if TAB in line else BAR)
            if len(sides) != 2:
                raise UserError(
                    f"{self.source}, line {number}: found {len(sides)} texts; expected two, a tab or {BAR} between."
                )
            yield sides[0], sides[1]
