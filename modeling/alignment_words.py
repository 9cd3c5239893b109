"""Sentences to align, as words or as text: their words, their pieces, and which words each piece belongs to."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from transformers import PreTrainedTokenizerBase

Sentence = str | Sequence[str]
"""A text, which is split here, or its words, which are kept as they are."""
SPACELESS = re.compile(
    "[\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u19e0-\u19ff\u1a20-\u1aaf\u2e80-\u2fdf\u3001-\u312f\u31a0-\u9fff"
    "\ua9e0-\ua9ff\uaa60-\uaa7f\uf900-\ufaff\uff00-\uff9f\U0001b000-\U0001b16f\U00020000-\U0003fffd]"
)
"""Thai, Lao, Tibetan, Burmese, Khmer, Tai Tham, kana, bopomofo and Han, with their punctuation."""
ROW = 512
"""Words that are given to the tokenizer as one row."""
SEPARATORS = re.compile(r"\S+")


def split_words(text: str) -> list[str]:
    """Split a text at white space, and what is written without spaces (Chinese, Japanese, Thai, ...) into characters.

    Marks stay with the character before them. Give lists of words instead where a text was segmented otherwise.
    """
    return [text[start:stop] for start, stop in word_spans(text)]


def word_spans(text: str) -> list[tuple[int, int]]:
    """Return where each word of `split_words` begins and ends in the text."""
    spans = []
    for found in SEPARATORS.finditer(text):
        start, stop = found.span()
        spans += _characters(text, start, stop) if SPACELESS.search(text, start, stop) else [(start, stop)]
    return spans


def _characters(text: str, start: int, stop: int) -> list[tuple[int, int]]:
    """Split one run without spaces: each spaceless character is a word, and so is each stretch of others."""
    spans: list[tuple[int, int]] = []
    alone = True
    for place in range(start, stop):
        mark = unicodedata.category(text[place])[0] == "M"
        spaceless = SPACELESS.match(text, place) is not None
        if spans and (mark or not (alone or spaceless)):
            spans[-1] = (spans[-1][0], place + 1)
        else:
            spans.append((place, place + 1))
            alone = spaceless
    return spans


@dataclass(frozen=True, slots=True)
class Pieces:
    """A sentence's pieces: their ids, and for each the first and the last word that it is part of, from 0."""

    ids: list[int]
    first: list[int]
    last: list[int]


class PieceCutter:
    """Cuts sentences into pieces; a word that comes again is not cut again."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        if not tokenizer.is_fast:
            raise ValueError(f"{type(tokenizer).__name__} does not say where its pieces lie; give a fast tokenizer.")
        self.tokenizer = tokenizer
        self._known: dict[str, list[int]] = {}

    def cut(self, sentences: Iterable[Sentence]) -> list[Pieces]:
        """Cut every sentence. Words are cut one by one, as XLM-Align and SimAlign do; a text is cut as a whole."""
        sentences = list(sentences)
        texts = [sentence.rstrip() for sentence in sentences if isinstance(sentence, str)]
        self._learn(word for sentence in sentences if not isinstance(sentence, str) for word in sentence)
        of_texts = iter(self._cut_texts(texts) if texts else [])
        return [next(of_texts) if isinstance(one, str) else self._cut_words(one) for one in sentences]

    def _learn(self, words: Iterable[str]) -> None:
        new = [word for word in dict.fromkeys(words) if word not in self._known]
        if not new:
            return
        # Several rows, so that the tokenizer can use several threads.
        rows = [new[start : start + ROW] for start in range(0, len(new), ROW)]
        encoded = self.tokenizer(rows, is_split_into_words=True, add_special_tokens=False, verbose=False)
        for number, row in enumerate(rows):
            pieces: list[list[int]] = [[] for _ in row]
            for piece, word in zip(encoded["input_ids"][number], encoded.word_ids(number), strict=True):
                pieces[word].append(piece)
            self._known.update(zip(row, pieces, strict=True))

    def _cut_words(self, words: Sequence[str]) -> Pieces:
        ids: list[int] = []
        owners: list[int] = []
        for number, word in enumerate(words):
            pieces = self._known[word]
            ids += pieces
            owners += [number] * len(pieces)
        return Pieces(ids, owners, owners)

    def _cut_texts(self, texts: list[str]) -> list[Pieces]:
        encoded = self.tokenizer(texts, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
        pieces = zip(texts, encoded["input_ids"], encoded["offset_mapping"], strict=True)
        return [Pieces(ids, *_owners(text, places)) for text, ids, places in pieces]


def _owners(text: str, places: Sequence[tuple[int, int]]) -> tuple[list[int], list[int]]:
    """Return the first and the last word under each piece, given the pieces' places in the text.

    White space counts as the beginning of the word after it, as the pieces of XLM-R do.
    """
    owner: list[int] = []
    for number, (_, stop) in enumerate(word_spans(text)):
        owner += [number] * (stop - len(owner))
    return [owner[start] for start, _ in places], [owner[max(start, stop - 1)] for start, stop in places]
