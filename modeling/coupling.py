"""Invertible additive coupling (NICE, Dinh et al. 2015, https://arxiv.org/abs/1410.8516, equation 4)."""

import torch
from torch import nn
from transformers.activations import ACT2FN


class NiceCoupling(nn.Module):
    """Two additive coupling steps on the halves of the features; exactly invertible whatever the networks compute.

    With `x = [x1, x2]`: `y1 = x1 + F(x2)`, `y2 = x2 + G(y1)`.
    """

    def __init__(self, features: int, reduction_factor: float, activation: str) -> None:
        super().__init__()
        first, second = features // 2, features - features // 2
        self.sizes = [first, second]
        self.F = self._network(second, first, reduction_factor, activation)
        self.G = self._network(first, second, reduction_factor, activation)

    @staticmethod
    def _network(inputs: int, outputs: int, reduction_factor: float, activation: str) -> nn.Sequential:
        hidden = int(inputs // reduction_factor)
        return nn.Sequential(nn.Linear(inputs, hidden), ACT2FN[activation], nn.Linear(hidden, outputs))

    def forward(self, hidden_states: torch.Tensor) -> torch.Tensor:
        """Map `[..., D]` to `[..., D]`."""
        x1, x2 = hidden_states.split(self.sizes, dim=-1)
        y1 = x1 + self.F(x2)
        return torch.cat((y1, x2 + self.G(y1)), dim=-1)

    def inverse(self, hidden_states: torch.Tensor) -> torch.Tensor:
        """Undo `forward`: `[..., D]` to `[..., D]`."""
        y1, y2 = hidden_states.split(self.sizes, dim=-1)
        x2 = y2 - self.G(y1)
        return torch.cat((y1 - self.F(x2), x2), dim=-1)
