"""The files of a corpus under construction: tables, arrays and notes that are there whole or not at all."""

import json
import os
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

Pair = tuple[str, str]
"""A text and its translation."""
CHARACTERS = 2**24
"""Characters after which a shard ends, however few its pairs are."""
PART = ".part"
TEXT = pa.large_string()


def put(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a file beside `path`, which gets its name in one step once it is on the disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Tasks on other machines may write the same file: each its own, and all of them with the same content.
    part = path.with_name(f".{path.name}.{socket.gethostname()}-{os.getpid()}{PART}")
    write(part)
    with part.open("rb") as file:
        os.fsync(file.fileno())
    part.replace(path)


def remove_parts(folder: Path) -> None:
    """Remove what killed processes left half-written; none of this folder may be running."""
    for part in folder.rglob(f".*{PART}"):
        part.unlink(missing_ok=True)


def put_table(path: Path, table: pa.Table) -> None:
    """Write a table so that `get_table` maps it into memory."""

    def write(part: Path) -> None:
        with pa.OSFile(str(part), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
            writer.write_table(table)

    put(path, write)


def get_table(path: Path) -> pa.Table:
    """Map a table into memory."""
    return pa.ipc.open_file(pa.memory_map(str(path))).read_all()


def put_array(path: Path, array: np.ndarray) -> None:
    """Write an array, of records say, so that `get_array` maps it into memory."""

    def write(part: Path) -> None:
        with part.open("wb") as file:
            np.save(file, array, allow_pickle=False)

    put(path, write)


def get_array(path: Path) -> np.ndarray:
    """Map an array into memory; an empty one cannot be mapped and is read."""
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except ValueError:
        return np.load(path, allow_pickle=False)


def put_note(path: Path, note: Mapping[str, Any]) -> None:
    """Write what is known of a finished piece of work, which marks it as finished."""
    text = json.dumps(note, ensure_ascii=False, indent=1) + "\n"
    put(path, lambda part: part.write_text(text, encoding="utf-8"))


def get_note(path: Path) -> dict[str, Any] | None:
    """Return the note of a finished piece of work, None where there is none."""
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def pairs_table(pairs: Sequence[Pair]) -> pa.Table:
    """Return pairs as a table with the columns source and target."""
    columns = [pa.array((pair[side] for pair in pairs), TEXT, size=len(pairs)) for side in (0, 1)]
    return pa.table(columns, names=["source", "target"])


def pairs_of(table: pa.Table) -> list[Pair]:
    """Return the pairs of a table."""
    return list(zip(table["source"].to_pylist(), table["target"].to_pylist(), strict=True))


def in_shards(pairs: Iterable[Pair], rows: int) -> Iterator[list[Pair]]:
    """Cut a stream of pairs into lists of at most so many, fewer where these are long."""
    shard: list[Pair] = []
    size = 0
    for pair in pairs:
        shard.append(pair)
        size += len(pair[0]) + len(pair[1])
        if len(shard) >= rows or size >= CHARACTERS:
            yield shard
            shard, size = [], 0
    if shard:
        yield shard
