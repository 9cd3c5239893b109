"""FLORES-200 and data sets like it: the same sentences in many languages, found by any spelling of a language.

Known layouts: a configuration per language (`openlanguagedata/flores_plus` and `facebook/flores`: `swh_Latn` with the
column `text` or `sentence`), one configuration for all (`all`, with columns `sentence_swh_Latn`), each on the Hub or
in a folder, and the files of the first release (`devtest/swh_Latn.devtest`).
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import datasets

from xlzoo.run_scripts.errors import UserError

from .checks import require_text
from .hub import config_names
from .languages import iso639_3
from .phrasebook import LANGUAGES, load_phrasebook
from .raw_files import require_plain
from .readers import read_text
from .saved import is_saved
from .sources import PHRASEBOOK, SPLIT_NAMES, Source, load

ALL = "all"
CODE = re.compile(r"[a-z]{2,3}(_[A-Za-z0-9]+)*")
"""How data sets name languages; not pairs of them such as `eng_Latn-swh_Latn`."""
SCRIPT = re.compile(r"[-_]([A-Za-z]{4})(?![A-Za-z0-9])")
SENTENCE = "sentence_"
SPLITS = ("devtest", "test")
"""Where a model is measured if no split is named: the first that is there."""
RELEASED = ("dev", "devtest")


@dataclass(frozen=True)
class Flores:
    """Sentences of many languages."""

    name: str
    codes: tuple[str, ...]
    """The languages as the data name them."""
    load: Callable[[str], datasets.DatasetDict]
    """Code to that language's splits."""

    def code_of(self, language: str) -> str:
        """Return the code of a language in any spelling: `sw`, `swh` and `Swahili` are `swh_Latn` in FLORES.

        Raises UserError where the data do not have it, or have it in several scripts of which none is named.
        """
        return pick_code(self.name, self.codes, language)

    def texts(self, code: str, split: str | None = None, column: str | None = None) -> list[str]:
        """Return a language's sentences in their order, by default those of `devtest`, else of `test`.

        Raises UserError for a split or column that is not there, and rows without text.
        """
        data = self.load(code)
        names = (split, SPLIT_NAMES.get(split, split)) if split else SPLITS
        found = next((name for name in names if name in data), None)
        if found is None:
            wanted = split or SPLITS[0]
            raise UserError(
                f"{self.name} has no {wanted} split of {code}, only {', '.join(data)}: choose with --split"
            )
        rows = data[found]
        columns = (column,) if column else ("text", "sentence", f"{SENTENCE}{code}")
        chosen = next((name for name in columns if name in rows.column_names), None)
        if chosen is None:
            raise UserError(
                f"{self.name} has no column {' or '.join(columns)} for {code}, only {', '.join(rows.column_names)}: "
                "name the right one with --text_column_name"
            )
        require_text(datasets.DatasetDict({found: rows}), chosen)
        return rows[chosen][:]


def pick_code(name: str, codes: Sequence[str], language: str) -> str:
    """Return the one of the `codes` of a data set that stands for a language in any spelling.

    Raises UserError where none does, or several do, in scripts of which none is named.
    """
    if language in codes:
        return language
    wanted = iso639_3(language)
    script = SCRIPT.search(language)
    found = [code for code in codes if _iso639_3(code) == wanted]
    if script is not None:
        # A code without a script has the usual one, which the language may be asked for with.
        found = [code for code in found if SCRIPT.search(code) is None or script[1].lower() in code.lower().split("_")]
    standard = [code for code in found if code.count("_") < 2] or found  # Others name a variety after the script.
    if len(standard) == 1:
        return standard[0]
    if standard:
        raise UserError(f"{language!r} may be {' or '.join(standard)} in {name}: name one of them")
    some = ", ".join(codes[:8]) + (f" and {len(codes) - 8} others" if len(codes) > 8 else "")
    raise UserError(f"{name} has no {language!r} ({wanted}), only {some}: name one of these")


def open_flores(name: str) -> Flores:
    """Find out which languages a Hub id, folder or the phrasebook holds, and how to read them.

    Raises UserError where it cannot be read or is laid out in none of the known ways.
    """
    if name == PHRASEBOOK:
        return Flores(name, LANGUAGES, load_phrasebook)
    folder = Path(name).expanduser()
    if released := _released_files(folder):
        return Flores(name, tuple(released), lambda code: _read_released(released[code], folder))
    configs = [] if is_saved(folder) else config_names(name)
    codes = [config for config in configs if CODE.fullmatch(config) and config != ALL]
    if codes:
        return Flores(name, tuple(codes), lambda code: load(Source(name=name, config=code)))
    data = load(Source(name=name, config=ALL if ALL in configs else None))
    columns = next(iter(data.values())).column_names
    codes = [column.removeprefix(SENTENCE) for column in columns if column.startswith(SENTENCE)]
    if not codes:
        raise UserError(
            f"{name} has neither a configuration for each language nor columns such as {SENTENCE}swh_Latn: expected "
            "the layout of FLORES, or give a language's text with --text_file"
        )
    return Flores(name, tuple(codes), lambda code: data)


def _released_files(folder: Path) -> dict[str, dict[str, Path]]:
    """Find `dev/swh_Latn.dev` and `devtest/swh_Latn.devtest`: code to split to file."""
    files: dict[str, dict[str, Path]] = {}
    for split in RELEASED:
        for path in sorted((folder / split).glob(f"*.{split}")):
            files.setdefault(path.stem, {})[SPLIT_NAMES.get(split, split)] = path
    return files


def _read_released(files: dict[str, Path], folder: Path) -> datasets.DatasetDict:
    for path in files.values():
        require_plain(path, folder)
    return datasets.DatasetDict({split: read_text(path) for split, path in files.items()})


@lru_cache
def _iso639_3(code: str) -> str:
    """Return the language of a code such as `cat_Latn_vale1252`, whose variety langcodes does not know."""
    parts: Sequence[str] = code.split("_")
    try:
        return iso639_3("_".join(parts[:2]))
    except UserError:
        return parts[0]
