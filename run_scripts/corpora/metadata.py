"""What a data set says about itself in YAML and JSON, checked before `datasets` follows it."""

import json
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import datasets
import yaml
from huggingface_hub import hf_hub_download
from huggingface_hub.errors import EntryNotFoundError
from huggingface_hub.repocard import REGEX_YAML_BLOCK

from xlzoo.run_scripts.errors import UserError

from .raw_files import printable

CARD, SETTINGS, OLD_INFOS = "README.md", ".huggingface.yaml", "dataset_infos.json"
MOST_BYTES, MOST_NODES, MOST_DEPTH, MOST_CLASSES = 2**24, 10**6, 50, 10**5
REMOTE = ("hf://", "https://", "http://")
LOCATIONS = ("data_files", "data_dir", "path", "filename", "splits")
"""Keys whose values lead to files; `save_to_disk` names folders by their splits."""
NO_PATH = re.compile(r"::|^[~/\\]|^[A-Za-z]:|[\0-\x1f]")


def check_repository(name: str) -> None:
    """Refuse a folder or Hub id whose metadata are a bomb, or lead out of it; absent files are no fault."""
    for file in (CARD, SETTINGS, OLD_INFOS):
        path = _find(name, file)
        if path is None:
            continue
        text = read_text(path)
        if file == CARD:
            found = re.search(REGEX_YAML_BLOCK, text)
            text = found[2] if found else ""
        check_description(parse_json(text, path) if file == OLD_INFOS else _parse_yaml(text, path), path)


def _find(name: str, file: str) -> Path | None:
    if Path(name).is_dir():
        return Path(name, file) if Path(name, file).exists() else None
    try:
        return Path(hf_hub_download(name, file, repo_type="dataset"))
    except (OSError, EntryNotFoundError):  # Out of reach, or not there: `datasets` tells which.
        return None


def read_text(path: Path) -> str:
    """Read a metadata file; `UserError` where it is no UTF-8 text of moderate size."""
    try:
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
        if len(raw) > MOST_BYTES:
            raise UserError(f"{path} is larger than {MOST_BYTES} bytes: expected a short text, correct it")
        return raw.decode("utf-8")
    except (OSError, ValueError) as error:
        raise UserError(f"cannot read {path}: {printable(error)}, correct or remove it") from error


def parse_json(text: str, path: Path) -> Any:
    """Parse JSON metadata; `UserError` where they are none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is not JSON ({printable(error)}): correct or remove it") from error


def _parse_yaml(text: str, path: Path) -> Any:
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        if node is not None and _size(node, {}) > MOST_NODES:
            raise UserError(f"{path}: its YAML refers to itself so often that it would fill the memory: correct it")
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        raise UserError(f"{path}: its YAML cannot be read ({printable(error)}): correct or remove it") from error


def _size(node: yaml.Node, known: dict[int, int]) -> int:
    """Count the nodes when every alias is written out; a node within itself is endless."""
    if id(node) in known:
        return known[id(node)]
    known[id(node)] = MOST_NODES + 1
    parts = node.value if isinstance(node, yaml.CollectionNode) else []
    flat = [part for pair in parts for part in pair] if isinstance(node, yaml.MappingNode) else parts
    known[id(node)] = 1 + sum(_size(part, known) for part in flat)
    return known[id(node)]


def check_description(value: Any, path: Path) -> None:
    """Refuse nesting, classes and files that no data set needs, wherever they are in the metadata."""
    parts: list[tuple[Any, int]] = [(value, 0)]
    while parts:
        part, depth = parts.pop()
        if depth > MOST_DEPTH:
            raise UserError(f"{path} nests deeper than {MOST_DEPTH}: expected a data set's metadata, correct it")
        if isinstance(part, list):
            parts.extend((inner, depth + 1) for inner in part)
        elif isinstance(part, dict):
            _check_keys(part, path)
            parts.extend((inner, depth + 1) for inner in part.values())


def _check_keys(part: dict[Any, Any], path: Path) -> None:
    kind, number = part.get("_type"), part.get("num_classes", 0)
    if isinstance(kind, str) and not isinstance(vars(datasets.features).get(kind), type):
        raise UserError(f"{path} declares columns of the type {printable(kind, 40)}: expected one that datasets knows")
    names = part.get("names")
    if isinstance(names, dict) and any(not str(key).isdecimal() or int(key) > MOST_CLASSES for key in names):
        raise UserError(f"{path} numbers labels beyond {MOST_CLASSES}, or not at all: list their names instead")
    if part.get("names_file") is not None or not isinstance(number, (int, type(None))) or (number or 0) > MOST_CLASSES:
        raise UserError(
            f"{path} declares labels in a file, or {printable(number, 40)} of them: list their names instead"
        )
    for key in LOCATIONS:
        for location in _texts(part.get(key)):
            if not _is_inside(location):
                raise UserError(f"{path} leads to {printable(location, 100)}, which lies outside it: correct the data")


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        yield from (text for text in value if isinstance(text, str))


def _is_inside(location: str) -> bool:
    """Say whether a path or pattern stays below the folder it is relative to, or is on the Hub or the web."""
    if len(location) > 1000 or "::" in location:
        return False
    if location.startswith(REMOTE):
        return True
    return not (NO_PATH.search(location) or "://" in location or ".." in PurePosixPath(location).parts)
