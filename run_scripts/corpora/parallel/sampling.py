"""A seeded sample in a seeded order, the same for any number of shards and tasks, with any number of pairs.

Every pair has a place of its own between 0 and 2^64, a keyed hash of its texts. The sample is those with the lowest
places, in their order: a uniform draw without replacement, already shuffled.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import numpy as np
import pyarrow as pa

from .shards import Pair, get_table

END = 2**64


def places_of(pairs: Sequence[Pair], seed: int) -> np.ndarray:
    """Return each pair's place [N], 64 bits."""
    key = seed.to_bytes(16, "little")
    places = (
        blake2b("\t".join(pair).encode("utf-8", "surrogatepass"), digest_size=8, key=key).digest() for pair in pairs
    )
    return np.frombuffer(b"".join(places), "<u8")


def sorted_by_place(table: pa.Table, places: np.ndarray) -> pa.Table:
    """Add the column place, and sort by it; rows in one place keep their order."""
    order = np.argsort(places, kind="stable")
    return table.take(order).append_column("place", pa.array(places[order], pa.uint64()))


@dataclass(frozen=True)
class Sample:
    """Which pairs are in: all below the last place, and in that place the first `taken_last` of the shards' order."""

    size: int
    last: int
    taken_last: int
    by_shard: tuple[int, ...]
    """How many of each shard."""


def draw(files: Sequence[Path], target: int) -> Sample:
    """Draw so many pairs from sorted shards, or all of them where there are no more or `target` is 0."""
    everything = sum(_places(file).size for file in files)
    size = min(target, everything) if target else everything
    low, high = 0, END - 1
    while low < high:  # The lowest place up to which there are enough.
        middle = (low + high) // 2
        enough = sum(_count(file, middle + 1) for file in files) >= size
        low, high = (low, middle) if enough else (middle + 1, high)
    below = [_count(file, low) for file in files]
    there = [_count(file, low + 1) - count for file, count in zip(files, below, strict=True)]
    taken_last = left = size - sum(below)
    counts = []
    for count, tied in zip(below, there, strict=True):
        counts.append(count + min(tied, left))
        left -= min(tied, left)
    return Sample(size, low, taken_last, tuple(counts))


def part_of(files: Sequence[Path], sample: Sample, part: int, parts: int) -> pa.Table:
    """Return one of so many consecutive parts of a sample, the columns source and target."""
    bounds = [(sample.last + 1) * number // parts for number in (part, part + 1)]
    slices = []
    for file in files:
        table = get_table(file)
        begin, end = (_count_in(table, bound) for bound in bounds)
        slices.append(table.slice(begin, end - begin))
    whole = pa.concat_tables(slices)
    order = np.argsort(whole["place"].to_numpy(), kind="stable")
    if part == parts - 1:
        tied = int((whole["place"].to_numpy() == np.uint64(sample.last)).sum())
        order = order[: len(order) - tied + sample.taken_last]
    return whole.select(["source", "target"]).take(order)


def _places(file: Path) -> np.ndarray:
    return get_table(file)["place"].to_numpy()


def _count(file: Path, bound: int) -> int:
    return _count_in(get_table(file), bound)


def _count_in(table: pa.Table, bound: int) -> int:
    """Count the rows below a bound, which may be 2^64."""
    places = table["place"].to_numpy()
    return len(places) if bound >= END else int(np.searchsorted(places, np.uint64(bound)))
