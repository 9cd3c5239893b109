"""Who may see whom, how much weight each sense gets, and the weighted sum of senses, without per-sense products.

Notation: B rows, L queries, T keys, K senses, D dimensions, N distinct words. A batch's senses are stored per distinct
word, `vectors` `[N, K, D]`, with `rows` `[B, T]` saying which word stands where.
"""

import torch
from torch import nn


def visible(
    queries: int, keys: int, attention_mask: torch.Tensor | None, documents: torch.Tensor | None, device: torch.device
) -> torch.Tensor | None:
    """Return who sees whom, `[B or 1, L, T]`, or None if everyone sees everyone.

    A position sees itself and what is to its left, without padding (`attention_mask` `[B, T]` is 0 there) and within
    its own packed document (`documents` `[B, T]` numbers them). Padding may see nothing: its weights are all equal.
    """
    if queries == 1 and attention_mask is None and documents is None:
        return None
    behind = torch.arange(keys - queries, keys, device=device)[:, None] - torch.arange(keys, device=device)[None]
    allowed = (behind >= 0)[None]
    if attention_mask is not None:
        allowed = allowed & attention_mask[:, None, :].bool()
    if documents is not None:
        allowed = allowed & (documents[:, -queries:, None] == documents[:, None, :])
    return allowed


def contextualize(queries: torch.Tensor, keys: torch.Tensor, allowed: torch.Tensor | None) -> torch.Tensor:
    """Return the weights over the keys that are seen, which sum to one over T: `[B, K, L, T]`, or `[B, L, T]`.

    `queries` and `keys` are those of all senses, `[B, K, L or T, D // K]`, or of one, without the second dimension.
    """
    scores = (queries * queries.shape[-1] ** -0.5) @ keys.transpose(-1, -2)
    if allowed is not None:
        allowed = allowed if scores.dim() == allowed.dim() else allowed[:, None]
        scores = scores.masked_fill(~allowed, torch.finfo(scores.dtype).min)
    return scores.softmax(dim=-1)


def mix(weights: torch.Tensor, vectors: torch.Tensor, rows: torch.Tensor | None) -> torch.Tensor:
    """Return `[B, L, D]`: the sum over keys and senses of `weights` `[B, K, L, T]` times senses.

    `rows` None means that `vectors` `[B * T, K, D]` are already in the order of the positions.
    """
    weights = weights.to(vectors.dtype)
    if rows is None:
        return _folded(weights, vectors)
    if torch.is_grad_enabled():
        return _folded(weights, nn.functional.embedding(rows.flatten(), vectors.flatten(1)))
    return _one_step(weights, vectors, rows) if weights.shape[2] == 1 else _by_sense(weights, vectors, rows)


def _folded(weights: torch.Tensor, senses: torch.Tensor) -> torch.Tensor:
    """One product whose inner dimension runs over keys and senses."""
    batch, count, queries, keys = weights.shape
    weights = weights.permute(0, 2, 3, 1).reshape(batch, queries, keys * count)
    return weights @ senses.reshape(batch, keys * count, -1)


def _one_step(weights: torch.Tensor, vectors: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    """A decoding step: the weights are added up per distinct word, so that no sense vector is copied."""
    batch, count, _, _ = weights.shape
    total = weights.new_zeros(batch, count, len(vectors))
    total.scatter_add_(2, rows[:, None].expand(-1, count, -1), weights[:, :, 0])
    return (total.transpose(1, 2).flatten(1) @ vectors.flatten(0, 1)).unsqueeze(1)


def _by_sense(weights: torch.Tensor, vectors: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    """Many queries: one sense of every position at a time."""
    result = weights.new_zeros(len(weights), weights.shape[2], vectors.shape[-1])
    for sense in range(weights.shape[1]):
        result += weights[:, sense] @ nn.functional.embedding(rows, vectors[:, sense])
    return result
