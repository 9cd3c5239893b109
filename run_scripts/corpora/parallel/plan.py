"""What is to be built, and where its pieces are while it is.

A piece lies in a folder named after all that it depends on. So a run that died goes on where it was, a run with
another threshold or another corpus reuses what is the same, and nothing that is left of an older run is mistaken for
what is wanted now.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from .cleaning import Cleaning
from .shards import Pair, get_note


class Origin(Protocol):
    """A corpus that pairs come from."""

    @property
    def name(self) -> str:
        """What the corpus is called."""

    def identity(self) -> dict[str, Any]:
        """Return what its pairs depend on, in JSON's terms."""

    def pairs(self) -> Iterator[Pair]:
        """Read the pairs; UserError where they are not to be had."""

    def licence(self) -> str:
        """Return the licence as the corpus states it, "" where it does not."""


@dataclass(frozen=True)
class Similarity:
    """The least cosine of the embeddings of a pair, and the sentence-transformers model that makes them."""

    threshold: float
    model: str
    batch_size: int


@dataclass(frozen=True)
class Shard:
    """A piece of a corpus."""

    origin: int
    number: int


@dataclass(frozen=True)
class Plan:
    """Everything that the dataset depends on, and the folders in which it is built."""

    origins: tuple[Origin, ...]
    identities: tuple[str, ...]
    """A digest of each origin's identity and of how it is cut; once, as files may change while a run goes on."""
    cleaning: Cleaning
    duplicates: str
    similarity: Similarity | None
    seed: int
    target_size: int
    work: Path
    building: Path
    """Where the dataset's files arrive, beside the place where the whole will be."""
    prefix: str
    """The folder of the files in it."""
    shard_rows: int
    """The most pairs of a shard."""
    skips: bool
    """Whether a corpus that cannot be read is left out, with a warning; otherwise nothing is built."""

    def read_folder(self, origin: int) -> Path:
        """Return where an origin's pairs are, as they were read."""
        return self.work / "read" / f"{_slug(self.origins[origin].name)}-{self.identities[origin]}"

    def read_note(self, origin: int) -> dict[str, Any] | None:
        """Return what is known of an origin that was read, or left out, None before."""
        return get_note(self.read_folder(origin) / "note.json")

    def clean_folder(self, origin: int) -> Path:
        """Return where an origin's clean pairs and their hashes are."""
        return self.work / "clean" / f"{_slug(self.origins[origin].name)}-{self._clean(origin)}"

    @property
    def duplicates_folder(self) -> Path:
        """Where duplicates are listed."""
        return self.work / "duplicates" / self._compared

    @property
    def keep_folder(self) -> Path:
        """Where the pairs are that may be in the sample."""
        return self.work / "keep" / self._kept

    @property
    def draw_note(self) -> Path:
        """The file that says which pairs are in the sample."""
        return self.work / "draw" / f"{digest(self._kept, self.target_size)}.json"

    @property
    def write_folder(self) -> Path:
        """Where it is noted which files of the dataset are written."""
        return self.work / "write" / self.identity

    @cached_property
    def identity(self) -> str:
        """What the dataset depends on, in one word."""
        return digest(self._kept, self.target_size, self.prefix)

    def _clean(self, origin: int) -> str:
        return digest(self.identities[origin], vars(self.cleaning), self.duplicates)

    @cached_property
    def _compared(self) -> str:
        left_out = [(self.read_note(origin) or {}).get("left_out") is not None for origin in range(len(self.origins))]
        return digest([self._clean(origin) for origin in range(len(self.origins))], left_out)

    @cached_property
    def _kept(self) -> str:
        return digest(self._compared, vars(self.similarity) if self.similarity else None, self.seed)

    def shards(self) -> list[Shard]:
        """Return the shards of all origins in their order, once these are read."""
        counts = ((self.read_note(origin) or {"shards": 0})["shards"] for origin in range(len(self.origins)))
        return [Shard(origin, number) for origin, count in enumerate(counts) for number in range(count)]

    def clean_files(self, ending: str) -> list[Path]:
        """Return one file of each shard's clean pairs, `.arrow`, `.npy` or `.json`."""
        return [self.clean_folder(shard.origin) / f"{shard.number:06d}{ending}" for shard in self.shards()]

    def keep_files(self, ending: str) -> list[Path]:
        """Return one file of each shard's pairs that may be in the sample, `.arrow` or `.json`."""
        return [self.keep_folder / f"{number:06d}{ending}" for number in range(len(self.shards()))]


def digest(*parts: Any) -> str:
    """Return a short digest of values in JSON's terms."""
    text = json.dumps(parts, sort_keys=True, ensure_ascii=False, default=list)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _slug(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]+", "_", name)[:60]
