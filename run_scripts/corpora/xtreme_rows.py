"""Rows in the forms of XTREME's own files: sentence pairs without a header, and PAN-X as it was published."""

import re
from pathlib import Path

from datasets import Dataset

from xlzoo.run_scripts.errors import UserError

from .readers import ending, read_lines, read_tagged
from .tabbed import read_tabbed

LABELS = frozenset(("entailment", "neutral", "contradiction", "contradictory", "0", "1"))
"""Of XNLI and PAWS-X; where a third column begins with one, the first line is no header."""
PAIR_COLUMNS = ("sentence1", "sentence2", "label")
RAW_PANX = re.compile(r"(?:[a-z-]{2,12}-)?(?:train|dev|test)")


def read_xtreme(path: Path, kind: str) -> Dataset | None:
    """Read a file of "pairs" or "tokens" that is in a form of XTREME's own; return None where it is in no such form.

    A `.tsv` file of pairs is, if its first line is two sentences and a label. A file of tagged words is, if it is
    named like `en-train` or `train`: its words come with their language, `en:word`, which goes. Raises UserError
    naming file and line where a row has another number of columns.
    """
    if kind == "pairs" and ending(path) == ".tsv" and _is_headless(path):
        return _read_pairs(path)
    if kind == "tokens" and RAW_PANX.fullmatch(path.name.removesuffix(".gz")):
        return _without_languages(read_tagged(path))
    return None


def _is_headless(path: Path) -> bool:
    first = next((line for _, line in read_lines(path) if line.strip()), "").split("\t")
    return len(first) == len(PAIR_COLUMNS) and first[2].strip() in LABELS


def _read_pairs(path: Path) -> Dataset:
    rows = read_tabbed(path)
    for number, cells in rows:
        if len(cells) != len(PAIR_COLUMNS):
            raise UserError(
                f"{path}, line {number}: {len(cells)} columns; expected two sentences and a label, with tabs between."
            )
    columns = zip(*(cells for _, cells in rows), strict=True)
    return Dataset.from_dict(
        {name: [cell.strip() for cell in column] for name, column in zip(PAIR_COLUMNS, columns, strict=True)}
    )


def _without_languages(rows: Dataset) -> Dataset:
    """Drop what stands before the first colon of every word, if all have one."""
    if not all(":" in word[:-1] for words in rows["tokens"] for word in words):
        return rows
    return rows.map(lambda row: {"tokens": [word.partition(":")[2] for word in row["tokens"]]})
