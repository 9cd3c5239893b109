"""From rows to padded batches."""

from collections.abc import Mapping, Sequence
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

    def __call__(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, torch.Tensor]:
        """Return `input_ids`, `attention_mask` and `labels` (-100 where nothing is to be predicted), all `[B, L]`."""
        masked = [self.masked(row) for row in rows]
        batch = padded([ids for ids, _ in masked], self.pad)
        batch["labels"] = pad([labels for _, labels in masked], IGNORED)
        return batch

    def masked(self, row: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray]:
        """Return a row's masked ids and its labels."""
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


class LabelCollator:
    """Batches for classification: `input_ids` and `attention_mask` `[B, L]`, and `labels` `[B]`."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self.pad = tokenizer.pad_token_id

    def __call__(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, torch.Tensor]:
        """Pad the rows."""
        batch = padded([row["input_ids"] for row in rows], self.pad)
        batch["labels"] = torch.tensor([row["labels"] for row in rows])
        return batch


class PreTrainingCollator:
    """Batches for pre-training, of the rows of `MixedRows`; masks are drawn as `MaskingCollator` draws them.

    Text gives `input_ids`, `attention_mask` and `labels`, all `[B, L]`, pairs give `pairs`: the same and `sides`
    `[P, M]`, and for the contrast also `sources` and `targets`, each sentence of the whole pairs alone.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, probability: float, seed: int, contrast: bool) -> None:
        self.masking = MaskingCollator(tokenizer, probability, seed)
        self.frame = tokenizer.cls_token_id, tokenizer.sep_token_id
        self.contrast = contrast

    def __call__(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Mask and pad the rows."""
        batch: dict[str, Any] = self.masking([row["text"] for row in rows]) if "text" in rows[0] else {}
        if "pair" in rows[0]:
            pairs = [row["pair"] for row in rows]
            batch["pairs"] = {**self.masking(pairs), "sides": pad([pair["sides"] for pair in pairs], 0)}
            if self.contrast:
                batch |= {"sources": self._alone(pairs, 1), "targets": self._alone(pairs, 2)}
        return batch

    def _alone(self, pairs: Sequence[Mapping[str, Any]], side: int) -> dict[str, torch.Tensor]:
        begin, end = self.frame
        chosen = [np.array(pair["input_ids"])[np.array(pair["sides"]) == side] for pair in pairs]
        return padded([[begin, *ids, end] for ids in chosen], self.masking.pad)
