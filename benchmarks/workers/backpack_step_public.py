"""A training step of the public Backpack, which makes logits but no loss."""

import torch
from backpack_shapes import options, tokens
from public_backpack import public_backpack
from step_server import serve
from torch.nn.functional import cross_entropy

chosen = options("batch", "length", "threads")
model = public_backpack()
ids = tokens(chosen.batch, chosen.length)


def loss() -> torch.Tensor:
    """Predict every token but the first."""
    return cross_entropy(model(ids).logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten())


serve(model, loss)
