"""File formats: text lines, tagged words (IOB2, CoNLL, CoNLL-U) and what `datasets` reads itself; plain or `.gz`."""

import csv
import glob
import gzip
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import dropwhile, groupby
from pathlib import Path
from typing import Any

import datasets
from datasets.exceptions import DatasetsError
from langcodes import tag_is_valid

from xlzoo.run_scripts.errors import UserError

from .raw_files import DAMAGE, NONSENSE, Opener, bounded_lines, check_json, printable
from .tables import check_parquet, require_sound

BUILDERS = {".csv": "csv", ".json": "json", ".jsonl": "json", ".parquet": "parquet"}
TAGGED_ENDINGS = (".txt", ".conll", ".iob2", ".tsv", ".bio", ".conllu")
LANGUAGE_ENDING = re.compile(r"\.([a-z]{2}|[a-z]{2,3}_[A-Z][a-z]{3})")
SPAN_TAG = re.compile(r"O|[BIESLU]-\S+")
WORD_RANGE = re.compile("[-.]")
UPOS = frozenset("ADJ ADP ADV AUX CCONJ DET INTJ NOUN NUM PART PRON PROPN PUNCT SCONJ SYM VERB X _".split())


def ending(path: Path) -> str:
    """Give the file name's ending without `.gz`: `.txt` for `train.txt.gz`."""
    return _written_ending(path).lower()


def is_text(path: Path) -> bool:
    """Say whether the name promises lines of text: `.txt`, or a language as in `train.de` and `devtest.swh_Latn`."""
    found = LANGUAGE_ENDING.fullmatch(_written_ending(path))
    return ending(path) == ".txt" or (found is not None and tag_is_valid(found[1].replace("_", "-")))


def _written_ending(path: Path) -> str:
    return Path(path.name.removesuffix(".gz")).suffix


def is_readable(path: Path) -> bool:
    """Say whether `read_file` knows the ending."""
    return ending(path) in BUILDERS or ending(path) in TAGGED_ENDINGS


def read_file(path: Path, kind: str) -> datasets.Dataset:
    """Read one file as rows of `kind` "text", "tokens" or "pairs"; csv, json and parquet files have their own columns.

    So has a `.tsv` file of "pairs", named by its first line; quotes are just quotes in it.
    As "text", a `.txt` file gives its lines, so does one named after a language (`train.de`), and a file of tagged
    words its sentences, a space between words.
    Raises UserError if the file is missing, unreadable, empty, not UTF-8 or of an unknown ending.
    """
    plain = kind == "text" and is_text(path)
    if not (plain or is_readable(path)):
        known = ", ".join(sorted({*BUILDERS, *TAGGED_ENDINGS}))
        raise UserError(f"cannot tell the format of {path}: expected a name ending in one of {known}, plain or .gz")
    if plain:
        rows = read_text(path)
    elif ending(path) in BUILDERS or (kind == "pairs" and ending(path) == ".tsv"):
        rows = _read_with_builder(path)
    else:
        rows = read_tagged(path)
        if kind == "text" and "tokens" in rows.column_names:
            rows = datasets.Dataset.from_dict({"text": [" ".join(words) for words in rows["tokens"]]})
    if not len(rows):
        raise UserError(f"{path} holds no rows: expected at least one, give another file")
    return rows


def read_text(path: Path, *, skip_blank: bool = True) -> datasets.Dataset:
    """Read lines, split on LF only, as {"text"}; other Unicode spaces stay, a CR before the LF goes."""
    lines = (line for _, line in read_lines(path))
    return datasets.Dataset.from_dict({"text": [line for line in lines if line.strip() or not skip_blank]})


def read_lines(path: Path, opener: Opener | None = None) -> Iterator[tuple[int, str]]:
    """Yield (line number from 1, line without its end) of a UTF-8 file; UserError where it cannot be read.

    `opener` unpacks it, by default what its name ends in, nothing or `.gz`.
    """
    number = 0
    if opener is None and path.name.endswith(".gz"):
        opener = gzip.open
    try:
        for number, line in enumerate(bounded_lines(path, opener), start=1):
            text = line.decode("utf-8-sig" if number == 1 else "utf-8")
            yield number, text.removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError as error:
        raise UserError(f"{path}, line {number}: not UTF-8 ({error.reason}), convert the file to UTF-8") from error
    except FileNotFoundError as error:
        raise UserError(f"no file {path}: expected an existing file, correct the path") from error
    except DAMAGE as error:
        raise UserError(f"cannot read {path} after line {number}: {error}, give a complete, readable file") from error


