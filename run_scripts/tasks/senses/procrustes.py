"""Procrustes: does one rotation carry the senses of target words onto those of the source words they translate?

SENSIA (Cruz et al. 2026, https://arxiv.org/abs/2601.10310) as in Schönemann 1966. Of N linked words with the vectors
T and S `[N, D]`, both minus their means, the orthogonal Q that minimises ||T Q - S||_F is U V', where U diag V' is the
singular value decomposition of T' S. How well it fits:

    mse = mean over all N D numbers of (T Q - S)^2        (published)
    cosine = mean over the N rows of cos(T Q, S)          (published)
    r2 = 1 - ||T Q - S||^2 / ||S||^2

The rotation of S onto T is Q', with the same mse and cosine. With more dimensions than words any two sets of vectors
fit, so that the fit is also read on words that were held out, of shuffled pairs, and without a rotation.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import torch
from torch.nn.functional import cosine_similarity

Fit = dict[str, float]
MEASURES = ("mse", "cosine", "r2")


@dataclass(frozen=True)
class Rotation:
    """A map of target vectors onto source vectors: minus one mean, times an orthogonal matrix, plus the other mean."""

    target_mean: torch.Tensor
    source_mean: torch.Tensor
    matrix: torch.Tensor
    """`[D, D]`, multiplied from the right."""

    def measure(self, target: torch.Tensor, source: torch.Tensor) -> Fit:
        """Return mse, cosine and r2 of the rotated targets `[N, D]` against their sources `[N, D]`."""
        wanted = source.double() - self.source_mean
        residual = (made := (target.double() - self.target_mean) @ self.matrix) - wanted
        return {
            "mse": residual.square().mean().item(),
            "cosine": cosine_similarity(made, wanted, dim=1).mean().item(),
            "r2": 1 - (residual.square().sum() / wanted.square().sum()).item(),
        }


def fit_rotation(target: torch.Tensor, source: torch.Tensor) -> Rotation:
    """Return the best rotation of targets `[N, D]` onto sources `[N, D]`, in float64."""
    target, source = target.double(), source.double()
    means = target.mean(0), source.mean(0)
    left, _, right = torch.linalg.svd((target - means[0]).T @ (source - means[1]))
    return Rotation(*means, left @ right)


def procrustes_scores(
    target: torch.Tensor, source: torch.Tensor, held_out: torch.Tensor, shuffles: int, seed: int
) -> dict[str, Fit]:
    """Return five readings of mse, cosine and r2 for vectors `[N, D]` whose rows are linked; `held_out` `[N]` is bool.

    "all": fitted to all links and measured on them, as published. "held_out": fitted to the others, measured on those
    held out; "unrotated": likewise with the means but without rotation. "shuffled_all" and "shuffled_held_out": the
    means over `shuffles` of the first two where targets were dealt out to the sources at random, each part in itself.
    """
    fitted = fit_rotation(target[~held_out], source[~held_out])
    still = Rotation(fitted.target_mean, fitted.source_mean, torch.eye(target.shape[1]).to(fitted.matrix))
    known = target[held_out], source[held_out]
    found = {
        "all": fit_rotation(target, source).measure(target, source),
        "held_out": fitted.measure(*known),
        "unrotated": still.measure(*known),
    }
    generator = torch.Generator().manual_seed(seed)
    whole, parted = [], []
    for _ in range(shuffles):
        dealt = _dealt(target, generator)
        whole.append(fit_rotation(dealt, source).measure(dealt, source))
        part = fit_rotation(_dealt(target[~held_out], generator), source[~held_out])
        parted.append(part.measure(_dealt(known[0], generator), known[1]))
    return {**found, "shuffled_all": _mean(whole), "shuffled_held_out": _mean(parted)}


def _dealt(vectors: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Return the rows in random order."""
    return vectors[torch.randperm(len(vectors), generator=generator).to(vectors.device)]


def _mean(fits: list[Fit]) -> Fit:
    return {name: sum(fit[name] for fit in fits) / len(fits) for name in MEASURES}


def held_out_rows(words: Sequence[Hashable], share: float, seed: int) -> torch.Tensor:
    """Choose a share of the distinct words, and return which rows have one of them, `[N]` bool."""
    distinct = list(dict.fromkeys(words))
    order = torch.randperm(len(distinct), generator=torch.Generator().manual_seed(seed)).tolist()
    chosen = {distinct[place] for place in order[: round(share * len(distinct))]}
    return torch.tensor([word in chosen for word in words])
