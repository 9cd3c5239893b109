"""XLM-R's blocks with adapters inside: the bottleneck, the two output blocks and the embeddings.

Every block reads the active stack from the one config that all blocks of a model share.
"""

import torch
from torch import nn
from transformers.activations import ACT2FN
from transformers.models.xlm_roberta.modeling_xlm_roberta import (
    XLMRobertaEmbeddings,
    XLMRobertaOutput,
    XLMRobertaSelfOutput,
)

from .adapter_config import AdapterConfig
from .configuration_madx import MadxConfig
from .coupling import NiceCoupling


class Bottleneck(nn.Module):
    """Down-projection, activation, up-projection and a residual (Pfeiffer et al. 2020, equation 2)."""

    def __init__(self, hidden_size: int, layer: int, config: AdapterConfig) -> None:
        super().__init__()
        size = config.bottleneck_size(hidden_size, layer)
        self.adapter_down = nn.Sequential(nn.Linear(hidden_size, size), ACT2FN[config.non_linearity])
        self.adapter_up = nn.Linear(size, hidden_size)
        self.dropout = nn.Dropout(config.dropout)
        self.normalise_first = config.original_ln_before
        self.scaling: nn.Parameter | float
        if isinstance(config.scaling, str):
            self.scaling = nn.Parameter(torch.ones(1 if config.scaling == "learned" else hidden_size))
        else:
            self.scaling = float(config.scaling)

    def forward(self, hidden: torch.Tensor, residual: torch.Tensor, norm: nn.LayerNorm) -> torch.Tensor:
        """Adapt `hidden` `[B, L, D]`; `residual` and `norm` are the enclosing block's own input and LayerNorm."""
        inputs = norm(hidden + residual) if self.normalise_first else hidden
        return hidden + self.dropout(self.adapter_up(self.adapter_down(inputs)) * self.scaling)


class _AdaptedBlock:
    """The end of an XLM-R block, with the active adapters between its dense layer and its add-and-norm."""

    config: MadxConfig
    adapters: nn.ModuleDict

    def forward(self, hidden_states: torch.Tensor, input_tensor: torch.Tensor) -> torch.Tensor:
        """Map the block's inner states and its input, both `[B, L, .]`, to its output `[B, L, D]`."""
        hidden = self.dropout(self.dense(hidden_states))
        for name in self.config.active_adapters:
            if name in self.adapters:
                hidden = self.adapters[name](hidden, input_tensor, self.LayerNorm)
        return self.LayerNorm(hidden + input_tensor)


class AdaptedOutput(_AdaptedBlock, XLMRobertaOutput):
    """The feed-forward block's end."""

    def __init__(self, config: MadxConfig) -> None:
        super().__init__(config)
        self.config = config
        self.adapters = nn.ModuleDict()


class AdaptedSelfOutput(_AdaptedBlock, XLMRobertaSelfOutput):
    """The attention block's end."""

    def __init__(self, config: MadxConfig) -> None:
        super().__init__(config)
        self.config = config
        self.adapters = nn.ModuleDict()


class AdaptedEmbeddings(XLMRobertaEmbeddings):
    """XLM-R's embeddings, mapped by the invertible adapter of the first active adapter, if that one has any."""

    def __init__(self, config: MadxConfig) -> None:
        super().__init__(config)
        self.config = config
        self.invertible_adapters = nn.ModuleDict()

    def coupling(self) -> NiceCoupling | None:
        """Return the invertible adapter that is active now."""
        first = next(iter(self.config.active_adapters), None)
        return self.invertible_adapters[first] if first in self.invertible_adapters else None

    def forward(self, *args: torch.Tensor | None, **kwargs: torch.Tensor | None) -> torch.Tensor:
        """Embed as XLM-R does, then map: `[B, L]` to `[B, L, D]`."""
        embedded = super().forward(*args, **kwargs)
        coupling = self.coupling()
        return embedded if coupling is None else coupling(embedded)
