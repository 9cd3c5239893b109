"""Which files of a folder may be published, and whether each holds what its name says."""

import json
import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn

from xlzoo.hub_cards.errors import PublishError
from xlzoo.hub_cards.facts import Kind
from xlzoo.hub_cards.text_checks import check_text_file

PICKLES = frozenset({".bin", ".ckpt", ".joblib", ".npy", ".npz", ".pickle", ".pkl", ".pt", ".pth"})
# Tables are what `load_dataset` reads from any repository. Not `.arrow`: what `save_to_disk` writes it cannot open.
TABLES = frozenset({".csv", ".json", ".jsonl", ".parquet", ".tsv", ".txt"})
NOTES = frozenset({".md", ".png", ".yaml"})
MODEL_FILES = NOTES | {".jinja", ".json", ".model", ".safetensors", ".txt"}
ALLOWED: dict[Kind, frozenset[str]] = {
    "model": MODEL_FILES | {".py"},
    "adapter": MODEL_FILES,
    "peft": MODEL_FILES,
    "dataset": NOTES | TABLES,
}
LICENSES = frozenset({"LICENSE", "NOTICE"})
BINARY = frozenset({".model", ".parquet", ".png", ".safetensors"})
# A vocabulary is made of whatever stood in a corpus, "/usr/bin" and "@example.org" included.
VOCABULARIES = frozenset({"added_tokens.json", "merges.txt", "tokenizer.json", "vocab.json", "vocab.txt"})
LARGEST_FILE = 50 * 10**9
LARGEST_TEXT = 50 * 10**6
SIGNATURES = {".parquet": b"PAR1", ".png": b"\x89PNG\r\n\x1a\n"}


def files_of(folder: Path) -> list[Path]:
    """List a folder's files relative to it, sorted.

    PublishError if it is no folder, or has a link to anything but such a file, or what is neither folder nor file.
    """
    if not folder.is_dir():
        raise PublishError(f"{folder} is not a folder, so there is nothing to publish.")
    files = []
    for parent, folders, names in os.walk(folder, onerror=_fail):
        for path in (Path(parent, name) for name in (*folders, *names)):
            if _is_file(path, folder):
                files.append(path.relative_to(folder))
    return sorted(files)


def _is_file(path: Path, root: Path) -> bool:
    """Say whether this is a file, or else a folder; PublishError if it is neither."""
    name = path.relative_to(root)
    if path.is_symlink():
        target = Path(os.path.realpath(path))
        if not (target.is_file() and target.is_relative_to(root.resolve())):
            raise PublishError(f"{_shown(name)} is a link that does not lead to a file inside the folder.")
        return True
    mode = path.lstat().st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise PublishError(f"{_shown(name)} is neither a file nor a folder, so it cannot be published.")
    return stat.S_ISREG(mode)


def _fail(error: OSError) -> NoReturn:
    raise PublishError(f"{error.filename} cannot be read ({error.strerror}), so the folder cannot be checked.")


def _shown(file: Path) -> str:
    """Return a file's name as it can be printed in a sentence."""
    return str(file) if str(file).isprintable() else ascii(str(file))


def check_file(folder: Path, file: Path, kind: Kind) -> None:
    """Raise PublishError if a file's name, kind or size may not be published, or its content is not what it says."""
    _check_name(file, kind)
    suffix, size = file.suffix.lower(), (folder / file).stat().st_size
    if size > LARGEST_FILE:
        raise PublishError(
            f"{file} has {size / 1e9:.1f} GB, but the Hub takes no file over {LARGEST_FILE / 1e9:g} GB."
        )
    if suffix in BINARY:
        _check_binary(folder / file, file, size)
        return
    is_data = kind == "dataset" and suffix in TABLES and not file.name.startswith("dataset_info")
    if size > LARGEST_TEXT and not is_data and file.name not in VOCABULARIES:
        raise PublishError(
            f"{file} has {size / 1e6:.0f} MB, which is too much for a text that is no data: take it out of the folder."
        )
    if size == 0 and is_data:
        raise PublishError(f"{file} is empty: a table without rows is left out of the folder.")
    check_text_file(folder / file, str(file), is_data=is_data or file.name in VOCABULARIES)
    if suffix == ".json" and not is_data:
        read_json(folder, file)


def _check_name(file: Path, kind: Kind) -> None:
    if not str(file).isprintable() or "\\" in str(file) or any(part.startswith(".") for part in file.parts):
        raise PublishError(f"{_shown(file)} has a name that is not published: it is hidden, or not plain text.")
    if file.name in LICENSES:
        return
    suffix = file.suffix.lower()
    if suffix in PICKLES:
        instead = "parquet or JSON lines" if kind == "dataset" else ".safetensors only"
        raise PublishError(f"{file} may hold a pickle, which runs code when it is loaded: publish {instead}.")
    if suffix not in ALLOWED[kind]:
        raise PublishError(
            f"{file} is of a kind that is not published: only {', '.join(sorted(ALLOWED[kind]))} files are, "
            f"as what is published is {'an' if kind == 'adapter' else 'a'} {kind}."
        )


def _check_binary(path: Path, file: Path, size: int) -> None:
    """Look at the first bytes, and at the last ones of parquet; safetensors have checks of their own."""
    with path.open("rb") as stream:
        start = stream.read(8)
        stream.seek(max(0, size - 4))
        end = stream.read(4)
    suffix = file.suffix.lower()
    if suffix in SIGNATURES and not start.startswith(SIGNATURES[suffix]):
        raise PublishError(f"{file} does not hold what its name says: it does not begin like a {suffix} file.")
    if suffix == ".parquet" and (end != b"PAR1" or size < 12):
        raise PublishError(f"{file} is cut short: its last bytes are not those of a parquet file.")
    if suffix == ".model" and (not start or start.startswith((b"PK\x03\x04", b"\x80"))):
        raise PublishError(f"{file} is no vocabulary: it is empty, or may hold a pickle.")


def read_json(folder: Path, file: Path) -> object:
    """Return what a JSON file holds; PublishError if it is not JSON, and NaN is not, nor Infinity."""
    try:
        return json.loads((folder / file).read_text(encoding="utf-8"), parse_constant=_no_number)
    except RecursionError as error:
        raise PublishError(f"{file} is not valid JSON, so it cannot be published: it is nested too deeply.") from error
    except ValueError as error:
        raise PublishError(f"{file} is not valid JSON, so it cannot be published: {error}.") from error


def _no_number(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON number")


def read_object(folder: Path, file: Path) -> dict[str, object]:
    """Return the object that a JSON file holds; PublishError if it holds anything else."""
    value = read_json(folder, file)
    if not isinstance(value, dict):
        raise PublishError(f"{file} holds a JSON {type(value).__name__} where an object was expected.")
    return value


def require_files(files: Iterable[Path], needed: Iterable[str], kind: Kind) -> None:
    """Raise PublishError for the first needed file that is not there."""
    there = set(files)
    for name in needed:
        if Path(name) not in there:
            what = {"model": "a model", "adapter": "an adapter", "peft": "a PEFT adapter", "dataset": "a dataset"}
            raise PublishError(f"The folder holds no {name}, without which {what[kind]} cannot be loaded.")
