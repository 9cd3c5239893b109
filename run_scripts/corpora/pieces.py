"""From rows to token ids: text as lines or blocks, tagged words as windows that lose no word."""

from collections.abc import Sequence
from itertools import chain
from typing import Any

from datasets import Dataset
from torch.utils import data
from transformers import PreTrainedTokenizerBase

IGNORED = -100


def as_lines(rows: Dataset, tokenizer: PreTrainedTokenizerBase, length: int) -> Dataset:
    """Turn `{"text"}` rows into `{"input_ids"}`, one row per line; longer lines go on in further rows."""

    def split(batch: dict[str, list[str]]) -> dict[str, Any]:
        encoded = tokenizer(
            batch["text"], truncation=True, max_length=length, return_overflowing_tokens=True, return_attention_mask=False
        )
        return {"input_ids": encoded["input_ids"]}

    return rows.map(split, batched=True, remove_columns=rows.column_names, desc="Reading lines")


def as_blocks(rows: Dataset, tokenizer: PreTrainedTokenizerBase, length: int) -> Dataset:
    """Turn `{"text"}` rows into `{"input_ids"}` blocks of `length`; every thousand lines are joined, and end in a rest."""
    inner = length - tokenizer.num_special_tokens_to_add()

    def join(batch: dict[str, list[str]]) -> dict[str, Any]:
        ids = list(chain.from_iterable(tokenizer(batch["text"], add_special_tokens=False)["input_ids"]))
        return {"input_ids": [_framed(ids[i : i + inner], tokenizer) for i in range(0, len(ids), inner)]}

    return rows.map(join, batched=True, remove_columns=rows.column_names, desc="Joining lines")


def as_windows(
    rows: Dataset, tokenizer: PreTrainedTokenizerBase, labels: Sequence[str], column: str, length: int
) -> Dataset:
    """Turn `{"tokens", column}` rows of label strings into `{"input_ids", "labels", "sentence"}`.

    A word's label stands on its first piece, -100 elsewhere. A sentence that is too long for `length` goes on in
    further windows of whole words, with the same `sentence` number, so that every word is labelled exactly once.
    """
    ids = {label: number for number, label in enumerate(labels)}
    inner = length - tokenizer.num_special_tokens_to_add()
    unknown = [tokenizer.unk_token_id]

    def label(batch: dict[str, list[Any]], indices: list[int]) -> dict[str, Any]:
        result: dict[str, list[Any]] = {"input_ids": [], "labels": [], "sentence": []}
        for index, words, tags in zip(indices, batch["tokens"], batch[column], strict=True):
            encoded = tokenizer([f"{word} " for word in words], add_special_tokens=False)["input_ids"] if words else []
            # A word without any piece, a lone control character say, still needs a place for its label.
            pieces = [(piece or unknown)[:inner] for piece in encoded]
            for start, stop in _windows([len(piece) for piece in pieces], inner):
                flat = list(chain.from_iterable(pieces[start:stop]))
                marks = [
                    [ids[tag], *[IGNORED] * (len(piece) - 1)]
                    for piece, tag in zip(pieces[start:stop], tags[start:stop], strict=True)
                ]
                result["input_ids"].append(_framed(flat, tokenizer))
                result["labels"].append([IGNORED, *chain.from_iterable(marks), IGNORED])
                result["sentence"].append(index)
        return result

    return rows.map(label, batched=True, with_indices=True, remove_columns=rows.column_names, desc="Labelling words")


def _framed(ids: Sequence[int], tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """Put XLM-R's `<s>` and `</s>` around the ids."""
    return [tokenizer.cls_token_id, *ids, tokenizer.sep_token_id]


def _windows(sizes: Sequence[int], room: int) -> list[tuple[int, int]]:
    """Cut words of the given sizes into consecutive (start, stop) ranges that fit the room."""
    windows, start, used = [], 0, 0
    for stop, size in enumerate(sizes):
        if used + size > room:
            windows.append((start, stop))
            start, used = stop, 0
        used += size
    return [*windows, (start, len(sizes))] if sizes else windows


class EpochRows(data.Dataset):
    """Rows that know their index and the epoch, so that a collator can draw by them and a resumed run draws the same.

    The Trainer calls `set_epoch`. Fixed rows, for evaluation, leave the epoch at 0.
    """

    def __init__(self, rows: Dataset) -> None:
        self.rows = rows
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch that the following rows report."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return {**self.rows[index], "index": index, "epoch": self.epoch}
