"""Data sets in the Hub's layout, from the Hub itself or from a folder, each failure told in one sentence."""

import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

import datasets
from datasets.exceptions import DatasetNotFoundError, DatasetsError
from huggingface_hub import HfApi
from huggingface_hub.errors import HFValidationError, RevisionNotFoundError
from huggingface_hub.utils import validate_repo_id

from xlzoo.run_scripts.errors import UserError

from .metadata import check_repository
from .raw_files import NONSENSE, check_text_file, printable, require_plain_tree
from .tables import check_arrow, check_parquet, require_sound

logger = logging.getLogger(__name__)

PARQUET_BRANCH = "refs/convert/parquet"
SCRIPT_REFUSAL = "Dataset scripts are no longer supported"
BUILDERS = ("json", "csv", "text", "conll", "parquet", "arrow")
"""The readers of `datasets` for rows of text; others decode pictures, archives of pickles and the like."""
LOCAL_WAY_OUT = "give a local folder or 'phrasebook' in its place, or files"


def load_repository(name: str, config: str | None) -> datasets.DatasetDict:
    """Load a Hub id or a folder in the Hub's layout; code in it never runs.

    A Hub id that holds a loading script is read from the Parquet copy the Hub made of it. Raises UserError if there is
    no such data, configuration or connection, if its metadata leads to files elsewhere, or if it cannot be read.
    """
    builder, is_copy = _find_builder(name, config)
    with _told(name, config):
        if not is_copy:
            _check_files(name, builder)
        builder.download_and_prepare()
        loaded = builder.as_dataset()
    for rows in loaded.values():
        require_sound(rows, repr(name))
    return loaded


def stream_repository(name: str, config: str | None) -> dict[str, datasets.IterableDataset]:
    """Stream a Hub id or a folder as `load_repository` loads it; what is wrong in a file shows when it is read."""
    builder, _ = _find_builder(name, config)
    with _told(name, config):
        return dict(builder.as_streaming_dataset())


def config_names(name: str) -> list[str]:
    """Name the configurations of a Hub id or folder in the Hub's layout; UserError where it cannot be read."""
    _look_at(name)
    try:
        with _told(name, None):
            return datasets.get_dataset_config_names(name)
    except RuntimeError as error:
        _require_script_on_hub(error, name)
    return list(_parquet_splits(name))


def _find_builder(name: str, config: str | None) -> tuple[datasets.DatasetBuilder, bool]:
    """Return the reader of rows of text for a repository, and whether it reads the Hub's Parquet copy instead."""
    _look_at(name)
    try:
        return _builder(name, config), False
    except RuntimeError as error:
        _require_script_on_hub(error, name)
    files = _parquet_copy(name, config)
    whole = "" if all("/partial-" not in file for split in files.values() for file in split) else " (incomplete)"
    logger.warning("%s has a loading script, which never runs: reading its Parquet copy%s", name, whole)
    return _builder(name, config, files), True


def _require_script_on_hub(error: RuntimeError, name: str) -> None:
    """Raise unless the error means a loading script on the Hub, of whose rows there is a Parquet copy."""
    if not str(error).startswith(SCRIPT_REFUSAL):
        raise error
    if os.path.isdir(name):
        raise UserError(f"{name!r} holds a loading script, which never runs: {LOCAL_WAY_OUT}") from error


def _look_at(name: str) -> None:
    if os.path.isdir(name):
        require_plain_tree(Path(name))
    else:
        _require_hub_id(name)
    check_repository(name)


def _require_hub_id(name: str) -> None:
    try:
        validate_repo_id(name)
    except HFValidationError as error:
        raise UserError(f"{name!r} is neither an existing folder nor a Hub id: {LOCAL_WAY_OUT}") from error


def _builder(name: str, config: str | None, parquet: dict[str, list[str]] | None = None) -> datasets.DatasetBuilder:
    with _told(name, config):
        if parquet:
            builder = datasets.load_dataset_builder("parquet", data_files=parquet)
        else:
            builder = datasets.load_dataset_builder(name, config)
        stay_inside(name, builder.config.data_files or {})
        if not parquet:
            _kind_of_rows(name, builder)
        return builder


