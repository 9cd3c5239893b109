"""Bases held in 4 or 8 bits under an adapter, by bitsandbytes (Dettmers et al. 2023, https://arxiv.org/abs/2305.14314)."""

import importlib.util
from typing import Any

import torch
from peft import prepare_model_for_kbit_training
from transformers import BitsAndBytesConfig, PreTrainedModel

from xlzoo.run_scripts.arguments import RunArguments
from xlzoo.run_scripts.errors import UserError

BITS = ("4bit", "8bit")


def quantized(bits: str | None, dtype: torch.dtype) -> dict[str, Any]:
    """Return what `from_pretrained` is told of "4bit" (nf4), "8bit" or nothing; what has 4 bits computes in `dtype`.

    UserError where there is no GPU, or no bitsandbytes.
    """
    if bits is None:
        return {}
    lacking = "" if torch.cuda.is_available() else "a GPU, of which there is none here"
    if importlib.util.find_spec("bitsandbytes") is None:
        lacking = " and ".join(filter(None, (lacking, "bitsandbytes (pip install bitsandbytes)")))
    if lacking:
        raise UserError(f"--quantization {bits} needs {lacking}; leave it out, or give a smaller model.")
    if bits == "8bit":
        return {"quantization_config": BitsAndBytesConfig(load_in_8bit=True)}
    nf4 = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=dtype)
    return {"quantization_config": nf4}


def prepared(model: PreTrainedModel, bits: str | None, gradient_checkpointing: bool) -> PreTrainedModel:
    """Return a quantized model as PEFT wants it for training, norms in float32, and any other as it is."""
    if bits is None:
        return model
    return prepare_model_for_kbit_training(model, use_gradient_checkpointing=gradient_checkpointing)


def require_adapter(bits: str | None, has_adapter: bool, args: RunArguments) -> None:
    """Refuse to train quantized weights themselves, and to publish what was only ever seen on top of them."""
    if bits is not None and not has_adapter:
        raise UserError(f"--quantization {bits} is for adapters; add --use_peft, or leave it out.")
    if bits is not None and args.destination is not None:
        raise UserError(
            f"With --quantization {bits} the adapter cannot be published at once: what is published is checked on the "
            "base as it is, so publish the finished folder with publish.py."
        )
