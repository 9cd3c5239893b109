"""A training step of the plain formulation on our own modules: every sense's products and all logits are held."""

import torch
from backpack_shapes import SENSES, options, tokens
from step_server import serve
from torch.nn.functional import cross_entropy

from xlzoo.modeling.configuration_backpack import BackpackGPT2Config
from xlzoo.modeling.modeling_backpack import BackpackGPT2LMHeadModel

chosen = options("batch", "length", "threads")
model = BackpackGPT2LMHeadModel(BackpackGPT2Config(**SENSES))
ids = tokens(chosen.batch, chosen.length)
future = torch.ones(chosen.length, chosen.length).triu(1).bool()


def loss() -> torch.Tensor:
    """Sum `[B, K, L, D]` products over the senses, project, and predict every token but the first."""
    base = model.backpack
    states = base.gpt2_model(ids, use_cache=False).last_hidden_state
    senses = base.sense_network(base.gpt2_model.wte(ids)).transpose(1, 2)
    queries, keys = base.sense_weight_net(states)
    scores = queries @ keys.transpose(-1, -2) * queries.shape[-1] ** -0.5
    weights = scores.masked_fill(future, torch.finfo(scores.dtype).min).softmax(-1)
    logits = model.lm_head((weights @ senses).sum(1))
    return cross_entropy(logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten())


serve(model, loss)
