"""The shape of a step of sense adaptation: pairs of random tokens, losses that both ways of making them share."""

import torch
from backpack_shapes import SENSES, options, tokens
from torch.nn.functional import cross_entropy, normalize

from xlzoo.modeling.configuration_backpack import BackpackGPT2Config
from xlzoo.modeling.modeling_backpack import BackpackGPT2LMHeadModel

WEIGHTS, TAUS, TEMPERATURE = (0.4, 0.4, 0.2), (0.07, 0.05), 0.7

chosen = options("pairs", "length", "threads")
model = BackpackGPT2LMHeadModel(BackpackGPT2Config(**SENSES))
ids = tokens(2 * chosen.pairs, chosen.length)
mask = torch.ones_like(ids)
labels = ids.clone()
labels[: chosen.pairs] = -100


def contrast(vectors: torch.Tensor, tau: float) -> torch.Tensor:
    """Return InfoNCE of the sources, the first half, with their targets."""
    sources, targets = normalize(vectors, dim=-1).chunk(2)
    return cross_entropy(sources @ targets.t() / tau, torch.arange(chosen.pairs))


def joined(ctx: torch.Tensor, sns: torch.Tensor, language_model: torch.Tensor) -> torch.Tensor:
    """Return the weighted sum of the three losses."""
    parts = (contrast(ctx, TAUS[0]), contrast(sns, TAUS[1]), language_model)
    return sum((weight * part for weight, part in zip(WEIGHTS, parts, strict=True)), torch.zeros(()))
