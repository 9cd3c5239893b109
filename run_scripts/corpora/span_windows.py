"""Questions on passages as encoders read them: windows of a passage, and where in them an answer begins and ends.

XLM-R's `<s> question </s></s> piece of the passage </s>`. As in BERT's and xTune's programs a window begins every
`stride` pieces, and one that lacks the answer has it on its `<s>`. Words are what spaces set off; they are cut into
pieces one by one, so that examples, their views and what is evaluated are cut alike.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from datasets import Dataset
from torch.utils import data
from transformers import PreTrainedTokenizerBase

from xlzoo.run_scripts.errors import UserError

from .collators import pad, padded

WORD = re.compile(r"\S+")
FRAME = 4
"""Special tokens of a window: `<s>`, `</s></s>`, `</s>`."""
MOST_WORDS = 200_000
"""Words that are kept with their pieces."""


@dataclass(frozen=True)
class WindowSizes:
    """The most pieces of a window and of the question in it, and how far the next window begins behind the last."""

    length: int = 384
    stride: int = 128
    question: int = 64

    def __post_init__(self) -> None:
        if self.stride > (least := self.length - self.question - FRAME):
            raise UserError(
                f"Windows of {self.length} pieces with {self.question} of a question hold {least} of a passage, and "
                f"one begins every {self.stride}: some would be in none; give a smaller --doc_stride or "
                "--max_query_length, or a larger --max_seq_length."
            )

    def of_passage(self, pieces: int, question: int) -> list[tuple[int, int]]:
        """Return the windows (first piece, the one behind the last) of a passage beside a question of so many."""
        room = self.length - question - FRAME
        last = max(0, -(-(pieces - room) // self.stride))
        return [(i * self.stride, min(i * self.stride + room, pieces)) for i in range(last + 1)]


class CutWord(NamedTuple):
    """A word's pieces, and the characters of the word from which and up to which each one stands."""

    ids: Sequence[int]
    begins: Sequence[int]
    ends: Sequence[int]


class LocatedPieces:
    """A tokenizer's usual pieces of words with their places, remembered word by word."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self.tokenizer = tokenizer
        self.known: dict[str, CutWord] = {}

    def __call__(self, words: Sequence[str]) -> list[CutWord]:
        """Return each word's pieces; a word without any, a lone control character say, is one unknown piece."""
        new = list(dict.fromkeys(word for word in words if word not in self.known))
        made = dict(zip(new, self._cut(new), strict=True)) if new else {}
        if len(self.known) < MOST_WORDS:
            self.known |= made
        return [self.known.get(word) or made[word] for word in words]

    def _cut(self, words: list[str]) -> Iterator[CutWord]:
        options: dict[str, Any] = {"is_split_into_words": True, "add_special_tokens": False, "verbose": False}
        encoded = self.tokenizer(words, return_offsets_mapping=True, **options)
        found: list[list[tuple[int, int, int]]] = [[] for _ in words]
        parts = zip(encoded.word_ids(), encoded["input_ids"], encoded["offset_mapping"], strict=True)
        for place, piece, (begin, end) in parts:
            found[place].append((piece, begin, end))
        unknown = int(self.tokenizer.unk_token_id)
        for word, pieces in zip(words, found, strict=True):
            yield CutWord(*map(list, zip(*(pieces or [(unknown, 0, len(word))]), strict=True)))


@dataclass(frozen=True)
class Passage:
    """A text's words and pieces: of every piece its word's number, its number in the word, and its characters."""

    words: list[str]
    sizes: list[int]
    ids: list[int]
    word_of: list[int]
    piece_of: list[int]
    begins: list[int]
    ends: list[int]

    def span(self, start: int, stop: int) -> tuple[int, int]:
        """Return the first and the last piece with one of the characters from `start` to before `stop`."""
        first, last = bisect_right(self.ends, start), bisect_left(self.begins, stop) - 1
        return first, max(first, last)


def cut_passage(text: str, cut: LocatedPieces) -> Passage:
    """Cut a text into words and these into pieces."""
    found = list(WORD.finditer(text))
    words = [word[0] for word in found]
    cuts = cut(words)
    passage = Passage(words, [len(pieces.ids) for pieces in cuts], [], [], [], [], [])
    for number, (word, pieces) in enumerate(zip(found, cuts, strict=True)):
        passage.ids.extend(pieces.ids)
        passage.word_of.extend([number] * len(pieces.ids))
        passage.piece_of.extend(range(len(pieces.ids)))
        passage.begins.extend(word.start() + begin for begin in pieces.begins)
        passage.ends.extend(word.start() + end for end in pieces.ends)
    return passage


def as_span_rows(rows: Dataset, tokenizer: PreTrainedTokenizerBase, sizes: WindowSizes) -> Dataset:
    """Turn rows of `with_answers` into windows of words, of which views can be made.

    `passage` are the words of the row's `window`, counted from 0. Of the first one `front` pieces are in another
    window, of the last one the first `kept` are here. `answer` is empty, or the number of the first word of the
    answer, of the first piece in it, and likewise of the last ones. Words that hold an end of the answer or of the
    window inside them are `fixed`.
    """
    cut = LocatedPieces(tokenizer)

    def split(batch: Mapping[str, list[Any]]) -> dict[str, list[Any]]:
        made = [{"id": row["id"], **window} for row in _rows(batch) for window in word_windows(row, cut, sizes)]
        return {name: [window[name] for window in made] for name in made[0]}

    return rows.map(split, batched=True, remove_columns=rows.column_names, desc="Cutting passages")


