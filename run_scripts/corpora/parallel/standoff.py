"""OPUS's XML: documents of sentences, and files that say which sentences of two documents translate each other.

Both are read as streams and once, side by side, so that a document of any length takes no more memory than `WINDOW`
sentences. (opustools' own reader holds all sentences of a document, which for a crawled corpus is the whole corpus.)
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.parsers import expat

from xlzoo.run_scripts.corpora.raw_files import MOST_LINE, printable
from xlzoo.run_scripts.errors import UserError

WINDOW = 100_000
"""Sentences of a document that are kept while links may still name them; alignments go forward."""
Blocks = Iterable[bytes]


@dataclass(frozen=True)
class Link:
    """Sentences of a document, and their translation in another one, by their ids."""

    source_document: str
    target_document: str
    sources: tuple[str, ...]
    targets: tuple[str, ...]


def read_links(blocks: Blocks, path: Path) -> Iterator[Link]:
    """Read the links of an alignment file that have sentences on both sides; UserError where it is no such XML."""
    documents: tuple[str, str] | None = None
    for kind, name, attributes in _events(blocks, path):
        if kind != "start" or name not in ("linkGrp", "link"):
            continue
        if name == "linkGrp":
            documents = _attribute(attributes, "fromDoc", path), _attribute(attributes, "toDoc", path)
            continue
        sides = _attribute(attributes, "xtargets", path).split(";")
        if documents is None or len(sides) != 2:
            raise UserError(
                f"{path} links {';'.join(sides)[:60]!r}; expected ids of two documents, give another file."
            )
        sources, targets = (tuple(side.split()) for side in sides)
        if sources and targets:
            yield Link(*documents, sources, targets)


def read_sentences(blocks: Blocks, path: object) -> Iterator[tuple[str, str]]:
    """Read (id, text) of a document's sentences; of those cut into words the words, a space between."""
    sentence: str | None = None
    text: list[str] = []
    size = 0
    for kind, name, attributes in _events(blocks, path):
        if kind == "start" and name == "s":
            sentence, text, size = _attribute(attributes, "id", path), [], 0
        elif kind == "text" and sentence is not None:
            text.append(name)
            size += len(name)
            if size > MOST_LINE:
                raise UserError(f"{path} has a sentence of more than {MOST_LINE} characters; give another file.")
        elif kind == "end" and name == "s" and sentence is not None:
            yield sentence, " ".join("".join(text).split())
            sentence = None
        elif name in ("w", "time") and sentence is not None:
            text.append(" ")


class Sentences:
    """The sentences of a document, read as far as they are asked for."""

    def __init__(self, blocks: Blocks, path: object) -> None:
        self._ahead = read_sentences(blocks, path)
        self._found: dict[str, str] = {}

    def text(self, ids: Sequence[str]) -> str | None:
        """Return the text of these sentences, or None where one is not there, or lies too far back."""
        texts = [self._one(sentence) for sentence in ids]
        return None if None in texts else " ".join(text for text in texts if text is not None)

    def _one(self, sentence: str) -> str | None:
        while sentence not in self._found:
            read = next(self._ahead, None)
            if read is None:
                return None
            self._found[read[0]] = read[1]
            if len(self._found) > WINDOW:
                del self._found[next(iter(self._found))]
        return self._found[sentence]


def _events(blocks: Blocks, path: object) -> Iterator[tuple[str, str, Mapping[str, str]]]:
    """Yield ("start", tag, attributes), ("end", tag, {}) and ("text", text, {}); UserError where it is not XML."""
    found: list[tuple[str, str, Mapping[str, str]]] = []
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = lambda tag, attributes: found.append(("start", tag, attributes))
    parser.EndElementHandler = lambda tag: found.append(("end", tag, {}))
    parser.CharacterDataHandler = lambda text: found.append(("text", text, {}))
    parser.EntityDeclHandler = _refuse_entities
    try:
        for block in blocks:
            parser.Parse(block, False)
            yield from found
            found.clear()
        parser.Parse(b"", True)
        yield from found
    except (expat.ExpatError, _EntityError) as error:
        raise UserError(f"{path} is not whole XML ({printable(error)}); give another file.") from error


class _EntityError(ValueError):
    """An XML file declares entities, with which it could grow without end or lead to other files."""


def _refuse_entities(name: str, *_: Any) -> None:
    raise _EntityError(f"it declares the entity {name}")


def _attribute(attributes: Mapping[str, str], name: str, path: object) -> str:
    if name not in attributes:
        raise UserError(f"{path} has an element without {name}; expected OPUS's XML, give another file.")
    return attributes[name]