@contextmanager
def _told(name: str, config: str | None) -> Iterator[None]:
    """Put what `datasets` raises into one sentence for the user."""
    try:
        yield
    except ConnectionError as error:
        raise UserError(f"cannot reach the Hub for {name!r}: {LOCAL_WAY_OUT}") from error
    except DatasetNotFoundError as error:
        advice = "check the spelling, log in with `hf auth login` if it is private or gated, or " + LOCAL_WAY_OUT
        raise UserError(f"no data set {name!r}: {error.args[0].rstrip('.')}, {advice}") from error
    except (DatasetsError, OSError, ValueError, *NONSENSE) as error:
        raise UserError(_reason(name, config, error)) from error


def _check_files(name: str, builder: datasets.DatasetBuilder) -> None:
    """Refuse files that are no rows of text, and those that would crash, hang or choke their reader.

    What was prepared from the same files before is not looked at again.
    """
    kind = _kind_of_rows(name, builder)
    if os.path.isdir(builder.cache_dir):
        return
    for files in datasets.DownloadManager().download(dict(builder.config.data_files or {})).values():
        for file in map(Path, files):
            if kind == "parquet":
                check_parquet(file)
            elif kind == "arrow":
                check_arrow(file)
            else:
                check_text_file(file, is_json=kind == "json")


def _kind_of_rows(name: str, builder: datasets.DatasetBuilder) -> str:
    """Return the kind of the files that a builder reads; UserError unless they are rows of text."""
    kind = type(builder).__module__.rpartition(".")[2]
    if kind not in BUILDERS:
        raise UserError(
            f"{name!r} holds files for the reader of {kind}: expected {', '.join(BUILDERS)}, {LOCAL_WAY_OUT}"
        )
    return kind


def _reason(name: str, config: str | None, error: BaseException) -> str:
    """Put a failure of `datasets` into one sentence; its configuration errors list what is available."""
    if listed := re.search(r"[Cc]onfig.*[Aa]vailable[^\[]*(\[.*\])", str(error), re.DOTALL):
        return _pick_config(name, config, listed[1])
    reason = printable(error.__cause__ or error) or "it is empty"
    if isinstance(error, NONSENSE):
        reason = f"its metadata or rows are of other types than expected ({reason})"
    return f"cannot read {name!r}: {reason}, correct the data or {LOCAL_WAY_OUT}"


def _pick_config(name: str, config: str | None, available: object) -> str:
    wrong = f"has no configuration {config!r}" if config else "has several configurations"
    return f"{name} {wrong}: choose one of {available} with --dataset_config_name"


def stay_inside(name: str, data_files: dict[str, list[str]]) -> None:
    """Refuse metadata whose `data_files` lead to files on this machine outside the data set's own folder."""
    folder = Path(name).resolve() if os.path.isdir(name) else None
    for file in (file for files in data_files.values() for file in files):
        remote = file.startswith(("hf://", "https://", "http://")) and "::" not in file
        if not remote and not (folder and "://" not in file and Path(os.path.abspath(file)).is_relative_to(folder)):
            raise UserError(f"{name!r} leads to {file}, which lies outside it: correct the data or {LOCAL_WAY_OUT}")


def _parquet_copy(name: str, config: str | None) -> dict[str, list[str]]:
    """List split -> files of one configuration on the Parquet branch."""
    splits = _parquet_splits(name)
    config = config or (next(iter(splits)) if len(splits) == 1 else "default")
    if config not in splits:
        raise UserError(_pick_config(name, config if config != "default" else None, list(splits)))
    return splits[config]


def _parquet_splits(name: str) -> dict[str, dict[str, list[str]]]:
    """List configuration -> split -> files on the Parquet branch, laid out as config/split/0000.parquet."""
    try:
        paths = HfApi().list_repo_files(name, repo_type="dataset", revision=PARQUET_BRANCH)
    except RevisionNotFoundError:
        paths = []
    except OSError as error:
        raise UserError(f"cannot list the Parquet copy of {name!r} ({error}): {LOCAL_WAY_OUT}") from error
    branch = f"hf://datasets/{name}@{PARQUET_BRANCH.replace('/', '%2F')}"
    splits: dict[str, dict[str, list[str]]] = {}
    for path in sorted(path for path in paths if path.endswith(".parquet") and path.count("/") == 2):
        part, split, _ = PurePosixPath(path).parts
        splits.setdefault(part, {}).setdefault(split.removeprefix("partial-"), []).append(f"{branch}/{path}")
    if not splits:
        raise UserError(
            f"{name} holds only a loading script, which never runs, and no Parquet copy: use a copy without a script, "
            "or download its files and pass them instead"
        )
    return splits