def _rows(batch: Mapping[str, list[Any]]) -> Iterator[dict[str, Any]]:
    return (dict(zip(batch, values, strict=True)) for values in zip(*batch.values(), strict=True))


def word_windows(row: Mapping[str, Any], cut: LocatedPieces, sizes: WindowSizes) -> Iterator[dict[str, Any]]:
    """Yield the windows of one row as `as_span_rows` has them, but for the row's id."""
    passage, question = cut_passage(row["context"], cut), WORD.findall(row["question"])
    start, stop = row["start"], row["start"] + len(row["text"])
    first, last = passage.span(start, stop)
    ends = passage.word_of[first], passage.word_of[last]
    inside = {ends[0]} if passage.begins[first - passage.piece_of[first]] < start else set()
    inside |= {ends[1]} if passage.ends[last - passage.piece_of[last] + passage.sizes[ends[1]] - 1] > stop else set()
    asked = min(sum(len(pieces.ids) for pieces in cut(question)), sizes.question)
    for number, (begin, end) in enumerate(sizes.of_passage(len(passage.ids), asked)):
        words = passage.word_of[begin], passage.word_of[end - 1]
        front, kept = passage.piece_of[begin], passage.piece_of[end - 1] + 1
        fixed = inside | ({words[0]} if front else set()) | ({words[1]} if kept < passage.sizes[words[1]] else set())
        answer = [ends[0] - words[0], passage.piece_of[first], ends[1] - words[0], passage.piece_of[last]]
        yield {
            "window": number,
            "question": question,
            "passage": passage.words[words[0] : words[1] + 1],
            "front": front,
            "kept": kept,
            "answer": answer if begin <= first and last < end else [],
            "fixed": sorted(word - words[0] for word in fixed if words[0] <= word <= words[1]),
            "length": asked + FRAME + end - begin,
        }


class AskedWindows(data.Dataset):
    """Windows for evaluation, and the `questions` that they are of, one row each."""

    def __init__(self, windows: Dataset, questions: Dataset) -> None:
        self.windows, self.questions = windows, questions

    def __len__(self) -> int:
        return len(self.windows)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return self.windows[index]


def as_asked_windows(rows: Dataset, tokenizer: PreTrainedTokenizerBase, sizes: WindowSizes) -> AskedWindows:
    """Turn rows of `with_answers` into windows `{"input_ids", "begins", "ends", "positions", "place"}`.

    `begins` and `ends` are the characters of the passage at which its pieces stand, -1 for all other tokens,
    `positions` the answer's first and last token, 0 where it is elsewhere, and `place` the question's number.
    """
    cut = LocatedPieces(tokenizer)

    def split(batch: Mapping[str, list[Any]], numbers: list[int]) -> dict[str, list[Any]]:
        made = [
            {"place": number, **window}
            for number, row in zip(numbers, _rows(batch), strict=True)
            for window in _piece_windows(row, cut, tokenizer, sizes)
        ]
        return {name: [window[name] for window in made] for name in made[0]}

    made = rows.map(split, batched=True, with_indices=True, remove_columns=rows.column_names, desc="Cutting passages")
    return AskedWindows(made, rows)


def _piece_windows(
    row: Mapping[str, Any], cut: LocatedPieces, tokenizer: PreTrainedTokenizerBase, sizes: WindowSizes
) -> Iterator[dict[str, Any]]:
    passage = cut_passage(row["context"], cut)
    first, last = passage.span(row["start"], row["start"] + len(row["text"]))
    question = cut_passage(row["question"], cut).ids[: sizes.question]
    head = len(question) + FRAME - 1
    for begin, end in sizes.of_passage(len(passage.ids), len(question)):
        survives = begin <= first and last < end
        yield {
            "input_ids": framed_pair(question, passage.ids[begin:end], tokenizer),
            "begins": [-1] * head + passage.begins[begin:end] + [-1],
            "ends": [-1] * head + passage.ends[begin:end] + [-1],
            "positions": [head + first - begin, head + last - begin] if survives else [0, 0],
        }


def framed_pair(question: Sequence[int], passage: Sequence[int], tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """Put XLM-R's special tokens around the pieces of both."""
    begin, end = tokenizer.cls_token_id, tokenizer.sep_token_id
    return [begin, *question, end, end, *passage, end]


class AskedCollator:
    """Batches of `AskedWindows`: `input_ids`, `attention_mask`, `begins` and `ends` `[B, L]`, `positions` `[B, 2]`.

    And `place` `[B]`.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self.pad = tokenizer.pad_token_id

    def __call__(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, torch.Tensor]:
        """Pad the rows."""
        batch = padded([row["input_ids"] for row in rows], self.pad)
        for name in ("begins", "ends"):
            batch[name] = pad([row[name] for row in rows], -1)
        return batch | {name: torch.tensor([row[name] for row in rows]) for name in ("positions", "place")}
