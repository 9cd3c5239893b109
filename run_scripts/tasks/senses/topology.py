"""Sense topology: are the senses of a word as similar to each other as those of its translation are?

SENSIA (Cruz et al. 2026, https://arxiv.org/abs/2601.10310). Of a word with the senses s_1 .. s_K, of several pieces
their means, let m be the mean of the senses and

    g(k, l) = cos(s_k - m, s_l - m)    for the K (K - 1) / 2 pairs k < l.

The topology correlation of a source word and a target word is Spearman's rho between their g: 1 where both order the
pairs of senses alike, whatever rotation, scale or shift lies between the two. This is representational similarity
analysis (Kriegeskorte et al. 2008) with senses as conditions. As senses of the same number may be alike in all words,
rho is read against the rho of words that are not linked.
"""

from collections.abc import Hashable, Sequence
from typing import Any

import torch
from torch.nn.functional import normalize

from xlzoo.run_scripts.errors import UserError

BINS = 40
"""Bins of a histogram over rho from -1 to 1."""
FEWEST_SENSES = 3
"""With two senses there is one pair, and nothing to order."""


def pairwise_cosines(senses: torch.Tensor) -> torch.Tensor:
    """Return g of N words, `[N, K, D]` to `[N, K (K - 1) / 2]` by (0, 1), (0, 2), .., (1, 2), .., in float64."""
    senses = senses.double()
    directions = normalize(senses - senses.mean(1, keepdim=True), dim=-1)
    one, other = torch.triu_indices(senses.shape[1], senses.shape[1], offset=1)
    return (directions @ directions.transpose(1, 2))[:, one, other]


def average_ranks(values: torch.Tensor) -> torch.Tensor:
    """Return the ranks from 1 within each row of `[N, P]`, equal values sharing the mean of their ranks."""
    ordered = values.sort(dim=1).values
    below = torch.searchsorted(ordered, values.contiguous(), right=False)
    upto = torch.searchsorted(ordered, values.contiguous(), right=True)
    return (below + 1 + upto).double() / 2


def rank_profiles(senses: torch.Tensor) -> torch.Tensor:
    """Return what makes rho a dot product: the ranks of g, centred and of length one, `[N, K, D]` to `[N, P]`.

    Words whose g are all equal have no order; their profiles are NaN, and so is their rho.
    """
    ranks = average_ranks(pairwise_cosines(senses))
    centred = ranks - ranks.mean(1, keepdim=True)
    return centred / centred.norm(dim=1, keepdim=True)


def correlations(source: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Return rho of each row of the profiles `[N, P]` with the same row of the others, `[N]`."""
    return (source * target).sum(1).clamp(-1, 1)


def topology_scores(
    profiles: torch.Tensor, source: Sequence[int], target: Sequence[int], shuffles: int, seed: int
) -> dict[str, Any]:
    """Compare linked words, whose profiles are the rows `source` and `target` of `[U, P]`, one number per link.

    No link joins a row with itself. `control` is the mean rho when the targets are dealt out to the sources at random,
    over so many `shuffles`, without words that meet themselves.
    """
    one, other = torch.tensor(source), torch.tensor(target)
    rho = correlations(profiles[one], profiles[other])
    generator = torch.Generator().manual_seed(seed)
    chance = []
    for _ in range(shuffles):
        dealt = other[torch.randperm(len(other), generator=generator)]
        chance.append(correlations(profiles[one], profiles[dealt])[one != dealt])
    control = torch.cat(chance)
    known, control = rho[rho.isfinite()], control[control.isfinite()]
    if not (len(known) and len(control)):
        raise UserError("No linked words have senses that differ in how alike they are; give another model or text.")
    distinct = _means_by_pair(list(zip(source, target, strict=True)), rho)
    return {
        "compared": len(known),
        "word_pairs": len(distinct),
        "rho": known.mean().item(),
        "median": known.quantile(0.5).item(),
        "sd": known.std(correction=0).item(),
        "min": known.min().item(),
        "max": known.max().item(),
        "rho_by_word_pair": sum(distinct) / len(distinct),
        "control": control.mean().item(),
        "histogram": histogram(known),
        "control_histogram": histogram(control),
    }


def histogram(rho: torch.Tensor) -> list[float]:
    """Return the share of the values in each of `BINS` equal bins from -1 to 1."""
    return (torch.histc(rho.double(), BINS, -1, 1) / len(rho)).tolist()


def _means_by_pair(pairs: Sequence[Hashable], rho: torch.Tensor) -> list[float]:
    """Return rho once for each distinct pair that has one."""
    by_pair = dict(zip(pairs, rho.tolist(), strict=True))
    return [value for value in by_pair.values() if value == value]
