"""Text of one file as a list of documents."""

from pathlib import Path

from datasets import DatasetDict

from xlzoo.run_scripts.errors import UserError

from .checks import require_text
from .readers import ending, is_readable, read_file, read_text


def read_texts(path: Path, column: str | None = None, *, skip_blank: bool = True) -> list[str]:
    """Return the rows of a csv, json or parquet file, the sentences of tagged words, or the lines of any other file.

    Raises UserError if the file cannot be read, has no such column, "text" by default, or holds no text.
    """
    is_plain = not is_readable(path) or ending(path) == ".txt"
    rows = read_text(path, skip_blank=skip_blank) if is_plain else read_file(path, "text")
    name = column or "text"
    if name not in rows.column_names:
        raise UserError(
            f"{path} has no column {name}, only {', '.join(rows.column_names)}: name the right one with "
            "--text_column_name"
        )
    if len(rows):
        require_text(DatasetDict({path.name: rows}), name)
    texts: list[str] = rows[name][:]
    if not any(map(str.strip, texts)):
        raise UserError(f"{path} holds no text: expected at least one line with a word, give another file")
    return texts
