"""Tiny models of four families, and three adapters of PEFT's on each, saved as PEFT saves them."""

from dataclasses import dataclass
from pathlib import Path

import torch
from peft import IA3Config, LoraConfig, PrefixTuningConfig, get_peft_model
from tiny_models import TINY_ENCODER
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    T5Config,
    T5ForConditionalGeneration,
    XLMRobertaConfig,
    XLMRobertaForSequenceClassification,
)

ROLES = ("task", "target", "source")
TINY_LLAMA = {
    **{"vocab_size": 60, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2},
    **{"num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 64},
}


def llama(**changes):
    return LlamaForCausalLM(LlamaConfig(**{**TINY_LLAMA, **changes}))


def gpt2(**changes):
    sizes = {"vocab_size": 60, "n_positions": 40, "n_embd": 32, "n_layer": 2, "n_head": 4}
    off = dict.fromkeys(("resid_pdrop", "embd_pdrop", "attn_pdrop"), 0.0)
    return GPT2LMHeadModel(GPT2Config(**{**sizes, **off, **changes}))


def t5(**changes):
    sizes = {"vocab_size": 60, "d_model": 32, "d_ff": 48, "d_kv": 8, "num_layers": 2, "num_heads": 4}
    return T5ForConditionalGeneration(T5Config(**{**sizes, "decoder_start_token_id": 0, **changes}))


def xlm_r(**changes):
    return XLMRobertaForSequenceClassification(XLMRobertaConfig(**{**TINY_ENCODER, "num_labels": 3, **changes}))


FAMILIES = {"llama": llama, "gpt2": gpt2, "t5": t5, "xlm-r": xlm_r}
TASKS = {"llama": "CAUSAL_LM", "gpt2": "CAUSAL_LM", "t5": "SEQ_2_SEQ_LM", "xlm-r": "SEQ_CLS"}
ALL_LINEAR = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
TARGETS = {
    "llama": ALL_LINEAR,
    "gpt2": ["c_attn", "c_proj", "c_fc"],
    "t5": ["q", "v", "wo"],
    "xlm-r": ["query", "value"],
}
IA3_TARGETS = {
    "llama": (["k_proj", "v_proj", "down_proj"], ["down_proj"]),
    "gpt2": (["c_attn", "mlp.c_proj"], ["mlp.c_proj"]),
    "t5": (["k", "v", "wi_1", "wo"], ["wo"]),
    "xlm-r": (["key", "value", "output.dense"], ["output.dense"]),
}


def lora(family, **changes):
    settings = {"r": 4, "lora_alpha": 8, "target_modules": TARGETS[family], "task_type": TASKS[family]}
    return LoraConfig(**{**settings, **changes})


def ia3(family, **changes):
    targets, feedforward = IA3_TARGETS[family]
    settings = {"target_modules": targets, "feedforward_modules": feedforward, "task_type": TASKS[family]}
    return IA3Config(**{**settings, **changes})


def prefix(family, **changes):
    return PrefixTuningConfig(**{"num_virtual_tokens": 5, "task_type": TASKS[family], **changes})


def base_model(family, **changes):
    """Return the base model of a family, the same each time."""
    torch.manual_seed(1)
    return FAMILIES[family](**changes).eval()


def save_adapter(folder: Path, model, config, seed: int, base: str = "me/base") -> Path:
    """Save an adapter that changes the model."""
    adapted = get_peft_model(model, config)
    generator = torch.Generator().manual_seed(seed)
    for parameter in adapted.parameters():
        if parameter.requires_grad:
            parameter.data.add_(0.2 * torch.randn(parameter.shape, generator=generator))
    adapted.peft_config["default"].base_model_name_or_path = base
    adapted.save_pretrained(folder)
    return folder


@dataclass(frozen=True)
class Three:
    """A task adapter and two reference adapters, by their folders."""

    task: Path
    target: Path
    source: Path

    def flags(self, *more) -> list[str]:
        named = {"--task_adapter": self.task, "--target_reference": self.target, "--source_reference": self.source}
        return [str(text) for pair in (*named.items(), more) for text in pair]


def save_three(folder: Path, family: str, make, *, changes=({}, {}, {}), model=None) -> Three:
    """Save three adapters of one kind, with changes to the configuration of each."""
    made = [
        save_adapter(folder / role, (model or base_model)(family), make(family, **change), seed)
        for seed, (role, change) in enumerate(zip(ROLES, changes, strict=True))
    ]
    return Three(*made)


def outputs(model, family: str) -> torch.Tensor:
    """Return the logits of two rows without padding."""
    ids = torch.arange(4, 22).reshape(2, 9)
    more = {"decoder_input_ids": ids.flip(1)} if family == "t5" else {}
    with torch.no_grad():
        return model.eval()(input_ids=ids, attention_mask=torch.ones_like(ids), **more).logits
