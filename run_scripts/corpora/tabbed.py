"""Tables without a header: a row per line, tabs between its cells."""

import re
from pathlib import Path

from .readers import read_lines

QUOTED = re.compile(r'"((?:[^"]|"")+)"')


def read_tabbed(path: Path) -> list[tuple[int, list[str]]]:
    """Return every row's line number, from 1, and its cells; blank lines are left out.

    Python's `csv.writer`, which wrote XTREME's files, sets a cell with a quotation mark between two more of them and
    writes each inside twice. That is undone where all cells with one are of this form; in files of programs that write
    cells as they are, some would not be.
    """
    rows = [(number, line.split("\t")) for number, line in read_lines(path) if line.strip()]
    marked = [cell for _, cells in rows for cell in cells if '"' in cell]
    if not marked or not all(_is_quoted(cell) for cell in marked):
        return rows
    return [
        (number, [cell[1:-1].replace('""', '"') if '"' in cell else cell for cell in cells]) for number, cells in rows
    ]


def _is_quoted(cell: str) -> bool:
    inner = QUOTED.fullmatch(cell)
    return inner is not None and '""' in inner[1]
