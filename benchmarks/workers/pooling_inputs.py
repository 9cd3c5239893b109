"""Random senses and causal weights to pool, held as parameters, so that a step makes the gradients of both."""

import torch
from torch import nn


class Inputs(nn.Module):
    """Senses `[B, K, L, D]`, weights `[B, K, L, L]` and a mask `[B, L]` with some padding."""

    def __init__(self, batch: int, count: int, length: int, width: int) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(1)
        self.senses = nn.Parameter(torch.randn(batch, count, length, width, generator=generator))
        scores = torch.randn(batch, count, length, length, generator=generator)
        self.weights = nn.Parameter(scores.masked_fill(torch.ones(length, length).triu(1).bool(), -1e4).softmax(-1))
        lengths = torch.linspace(length // 2, length, batch).long()
        self.register_buffer("mask", (torch.arange(length) < lengths[:, None]).float())
