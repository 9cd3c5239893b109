"""Training: attention weights, last projection and weighted sum of the senses as one operation, sense by sense.

The plain formulation holds the senses in two layouts, the per-sense products and the gradients of both, each
`[B, K, L, D]`, and the weights `[B, K, L, L]`. Here the senses are held once, or, if they are to be recomputed, not at
all, and the weights and the contributions of one sense at a time, of which texts may be pooled on the way.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch.autograd.function import once_differentiable
from torch.nn.functional import embedding

from .backpack_inputs import Words
from .chunked_loss import add_product
from .sense_attention import contextualize
from .sense_contributions import PoolGradient, Pooling, RunningPool, products_with, slopes_of
from .sense_network import SenseNetwork


def fused_mixture(
    network: SenseNetwork,
    operands: tuple[torch.Tensor, torch.Tensor],
    allowed: torch.Tensor | None,
    words: Words,
    again: bool,
    pooling: Pooling | None,
) -> dict[str, torch.Tensor]:
    """Return a Backpack's `last_hidden_state` and, with `pooling`, its `sense_vectors` and `sense_entropies`.

    The `operands` are queries and keys, `[B, K, L, D // K]`; the senses are made `again` for the gradient, or held.
    """
    final = network.final_mlp
    features = network.features(words.embeddings)
    used = (*operands, final.c_proj.weight, final.c_proj.bias)
    queries, keys, projection, bias = (part.to(features.dtype) for part in used)
    drop = final.dropout.p if final.dropout.training else 0.0
    parts = (
        queries,
        keys,
        allowed,
        features,
        projection,
        bias,
        words.rows,
        drop,
        again or not torch.is_grad_enabled(),
    )
    if pooling is None:
        return {"last_hidden_state": SenseMixture.apply(*parts)}
    with torch.autocast(features.device.type, enabled=False):
        mixed, vectors, chances = SenseMixture.apply(*parts, pooling)
    entropies = pooling.entropies(chances)
    return {"last_hidden_state": mixed, "sense_vectors": vectors, "sense_entropies": entropies}


@dataclass
class _Senses:
    """The senses of N words, one at a time; `stored` and `lost` (to dropout) are `[N, K * D]`."""

    count: int
    features: torch.Tensor
    projection: torch.Tensor
    bias: torch.Tensor
    rows: torch.Tensor | None
    stored: torch.Tensor | None
    lost: torch.Tensor | None
    drop: float

    def columns(self, sense: int) -> slice:
        """Return the columns of the projection that make this sense."""
        width = len(self.bias) // self.count
        return slice(sense * width, (sense + 1) * width)

    def dropped(self, senses: torch.Tensor, part: slice) -> torch.Tensor:
        """Apply the dropout of those columns in place; it is its own derivative."""
        return senses if self.lost is None else senses.masked_fill_(self.lost[:, part], 0).div_(1 - self.drop)

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
            gradient = total.index_add_(0, self.rows.flatten(), gradient.to(total.dtype))
        return self.dropped(gradient.to(self.features.dtype), self.columns(sense))


def _wide(like: torch.Tensor) -> torch.dtype:
    """Return the dtype to add up in."""
    return torch.promote_types(like.dtype, torch.float32)


@dataclass
class _Attention:
    """The weights of one sense at a time, made anew whenever they are asked for; `allowed` says who sees whom."""

    queries: torch.Tensor
    keys: torch.Tensor
    allowed: torch.Tensor | None
    dtype: torch.dtype

    def operands(self, sense: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return that sense's queries and keys."""
        return self.queries[:, sense].to(self.dtype), self.keys[:, sense].to(self.dtype)

    def weights(self, sense: int) -> torch.Tensor:
        """Return that sense's weights, `[B, L, T]`."""
        return contextualize(*self.operands(sense), self.allowed)


