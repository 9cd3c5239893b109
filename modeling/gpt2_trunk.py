"""GPT-2 as transformers has it, with three repairs that leave its numbers as they were meant."""

from functools import partial
from typing import Any

from torch import nn
from transformers import GPT2Config, GPT2Model

from .activated_projection import ThriftyMLP
from .sense_network import activation


def gpt2_trunk(config: GPT2Config) -> GPT2Model:
    """Return GPT-2 with `gelu_new` as one kernel that training runs again instead of keeping what it makes.

    On transformers 4 it also gets its attention scale in every kernel.
    """
    trunk = GPT2Model(config)
    for index, block in enumerate(trunk.h):
        # A new module would draw random numbers; this one only goes another way.
        block.mlp.__class__ = ThriftyMLP
        block.mlp.act = activation(config.activation_function)
        # Transformers 5 has its own `scaling`; 4.57 heeds `scale_attn_by_inverse_layer_idx` in eager attention only.
        if not hasattr(block.attn, "scaling"):
            scaling = (config.n_embd // config.n_head) ** -0.5 if config.scale_attn_weights else 1.0
            if config.scale_attn_by_inverse_layer_idx:
                scaling /= index + 1
            block.attn.register_forward_pre_hook(partial(_with_scaling, scaling), with_kwargs=True)
    return trunk


def _with_scaling(
    scaling: float, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Pass the scale on to the attention kernel, which takes it."""
    return args, {**kwargs, "scaling": scaling}
