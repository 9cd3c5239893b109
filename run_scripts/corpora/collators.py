"""From rows to padded batches."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from transformers import PreTrainedTokenizerBase

from .pieces import IGNORED


def pad(sequences: Sequence[Sequence[int] | np.ndarray], value: int, multiple: int = 8) -> torch.Tensor:
    """Pad sequences on the right to one tensor `[B, L]`, L a multiple of `multiple`."""
    longest = max(len(sequence) for sequence in sequences)
    batch = torch.full((len(sequences), -(-longest // multiple) * multiple), value)
    for row, sequence in enumerate(sequences):
        batch[row, : len(sequence)] = torch.as_tensor(sequence)
    return batch


def padded(
    sequences: Sequence[Sequence[int] | np.ndarray], pad_token_id: int, multiple: int = 8
) -> dict[str, torch.Tensor]:
    """Return `input_ids` and `attention_mask`, both `[B, L]`."""
    input_ids = pad(sequences, pad_token_id, multiple)
    lengths = torch.tensor([len(sequence) for sequence in sequences])
    return {
        "input_ids": input_ids,
        "attention_mask": (torch.arange(input_ids.shape[1]) < lengths[:, None]).long(),
    }


class MaskingCollator:
    """Batches for masked LM: of each chosen token 80 % become the mask, 10 % a random token, 10 % stay (BERT).

    The draw depends on the seed, the row's index and the epoch alone: neither workers, nor batch order, nor an
    interruption change it. Rows come from `EpochRows`.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, probability: float, seed: int) -> None:
        self.probability, self.seed = probability, seed
        self.mask, self.pad, self.vocabulary = tokenizer.mask_token_id, tokenizer.pad_token_id, len(tokenizer)
        self.special = np.array(sorted(set(tokenizer.all_special_ids)))

    def __call__(self, rows: Sequence[dict[str, Any]]) -> dict[str, torch.Tensor]:
        """Return `input_ids`, `attention_mask` and `labels` (-100 where nothing is to be predicted), all `[B, L]`."""
        masked = [self._mask(row) for row in rows]
        batch = padded([ids for ids, _ in masked], self.pad)
        batch["labels"] = pad([labels for _, labels in masked], IGNORED)
        return batch

    def _mask(self, row: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
        ids = np.array(row["input_ids"])
        random = np.random.default_rng((self.seed, row["epoch"], row["index"]))
        chance, fate = random.random((2, len(ids)))
        other = random.integers(self.vocabulary, size=len(ids))
        chosen = (chance < self.probability) & ~np.isin(ids, self.special)
        labels = np.where(chosen, ids, IGNORED)
        masked = np.where(chosen & (fate < 0.8), self.mask, ids)
        return np.where(chosen & (fate >= 0.9), other, masked), labels


class TaggingCollator:
    """Batches for token classification: `input_ids`, `attention_mask` and `labels`, all `[B, L]`."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self.pad = tokenizer.pad_token_id

    def __call__(self, rows: Sequence[dict[str, Any]]) -> dict[str, torch.Tensor]:
        """Pad the rows; -100 marks what has no label. Rows for evaluation also have their `place`, `[B, 2]`."""
        batch = padded([row["input_ids"] for row in rows], self.pad)
        batch["labels"] = pad([row["labels"] for row in rows], IGNORED)
        if "place" in rows[0]:
            batch["place"] = torch.tensor([row["place"] for row in rows])
        return batch
