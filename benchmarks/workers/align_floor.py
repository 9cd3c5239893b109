"""What no aligner of this kind can avoid: the encoder up to the layer, on ready rows, batched by length; no links."""

from functools import partial

import torch
from alignment_server import options, sentences, serve
from transformers import AutoConfig, AutoTokenizer, XLMRobertaModel
from transformers.utils import logging

PLACES = 1024
"""Places of a batch, padding included; half and twice as many take as long."""

chosen = options()
torch.set_num_threads(chosen.threads)
logging.set_verbosity_error()
tokenizer = AutoTokenizer.from_pretrained(chosen.folder)
pairs = sentences(chosen.folder)
whole = AutoConfig.from_pretrained(chosen.folder).num_hidden_layers
encoders = {
    f"{name}{ending}": XLMRobertaModel.from_pretrained(
        chosen.folder, add_pooling_layer=False, dtype=dtype, num_hidden_layers=layers
    ).eval()
    for name, layers in (("full", whole), ("stopped", chosen.layer))
    for ending, dtype in (("", torch.float32), (" bf16", torch.bfloat16))
}


def pieces(words: list[str]) -> list[int]:
    """Return the ids of words."""
    return tokenizer(words, is_split_into_words=True, add_special_tokens=False)["input_ids"]


def batches(rows: list[list[int]]) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Pad rows of like length to ids and masks."""
    rows, made = sorted(rows, key=len, reverse=True), []
    while rows:
        width = len(rows[0])
        batch, rows = rows[: max(PLACES // width, 1)], rows[max(PLACES // width, 1) :]
        ids = torch.tensor([[*row, *[1] * (width - len(row))] for row in batch])
        made.append((ids, (ids != 1).long()))
    return made


cut = [(pieces(source), pieces(target)) for source, target in pairs]
LAID_OUT = {
    "separate": batches([[0, *side, 2] for pair in cut for side in pair]),
    "joint": batches([[0, *source, 2, *target, 2] for source, target in cut]),
}


def encode(encoder: str, rows: str) -> None:
    """Run an encoder over all batches."""
    with torch.inference_mode():
        for ids, mask in LAID_OUT[rows]:
            encoders[encoder](input_ids=ids, attention_mask=mask)


ways = {f"{encoder} {rows}": partial(encode, encoder, rows) for encoder in encoders for rows in LAID_OUT}
serve(ways, chosen.folder / "floor.json")
