"""Which language every row is in, where several are mixed, as the Hub's XTREME has XNLI and TyDiQA."""

from functools import lru_cache

from datasets import Dataset, DatasetDict

from xlzoo.run_scripts.errors import UserError

from .checks import is_text
from .languages import display_name, iso639_3

COLUMN = "language"


def mixed_languages(dataset: DatasetDict) -> dict[str, list[str]]:
    """Return the ISO 639-3 code of every row, by split, of the splits that tell; none where all rows are in one.

    They tell by a column `language`, in any spelling, or by ids that begin with an English name, `finnish-12-3`.
    """
    told = {split: codes for split, rows in dataset.items() if (codes := _row_languages(rows))}
    return told if len(set().union(*told.values())) > 1 else {}


def rows_in(rows: Dataset, codes: list[str], language: str, split: str) -> Dataset:
    """Return the rows of a split in a language, by the code of each; UserError where there is none."""
    places = [place for place, code in enumerate(codes) if code == language]
    if not places:
        told = ", ".join(dict.fromkeys(codes))
        raise UserError(f"The rows of the {split} split are in {told}, none in {language}; name one of these.")
    return rows.select(places)


def _row_languages(rows: Dataset) -> list[str] | None:
    """Return every row's code, or None where one does not tell."""
    column, code_of = (COLUMN, _code) if COLUMN in rows.column_names else ("id", _code_of_id)
    if column not in rows.column_names or not is_text(rows.features[column]):
        return None
    codes: list[str] = []
    for cell in rows[column]:
        if (code := code_of(cell or "")) is None:
            return None
        codes.append(code)
    return codes


def _code_of_id(cell: str) -> str | None:
    name, hyphen, _ = cell.partition("-")
    return _code_of_name(name) if hyphen else None


@lru_cache
def _code_of_name(name: str) -> str | None:
    """Return the code of an English name in small letters; codes themselves look too much like `dev-1` and `row-1`."""
    code = _code(name)
    return code if code and display_name(code).lower() == name else None


@lru_cache
def _code(name: str) -> str | None:
    try:
        return iso639_3(name)
    except UserError:
        return None
