"""One vector for a text from its senses: at every position those that say more count more.

SENSIA (Cruz et al. 2026, https://arxiv.org/abs/2601.10310). Of B rows, K senses, L positions and D dimensions, with
senses E `[B, K, L, D]` and weights C `[B, K, L, L]`, the contributions are S = C E, p is the softmax over the senses
of their norms over a temperature, and the vector is the mean over the real positions of the sum over the senses of
p S.

S, as large as the senses, is never made: its squared norms are the row sums of (C G) * C with the Gram matrices
G = E E', and the vector is a weighted sum of the senses themselves. A model that makes contributions anyway, one sense
at a time, pools those: `sense_contributions`.
"""

from typing import Any

import torch
from torch.autograd.function import once_differentiable

from .sense_contributions import PoolGradient, Pooling, products_with, slopes_of

NOISE = 1e-7
"""A squared norm below this share of the row's longest sense is rounding: such a contribution has no direction."""


def pool_senses(
    senses: torch.Tensor, weights: torch.Tensor, mask: torch.Tensor, temperature: float = 1.0
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the vectors of texts `[B, D]`, and the entropy in nats of p at each position, `[B, L]`, in float32.

    `senses` `[B, K, L, D]` and `weights` `[B, K, L, L]` are those of a Backpack's output, `mask` `[B, L]` is 0 at
    padding, where the entropy is 0. The entropies have no gradient. A row of padding only has the vector 0.

    Raises:
        ValueError: shapes that do not fit, or a temperature that is not positive.
    """
    batch, count, length, _ = senses.shape
    if weights.shape != (batch, count, length, length) or mask.shape != (batch, length):
        raise ValueError(
            f"Senses {tuple(senses.shape)} need weights {(batch, count, length, length)} and a mask "
            f"{(batch, length)}, not {tuple(weights.shape)} and {tuple(mask.shape)}; give those of one pass."
        )
    return pool(senses, weights, Pooling.of(mask, temperature, senses.dtype))


def pool(senses: torch.Tensor, weights: torch.Tensor, pooling: Pooling) -> tuple[torch.Tensor, torch.Tensor]:
    """Return what `pool_senses` does, of shapes that fit."""
    share, temperature = pooling.share, pooling.temperature
    # In float32 under autocast too: squares of half the digits would not do.
    with torch.autocast(senses.device.type, enabled=False):
        if torch.compiler.is_compiling():
            vectors, chances = _plainly(senses.to(share.dtype), weights.to(share.dtype), share, temperature)
        else:
            vectors, chances = SensePool.apply(senses, weights.to(share.dtype), share, temperature)
    return vectors, pooling.entropies(chances)


def _plainly(
    senses: torch.Tensor, weights: torch.Tensor, share: torch.Tensor, temperature: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the vectors and p by the formula as it reads, for compilers."""
    contributions = weights @ senses
    chances = (contributions.norm(dim=-1) / temperature).softmax(1)
    return torch.einsum("bl,bkl,bkld->bd", share, chances, contributions), chances.detach()


class SensePool(torch.autograd.Function):
    """The vectors and p `[B, K, L]`, which has no gradient; `share` `[B, L]` is what each position counts."""

    @staticmethod
    def forward(
        ctx: Any, senses: torch.Tensor, weights: torch.Tensor, share: torch.Tensor, temperature: float
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Make products of one sense at a time."""
        products, squares, longest = _products(senses, weights)
        lost = squares <= NOISE * longest
        norms = squares.clamp_(min=0).sqrt_()
        chances = (norms / temperature).softmax(1)
        totals = torch.matmul((chances * share[:, None]).unsqueeze(2), weights).squeeze(2)
        vectors = weights.new_zeros(len(senses), 1, senses.shape[-1])
        for sense in range(senses.shape[1]):
            vectors += totals[:, None, sense] @ senses[:, sense].to(weights.dtype)
        ctx.save_for_backward(senses, weights, share, chances, slopes_of(norms, temperature, lost), totals)
        # Not among what is saved: the backward pass turns it into a gradient, in place.
        ctx.products = products if ctx.needs_input_grad[1] else None
        ctx.mark_non_differentiable(chances)
        return vectors[:, 0], chances

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor, _: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """Return the gradients of senses and weights, those that are wanted."""
        senses, weights, share, chances, slopes, totals = ctx.saved_tensors
        along = torch.empty_like(totals)
        for sense in range(senses.shape[1]):
            along[:, sense] = products_with(senses[:, sense].to(weights.dtype), gradient)
        onward = products_with(weights, along)
        pooled = PoolGradient(share, chances, slopes, gradient, onward)
        d_senses = d_weights = None
        if ctx.needs_input_grad[1]:
            d_weights = _products(senses, weights)[0] if ctx.products is None else ctx.products
            ctx.products = None
            d_weights.mul_(pooled.pulls.unsqueeze(3)).addcmul_(pooled.shares.unsqueeze(3), along.unsqueeze(2))
        if ctx.needs_input_grad[0]:
            d_senses = torch.empty_like(senses)
            for sense in range(senses.shape[1]):
                some = weights[:, sense]
                spread = (some * pooled.pulls[:, sense].unsqueeze(2)).transpose(1, 2) @ some
                made = d_senses[:, sense]
                torch.mul(totals[:, sense].unsqueeze(2), gradient[:, None], out=made)
                if made.dtype == weights.dtype:
                    made.baddbmm_(spread, senses[:, sense])
                else:
                    made += spread @ senses[:, sense].to(weights.dtype)
        return d_senses, d_weights, None, None


def _products(senses: torch.Tensor, weights: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return C G, the squared norms `[B, K, L]`, and the squared length of each row's longest sense, `[B, 1, 1]`."""
    products = torch.empty_like(weights)
    squares = weights.new_empty(weights.shape[:3])
    longest = weights.new_zeros(len(weights), 1, 1)
    for sense in range(senses.shape[1]):
        gram = _gram(senses[:, sense].to(weights.dtype))
        torch.bmm(weights[:, sense], gram, out=products[:, sense])
        squares[:, sense] = (products[:, sense] * weights[:, sense]).sum(-1)
        longest = torch.maximum(longest, gram.diagonal(dim1=1, dim2=2).amax(1)[:, None, None])
    return products, squares, longest


def _gram(vectors: torch.Tensor) -> torch.Tensor:
    """Return the products of the vectors `[B, L, D]` with each other, `[B, L, L]`, a quarter of which are mirrored."""
    half = vectors.shape[1] // 2
    top = vectors[:, :half] @ vectors.transpose(1, 2)
    corner = vectors[:, half:] @ vectors[:, half:].transpose(1, 2)
    return torch.cat([top, torch.cat([top[:, :, half:].transpose(1, 2), corner], 2)], 1)
