"""What Backpack models return; L new tokens, T tokens with those in the cache, K senses, V words."""

from dataclasses import dataclass

import torch
from transformers.cache_utils import Cache
from transformers.utils import ModelOutput


@dataclass
class BackpackGPT2BaseModelOutput(ModelOutput):
    """What `BackpackGPT2Model` returns.

    `last_hidden_state` `[B, L, D]` is the weighted sum of senses; `hidden_states` and `attentions` are GPT-2's.
    `senses` `[B, K, L, D]` of the new tokens and `contextualization` `[B, K, L, T]` come if asked for, and so do the
    pooled senses of the texts, `sense_vectors` `[B, D]`, with `sense_entropies` `[B, L]`; see `sense_pooling`.
    """

    last_hidden_state: torch.Tensor | None = None
    past_key_values: Cache | None = None
    hidden_states: tuple[torch.Tensor, ...] | None = None
    attentions: tuple[torch.Tensor, ...] | None = None
    senses: torch.Tensor | None = None
    contextualization: torch.Tensor | None = None
    sense_vectors: torch.Tensor | None = None
    sense_entropies: torch.Tensor | None = None


@dataclass
class BackpackGPT2LMHeadModelOutput(ModelOutput):
    """What `BackpackGPT2LMHeadModel` returns.

    `loss` is label-smoothed if smoothing was asked for, `loss_unsmoothed` is not, and has no gradient; `logits`
    `[B, L, V]`; `backpack_hidden_states` `[B, L, D]` is the weighted sum of senses. The others are as in
    `BackpackGPT2BaseModelOutput`.
    """

    loss: torch.Tensor | None = None
    logits: torch.Tensor | None = None
    past_key_values: Cache | None = None
    hidden_states: tuple[torch.Tensor, ...] | None = None
    attentions: tuple[torch.Tensor, ...] | None = None
    loss_unsmoothed: torch.Tensor | None = None
    senses: torch.Tensor | None = None
    contextualization: torch.Tensor | None = None
    backpack_hidden_states: torch.Tensor | None = None
    sense_vectors: torch.Tensor | None = None
    sense_entropies: torch.Tensor | None = None
