"""The second half of an MLP as one operation, which keeps what comes in for the gradient, not what it activates."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.autograd.function import once_differentiable
from transformers.models.gpt2.modeling_gpt2 import GPT2MLP
from transformers.pytorch_utils import Conv1D

from .plain_modules import is_plain

Activation = Callable[[torch.Tensor], torch.Tensor]


def project_activated(states: torch.Tensor, act: Activation, projection: nn.Module) -> torch.Tensor:
    """Return `projection(act(states))`, of `[..., hidden]`; for the gradient plain projections activate once more."""
    if torch.is_grad_enabled() and not torch.compiler.is_compiling() and is_plain(projection, Conv1D):
        parts = (part.to(states.dtype) for part in (projection.weight, projection.bias))
        return ActivatedProjection.apply(states, *parts, act)
    return projection(act(states))


class ThriftyMLP(GPT2MLP):
    """GPT-2's MLP, whose activations, as many numbers as what they are made of, are not kept."""

    def forward(self, hidden_states: torch.Tensor) -> torch.Tensor:
        """Expand, activate, project; `[..., D]` both."""
        return self.dropout(project_activated(self.c_fc(hidden_states), self.act, self.c_proj))


class ActivatedProjection(torch.autograd.Function):
    """`act(states) @ weight + bias`, of states `[..., hidden]`, weight `[hidden, D]` and bias `[D]` of one dtype."""

    @staticmethod
    def forward(
        ctx: Any, states: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, act: Activation
    ) -> torch.Tensor:
        """Return `[..., D]`."""
        ctx.save_for_backward(states, weight)
        ctx.act = act
        return torch.addmm(bias, act(states).flatten(0, -2), weight).unflatten(0, states.shape[:-1])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """Return the gradients of states, weight and bias, those that are wanted."""
        states, weight = ctx.saved_tensors
        rows = gradient.flatten(0, -2)
        with torch.enable_grad():
            again = states.detach().requires_grad_()
            active = ctx.act(again)
        d_states = d_weight = d_bias = None
        if ctx.needs_input_grad[1]:
            d_weight = active.detach().flatten(0, -2).t() @ rows
        if ctx.needs_input_grad[2]:
            d_bias = rows.sum(0)
        if ctx.needs_input_grad[0]:
            (d_states,) = torch.autograd.grad(active, again, (rows @ weight.t()).view_as(active))
        return d_states, d_weight, d_bias, None
