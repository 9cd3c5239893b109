"""Rows that are read while they are needed, from the Hub, folders and files, for corpora larger than the disk."""

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import datasets

from xlzoo.run_scripts.errors import UserError

from .hub import stream_repository
from .raw_files import check_json
from .readers import ending, is_text, read_lines
from .saved import is_saved
from .sources import PHRASEBOOK, SPLIT_NAMES, Source, load, split_files

Streams = Mapping[str, datasets.IterableDataset]


def stream(source: Source) -> Streams:
    """Stream every split of a source under its usual name.

    Files are JSON lines (`.jsonl`) or lines of text (`.txt`, or named after a language), plain or `.gz`. Raises
    UserError if the source is not exactly one of name and files, cannot be found or reached, or is of another kind.
    """
    if bool(source.name) == bool(source.files):
        raise UserError("expected one source of data: give either --dataset_name or files such as --train_file")
    if files := _files(source):
        return {split: _of_files(paths) for split, paths in files.items()}
    if source.name == PHRASEBOOK:
        return {split: rows.to_iterable_dataset() for split, rows in load(source).items()}
    found = stream_repository(str(source.name), source.config)
    return {SPLIT_NAMES.get(split, split): rows for split, rows in found.items()}


def open_rows(source: Source) -> Streams:
    """Stream a source that `stream` can read, and read any other one that `load` knows at once."""
    folder = Path(str(source.name)).expanduser()
    paths = [path for paths in _files(source).values() for path in paths]
    if all(map(_is_streamable, paths)) and not is_saved(folder):
        return stream(source)
    return {split: rows.to_iterable_dataset() for split, rows in load(source).items()}


def first_row(rows: datasets.IterableDataset, split: str) -> dict[str, Any]:
    """Return a stream's first row, whose keys are its columns; UserError where there is none."""
    first = next(iter(rows), None)
    if first is None:
        raise UserError(f"The {split} stream holds no rows; expected at least one, give other data.")
    return first


def _files(source: Source) -> dict[str, list[Path]]:
    """Return the files by split, those that are named or those of a folder; none for other sources."""
    if source.files:
        return {split: [Path(path) for path in paths] for split, paths in source.files.items()}
    folder = Path(str(source.name)).expanduser()
    found = split_files(folder) if folder.is_dir() and not source.config else {}
    return {split: [path] for split, path in found.items()}


def _is_streamable(path: Path) -> bool:
    return is_text(path) or ending(path) == ".jsonl"


def _of_files(paths: Sequence[Path]) -> datasets.IterableDataset:
    for path in paths:
        if not path.is_file():
            raise UserError(f"no file {path}: expected an existing file, correct the path")
        if not _is_streamable(path):
            raise UserError(
                f"{path} cannot be streamed: expected .txt or .jsonl, plain or .gz, or leave --streaming out"
            )
    return datasets.IterableDataset.from_generator(partial(_read, list(paths)))


def _read(paths: Sequence[Path]) -> Iterator[dict[str, Any]]:
    for path in paths:
        for number, line in read_lines(path):
            if line.strip():
                yield {"text": line} if is_text(path) else _parsed(line, path, number)


def _parsed(line: str, path: Path, number: int) -> dict[str, Any]:
    check_json([line], path)
    try:
        row = json.loads(line)
    except ValueError as error:
        raise UserError(f"{path}, line {number}: not JSON ({error}), correct the line") from error
    if not isinstance(row, dict):
        raise UserError(f"{path}, line {number}: expected an object with named fields, correct the line")
    return row
