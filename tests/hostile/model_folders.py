"""Tiny models with their tokenizers, and how the scripts load them."""

from pathlib import Path

import torch
from tiny_models import TINY_ENCODER
from transformers import PreTrainedModel, XLMRobertaConfig, XLMRobertaForMaskedLM, XLMRobertaTokenizer

from xlzoo.modeling.configuration_madx import MadxConfig
from xlzoo.modeling.modeling_madx import MadxForMaskedLM
from xlzoo.run_scripts.arguments import ModelArguments
from xlzoo.run_scripts.models.encoders import load_encoder, load_tokenizer

PIECES = ["<s>", "<pad>", "</s>", "<unk>", "▁", *"abcdefghijklmnopqrstuvwxyz", "<mask>"]
"""The cases count on these 32."""
SENTENCE = "the dog likes songs here"
SIZES = {**TINY_ENCODER, "type_vocab_size": 1}


def write_tokenizer(folder: Path) -> XLMRobertaTokenizer:
    """Write an XLM-R tokenizer of spaces and letters."""
    tokenizer = XLMRobertaTokenizer(vocab=[(piece, -3.0) for piece in PIECES], model_max_length=512)
    tokenizer.save_pretrained(folder)
    return tokenizer


def write_stock(folder: Path) -> torch.Tensor:
    """Write a stock XLM-R checkpoint and its tokenizer; return the model's logits."""
    tokenizer = write_tokenizer(folder)
    torch.manual_seed(3)
    model = XLMRobertaForMaskedLM(XLMRobertaConfig(**{**SIZES, "vocab_size": len(tokenizer)}))
    model.save_pretrained(folder)
    return logits(model, tokenizer)


def write_madx(folder: Path) -> torch.Tensor:
    """Write a MAD-X model with an active adapter, its own code beside it, and its tokenizer; return its logits."""
    tokenizer = write_tokenizer(folder)
    torch.manual_seed(4)
    model = MadxForMaskedLM(MadxConfig(**{**SIZES, "vocab_size": len(tokenizer)}))
    model.add_adapter("en", "seq_bn_inv", set_active=True)
    model.save_pretrained(folder)
    return logits(model, tokenizer)


def write_new(folder: Path) -> torch.Size:
    """Write a configuration and a tokenizer; return the shape of a model's logits."""
    tokenizer = write_tokenizer(folder)
    XLMRobertaConfig(**SIZES).save_pretrained(folder)
    return torch.Size([1, len(tokenizer(SENTENCE)["input_ids"]), len(tokenizer)])


def load_model(folder: Path) -> torch.Tensor:
    """Load tokenizer and encoder as the scripts do; return the logits."""
    arguments = ModelArguments(model_name_or_path=str(folder))
    tokenizer = load_tokenizer(arguments)
    return logits(load_encoder(MadxForMaskedLM, arguments, tokenizer), tokenizer)


def load_new(folder: Path) -> torch.Size:
    """Make a new model as the scripts do; return the shape of its logits."""
    arguments = ModelArguments(config_name=str(folder))
    tokenizer = load_tokenizer(arguments)
    return logits(load_encoder(MadxForMaskedLM, arguments, tokenizer), tokenizer).shape


def logits(model: PreTrainedModel, tokenizer: XLMRobertaTokenizer) -> torch.Tensor:
    """The logits `[1, L, V]` of a sentence."""
    with torch.no_grad():
        return model.eval()(input_ids=tokenizer(SENTENCE, return_tensors="pt")["input_ids"]).logits
