"""Training: attention weights, last projection and weighted sum of the senses as one operation, sense by sense.

The plain formulation holds the senses in two layouts, the per-sense products and the gradients of both, each
`[B, K, L, D]`, and the weights `[B, K, L, L]`. Here the senses are held once, or, if they are to be recomputed, not at
all, and the weights of one sense at a time.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch.autograd.function import once_differentiable
from torch.nn.functional import embedding

from .sense_attention import contextualize


@dataclass
class _Senses:
    """The senses of N words, one at a time; `stored` and `kept` (the dropout mask) are `[N, K * D]`."""

    count: int
    features: torch.Tensor
    projection: torch.Tensor
    bias: torch.Tensor
    rows: torch.Tensor | None
    stored: torch.Tensor | None
    kept: torch.Tensor | None
    drop: float

    def columns(self, sense: int) -> slice:
        """Return the columns of the projection that make this sense."""
        width = len(self.bias) // self.count
        return slice(sense * width, (sense + 1) * width)

    def dropped(self, senses: torch.Tensor, part: slice) -> torch.Tensor:
        """Apply the dropout mask of those columns, which is its own derivative."""
        return senses if self.kept is None else senses * self.kept[:, part] / (1 - self.drop)

    def make(self, part: slice) -> torch.Tensor:
        """Return those columns of the senses, `[N, columns]`."""
        return self.dropped(torch.addmm(self.bias[part], self.features, self.projection[:, part]), part)

    def placed(self, sense: int, batch: int) -> torch.Tensor:
        """Return one sense of every position, `[B, T, D]`."""
        part = self.columns(sense)
        words = self.make(part) if self.stored is None else self.stored[:, part]
        return words.unflatten(0, (batch, -1)) if self.rows is None else embedding(self.rows, words)

    def collected(self, gradient: torch.Tensor, sense: int) -> torch.Tensor:
        """Return the gradient of one sense of every word, `[N, D]`, from that of every position, `[B, T, D]`."""
        gradient = gradient.flatten(0, 1)
        if self.rows is not None:
            total = gradient.new_zeros(len(self.features), gradient.shape[1], dtype=_wide(gradient))
            gradient = total.index_add_(0, self.rows.flatten(), gradient.to(total.dtype)).to(gradient.dtype)
        return self.dropped(gradient, self.columns(sense))


def _wide(like: torch.Tensor) -> torch.dtype:
    """Return the dtype to add up in."""
    return torch.promote_types(like.dtype, torch.float32)


class SenseMixture(torch.autograd.Function):
    """What `mix(contextualize(queries, keys, allowed), senses, rows)` is, `[B, L, D]`; all tensors of one dtype.

    The senses are `features @ projection + bias`, `[N, K * D]`, of N words, of which `rows` `[B, T]` says which stands
    where (None: N = B * T, in order); `drop` is the probability of the dropout on them, less than 1. With `recompute`
    the backward pass makes the senses again instead of keeping them.
    """

    @staticmethod
    def forward(
        ctx: Any,
        queries: torch.Tensor,
        keys: torch.Tensor,
        allowed: torch.Tensor | None,
        features: torch.Tensor,
        projection: torch.Tensor,
        bias: torch.Tensor,
        rows: torch.Tensor | None,
        drop: float,
        recompute: bool,
    ) -> torch.Tensor:
        """Return the mixture, in the dtype of the features."""
        batch, count, length, _ = queries.shape
        kept = None
        if drop > 0:
            kept = torch.empty(len(features), len(bias), dtype=torch.bool, device=bias.device).bernoulli_(1 - drop)
        senses = _Senses(count, features, projection, bias, rows, None, kept, drop)
        if not recompute:
            senses.stored = senses.make(slice(None))
        ctx.save_for_backward(queries, keys, allowed, features, projection, bias, rows, senses.stored, kept)
        ctx.drop = drop
        result = features.new_zeros(batch, length, len(bias) // count, dtype=_wide(features))
        for sense in range(count):
            result += contextualize(queries[:, sense], keys[:, sense], allowed) @ senses.placed(sense, batch)
        return result.to(features.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """Return the gradients of queries, keys, features, projection and bias, those that are wanted."""
        queries, keys, allowed, *parts = ctx.saved_tensors
        senses = _Senses(queries.shape[1], *parts, drop=ctx.drop)
        attends, expands = any(ctx.needs_input_grad[:2]), ctx.needs_input_grad[3]
        projects = any(ctx.needs_input_grad[4:6])
        d_queries, d_keys = (torch.empty_like(part) if attends else None for part in (queries, keys))
        d_features = torch.zeros_like(senses.features, dtype=_wide(senses.features)) if expands else None
        d_projection, d_bias = (torch.empty_like(part) if projects else None for part in parts[1:3])
        for sense in range(senses.count):
            part = senses.columns(sense)
            weights = contextualize(queries[:, sense], keys[:, sense], allowed)
            if attends:
                d_weights = gradient @ senses.placed(sense, len(queries)).transpose(1, 2)
                d_scores = torch._softmax_backward_data(d_weights, weights, -1, weights.dtype)
                d_scores *= queries.shape[-1] ** -0.5
                d_queries[:, sense] = d_scores @ keys[:, sense]
                d_keys[:, sense] = d_scores.transpose(1, 2) @ queries[:, sense]
            if expands or projects:
                d_sense = senses.collected(weights.transpose(1, 2) @ gradient, sense)
            if expands:
                d_features += d_sense @ senses.projection[:, part].t()
            if projects:
                d_projection[:, part] = senses.features.t() @ d_sense
                d_bias[part] = d_sense.sum(0)
        d_features = d_features.to(senses.features.dtype) if expands else None
        return d_queries, d_keys, None, d_features, d_projection, d_bias, None, None, None
