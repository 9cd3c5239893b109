"""The copy of a folder that is published: where it is made, and what of the folder stays behind."""

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from fnmatch import fnmatch
from pathlib import Path

from huggingface_hub import constants
from huggingface_hub.utils import WeakFileLock

from xlzoo.hub_cards.checks import files_of, is_hub_id, read_json
from xlzoo.hub_cards.errors import PublishError
from xlzoo.hub_cards.facts import Kind

PATH_KEYS = frozenset({"_name_or_path", "base_model_name_or_path"})
ADAPTER_PATH_KEYS = PATH_KEYS | {"model_name"}
ADAPTER_FILES = frozenset({"adapter_config.json", "head_config.json"})

# The bookkeeping of a training run, and of git and of the Hub's own client in a folder that was downloaded.
LEFT_OUT_FILES = (
    *("run.json", "*.flags.json", "all_results.json", "facts.json", "trainer_state.json", "training_args.bin"),
    ".gitattributes",
)
LEFT_OUT_FOLDERS = (".git", ".cache", "__pycache__")
# In a dataset a folder may have such a name for a reason of its own.
LEFT_OUT_FOLDERS_OF_RUNS = ("checkpoint-*", "runs")

# Nobody can tell whether what another card says is still true: it is described by facts or not at all.
OLD_CARD = "README.md, which is written anew"

LOCK_SECONDS = 1.0


def stage(folder: Path, tree: Path, kind: Kind, base_model: str | None) -> tuple[str, ...]:
    """Copy a folder to `tree` without its card, and take the local paths of the base model out of its JSON configs.

    Returns the names that were left out, a folder's with "/" at the end: the bookkeeping of a run, an older card, and
    for a model the adapters in sub-folders, which are published by themselves. Raises PublishError for a link out of
    the folder and for a broken config, OSError if a file cannot be read or written.
    """
    files = files_of(folder)
    adapters = {file.parent for file in files if file.name == "adapter_config.json"} if kind == "model" else set()
    left_out = {file: _left_out(file, kind, adapters) for file in files}
    for file, name in left_out.items():
        if name:
            continue
        (tree / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(folder / file, tree / file)
        if file.name.endswith("config.json"):
            _forget_paths(tree, file, base_model)
    return tuple(sorted({name for name in left_out.values() if name}))


def _left_out(file: Path, kind: Kind, adapters: set[Path]) -> str:
    """Return the name of the file or of the folder around it that is left out, "" for a file that is published."""
    if file == Path("README.md"):
        return OLD_CARD
    patterns = LEFT_OUT_FOLDERS if kind == "dataset" else LEFT_OUT_FOLDERS + LEFT_OUT_FOLDERS_OF_RUNS
    for parent in reversed(file.parents[:-1]):
        if parent in adapters or any(fnmatch(parent.name, pattern) for pattern in patterns):
            return f"{parent.as_posix()}/"
    return file.as_posix() if any(fnmatch(file.name, pattern) for pattern in LEFT_OUT_FILES) else ""


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


@contextmanager
def stand_ins(root: Path, beside: Mapping[str, Path]) -> Iterator[None]:
    """Let each Hub id lead to a local folder below `root` for a while; PublishError if something else is there."""
    links: list[Path] = []
    try:
        for name, folder in beside.items():
            link = root / name
            if link.exists() or any(parent.is_symlink() for parent in link.parents):
                raise PublishError(f"{name} cannot stand beside what is published, because the names overlap.")
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(folder.resolve(), target_is_directory=True)
            links.append(link)
        yield
    finally:
        for link in links:
            link.unlink(missing_ok=True)


@contextmanager
def kept_place(repo_id: str, kind: Kind) -> Iterator[Path]:
    """Hold the place under `HF_HOME` where the staged tree of a repository stays until it is uploaded.

    It is for this process alone: PublishError if another one holds it. A tree that is there is left of an upload that
    failed, and stays until it is replaced; what a process left half-made when it was killed is removed.
    """
    home = Path(constants.HF_HOME) / "xlzoo" / "staged"
    name = f"{'dataset' if kind == 'dataset' else 'model'}s--{repo_id.replace('/', '--')}"
    home.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        try:
            stack.enter_context(WeakFileLock(home / f"{name}.lock", timeout=LOCK_SECONDS))
        except TimeoutError as error:
            raise PublishError(f"Another process is publishing to {repo_id}: wait until it has ended.") from error
        for abandoned in home.glob(f".{name}@*"):
            shutil.rmtree(abandoned)
        yield home / name
