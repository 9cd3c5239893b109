"""The shape of a step of sense adaptation: pairs of random tokens, losses that both ways of making them share."""

import torch
from backpack_shapes import SENSES, options, tokens
from torch import nn
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


def plain_loss(trunk: nn.Module) -> torch.Tensor:
    """Make the products `[B, K, L, D]` once for the mixture and once for the pooling, as the published code does."""
    base, future = model.backpack, torch.ones(chosen.length, chosen.length).triu(1).bool()
    states = trunk(ids, use_cache=False).last_hidden_state
    senses = base.sense_network(trunk.wte(ids)).transpose(1, 2)
    queries, keys = base.sense_weight_net(states)
    scores = queries @ keys.transpose(-1, -2) * queries.shape[-1] ** -0.5
    weights = scores.masked_fill(future, torch.finfo(scores.dtype).min).softmax(-1)
    mixed = (weights @ senses).sum(1)
    contributions = weights @ senses
    chances = (contributions.norm(dim=-1) / TEMPERATURE).softmax(1)
    words = (chances[..., None] * contributions).sum(1)
    pooled = (words * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
    logits = model.lm_head(mixed)
    return joined(mixed[:, -1], pooled, cross_entropy(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten()))
