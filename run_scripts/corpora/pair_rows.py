"""Rows of pre-training: sentence pairs as one sequence of pieces each, and text and pairs side by side."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from datasets import Dataset
from torch.utils import data
from transformers import PreTrainedTokenizerBase

from xlzoo.run_scripts.errors import UserError

from .bitext import GOLD, Bitext, chosen_languages
from .pieces import EpochRows
from .sources import Source

SIDES = ("source", "target")
logger = logging.getLogger(__name__)


def translations(rows: Dataset, languages: Sequence[str], source: Source) -> Dataset:
    """Turn rows with a column `translation` into `{"source", "target"}` texts of two languages, in any spelling.

    By default of the first two. The phrasebook's words are set off by spaces, as its gold links count them. Raises
    UserError naming the row that lacks a text.
    """
    column = "tokens" if set(rows.column_names) >= GOLD else "translation"
    keys = chosen_languages(rows, languages, source)

    def split(batch: Mapping[str, list[Any]], places: Sequence[int]) -> dict[str, list[str]]:
        made: dict[str, list[str]] = {side: [] for side in SIDES}
        for place, found in zip(places, batch[column], strict=True):
            for side, key in zip(SIDES, keys, strict=True):
                text = (found or {}).get(key)
                text = " ".join(text) if isinstance(text, list) else text
                if not isinstance(text, str):
                    raise UserError(f"Row {place} of {source} has no text in {key}, but {text!r}; correct the data.")
                made[side].append(text)
        return made

    return rows.map(split, batched=True, with_indices=True, remove_columns=rows.column_names, desc="Reading pairs")


def read_bitext(bitext: Bitext) -> Dataset:
    """Read the sentence pairs of files into `{"source", "target"}` rows."""
    sides: dict[str, list[str]] = {side: [] for side in SIDES}
    for pair in bitext():
        sides["source"].append(str(pair.source))
        sides["target"].append(str(pair.target))
    return Dataset.from_dict(sides)


def as_pairs(rows: Dataset, tokenizer: PreTrainedTokenizerBase, length: int) -> Dataset:
    """Turn `{"source", "target"}` rows into `{"input_ids", "sides"}`: `<s> source </s> target </s>` and 0 1.. 0 2.. 0.

    Pairs of more than `length` pieces, or with an empty side, are left out, and their number is logged. Raises
    UserError if none is left.
    """
    begin, end = tokenizer.cls_token_id, tokenizer.sep_token_id

    def join(batch: Mapping[str, list[str]]) -> dict[str, list[list[int]]]:
        encoded = (tokenizer(batch[side], add_special_tokens=False, verbose=False)["input_ids"] for side in SIDES)
        made: dict[str, list[list[int]]] = {"input_ids": [], "sides": []}
        for source, target in zip(*encoded, strict=True):
            if source and target and len(source) + len(target) + 3 <= length:
                made["input_ids"].append([begin, *source, end, *target, end])
                made["sides"].append([0, *[1] * len(source), 0, *[2] * len(target), 0])
        return made

    made = rows.map(join, batched=True, remove_columns=rows.column_names, desc="Joining pairs")
    if not len(made):
        raise UserError(
            f"None of the {len(rows)} sentence pairs has pieces on both sides and at most {length} of them together; "
            "give other pairs, or a larger --max_seq_length."
        )
    if len(made) < len(rows):
        logger.info(
            "%d of %d pairs left out: empty or of more than %d pieces", len(rows) - len(made), len(rows), length
        )
    return made


class MixedRows(data.Dataset):
    """Text and pairs side by side, `{"text": row, "pair": row}`, for batches with as many rows of each.

    An epoch is as long as the longer of them; of the other one rows come again, from another beginning in each epoch,
    so that a text need not go with its own translation. Rows know their epoch and an index that no other row of that
    epoch has, so that a collator can draw by them.
    """

    def __init__(self, text: EpochRows | None, pairs: EpochRows | None, seed: int) -> None:
        self.parts = {name: rows for name, rows in (("text", text), ("pair", pairs)) if rows is not None}
        self.longest = max(self.parts, key=lambda name: len(self.parts[name]))
        self.seed = seed

    def start(self, epoch: int) -> None:
        """Set the epoch, from 0, that the following rows report."""
        for rows in self.parts.values():
            rows.start(epoch)

    def __len__(self) -> int:
        return len(self.parts[self.longest])

    def __getitem__(self, index: int) -> dict[str, Any]:
        mixed = {}
        for number, (name, rows) in enumerate(self.parts.items()):
            row = rows[index if name == self.longest else (index + self._beginning(rows)) % len(rows)]
            mixed[name] = {**row, "index": len(self.parts) * index + number}
        return mixed

    def _beginning(self, rows: EpochRows) -> int:
        return int(np.random.default_rng((self.seed, rows.epoch)).integers(len(rows)))
