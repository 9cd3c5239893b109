"""Bilingual dictionaries from a folder, in the form of MUSE (https://github.com/facebookresearch/MUSE).

A file per language, named `en-de.txt` or `en-de.tsv`, plain or `.gz`: on every line a word and one translation, with a
tab or a space between; a word with several translations has several lines.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from xlzoo.run_scripts.errors import UserError

from .languages import iso639_3
from .readers import read_lines

NAME = re.compile(r"([A-Za-z_]+)-([A-Za-z_]+)\.(?:txt|tsv|dict)(?:\.gz)?")
Dictionary = Mapping[str, Sequence[str]]
"""From a word in lower case to its translations."""


def read_dictionaries(folder: str, source: str, languages: Sequence[str] = ()) -> dict[str, Dictionary]:
    """Read the dictionaries from `source` into the `languages`, or into all that the folder has, by ISO 639-3 code.

    Raises UserError where there is none, one of the languages has none, or a line is no pair of words.
    """
    files = _files(Path(folder), iso639_3(source))
    wanted = [iso639_3(language) for language in languages] or list(files)
    for language in wanted:
        if language not in files:
            raise UserError(
                f"--dictionaries {folder} has no dictionary from {source} into {language}, only into "
                f"{', '.join(files) or 'no language'}; expected a file such as en-de.txt."
            )
    if not wanted:
        raise UserError(
            f"--dictionaries {folder} holds no dictionary from {source}; expected files such as en-de.txt."
        )
    return {language: read_dictionary(files[language]) for language in wanted}


def read_dictionary(path: Path) -> Dictionary:
    """Read one file; UserError naming file and line where a line is no pair."""
    found: dict[str, list[str]] = {}
    for number, line in read_lines(path):
        if not line.strip():
            continue
        # Only tabs set off an entry of several words.
        word, _, translation = (part.strip() for part in line.partition("\t" if "\t" in line else " "))
        if not (word and translation):
            raise UserError(
                f"{path}, line {number}: {line[:60]!r}; expected a word, a tab or space, and a translation."
            )
        translations = found.setdefault(word.lower(), [])
        if translation not in translations:
            translations.append(translation)
    if not found:
        raise UserError(f"{path} is empty; expected a word and its translation on every line.")
    return found


def _files(folder: Path, source: str) -> dict[str, Path]:
    if not folder.is_dir():
        raise UserError(f"--dictionaries {folder} is no folder; expected one with files such as en-de.txt.")
    files: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        named = NAME.fullmatch(path.name)
        if not (named and path.is_file()):
            continue
        try:
            languages = iso639_3(named[1]), iso639_3(named[2])
        except UserError:  # Another pair of words, `read-me.txt` say.
            continue
        if languages[0] == source:
            files.setdefault(languages[1], path)
    return files
