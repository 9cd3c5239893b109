"""The two small networks of a Backpack: a word's sense vectors, and the queries and keys that weigh them in context.

Hewitt et al. 2023 (https://arxiv.org/abs/2305.16765). Module names are those of the public checkpoints.
"""

from typing import Protocol

import torch
from torch import nn
from transformers.activations import ACT2FN
from transformers.pytorch_utils import Conv1D

from .activated_projection import project_activated
from .plain_modules import is_plain


class SenseShape(Protocol):
    """The configuration fields that both networks read."""

    n_embd: int
    num_senses: int
    sense_intermediate_scale: int
    activation_function: str
    layer_norm_epsilon: float
    embd_pdrop: float
    resid_pdrop: float


def activation(name: str) -> nn.Module:
    """Return the activation; `gelu_new` as one kernel, which keeps one tensor for the gradient instead of five."""
    return nn.GELU(approximate="tanh") if name == "gelu_new" else ACT2FN[name]


class SenseMLP(nn.Module):
    """Expand to `hidden` dimensions, activate, project to `out` dimensions."""

    def __init__(self, config: SenseShape, hidden: int, out: int) -> None:
        super().__init__()
        self.c_fc = Conv1D(hidden, config.n_embd)
        self.c_proj = Conv1D(out, hidden)
        self.act = activation(config.activation_function)
        self.dropout = nn.Dropout(config.resid_pdrop)

    def expand(self, states: torch.Tensor) -> torch.Tensor:
        """Return what `c_proj` projects, `[..., hidden]`."""
        return self.act(self.c_fc(states))

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """Map `[..., D]` to `[..., out]`."""
        return self.dropout(project_activated(self.c_fc(states), self.act, self.c_proj))


class SenseBlock(nn.Module):
    """A transformer block that looks at no other word: twice add and norm, with an MLP between."""

    def __init__(self, config: SenseShape) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(config.n_embd, eps=config.layer_norm_epsilon)
        self.ln_2 = nn.LayerNorm(config.n_embd, eps=config.layer_norm_epsilon)
        self.mlp = SenseMLP(config, 4 * config.n_embd, config.n_embd)
        self.resid_dropout1 = nn.Dropout(config.resid_pdrop)
        self.resid_dropout2 = nn.Dropout(config.resid_pdrop)

    def forward(self, states: torch.Tensor, residual: torch.Tensor) -> torch.Tensor:
        """Return `[..., D]` from the normed words and the words themselves."""
        residual = self.resid_dropout1(states) + residual
        return self.ln_2(self.resid_dropout2(self.mlp(self.ln_1(residual))) + residual)


class SenseNetwork(nn.Module):
    """A word's K sense vectors from its embedding alone."""

    def __init__(self, config: SenseShape) -> None:
        super().__init__()
        self.num_senses = config.num_senses
        self.dropout = nn.Dropout(config.embd_pdrop)
        self.ln = nn.LayerNorm(config.n_embd, eps=config.layer_norm_epsilon)
        self.block = SenseBlock(config)
        self.final_mlp = SenseMLP(
            config, config.sense_intermediate_scale * config.n_embd, config.num_senses * config.n_embd
        )

    @property
    def is_random(self) -> bool:
        """Whether dropout is at work, so that two occurrences of a word have different senses."""
        return any(part.training and part.p > 0 for part in self.modules() if isinstance(part, nn.Dropout))

    @property
    def is_plain(self) -> bool:
        """Whether nothing stands between the features and the senses but the last projection and its dropout."""
        parts = ((self, SenseNetwork), (self.final_mlp, SenseMLP), (self.final_mlp.c_proj, Conv1D))
        return all(is_plain(module, kind) for module, kind in parts)

    def features(self, words: torch.Tensor) -> torch.Tensor:
        """Return what the last projection turns into senses: `[..., D]` to `[..., sense_intermediate_scale * D]`."""
        words = self.dropout(words)
        return self.final_mlp.expand(self.block(self.ln(words), words))

    def forward(self, words: torch.Tensor) -> torch.Tensor:
        """Map word embeddings `[..., D]` to senses `[..., K, D]`."""
        final = self.final_mlp
        return final.dropout(final.c_proj(self.features(words))).unflatten(-1, (self.num_senses, -1))


class SenseWeightNetwork(nn.Module):
    """Queries and keys per sense from the contextualised states; sizes are rounded down if K does not divide D."""

    def __init__(self, config: SenseShape) -> None:
        super().__init__()
        self.num_senses = config.num_senses
        self.c_attn = nn.Linear(config.n_embd, 2 * config.num_senses * (config.n_embd // config.num_senses))

    def forward(self, states: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Map `[B, L, D]` to queries and keys, each `[B, K, L, D // K]`."""
        queries, keys = self.c_attn(states).unflatten(-1, (2, self.num_senses, -1)).unbind(2)
        return queries.transpose(1, 2), keys.transpose(1, 2)
