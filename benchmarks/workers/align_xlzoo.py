"""`XLMAlignModel.align`, from words to links."""

from functools import partial

import torch
from alignment_server import Links, options, sentences, serve
from transformers import AutoTokenizer
from transformers.utils import logging

from xlzoo.modeling.modeling_xlm_align import XLMAlignModel

chosen = options()
torch.set_num_threads(chosen.threads)
logging.set_verbosity_error()
model = XLMAlignModel.from_pretrained(chosen.folder).eval()
tokenizer = AutoTokenizer.from_pretrained(chosen.folder)
pairs = sentences(chosen.folder)
ENCODED = {"argmax": "separate", "itermax": "separate", "ot": "joint"}


def align(method: str, dtype: torch.dtype | None = None) -> Links:
    """Align all pairs by one layer."""
    return model.align(pairs, tokenizer, method, chosen.layer, ENCODED[method], dtype=dtype)


def align_layers() -> None:
    """Align all pairs by every layer."""
    model.align_layers(pairs, tokenizer)


ways = {method: partial(align, method) for method in ENCODED}
ways |= {f"{method} bf16": partial(align, method, torch.bfloat16) for method in ENCODED}
serve({**ways, "all layers": align_layers}, chosen.folder / "xlzoo.json")
