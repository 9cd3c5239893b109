"""A step of sense adaptation as its formulas read: all products of senses and all logits are held."""

import torch
from adaptation_step import TEMPERATURE, chosen, ids, joined, labels, mask, model
from step_server import serve
from torch.nn.functional import cross_entropy

future = torch.ones(chosen.length, chosen.length).triu(1).bool()


def loss() -> torch.Tensor:
    """Make the products `[B, K, L, D]` once for the mixture and once for the pooling, as the published code does."""
    base = model.backpack
    states = base.gpt2_model(ids, use_cache=False).last_hidden_state
    senses = base.sense_network(base.gpt2_model.wte(ids)).transpose(1, 2)
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


serve(model, loss)
