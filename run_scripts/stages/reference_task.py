"""The reference task from arguments to files of prompts with completions."""

import json
import logging
from collections.abc import Iterable
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from tqdm.auto import tqdm

from xlzoo.run_scripts.corpora.reference_rows import (
    Row,
    Shape,
    Spans,
    characters,
    closing_rows,
    running_rows,
    tokens,
    words,
)
from xlzoo.run_scripts.errors import UserError
from xlzoo.run_scripts.models.tokenizer_files import read_tokenizer
from xlzoo.run_scripts.reference_arguments import FORMATS, ReferenceArguments

NOTES = "reference_task.json"
"""Beside the rows: the settings that they were made with, and how many there are."""
SPLITS = ("validation", "train", "test")
"""In the order in which they are written: the first documents are for validation where nothing else is."""
logger = logging.getLogger(__name__)


def build_reference_task(args: ReferenceArguments) -> dict[str, int]:
    """Write `train`, `validation` and, where the text has it, `test`, and return the number of rows of each.

    The text is read once, as far as it is needed, in little memory. Files of the same settings are left as they are,
    and a build that died begins anew.
    """
    folder = Path(str(args.output_dir))
    settings = args.settings
    if (known := _known_rows(folder, settings, args.overwrite)) is not None:
        logger.info("%s holds these rows already: %s", folder, _told(known))
        return known
    cut = partial(closing_rows if args.whole_documents else running_rows, shape=_shape(args), units=_units(args))
    documents = args.documents()
    if "train" not in documents:
        raise UserError(f"The text has the splits {', '.join(documents)}; expected a train split, or --train_file.")
    if args.eval_rows and "validation" not in documents:
        documents["validation"] = documents["train"]
    _begin(folder, settings)
    found = {}
    for split in SPLITS:
        most = args.rows if split == "train" else args.eval_rows
        if split in documents and most:
            rows = tqdm(islice(cut(documents[split]), most), total=most, desc=f"Writing {split}", unit=" rows")
            found[split] = _write(folder / f"{split}.{args.output_format}", rows)
            if found[split] < most:
                logger.warning("the text of %s ends after %d of %d rows", split, found[split], most)
    if not all(found.values()):
        raise UserError(
            f"The text gave {_told(found)} rows; expected some of each, give more text, or smaller --prompt_units, "
            "--completion_units and --eval_rows."
        )
    _write_notes(folder, settings, found)
    spaced = " --completion_separator ' '" * (args.unit == "words")
    logger.info("%s rows: train on them with run_clm.py --dataset_name %s%s", _told(found), folder, spaced)
    return found


def _shape(args: ReferenceArguments) -> Shape:
    return Shape(args.prompt_units, args.completion_units, is_spaced=args.unit == "words")


def _units(args: ReferenceArguments) -> Spans:
    if args.tokenizer_name is not None:
        return tokens(read_tokenizer(args.tokenizer_name, args.trust_remote_code))
    return words if args.unit == "words" else characters


def _known_rows(folder: Path, settings: dict[str, Any], overwrite: bool) -> dict[str, int] | None:
    """Return how many rows of these settings the folder holds already; UserError where it holds anything else."""
    if folder.is_file():
        raise UserError(f"--output_dir {folder} is a file; expected a folder.")
    if not folder.is_dir() or not any(folder.iterdir()):
        return None
    try:
        notes = json.loads((folder / NOTES).read_text(encoding="utf-8"))
        known, rows = dict(notes["settings"]), notes["rows"]
    except (OSError, ValueError, TypeError, LookupError) as error:
        raise UserError(f"--output_dir {folder} holds other files than a reference task; choose another.") from error
    if overwrite or rows is None:
        return None
    for name, value in settings.items():
        if known.get(name) != value:
            raise UserError(
                f"--output_dir {folder} holds rows of other settings ({name} was {known.get(name)}, now {value}); "
                "choose another, or give --overwrite."
            )
    return rows


def _begin(folder: Path, settings: dict[str, Any]) -> None:
    """Make the folder this build's: what an earlier one left goes, and the notes say that it is not complete."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write_notes(folder, settings, None)
    except OSError as error:
        raise UserError(f"--output_dir {folder} cannot be written: {error.strerror}; choose another.") from error
    for split in SPLITS:
        for ending in FORMATS:
            (folder / f"{split}.{ending}").unlink(missing_ok=True)


def _write_notes(folder: Path, settings: dict[str, Any], rows: dict[str, int] | None) -> None:
    notes = {"settings": settings, "rows": rows}
    (folder / NOTES).write_text(json.dumps(notes, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _write(path: Path, rows: Iterable[Row]) -> int:
    """Write rows as they come, to a list or to lines by the name's ending, and return their number."""
    before, between, after = ("[\n", ",\n", "\n]\n") if path.suffix == ".json" else ("", "\n", "\n")
    number = 0
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for number, row in enumerate(rows, start=1):
            file.write(f"{between if number > 1 else before}{json.dumps(row, ensure_ascii=False)}")
        file.write(after)
    return number


def _told(rows: dict[str, int]) -> str:
    return ", ".join(f"{number} {split}" for split, number in rows.items())
