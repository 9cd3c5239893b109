"""From rows to token ids: text as lines or blocks, tagged words as windows that lose no word."""

from collections.abc import Sequence
from itertools import chain
from typing import Any

import torch
from datasets import Dataset
from torch.utils import data
from transformers import PreTrainedTokenizerBase

IGNORED = -100


def as_lines(rows: Dataset, tokenizer: PreTrainedTokenizerBase, length: int) -> Dataset:
    """Turn `{"text"}` rows into `{"input_ids"}`, one row per line with a piece; longer ones go on in further rows."""
    frame = tokenizer.num_special_tokens_to_add()

    def split(batch: dict[str, list[str]]) -> dict[str, Any]:
        encoded = tokenizer(batch["text"], truncation=True, max_length=length, return_overflowing_tokens=True)
        return {"input_ids": [ids for ids in encoded["input_ids"] if len(ids) > frame]}

    return rows.map(split, batched=True, remove_columns=rows.column_names, desc="Reading lines")


def as_blocks(rows: Dataset, tokenizer: PreTrainedTokenizerBase, length: int) -> Dataset:
    """Turn `{"text"}` rows into `{"input_ids"}` blocks of `length`; each thousand lines joined, the rest shorter."""
    inner = length - tokenizer.num_special_tokens_to_add()

    def join(batch: dict[str, list[str]]) -> dict[str, Any]:
        ids = list(chain.from_iterable(tokenizer(batch["text"], add_special_tokens=False)["input_ids"]))
        return {"input_ids": [framed(ids[i : i + inner], tokenizer) for i in range(0, len(ids), inner)]}

    return rows.map(join, batched=True, remove_columns=rows.column_names, desc="Joining lines")


def as_windows(
    rows: Dataset, tokenizer: PreTrainedTokenizerBase, labels: Sequence[str], column: str, length: int
) -> Dataset:
    """Turn `{"tokens", column}` rows of label strings into `{"input_ids", "labels", "place"}`.

    A word's label stands on its first piece, -100 elsewhere. A sentence that is too long for `length` goes on in
    further windows of whole words, so that every word is labelled exactly once; `place` is the sentence's number and
    the window's number in it.
    """
    ids = {label: number for number, label in enumerate(labels)}
    room = length - tokenizer.num_special_tokens_to_add()

    def label(batch: dict[str, list[Any]], indices: list[int]) -> dict[str, Any]:
        encoded = tokenizer(batch["tokens"], is_split_into_words=True, add_special_tokens=False)
        result: dict[str, list[Any]] = {"input_ids": [], "labels": [], "place": []}
        for row, (index, tags) in enumerate(zip(indices, batch[column], strict=True)):
            # A word without any piece, a lone control character say, still needs a place for its label.
            words: list[list[int]] = [[] for _ in tags]
            for piece, word in zip(encoded["input_ids"][row], encoded.word_ids(row), strict=True):
                words[word].append(piece)
            words = [pieces[:room] or [tokenizer.unk_token_id] for pieces in words]
            for number, (start, stop) in enumerate(windows([len(pieces) for pieces in words], room)):
                inside = list(zip(words[start:stop], tags[start:stop], strict=True))
                marks = [[ids[tag], *[IGNORED] * (len(pieces) - 1)] for pieces, tag in inside]
                result["input_ids"].append(framed(list(chain.from_iterable(words[start:stop])), tokenizer))
                result["labels"].append([IGNORED, *chain.from_iterable(marks), IGNORED])
                result["place"].append([index, number])
        return result

    return rows.map(label, batched=True, with_indices=True, remove_columns=rows.column_names, desc="Labelling words")


def framed(ids: Sequence[int], tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """Put XLM-R's `<s>` and `</s>` around the ids."""
    return [tokenizer.cls_token_id, *ids, tokenizer.sep_token_id]


def windows(sizes: Sequence[int], room: int) -> list[tuple[int, int]]:
    """Cut words of the given sizes into consecutive (start, stop) ranges that fit the room."""
    ranges, start, used = [], 0, 0
    for stop, size in enumerate(sizes):
        if used + size > room:
            ranges.append((start, stop))
            start, used = stop, 0
        used += size
    return [*ranges, (start, len(sizes))] if sizes else ranges


class EpochRows(data.Dataset):
    """Rows that know their index and the epoch, so that a collator can draw by them and a resumed run draws the same.

    Rows for evaluation stay in epoch 0.
    """

    def __init__(self, rows: Dataset) -> None:
        self.rows = rows
        # In shared memory, for a data loader's workers may live longer than an epoch.
        self._epoch = torch.zeros((), dtype=torch.int64).share_memory_()

    def start(self, epoch: int) -> None:
        """Set the epoch, from 0, that the following rows report."""
        self._epoch.fill_(epoch)

    @property
    def epoch(self) -> int:
        """The epoch that the rows report."""
        return int(self._epoch)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return {**self.rows[index], "index": index, "epoch": self.epoch}
