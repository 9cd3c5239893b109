"""Moving a tree of files: the copy that is published, and its one-step arrival in a local folder."""

import ctypes
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

from xlzoo.hub_cards.checks import files_of, is_hub_id, read_json

PATH_KEYS = frozenset({"_name_or_path", "base_model_name_or_path"})
ADAPTER_PATH_KEYS = PATH_KEYS | {"model_name"}
ADAPTER_FILES = frozenset({"adapter_config.json", "head_config.json"})


def stage(folder: Path, tree: Path, base_model: str | None) -> None:
    """Copy a folder to `tree` without its card, and take the local paths of the base model out of its JSON configs."""
    for file in files_of(folder):
        if file == Path("README.md"):
            continue
        (tree / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(folder / file, tree / file)
        if file.name.endswith("config.json"):
            _forget_paths(tree, file, base_model)


def _forget_paths(tree: Path, file: Path, base_model: str | None) -> None:
    config = read_json(tree, file)
    keys = ADAPTER_PATH_KEYS if file.name in ADAPTER_FILES else PATH_KEYS
    portable = _without_paths(config, keys, base_model)
    if portable != config:
        (tree / file).write_text(json.dumps(portable, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _without_paths(value: object, keys: frozenset[str], base_model: str | None) -> object:
    """Return the JSON value with each path under one of the keys replaced by the base model, or left out."""
    if isinstance(value, list):
        return [_without_paths(item, keys, base_model) for item in value]
    if not isinstance(value, dict):
        return value
    kept: dict[str, object] = {}
    for key, item in value.items():
        if key in keys and isinstance(item, str) and not is_hub_id(item):
            if base_model:
                kept[key] = base_model
        else:
            kept[key] = _without_paths(item, keys, base_model)
    return kept


def place(tree: Path, destination: Path) -> None:
    """Move a finished tree to its destination on the same disk; an older tree there is replaced whole or stays."""
    if not destination.exists():
        tree.rename(destination)
    elif not exchange(tree, destination):
        _replace(tree, destination)


def exchange(one: Path, other: Path) -> bool:
    """Let two folders swap their names in one step and say whether the system could; the step has no middle."""
    if sys.platform != "linux":
        return False
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "renameat2"):
        return False
    at_working_folder, swap = -100, 2
    return libc.renameat2(at_working_folder, os.fsencode(one), at_working_folder, os.fsencode(other), swap) == 0


def _replace(tree: Path, destination: Path) -> None:
    """Put the older tree aside, the new one in its place, and the older one back if that fails."""
    aside = Path(tempfile.mkdtemp(prefix=f".{destination.name}-", dir=destination.parent))
    destination.rename(aside / destination.name)
    try:
        tree.rename(destination)
    finally:
        if not destination.exists():
            (aside / destination.name).rename(destination)
    shutil.rmtree(aside)
