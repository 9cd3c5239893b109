"""Whether a file named .safetensors is one, read from its header alone, and whether an index fits its shards.

The format: 8 bytes with the header's length N (little-endian), N bytes of JSON, and the tensors' bytes without gaps
(https://huggingface.co/docs/safetensors, "Format").
"""

import json
import re
import struct
from collections.abc import Mapping
from itertools import pairwise
from math import prod
from pathlib import Path
from typing import NoReturn

from xlzoo.hub_cards.errors import PublishError
from xlzoo.hub_cards.file_checks import read_object
from xlzoo.hub_cards.text_checks import check_text

BITS = {
    **{"BOOL": 8, "U8": 8, "I8": 8, "U16": 16, "I16": 16, "U32": 32, "I32": 32, "U64": 64, "I64": 64},
    **{"F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "F8_E4M3": 8, "F8_E4M3FNUZ": 8, "F8_E5M2": 8, "F8_E5M2FNUZ": 8},
    **{"F8_E8M0": 8, "BF16": 16, "F16": 16, "F32": 32, "F64": 64, "C64": 64},
}
MOST_AXES = 64
LONGEST_REASON = 300
LARGEST_HEADER = 100_000_000
INDEX = ".safetensors.index.json"
SHARD = re.compile(r".*-\d{5}-of-\d{5}\.safetensors")


def check_weights(folder: Path, file: Path) -> set[str]:
    """Return the names of the tensors of a safetensors file; PublishError if it is damaged or something else."""
    size = (folder / file).stat().st_size
    header, length = _header(folder / file, file, size)
    metadata = header.pop("__metadata__", {})
    _check_metadata(file, metadata)
    if not header:
        raise PublishError(f"{file} holds no tensors.")
    spans = sorted(_span(file, name, entry) for name, entry in header.items())
    if spans[0][0] != 0:
        _damaged(file, f"its tensors begin at byte {spans[0][0]}")
    if spans[-1][1] != size - 8 - length:
        _damaged(file, f"its tensors end at byte {spans[-1][1]} of {size - 8 - length}")
    for (_, end), (start, _) in pairwise(spans):
        if start != end:
            _damaged(file, f"its tensors overlap or leave a gap at byte {min(start, end)}")
    return set(header)


def _damaged(file: Path, reason: str, cause: Exception | None = None) -> NoReturn:
    raise PublishError(f"{file} is no safetensors file, or is damaged: {reason[:LONGEST_REASON]}.") from cause


def _header(path: Path, file: Path, size: int) -> tuple[dict[str, object], int]:
    """Return the header as a mapping, and its length in bytes."""
    if size < 8:
        _damaged(file, f"it has only {size} bytes")
    with path.open("rb") as stream:
        (length,) = struct.unpack("<Q", stream.read(8))
        if length > min(size - 8, LARGEST_HEADER):
            _damaged(file, f"it declares a header of {length} bytes and has {size}")
        raw = stream.read(length)
    if not raw.startswith(b"{"):
        _damaged(file, "its header is not JSON")
    try:
        return json.loads(raw.decode("utf-8"), object_pairs_hook=_without_duplicates), length
    except (ValueError, RecursionError) as error:
        _damaged(file, f"its header is not JSON ({error})", error)


def _without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"{name!r} is there twice")
        found[name] = value
    return found


def _check_metadata(file: Path, metadata: object) -> None:
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        _damaged(file, "its metadata is no mapping of texts")
    check_text(f"The metadata of {file}", "\n".join(text for pair in metadata.items() for text in pair))


def _span(file: Path, name: str, entry: object) -> tuple[int, int]:
    """Return where a tensor's bytes begin and end, if that is what its type and shape call for."""
    if not isinstance(entry, Mapping) or set(entry) != {"dtype", "shape", "data_offsets"}:
        _damaged(file, f"the entry of {name!r} does not consist of dtype, shape and data_offsets")
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in BITS:
        _damaged(file, f"{name!r} is of the unknown type {dtype!r}")
    if not _are_sizes(shape) or not _are_sizes(offsets) or len(offsets) != 2:
        _damaged(file, f"the shape or data_offsets of {name!r} are no lists of sizes")
    start, end = offsets
    if (end - start) * 8 != prod(shape) * BITS[dtype]:
        _damaged(file, f"{name!r} has {end - start} bytes, which do not make {dtype} of shape {shape}")
    return start, end


def _are_sizes(value: object) -> bool:
    """Say whether this is a list of whole numbers, of which no tensor has many."""
    return (
        isinstance(value, list) and len(value) <= MOST_AXES and all(type(item) is int and item >= 0 for item in value)
    )


def check_indexes(folder: Path, tensors: Mapping[Path, set[str]]) -> None:
    """Hold each index of a folder against its shards; `tensors` are the names in each safetensors file.

    PublishError if a shard or tensor is missing, is not named, or if both a whole file and an index are there.
    """
    named: set[Path] = set()
    for path in sorted(folder.rglob(f"*{INDEX}")):
        index = path.relative_to(folder)
        named |= _check_index(folder, index, tensors)
        whole = index.with_name(index.name.removesuffix(".index.json"))
        if whole in tensors:
            raise PublishError(f"{whole} and {index} are both there, and only one of them would be loaded.")
    for file in sorted(tensors.keys() - named):
        if SHARD.fullmatch(file.name):
            raise PublishError(f"{file} is a shard that no index names, so it would not be loaded.")


def _check_index(folder: Path, index: Path, tensors: Mapping[Path, set[str]]) -> set[Path]:
    """Return the shards that an index names, after a look into each."""
    where = read_object(folder, index).get("weight_map")
    if not isinstance(where, dict) or not where:
        raise PublishError(f"{index} has no weight_map that says which shard each tensor is in.")
    named: dict[Path, set[str]] = {}
    for tensor, shard in where.items():
        if not isinstance(shard, str) or Path(shard).name != shard or index.with_name(shard) not in tensors:
            raise PublishError(
                f"{index} puts {tensor!r} into {shard!r}, and the folder holds no such safetensors file."
            )
        named.setdefault(index.with_name(shard), set()).add(tensor)
    for shard, expected in named.items():
        for tensor in sorted(expected ^ tensors[shard]):
            where = "is in the index only" if tensor in expected else "is in the shard only"
            raise PublishError(f"{index} and {shard} do not fit: the tensor {tensor!r} {where}.")
    return set(named)
