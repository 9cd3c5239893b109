"""Updates of weights as products of two factors: their weighted sum, and the nearest one of a lower rank."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Factors:
    """The update up @ down of a weight `[out, in]`: `down` is `[rank, in]` (LoRA's A), `up` is `[out, rank]` (B)."""

    down: torch.Tensor
    up: torch.Tensor

    @property
    def rank(self) -> int:
        """The length of the inner dimension."""
        return self.down.shape[0]

    def squared_norm(self) -> float:
        """Return the square of the update's Frobenius norm, without forming the update."""
        up, down = self.up.double(), self.down.double()
        return ((up.T @ up) * (down @ down.T)).sum().item()

    def dense(self) -> torch.Tensor:
        """Return the update `[out, in]`."""
        return self.up @ self.down


@dataclass(frozen=True)
class Cut:
    """An update of a lower rank, and what it leaves out: squares of Frobenius norms."""

    factors: Factors
    error: float
    norm: float
    """Of the whole update."""


def weighted_sum(updates: Sequence[Factors], weights: Sequence[float]) -> Factors:
    """Return the sum of the weighted updates, exactly, by setting factors side by side; its rank is their sum."""
    down = torch.cat([update.down for update in updates])
    up = torch.cat([weight * update.up for update, weight in zip(updates, weights, strict=True)], dim=1)
    return Factors(down, up)


def cut(update: Factors, rank: int) -> Cut:
    """Return the nearest update of at most this rank (Eckart and Young), without forming the update itself."""
    across, upper = torch.linalg.qr(update.up.double())
    along, lower = torch.linalg.qr(update.down.double().T)
    left, values, right = torch.linalg.svd(upper @ lower.T, full_matrices=False)
    return _cut(across @ left, values, right @ along.T, rank, update.down.dtype)


def cut_dense(update: torch.Tensor, rank: int) -> Cut:
    """Return the nearest factors of at most this rank of an update `[out, in]`."""
    left, values, right = torch.linalg.svd(update.double(), full_matrices=False)
    return _cut(left, values, right, rank, update.dtype)


def _cut(left: torch.Tensor, values: torch.Tensor, right: torch.Tensor, rank: int, dtype: torch.dtype) -> Cut:
    roots = values[:rank].sqrt()
    factors = Factors((roots[:, None] * right[:rank]).to(dtype), (left[:, :rank] * roots).to(dtype))
    squares = values.square()
    return Cut(factors, squares[rank:].sum().item(), squares.sum().item())