class SenseMixture(torch.autograd.Function):
    """What `mix(contextualize(queries, keys, allowed), senses, rows)` is, `[B, L, D]`; all tensors of one dtype.

    The senses are `features @ projection + bias`, `[N, K * D]`, of N words, of which `rows` `[B, T]` says which stands
    where (None: N = B * T, in order); `drop` is the probability of the dropout on them, less than 1. With `recompute`
    the backward pass makes the senses again instead of keeping them. With `pooling`, which goes with L = T, there are
    also the vectors of the texts, `[B, D]`, and the chances of the senses, `[B, K, L]`, which have no gradient.
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
        pooling: Pooling | None = None,
    ) -> torch.Tensor | tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return the mixture, in the dtype of the features."""
        batch, count, length, _ = queries.shape
        lost = None
        if drop > 0:
            kept = torch.empty(len(features), len(bias), dtype=torch.bool, device=bias.device).bernoulli_(1 - drop)
            lost = kept.logical_not_()
        senses = _Senses(count, features, projection, bias, rows, None, lost, drop)
        if not recompute:
            senses.stored = senses.make(slice(None))
        # Norms of half the digits would not do.
        attention = _Attention(queries, keys, allowed, _wide(features) if pooling else features.dtype)
        result = features.new_zeros(batch, length, len(bias) // count, dtype=_wide(features))
        pool = RunningPool(pooling, count, result.shape[-1]) if pooling else None
        for sense in range(count):
            contributions = attention.weights(sense) @ senses.placed(sense, batch).to(attention.dtype)
            result += contributions
            if pool is not None:
                pool.add(sense, contributions)
        norms, chances = (None, None) if pool is None else (pool.norms, pool.chances())
        ctx.save_for_backward(
            queries, keys, allowed, features, projection, bias, rows, senses.stored, lost, norms, chances
        )
        ctx.drop, ctx.pooling = drop, pooling
        if pool is None:
            return result.to(features.dtype)
        ctx.mark_non_differentiable(chances)
        return result.to(features.dtype), pool.vectors(), chances

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, gradient: torch.Tensor, d_vectors: torch.Tensor | None = None, _: torch.Tensor | None = None
    ) -> tuple[torch.Tensor | None, ...]:
        """Return the gradients of queries, keys, features, projection and bias, those that are wanted."""
        queries, keys, allowed, *parts, norms, chances = ctx.saved_tensors
        senses = _Senses(queries.shape[1], *parts, drop=ctx.drop)
        attention, pooled = _Attention(queries, keys, allowed, gradient.dtype), None
        if d_vectors is not None:
            attention.dtype, gradient = d_vectors.dtype, gradient.to(d_vectors.dtype)
            pooled = _pool_gradient(attention, senses, d_vectors, ctx.pooling, norms, chances)
        attends, expands = any(ctx.needs_input_grad[:2]), ctx.needs_input_grad[3]
        projects = any(ctx.needs_input_grad[4:6])
        d_queries, d_keys = (torch.empty_like(part) if attends else None for part in (queries, keys))
        d_features = torch.zeros_like(senses.features, dtype=_wide(senses.features)) if expands else None
        d_projection, d_bias = (torch.empty_like(part) if projects else None for part in parts[1:3])
        for sense in range(senses.count):
            part, weights, pulled = senses.columns(sense), attention.weights(sense), gradient
            if attends or pooled:
                placed = senses.placed(sense, len(queries)).to(attention.dtype)
            if pooled:
                pulled = pooled.added(sense, weights @ placed, gradient)
            if attends:
                d_weights = pulled @ placed.transpose(1, 2)
                d_scores = torch._softmax_backward_data(d_weights, weights, -1, weights.dtype)
                d_scores *= queries.shape[-1] ** -0.5
                query, key = attention.operands(sense)
                d_queries[:, sense], d_keys[:, sense] = d_scores @ key, d_scores.transpose(1, 2) @ query
            if expands or projects:
                d_sense = senses.collected(weights.transpose(1, 2) @ pulled, sense)
            if expands:
                add_product(d_features, d_sense, senses.projection[:, part].t())
            if projects:
                torch.mm(senses.features.t(), d_sense, out=d_projection[:, part])
                torch.sum(d_sense, 0, out=d_bias[part])
        d_features = d_features.to(senses.features.dtype) if expands else None
        return d_queries, d_keys, None, d_features, d_projection, d_bias, None, None, None, None


def _pool_gradient(
    attention: _Attention,
    senses: _Senses,
    gradient: torch.Tensor,
    pooling: Pooling,
    norms: torch.Tensor,
    chances: torch.Tensor,
) -> PoolGradient:
    """Return what the `gradient` `[B, D]` of the vectors asks of the senses, which are all made if none are stored."""
    if senses.stored is None:
        senses.stored = senses.make(slice(None))
    along = torch.empty_like(norms)
    for sense in range(senses.count):
        placed = senses.placed(sense, len(norms)).to(attention.dtype)
        along[:, sense] = products_with(attention.weights(sense), products_with(placed, gradient))
    slopes = slopes_of(norms, pooling.temperature, norms == 0)
    return PoolGradient(pooling.share, chances, slopes, gradient, along)
