"""Translations of sentences from a file, found by the sentence.

On every line, with tabs between: the sentence with spaces between its words, the language of the translation, the
translation likewise, and, if known, which words belong together, `0-0 1-2 ...`, counted from 0 (Pharaoh; `0/0` too).

Files named like `en-de-translated.tsv` are XTREME's, of sentence pairs: on every line the two sentences, the
translations of both into the language of the name, and perhaps the label.
"""

import logging
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from sys import intern

from xlzoo.run_scripts.errors import UserError

from .languages import iso639_3
from .readers import read_lines
from .tabbed import read_tabbed

logger = logging.getLogger(__name__)
LINK = re.compile(r"(\d{1,6})[-/](\d{1,6})")
PAIRS = re.compile(r"[a-z]{2,3}-([A-Za-z_-]+)-translated\.tsv(?:\.gz)?")


@dataclass(frozen=True, slots=True)
class Translation:
    """A translation's words, and the links (source word, its word) from 0, if they are known."""

    language: str
    words: tuple[str, ...]
    links: tuple[tuple[int, int], ...] | None


Translations = Mapping[str, Sequence[Translation]]
"""By the sentence with spaces between its words."""


def read_translations(
    paths: Sequence[str], languages: Sequence[str] = (), sentences: Iterable[str] | None = None
) -> Translations:
    """Read the translations into these languages, or into all, and of these sentences alone, whatever their spaces.

    Raises UserError naming file and line where a line has another form or a link leads out of its sentences, and where
    nothing is left.
    """
    wanted = {iso639_3(language) for language in languages}
    known = None if sentences is None else {" ".join(sentence.split()) for sentence in sentences}
    codes: dict[str, str] = {}
    found: dict[str, list[Translation]] = {}
    for path in map(Path, paths):
        named = PAIRS.fullmatch(path.name)
        for number, parts in _of_pairs(path, named[1]) if named else _of_sentences(path):
            code = codes.setdefault(parts[1], iso639_3(parts[1]))
            if wanted and code not in wanted:
                continue
            source = parts[0].split()
            if known is not None and " ".join(source) not in known:
                continue
            words = tuple(map(intern, parts[2].split()))
            links = _links(parts[3], (len(source), len(words)), f"{path}, line {number}") if len(parts) == 4 else None
            found.setdefault(" ".join(source), []).append(Translation(code, words, links))
    if not found:
        raise UserError(
            f"--translations {' '.join(paths)}: no translation into {' or '.join(languages) or 'anything'}"
            f"{' of a sentence to train on; expected these as the data have them' * (known is not None)}."
        )
    if known is not None:
        logger.info("%d of %d different sentences have a translation", len(found), len(known))
    return found


def _of_sentences(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield each line's number and its sentence, language, translation and perhaps links."""
    for number, line in read_lines(path):
        if not line.strip():
            continue
        parts = [part.strip() for part in line.split("\t")]
        if len(parts) not in (3, 4) or not (parts[0] and parts[2]):
            raise UserError(
                f"{path}, line {number}: {len(parts)} columns; expected a sentence, a language, its translation "
                "and perhaps links, with tabs between."
            )
        yield number, parts


def _of_pairs(path: Path, language: str) -> Iterator[tuple[int, list[str]]]:
    """Yield both sentences of XTREME's pairs as `_of_sentences` does, of each the first translation that is there."""
    seen: set[str] = set()
    for number, cells in read_tabbed(path):
        if len(cells) not in (4, 5):
            raise UserError(
                f"{path}, line {number}: {len(cells)} columns; expected two sentences, their translations and perhaps "
                "a label, with tabs between."
            )
        for sentence, translation in ((cells[0], cells[2]), (cells[1], cells[3])):
            if sentence.strip() and translation.strip() and sentence not in seen:
                seen.add(sentence)
                yield number, [sentence, language, translation]


def _links(text: str, sizes: tuple[int, int], where: str) -> tuple[tuple[int, int], ...]:
    links = []
    for part in text.split():
        named = LINK.fullmatch(part)
        if not named or int(named[1]) >= sizes[0] or int(named[2]) >= sizes[1]:
            raise UserError(
                f"{where}: the link {part[:20]!r} does not fit {sizes[0]} and {sizes[1]} words; expected i-j from 0."
            )
        links.append((int(named[1]), int(named[2])))
    return tuple(links)
