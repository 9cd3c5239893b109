"""Tiny models with their tokenizers, and how the scripts load them."""

import shutil
from pathlib import Path
from typing import Any

import torch
from tiny_models import TINY_ENCODER
from transformers import PreTrainedModel, XLMRobertaConfig, XLMRobertaForMaskedLM

from xlzoo.modeling.configuration_madx import MadxConfig
from xlzoo.modeling.modeling_madx import MadxForMaskedLM
from xlzoo.run_scripts.arguments import ModelArguments
from xlzoo.run_scripts.encoders import load_encoder, load_tokenizer, train_tokenizer

TEXTS = [
    f"{who} {does} {what} {where}"
    for who in ("the cat", "a dog", "my son")
    for does in ("sees", "likes")
    for what in ("milk", "fish", "songs")
    for where in ("here", "at home", "in town")
]
SENTENCE = "the dog likes songs in town"
SIZES = {**TINY_ENCODER, "type_vocab_size": 1}


def write_stock(folder: Path) -> Path:
    """Write a stock XLM-R checkpoint and its tokenizer."""
    tokenizer = train_tokenizer(TEXTS, 80)
    torch.manual_seed(3)
    XLMRobertaForMaskedLM(XLMRobertaConfig(**{**SIZES, "vocab_size": len(tokenizer)})).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def write_madx(folder: Path) -> Path:
    """Write a MAD-X model with an adapter, its own code beside it, and its tokenizer."""
    tokenizer = train_tokenizer(TEXTS, 80)
    torch.manual_seed(4)
    model = MadxForMaskedLM(MadxConfig(**{**SIZES, "vocab_size": len(tokenizer)}))
    model.add_adapter("en", "seq_bn_inv", set_active=True)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def write_pickled(folder: Path, stock: Path, **arguments: Any) -> Path:
    """Write the stock model as older releases did, its weights in `pytorch_model.bin`."""
    shutil.copytree(stock, folder, ignore=shutil.ignore_patterns("*.safetensors"))
    model = XLMRobertaForMaskedLM.from_pretrained(stock)
    torch.save(model.state_dict(), folder / "pytorch_model.bin", **arguments)
    return folder


def write_sharded(folder: Path, stock: Path) -> Path:
    """Write the stock model in several safetensors files with an index."""
    shutil.copytree(stock, folder, ignore=shutil.ignore_patterns("model.safetensors"))
    XLMRobertaForMaskedLM.from_pretrained(stock).save_pretrained(folder, max_shard_size="20KB")
    return folder


def load_model(folder: Path) -> torch.Tensor:
    """Load tokenizer and encoder as the scripts do; return the logits `[1, L, V]` of a sentence."""
    arguments = ModelArguments(model_name_or_path=str(folder))
    tokenizer = load_tokenizer(arguments)
    model = load_encoder(MadxForMaskedLM, arguments, tokenizer)
    return logits(model, tokenizer(SENTENCE, return_tensors="pt")["input_ids"])


def logits(model: PreTrainedModel, input_ids: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return model.eval()(input_ids=input_ids).logits
