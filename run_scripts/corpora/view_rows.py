"""What the views of all kinds of tasks share: rows with their augmented copies, and batches that hold both sides."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from transformers import PreTrainedTokenizerBase

from .collators import padded
from .pieces import EpochRows
from .views import Augmentation, WordPieces

Recall = Callable[[int, int], torch.Tensor]
"""From an epoch and the number of a copy to the teacher's logits for its predictions, `[N, C]`."""


FILLER = -1
"""The index of a row that is read, so that every process has a batch, and that nothing is learned from."""


class ViewRows(EpochRows):
    """Rows that know their index, the epoch, whether they are a copy to be augmented, and whether they are `counted`.

    With `doubled`, the copies stand behind the rows: row i and row `len(rows) + i` are of the same example.
    """

    def __init__(self, rows: Dataset, doubled: bool) -> None:
        super().__init__(rows)
        self.doubled = doubled

    def __len__(self) -> int:
        return len(self.rows) * (1 + self.doubled)

    def __getitem__(self, index: int) -> dict[str, Any]:
        if not FILLER <= index < len(self):
            raise IndexError(index)
        place, counted = max(index, 0), index != FILLER
        number, is_copy = place % len(self.rows), place >= len(self.rows)
        told = {"index": place, "number": number, "is_copy": is_copy, "epoch": self.epoch, "counted": counted}
        return {**self.rows[number], **told}

    @property
    def lengths(self) -> list[int]:
        """How many pieces each row usually has, for batches of like lengths."""
        return list(self.rows["length"]) * (1 + self.doubled)


class ViewCollator(ABC):
    """Batches for consistency training: B examples, then their B views, `input_ids` and `attention_mask` `[2B, L]`.

    Without a `view` they are the B examples alone, and R1 has nothing to compare. Of rows that are not counted there
    are no labels and no pairs.

    Predictions are named by their place among all that the Trainer makes of a batch: `labels` `[N]` at `places`, R1
    between `own` and `other` `[P]`, R2 between `taught` `[T]` and the `teacher`'s logits `[T, C]`. `noise` `[2B]` has
    the seeds of noise on embeddings, 0 for none. Draws depend on (seed, epoch, row) alone.
    """

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        view: Augmentation | None,
        copy: Augmentation | None,
        length: int,
        seed: int,
        recall: Recall | None = None,
    ) -> None:
        self.tokenizer, self.view, self.copy, self.length = tokenizer, view, copy, length
        self.seed, self.recall = seed, recall
        self.cut = WordPieces(tokenizer)

    @abstractmethod
    def __call__(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, torch.Tensor]:
        """Draw the views of rows of `ViewRows` and pad both sides together; pad rows for evaluation."""

    @abstractmethod
    def copies(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, torch.Tensor]:
        """Return the first sides alone, the `places` `[N]` that are taught, and how many a row has, `sizes` `[B]`."""

    def change(self, row: Mapping[str, Any]) -> Augmentation | None:
        """Return what is done to a row's first side, None for nothing."""
        return self.copy if row["is_copy"] else None

    def randoms(self, row: Mapping[str, Any]) -> tuple[np.random.Generator, np.random.Generator]:
        """Return what a row's first side is drawn with, and its view."""
        first, second = (np.random.default_rng((self.seed, row["epoch"], row["index"], side)) for side in (0, 1))
        return first, second

    def padded(self, ids: Sequence[Sequence[int]], noise: Sequence[int]) -> dict[str, torch.Tensor]:
        """Return the sides' ids as a batch, with the seeds of noise where a side has some."""
        batch = padded(ids, self.tokenizer.pad_token_id)
        return batch | ({"noise": torch.tensor(noise)} if any(noise) else {})

    def recalled(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, torch.Tensor]:
        """Return the `teacher`'s logits for the copies among the rows, one after the other, if there are any."""
        if self.recall is None:
            return {}
        found = [self.recall(row["epoch"], row["number"]) for row in rows if row["is_copy"]]
        return {"teacher": torch.cat(found)} if found else {}
