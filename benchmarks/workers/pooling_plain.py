"""Sense pooling as its formula reads: every contribution `[B, K, L, D]` is held."""

import torch
from backpack_shapes import options
from pooling_inputs import Inputs
from step_server import serve

chosen = options("batch", "senses", "length", "width", "threads")
inputs = Inputs(chosen.batch, chosen.senses, chosen.length, chosen.width)


def loss() -> torch.Tensor:
    """Pool the senses."""
    contributions = inputs.weights @ inputs.senses
    chances = (contributions.norm(dim=-1) / 0.7).softmax(1)
    words = (chances[..., None] * contributions).sum(1)
    vectors = (words * inputs.mask[..., None]).sum(1) / inputs.mask.sum(1, keepdim=True)
    return vectors.square().sum()


serve(inputs, loss)
