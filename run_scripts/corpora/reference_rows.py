"""AdaMergeX's reference task: text cut into prompts and their completions, by words, characters or tokens.

Zhao et al. 2024 (https://arxiv.org/abs/2402.18913) cut the running text of Wikipedia into pieces of 512 words, or
characters of Chinese, of which the last one is to be predicted (511 -> 1), or all but the first (1 -> 511); for T5 a
row is a document, and its last 20 words are to be predicted.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from langcodes import Language
from transformers import PreTrainedTokenizerBase

from .languages import hub_tag

Span = tuple[int, int]
Spans = Callable[[str], Sequence[Span]]
"""Finds the units of a text, in order, each as (start, stop) in characters."""
Row = dict[str, str]
WORD = re.compile(r"\S+")
UNSPACED = ("Hans", "Hant", "Jpan", "Khmr", "Laoo", "Mymr", "Thai", "Tibt")
"""Scripts in which no space stands between words."""


@dataclass(frozen=True)
class Shape:
    """How many units a prompt and its completion have."""

    prompt: int
    completion: int
    is_spaced: bool
    """Whether the space between prompt and completion belongs to neither, as between words."""

    def row(self, text: str, units: Sequence[Span]) -> Row:
        """Return the row of these units, the last of which are the completion.

        Between tokens nothing is lost: the prompt ends with its last token, and the rest is the completion.
        """
        middle = units[-self.completion - 1][1]
        completion = text[middle : units[-1][1]]
        return {
            "prompt": text[units[0][0] : middle],
            "completion": completion.lstrip() if self.is_spaced else completion,
        }


def words(text: str) -> list[Span]:
    """Find what stands between spaces."""
    return [found.span() for found in WORD.finditer(text)]


def characters(text: str) -> list[Span]:
    """Find the characters, spaces too, as Unicode counts them."""
    return [(place, place + 1) for place in range(len(text))]


def tokens(tokenizer: PreTrainedTokenizerBase) -> Spans:
    """Return what finds a tokenizer's tokens; those that stand for no character of the text are left out."""

    def find(text: str) -> list[Span]:
        encoded = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
        return [(start, stop) for start, stop in encoded["offset_mapping"] if stop > start]

    return find


def usual_unit(language: str | None) -> str:
    """Return "words", or "characters" for a language that is written without spaces between words."""
    script = Language.get(hub_tag(language)).maximize().script if language else None
    return "characters" if script in UNSPACED else "words"


def running_rows(documents: Iterable[str], shape: Shape, units: Spans) -> Iterator[Row]:
    """Cut documents, one behind the other, into rows of exactly the shape; rows may run from one into the next.

    Runs of white space are one space. What remains at the end is no row, nor is one that would have a blank side.
    """
    size, rest = shape.prompt + shape.completion, ""
    for plain in filter(None, map(_plain, documents)):
        text = f"{rest} {plain}" if rest else plain
        found = units(text)
        whole = len(found) // size * size
        for start in range(0, whole, size):
            yield from _filled(shape.row(text, found[start : start + size]))
        rest = text[found[whole][0] :] if whole < len(found) else ""


def closing_rows(documents: Iterable[str], shape: Shape, units: Spans) -> Iterator[Row]:
    """Return a row per document: its last units are the completion, at most `shape.prompt` before them the prompt.

    Documents that leave nothing for the prompt are left out.
    """
    for document in documents:
        text = _plain(document)
        found = units(text)[-shape.prompt - shape.completion :]
        if len(found) > shape.completion:
            yield from _filled(shape.row(text, found))


def _plain(document: str) -> str:
    return " ".join(document.split())


def _filled(row: Row) -> Iterator[Row]:
    if row["prompt"].strip() and row["completion"].strip():
        yield row
