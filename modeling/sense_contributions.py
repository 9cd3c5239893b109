"""Pooling of senses whose contributions are seen one sense at a time, so that no more than one is ever held.

See `sense_pooling` for what is pooled. Of B rows, K senses, L positions and D dimensions, a sense's contributions are
`[B, L, D]`; their norms over the temperature are the scores, p is the softmax of the scores over the senses.
"""

from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Pooling:
    """How texts are pooled: `share` `[B, L]` is what each position counts, in the dtype to pool in."""

    share: torch.Tensor
    temperature: float

    @classmethod
    def of(cls, mask: torch.Tensor, temperature: float, dtype: torch.dtype) -> "Pooling":
        """Let all real positions count the same; `mask` `[B, L]` is 0 at padding, `dtype` that of the senses.

        Raises:
            ValueError: a temperature that is not positive.
        """
        if not temperature > 0:
            raise ValueError(f"The temperature of the pooling is {temperature}; expected a positive number.")
        dtype = torch.promote_types(dtype, torch.float32)
        return cls(mask.to(dtype) / mask.sum(1, keepdim=True).clamp(min=1), temperature)

    def entropies(self, chances: torch.Tensor) -> torch.Tensor:
        """Return the entropies in nats `[B, L]` of p `[B, K, L]`, 0 at padding."""
        return torch.special.entr(chances).sum(1) * (self.share > 0)


def pooling_of(
    temperature: float | None, mask: torch.Tensor | None, states: torch.Tensor, total: int
) -> Pooling | None:
    """Return how the texts of `states` `[B, L, D]` are pooled, if a temperature is given; without a mask all is real.

    Raises:
        ValueError: a temperature that is not positive, or `total` tokens that are more than L: of a cache.
    """
    if temperature is None:
        return None
    if total > states.shape[1]:
        raise ValueError("sense_pool_temperature pools the senses of whole texts: give no past_key_values.")
    return Pooling.of(states.new_ones(states.shape[:2]) if mask is None else mask, temperature, states.dtype)


class RunningPool:
    """The vectors of texts so far: a softmax whose largest score may still rise, and what it weighs."""

    def __init__(self, pooling: Pooling, count: int, width: int) -> None:
        share = pooling.share
        self.pooling = pooling
        self.norms = share.new_empty(share.shape[0], count, share.shape[1])
        self.top = torch.full_like(share, -torch.inf)
        self.total = torch.zeros_like(share)
        self.words = share.new_zeros(*share.shape, width)

    def add(self, sense: int, contributions: torch.Tensor) -> None:
        """See the contributions `[B, L, D]` of the next sense."""
        norms = torch.linalg.vector_norm(contributions, dim=-1)
        self.norms[:, sense] = norms
        scores = norms / self.pooling.temperature
        top = torch.maximum(self.top, scores)
        fade, weight = (self.top - top).exp_(), (scores - top).exp_()
        self.total.mul_(fade).add_(weight)
        self.words.mul_(fade[..., None]).addcmul_(contributions, weight[..., None])
        self.top = top

    def vectors(self) -> torch.Tensor:
        """Return the vectors `[B, D]` once all senses are seen."""
        return ((self.pooling.share / self.total)[:, None] @ self.words)[:, 0]

    def chances(self) -> torch.Tensor:
        """Return p, `[B, K, L]`."""
        return (self.norms / self.pooling.temperature).softmax(1)


class PoolGradient:
    """What pooling adds to the gradient of each sense's contributions.

    `chances` are p and `slopes` the derivative of a score by the norm over the norm, both `[B, K, L]`; `gradient`
    `[B, D]` is that of the vectors, and `along` `[B, K, L]` its products with the contributions.
    """

    def __init__(
        self,
        share: torch.Tensor,
        chances: torch.Tensor,
        slopes: torch.Tensor,
        gradient: torch.Tensor,
        along: torch.Tensor,
    ) -> None:
        d_chances = along * share[:, None]
        self.pulls = chances * (d_chances - (chances * d_chances).sum(1, keepdim=True)) * slopes
        """How much each contribution pulls at itself, `[B, K, L]`: towards a larger norm or a smaller one."""
        self.shares = chances * share[:, None]
        self.gradient = gradient

    def added(self, sense: int, contributions: torch.Tensor, gradient: torch.Tensor) -> torch.Tensor:
        """Return this and another `gradient` `[B, L, D]` of a sense's contributions, in their place."""
        contributions.mul_(self.pulls[:, sense, :, None]).add_(gradient)
        return contributions.addcmul_(self.shares[:, sense, :, None], self.gradient[:, None])


def slopes_of(norms: torch.Tensor, temperature: float, lost: torch.Tensor) -> torch.Tensor:
    """Return the `slopes` of `PoolGradient`, 0 where a contribution is `lost`: without a direction."""
    return (1 / (temperature * norms)).masked_fill_(lost, 0)


def products_with(rows: torch.Tensor, vector: torch.Tensor) -> torch.Tensor:
    """Return the products `[..., L]` of rows `[..., L, D]` with a vector `[..., D]`, row by row as they lie.

    As `rows @ vector` it would take three times as long: matrices of one column are slow.
    """
    return (vector.unsqueeze(-2) @ rows.transpose(-1, -2)).squeeze(-2)
