"""A tiny Backpack with its tokenizer, untrained, in a folder."""

from pathlib import Path

import torch
from tiny_models import TINY_BACKPACK
from tiny_runs import sentences

from xlzoo.modeling.configuration_backpack import BackpackGPT2Config
from xlzoo.run_scripts.models.decoders import load_decoder, load_decoder_tokenizer, new_decoder
from xlzoo.run_scripts.models.new_tokenizers import save_tokenizer, train_decoder_tokenizer


def make_backpack(folder: Path, seed: int = 3, **changes) -> Path:
    """Write a Backpack that knows the pieces of English and Swahili."""
    texts = [text for language in ("eng", "swh") for text in sentences(language, number=200)["text"]]
    tokenizer = train_decoder_tokenizer(texts, 400)
    torch.manual_seed(seed)
    new_decoder(BackpackGPT2Config(**{**TINY_BACKPACK, **changes}), tokenizer).save_pretrained(folder)
    save_tokenizer(tokenizer, folder)
    return folder


def loaded(folder: Path):
    return load_decoder(str(folder)).eval(), load_decoder_tokenizer(str(folder))
