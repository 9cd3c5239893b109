"""What a Backpack accepts, and what follows from it: positions, packed documents, distinct words."""

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.functional import embedding
from transformers.cache_utils import Cache


@dataclass(frozen=True)
class Words:
    """The words of a batch: `embeddings` `[N, D]` and, if known, N `ids`.

    `rows` `[B, L]` says which of the N stands where; None: there are B * L, one for each position in turn.
    """

    ids: torch.Tensor | None
    embeddings: torch.Tensor
    rows: torch.Tensor | None

    def placed(self, batch: int) -> torch.Tensor:
        """Return the embedding at each position, `[B, L, D]`."""
        if self.rows is None:
            return self.embeddings.unflatten(0, (batch, -1))
        return embedding(self.rows, self.embeddings)


def words_of(
    input_ids: torch.Tensor | None, inputs_embeds: torch.Tensor | None, embeddings: nn.Module, apart: bool
) -> Words:
    """Return the batch's distinct words, or every position's own if they are to be kept `apart`."""
    if input_ids is None:
        return Words(None, inputs_embeds.flatten(0, 1), None)
    if apart:
        return Words(input_ids.flatten(), embeddings(input_ids).flatten(0, 1), None)
    ids, rows = torch.unique(input_ids, return_inverse=True)
    return Words(ids, embeddings(ids), rows.view(input_ids.shape))


def positions(attention_mask: torch.Tensor, length: int) -> torch.Tensor:
    """Return the position ids `[B, length]` of the last tokens of a mask `[B, T]`: real tokens count from 0."""
    return (attention_mask.long().cumsum(dim=-1) - 1).clamp(min=0)[:, -length:]


def places(
    given: torch.Tensor | None, attention_mask: torch.Tensor | None, length: int, alone: bool
) -> tuple[torch.Tensor | None, torch.Tensor | None]:
    """Return the position ids and the packed documents, where the ids `given` say which; see `BackpackGPT2Model`.

    `alone` means that there is no cache.
    """
    if attention_mask is not None:
        return (positions(attention_mask, length) if given is None else given), None
    return given, packed_documents(given) if alone and given is not None else None


def packed_documents(position_ids: torch.Tensor) -> torch.Tensor:
    """Number the documents of rows whose position ids `[B, L]` start again with each document."""
    return (position_ids.diff(dim=-1, prepend=position_ids[:, :1] - 1) != 1).cumsum(dim=-1)


def next_tokens(labels: torch.Tensor, attention_mask: torch.Tensor | None) -> torch.Tensor:
    """Return what each position but the last is to predict, `[B, L - 1]`: -100, nothing, where it is padding."""
    targets = labels[:, 1:]
    if attention_mask is None:
        return targets
    return targets.masked_fill(attention_mask[:, -labels.shape[1] : -1].to(labels.device) == 0, -100)


def check_inputs(
    input_ids: torch.Tensor | None,
    inputs_embeds: torch.Tensor | None,
    attention_mask: torch.Tensor | None,
    cache: Cache | None,
    n_positions: int,
) -> torch.Tensor:
    """Return ids or embeddings, whichever are given, and refuse what cannot be computed.

    Raises:
        ValueError: not exactly one of ids and embeddings, a mask of another shape, or more tokens than positions.
        NotImplementedError: a static cache.
    """
    given = inputs_embeds if input_ids is None else input_ids
    if given is None or (input_ids is not None and inputs_embeds is not None):
        raise ValueError("A Backpack reads either input_ids or inputs_embeds; give exactly one of them.")
    if cache is not None and cache.is_compileable:
        raise NotImplementedError("A static cache has no room for senses; use a DynamicCache, the default.")
    total = given.shape[1] + (0 if cache is None else cache.get_seq_length())
    if attention_mask is not None and tuple(attention_mask.shape) != (len(given), total):
        raise ValueError(
            f"attention_mask has shape {tuple(attention_mask.shape)}; it must cover the cached and the new tokens of "
            f"each row, {(len(given), total)}."
        )
    if attention_mask is None and total > n_positions:
        raise ValueError(f"The text has {total} tokens, but the model only {n_positions} positions; cut it.")
    return given
