"""Data files that anyone may have made: plain files, and never more in them than they can honestly hold."""

import bz2
import gzip
import io
import lzma
import os
import re
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from xlzoo.run_scripts.errors import UserError

MOST_LINE = 2**26
"""Bytes of a line."""
FREE, MOST_RATIO = 2**21, 100
"""From `FREE` bytes on, packed text may not be more than `MOST_RATIO` times its packed size; text is about 4 times."""
MOST_NESTING = 100
"""Brackets within brackets in JSON; the parsers of `datasets` crash or hang at some thousands."""
STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"')
BRACKET = re.compile(r"[\[\]{}]")
Opener = Callable[[Any], Any]
PACKED: dict[bytes, Opener] = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\0": lzma.open}
UNSUPPORTED = {b"7z\xbc\xaf\x27\x1c": "7z", b"Rar!": "rar", b"\x28\xb5\x2f\xfd": "zstd", b"\x04\x22\x4d\x18": "lz4"}
NONSENSE = (
    *(ArithmeticError, AssertionError, AttributeError, EOFError, ImportError),
    *(LookupError, RecursionError, StopIteration, TypeError),
)
"""What `datasets` stumbles over, besides OSError and ValueError, when metadata are of other types than it expects."""
DAMAGE = (OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, NotImplementedError, RuntimeError)


def require_plain(path: Path, folder: Path) -> None:
    """Refuse what is no plain file, and a link that leads out of the folder, unless into the Hub's own cache."""
    if not path.is_file():
        raise UserError(f"{path} is no plain file: remove it, or put the file itself there")
    target, home = Path(os.path.realpath(path)), Path(os.path.realpath(folder))
    cache = home.parent.parent / "blobs" if home.parent.name == "snapshots" else home
    if path.is_symlink() and not (target.is_relative_to(home) or target.is_relative_to(cache)):
        raise UserError(f"{path} is a link to {target}, outside the data set: put the file itself there")


def require_plain_tree(folder: Path) -> None:
    """Refuse a folder with links to folders or out of it, with pipes or devices; hidden entries are not read."""
    for where, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith((".", "__"))]
        for name in folders:
            if (path := Path(where, name)).is_symlink():
                raise UserError(f"{path} is a link to another folder: put the files themselves there")
        for name in files:
            if not name.startswith((".", "__")):
                require_plain(Path(where, name), folder)


def bounded_lines(path: Path, opener: Opener | None) -> Iterator[bytes]:
    """Yield the lines of a file, unpacked by `opener`; `UserError` if one is endless, or all of them are a bomb."""
    with path.open("rb") as raw:
        size, file = 0, raw if opener is None else io.BufferedReader(opener(raw), 2**16)
        while line := file.readline(MOST_LINE + 1):
            size += len(line)
            if len(line) > MOST_LINE:
                raise UserError(f"{path} has a line of more than {MOST_LINE} bytes: expected lines of text, split it")
            if opener and size > FREE and size > MOST_RATIO * raw.tell():
                raise UserError(
                    f"{path} unpacks to more than {MOST_RATIO} times its size, which no text does: give another file"
                )
            yield line


def check_json(lines: Iterable[str], path: Path) -> bool:
    """Say whether any of the lines has text; `UserError` if brackets are nested deeper than `MOST_NESTING`."""
    depth, found = 0, False
    for line in lines:
        found = found or bool(line.strip())
        for bracket in BRACKET.findall(STRING.sub("", line)):
            depth += 1 if bracket in "[{" else -1
            if depth > MOST_NESTING:
                raise UserError(f"{path} nests brackets deeper than {MOST_NESTING}: expected rows of text or words")
    return found


def check_text_file(path: Path, is_json: bool) -> None:
    """Refuse a text file, packed or not, that the builders of `datasets` would crash, hang or choke on."""
    try:
        _check_text(path, is_json)
    except DAMAGE as error:
        raise UserError(f"cannot read {path}: {printable(error)}, give a complete, readable file") from error


def _check_text(path: Path, is_json: bool) -> None:
    with path.open("rb") as file:
        start = file.read(8)
    if kind := next((kind for magic, kind in UNSUPPORTED.items() if start.startswith(magic)), None):
        raise UserError(f"{path} is packed with {kind}: unpack it")
    if start.startswith(b"PK\x03\x04"):
        _check_zip(path)
        return
    opener = next((opener for magic, opener in PACKED.items() if start.startswith(magic)), None)
    lines = (line.decode("utf-8", errors="replace") for line in bounded_lines(path, opener))
    if is_json:
        check_json(lines, path)
    else:
        for _ in lines:
            pass


def _check_zip(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        size = sum(member.file_size for member in archive.infolist())
    if size > FREE and size > MOST_RATIO * path.stat().st_size:
        raise UserError(f"{path} unpacks to more than {MOST_RATIO} times its size, which no text does: give another")


def printable(error: object, width: int = 200) -> str:
    """Put what a library says into one line without control characters."""
    text = "".join(char if char.isprintable() else " " for char in str(error)[:2000])
    text = " ".join(text.split())
    return text if len(text) <= width else f"{text[: width - 3]}..."