def read_tagged(path: Path) -> datasets.Dataset:
    """Read sentences of tagged words as {"tokens", "ner_tags"}, or {"tokens", "pos_tags"} where the tags are UPOS.

    Known layouts, told apart by the first sentence: `token tag`, `token ... tag` (CoNLL-2003), `id token tag ...`
    (Universal NER) and CoNLL-U, whose ids with `-` or `.` are skipped; columns are set off by tabs or by spaces.
    Lines before a sentence that start with `#` and are no row are comments. Span tags stay as they are written: IOB1,
    BIOES and an `I-` that continues nothing are not converted. Raises UserError naming file and line.
    """
    blocks = [list(block) for blank, block in groupby(read_lines(path), lambda row: not row[1].strip()) if not blank]
    layout = _layout(path, blocks)
    tokens, tags = [], []
    for block in blocks:
        lines = (row for row in block if not row[1].startswith("-DOCSTART-"))
        split = ((number, _split(line, layout.separator)) for number, line in lines)
        rows = list(dropwhile(lambda row: row[1][0].startswith("#") and layout.complaint(row[1]), split))
        for number, columns in rows:
            if complaint := layout.complaint(columns):
                raise UserError(f"{path}, line {number}: {complaint}")
        words = [columns for _, columns in rows if not (layout.token and WORD_RANGE.search(columns[0]))]
        if words:
            tokens.append([columns[layout.token] for columns in words])
            tags.append([columns[layout.tag] for columns in words])
    return datasets.Dataset.from_dict({"tokens": tokens, layout.name: tags})


@dataclass(frozen=True)
class _Layout:
    """Where a file keeps its words and tags; `token` is 1 where ids come first, and `name` is the tags' column."""

    separator: str
    width: int
    token: int
    tag: int
    name: str

    def complaint(self, columns: list[str]) -> str:
        """Say what is wrong with a row, nothing if it is well formed."""
        if len(columns) != self.width:
            return f"expected {self.width} columns as in the first row, found {len(columns)}"
        if not columns[self.token]:
            return "the word is empty, expected one word per line"
        if self.name == "ner_tags" and not SPAN_TAG.fullmatch(columns[self.tag]):
            return f"tag {columns[self.tag]!r}, expected O or a span tag such as B-PER"
        if self.name == "pos_tags" and columns[self.tag] not in UPOS:
            return f"tag {columns[self.tag]!r}, expected one of {' '.join(sorted(UPOS))}"
        return ""


def _layout(path: Path, blocks: list[list[tuple[int, str]]]) -> _Layout:
    """Find the columns from the first sentence; its words are numbered 1, 2, ... exactly where ids come first."""
    sentences = ([line for _, line in block if not line.startswith(("#", "-DOCSTART-"))] for block in blocks)
    first = next((sentence for sentence in sentences if sentence), None)
    if first is None:
        raise UserError(f"{path} holds no sentences: expected one word and its tag per line, give another file")
    separator = "\t" if "\t" in first[0] else " "
    rows = [_split(line, separator) for line in first]
    width = len(rows[0])
    if width < 2:
        raise UserError(
            f"{path} has lines like {first[0][:40]!r}: expected a word and its tag, a tab or space between"
        )
    ids = [row[0] for row in rows if not WORD_RANGE.search(row[0])]
    numbered = width > 2 and ids == [str(number) for number in range(1, len(ids) + 1)]
    tag = (3 if width == 10 else 2) if numbered else width - 1
    return _Layout(separator, width, int(numbered), tag, "pos_tags" if rows[0][tag] in UPOS else "ner_tags")


def _split(line: str, separator: str) -> list[str]:
    return line.split("\t") if separator == "\t" else re.split(" +", line.strip(" "))


def _read_with_builder(path: Path) -> datasets.Dataset:
    """Read csv, json or parquet through `datasets`, after the checks whose failures it reports poorly."""
    builder = BUILDERS.get(ending(path), "csv")
    options: dict[str, Any] = {"sep": "\t", "quoting": csv.QUOTE_NONE} if ending(path) == ".tsv" else {}
    if builder != "parquet":
        lines = (line for _, line in read_lines(path))
        found = check_json(lines, path) if builder == "json" else sum(bool(line.strip()) for line in lines)
        if not found:
            raise UserError(f"{path} is empty: expected at least one row, give another file")
    try:
        if builder == "parquet":
            check_parquet(path)
        files = {"train": glob.escape(str(path))}
        rows = datasets.load_dataset(builder, data_files=files, split="train", **options)
    except (DatasetsError, OSError, ValueError, *NONSENSE) as error:
        reason = printable(error.__cause__ or error)
        raise UserError(f"cannot read {path}: {reason}, correct the file or give another") from error
    require_sound(rows, path)
    return rows
