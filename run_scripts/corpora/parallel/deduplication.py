"""Finding duplicates among any number of pairs: sorted hashes on the disk, compared one range of them at a time.

The first pair of a group stays, in the order of the shards and of their rows. `exact` takes pairs for duplicates whose
texts are equal, `normalized` also those that differ only in case, width, spaces and punctuation; letters, their marks
and digits count.
"""

import sys
import unicodedata
from collections.abc import Iterable, Sequence
from functools import cache
from hashlib import blake2b
from pathlib import Path

import numpy as np

from .shards import Pair, get_array

MODES = ("exact", "normalized", "none")
KEYS = np.dtype([("high", "<u8"), ("low", "<u8"), ("exact", "<u8"), ("position", "<u8")])
"""A pair's hash of 128 bits, 64 bits of the hash of its texts as they are, and where it is: shard, then row."""
DUPLICATES = np.dtype([("position", "<u8"), ("is_exact", "?")])
SHARD_BITS = 32
PART_ROWS = 2**20
"""About how many hashes are compared at a time."""
IGNORED = ("P", "S", "Z", "Cc", "Cf")


def _first_position(shard: int) -> int:
    """Return the position of a shard's first row."""
    return shard << SHARD_BITS


def keys_of(pairs: Sequence[Pair], mode: str) -> np.ndarray:
    """Return the sorted hashes of a shard's pairs, with rows for positions."""
    exact = _digests(pairs)
    keys = np.empty(len(pairs), KEYS)
    found = exact if mode == "exact" else _digests([(_normalized(one), _normalized(other)) for one, other in pairs])
    keys["high"], keys["low"], keys["exact"] = found[:, 0], found[:, 1], exact[:, 0]
    keys["position"] = np.arange(len(pairs))
    return keys[np.lexsort((keys["position"], keys["low"], keys["high"]))]


def _digests(pairs: Sequence[Pair]) -> np.ndarray:
    """Return hashes of 128 bits as two numbers each [N, 2]."""
    # Half a surrogate pair is no text, but it may have come this far.
    texts = ("\t".join(pair).encode("utf-8", "surrogatepass") for pair in pairs)
    return np.array([blake2b(text, digest_size=16).digest() for text in texts], "V16").view("<u8").reshape(-1, 2)


def _normalized(text: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold()).translate(_ignored())


@cache
def _ignored() -> dict[int, None]:
    """Map what is neither letter, mark nor digit to nothing."""
    return {code: None for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code)).startswith(IGNORED)}


def number_of_parts(rows: int) -> int:
    """Return into how many ranges the hashes of so many pairs are cut."""
    return max(1, -(-rows // PART_ROWS))


def find_duplicates(files: Iterable[Path], part: int, parts: int) -> np.ndarray:
    """Compare the hashes of one range in the files of all shards; return its duplicates, sorted by position."""
    bounds = [(2**64 * number) // parts for number in (part, part + 1)]
    found = [np.empty(0, KEYS)]
    for shard, file in enumerate(files):
        found.append(_between(get_array(file), "high", *bounds).copy())
        found[-1]["position"] += np.uint64(_first_position(shard))
    keys = np.concatenate(found)
    later = _later(keys, "high", "low")
    later_exact = _later(keys, "high", "low", "exact")
    duplicates = np.empty(int(later.sum()), DUPLICATES)
    duplicates["position"], duplicates["is_exact"] = keys["position"][later], later_exact[later]
    return np.sort(duplicates, order="position")


def _between(keys: np.ndarray, field: str, least: int, end: int) -> np.ndarray:
    """Return the records, sorted by the field, from `least` on and below `end`, which may be 2^64."""
    begin = int(np.searchsorted(keys[field], np.uint64(least)))
    return keys[begin:] if end >= 2**64 else keys[begin : int(np.searchsorted(keys[field], np.uint64(end)))]


def _later(keys: np.ndarray, *fields: str) -> np.ndarray:
    """Mark each record that is not the first of those with equal fields."""
    order = np.lexsort((keys["position"], *(keys[field] for field in reversed(fields))))
    same = np.ones(max(len(keys) - 1, 0), bool)
    for field in fields:
        column = keys[field][order]
        same &= column[1:] == column[:-1]
    later = np.zeros(len(keys), bool)
    later[order[1:]] = same
    return later


def duplicates_in(files: Iterable[Path], shard: int) -> np.ndarray:
    """Return the duplicates among one shard's rows, sorted, with rows in place of positions."""
    bounds = _first_position(shard), _first_position(shard + 1)
    found = np.concatenate(
        [np.empty(0, DUPLICATES), *(_between(get_array(file), "position", *bounds) for file in files)]
    )
    found["position"] -= np.uint64(bounds[0])
    return np.sort(found, order="position")
