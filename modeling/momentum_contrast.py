"""InfoXLM's contrast: which of many sentences is the translation, judged by a slow copy of the encoder.

Chi et al. 2021 (https://aclanthology.org/2021.naacl-main.280), section 3.3, after MoCo (https://arxiv.org/abs/1911.05722).
"""

import copy
from typing import Any

import torch
from torch import nn
from transformers.models.xlm_roberta.modeling_xlm_roberta import XLMRobertaModel

from .configuration_xlm_align import XLMAlignConfig


class MomentumContrast(nn.Module):
    """A learned projection of queries; and the slow copy of encoder and projection, with a queue of its past keys.

    The copy ends at `config.xlco_layer`, for its states of the first token are all that is compared. It is never
    trained by gradients and has no dropout. The queue is ready once it is full.
    """

    queue: torch.Tensor
    """The latest keys, `[xlco_queue_size, D]`."""
    seen: torch.Tensor
    """How many keys were ever put into the queue."""

    def __init__(self, config: XLMAlignConfig) -> None:
        super().__init__()
        short, width = copy.copy(config), config.hidden_size
        short.num_hidden_layers = config.xlco_layer
        self.tau, self.momentum = config.xlco_tau, config.xlco_momentum
        self.projection = nn.Linear(width, width, bias=False)
        self.slow_encoder = XLMRobertaModel(short, add_pooling_layer=False)
        self.slow_projection = nn.Linear(width, width, bias=False)
        self.register_buffer("queue", torch.zeros(config.xlco_queue_size, width))
        self.register_buffer("seen", torch.zeros((), dtype=torch.int64))
        self.train()

    def train(self, mode: bool = True) -> "MomentumContrast":
        """Set the mode of all but the slow copy, which stays frozen and evaluated.

        transformers 5 sets free what it loads, and calls this afterwards.
        """
        super().train(mode)
        self.slow_encoder.requires_grad_(False).eval()
        self.slow_projection.requires_grad_(False)
        return self

    def initialise(self, std: float) -> None:
        """Draw the projections where they were not loaded, and empty the queue."""
        for projection in (self.projection, self.slow_projection):
            nn.init.normal_(projection.weight, std=std)
        nn.init.zeros_(self.queue)
        nn.init.zeros_(self.seen)

    @property
    def is_ready(self) -> bool:
        """Whether the queue is full."""
        return int(self.seen) >= len(self.queue)

    @torch.no_grad()
    def follow(self, encoder: XLMRobertaModel, momentum: float | None = None) -> None:
        """Move the slow copy towards the encoder and the projection; `momentum` 0 makes it equal to them."""
        weight = 1.0 - (self.momentum if momentum is None else momentum)
        fast = dict(encoder.named_parameters())
        for name, slow in self.slow_encoder.named_parameters():
            slow.lerp_(fast[name], weight)
        self.slow_projection.weight.lerp_(self.projection.weight, weight)

    @torch.no_grad()
    def keys(self, inputs: dict[str, Any]) -> torch.Tensor:
        """Return the slow copy's key of each sentence, `[B, D]`; `inputs` are an encoder's, padded on the right."""
        return self.slow_projection(self.slow_encoder(**inputs).last_hidden_state[:, 0])

    @torch.no_grad()
    def enqueue(self, keys: torch.Tensor) -> None:
        """Put keys `[N, D]` in the place of the oldest ones."""
        size = len(self.queue)
        places = (self.seen + torch.arange(len(keys), device=keys.device)) % size
        # Of more keys than there are places the last ones stay.
        self.queue[places[-size:]] = keys[-size:].to(self.queue.dtype)
        self.seen += len(keys)

    def logits(self, states: torch.Tensor, keys: torch.Tensor) -> torch.Tensor:
        """Score each source's own key, first, and those of the queue, `[B, 1 + xlco_queue_size]`, in float32.

        `states` `[B, D]` are those of the sources' first tokens, `keys` `[B, D]` those of their translations.
        """
        queries = self.projection(states)
        with torch.autocast(queries.device.type, enabled=False):
            queries, keys = queries.float(), keys.float()
            own, others = (queries * keys).sum(1, keepdim=True), queries @ self.queue.float().T
        return torch.cat([own, others], dim=1) / self.tau
