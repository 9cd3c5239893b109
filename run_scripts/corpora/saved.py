"""Data sets in the form of `save_to_disk`, which `datasets` maps into memory as they are."""

from collections.abc import Mapping
from pathlib import Path

import datasets

from xlzoo.run_scripts.errors import UserError

from .hub import stay_inside
from .metadata import check_description, parse_json, read_text
from .raw_files import NONSENSE, printable, require_plain_tree
from .tables import check_arrow

MARKS = (datasets.config.DATASETDICT_JSON_FILENAME, datasets.config.DATASET_STATE_JSON_FILENAME)
"""The files of which such a folder has one, with splits and without."""


def is_saved(folder: Path) -> bool:
    """Say whether the folder holds what `save_to_disk` wrote."""
    return any((folder / name).is_file() for name in MARKS)


def load_saved(folder: Path) -> Mapping[str, datasets.Dataset]:
    """Load every split; `UserError` where a file is damaged, or leads to another outside the folder."""
    try:
        require_plain_tree(folder)
        for path in sorted(folder.rglob("*.json")):
            check_description(parse_json(read_text(path), path), path)
        for path in sorted(folder.rglob("*.arrow")):
            check_arrow(path)
        saved = datasets.load_from_disk(str(folder))
    except (UserError, OSError, ValueError, *NONSENSE) as error:
        reason = printable(error, width=400)
        raise UserError(f"cannot read the data set saved in {folder} ({reason}): save it again") from error
    splits = {"train": saved} if isinstance(saved, datasets.Dataset) else saved
    stay_inside(str(folder), {name: [file["filename"] for file in rows.cache_files] for name, rows in splits.items()})
    return {name: rows.with_format(None) for name, rows in splits.items()}
