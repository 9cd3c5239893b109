"""Realised words: what each one expresses, how they join into text, and the links between two languages."""

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from .lexicon import Entry


class Word(NamedTuple):
    """One token with the nodes of the meaning it expresses.

    `sure` nodes are its core; `possible` ones it serves loosely (an auxiliary, an ending that stands for a pronoun,
    a noun without the article that other languages need). `role` is the path of the constituent it belongs to.
    """

    form: str
    pos: str
    sure: tuple[str, ...] = ()
    possible: tuple[str, ...] = ()
    role: str = ""
    tag: str = "O"
    glue: bool = False


OPENING = "¿"
ENDINGS = (".", "?", "!")


def comma(path: str) -> Word:
    """Return a comma that belongs to the clause at `path`."""
    return Word(",", "PUNCT", (f"{path}.comma",), glue=True)


def finish(words: Sequence[Word], end: str = ".") -> list[Word]:
    """Capitalise the first word, drop doubled and trailing commas, and add the final mark."""
    kept: list[Word] = []
    for word in words:
        if word.form != "," or (kept and kept[-1].form not in (",", OPENING)):
            kept.append(word)
    while kept and kept[-1].form == ",":
        kept.pop()
    first = 1 if kept[0].form == OPENING else 0
    form = kept[first].form
    kept[first] = kept[first]._replace(form=form[:1].upper() + form[1:])
    return [*kept, Word(end, "PUNCT", ("end",), glue=True)]


def text_of(words: Sequence[Word]) -> str:
    """Join the tokens the way the sentence is written."""
    text = ""
    for word in words:
        text += word.form if not text or word.glue or text.endswith(OPENING) else f" {word.form}"
    return text


def span_of(words: Sequence[Word], role: str) -> tuple[int, int] | None:
    """Return first and last index of the words of a constituent, or None when they do not stand together.

    The comma that closes a relative clause is left out.
    """
    inner = f"{role}."
    places = [i for i, word in enumerate(words) if word.role == role or word.role.startswith(inner)]
    while places and words[places[-1]].form == ",":
        places.pop()
    if not places or places[-1] - places[0] + 1 != len(places):
        return None
    return places[0], places[-1]


def links(source: Sequence[Word], target: Sequence[Word]) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Return the sure links, and those that are only possible, as 0-based source-target pairs."""
    core: dict[str, list[int]] = {}
    loose: dict[str, list[int]] = {}
    for j, word in enumerate(target):
        for node in word.sure:
            core.setdefault(node, []).append(j)
        for node in word.possible:
            loose.setdefault(node, []).append(j)
    sure: set[tuple[int, int]] = set()
    possible: set[tuple[int, int]] = set()
    for i, word in enumerate(source):
        sure.update((i, j) for node in word.sure for j in core.get(node, ()))
        possible.update((i, j) for node in word.sure for j in loose.get(node, ()))
        possible.update((i, j) for node in word.possible for j in (*core.get(node, ()), *loose.get(node, ())))
    return sorted(sure), sorted(possible - sure)


class Piece(NamedTuple):
    """One word of a stored phrase: its form, part of speech and the numbered nodes it stands for."""

    form: str
    pos: str
    sure: tuple[str, ...]
    possible: tuple[str, ...]


@cache
def pieces(cell: str) -> tuple[Piece, ...]:
    """Read `form/POS/1,?2 form/POS/2` (or names as `form/1`, or one bare form): `?` marks a possible node."""
    found = []
    for item in cell.split():
        form, *rest = item.split("/")
        nodes = rest[-1].split(",") if rest else ["1"]
        pos = rest[0] if len(rest) == 2 else "PROPN"
        sure = tuple(node for node in nodes if not node.startswith("?"))
        found.append(Piece(form, pos, sure, tuple(node[1:] for node in nodes if node.startswith("?"))))
    return tuple(found)


@cache
def phrase(cell: str, path: str) -> tuple[Word, ...]:
    """Return a stored phrase as words whose nodes hang under `path`."""
    words = []
    for piece in pieces(cell):
        sure = tuple(f"{path}.{node}" for node in piece.sure)
        words.append(Word(piece.form, piece.pos, sure, tuple(f"{path}.{node}" for node in piece.possible), path))
    return tuple(words)


def tagged(words: Sequence[Word], kind: str) -> list[Word]:
    """Mark the words as one entity of the kind PER, LOC or ORG."""
    return [word._replace(tag=f"{'I' if i else 'B'}-{kind}") for i, word in enumerate(words)]


UNIVERSITY = {
    "eng": "University/PROPN/1 of/ADP/2",
    "deu": "Universität/PROPN/1,?2",
    "spa": "Universidad/PROPN/1 de/ADP/2",
    "swh": "Chuo/PROPN/1 Kikuu/PROPN/1 cha/ADP/2",
}


def place_name(place: Entry, language: str, path: str) -> list[Word]:
    """Return a localised place name at `path`."""
    return tagged(phrase(place[language], path), "LOC")


def person_name(first: Entry, last: Entry | None, path: str) -> list[Word]:
    """Return a first name, with a last name or without."""
    words = [Word(first.id, "PROPN", (f"{path}.1",), (), path)]
    if last:
        words.append(Word(last.id, "PROPN", (f"{path}.2",), (), path))
    return tagged(words, "PER")


def organisation_name(name: Entry, places: Entry | None, language: str, path: str) -> list[Word]:
    """Return an organisation's name: its own words, or the localised `University of <place>`."""
    if places is None:
        forms = name["name"].split()
        return tagged([Word(form, "PROPN", (f"{path}.{i}",), (), path) for i, form in enumerate(forms)], "ORG")
    inner = [word._replace(role=path) for word in phrase(places[language], f"{path}.of")]
    return tagged([*phrase(UNIVERSITY[language], path), *inner], "ORG")
