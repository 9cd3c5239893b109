"""The states of a stopped encoder, for rows of any length in batches of like lengths."""

import copy
from array import array
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain

import torch
from torch import nn
from transformers.models.xlm_roberta.modeling_xlm_roberta import XLMRobertaModel

PLAIN = {"return_dict": True, "output_hidden_states": False, "output_attentions": False}


class Tap(nn.Module):
    """A layer of the encoder, unchanged, whose input and output stay at hand."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer
        self.kept: list[torch.Tensor] = []

    def forward(self, states: torch.Tensor, *args: object, **kwargs: object) -> torch.Tensor | tuple[torch.Tensor]:
        """Call the layer; `kept` holds the states `[B, L, D]` before and after it."""
        output = self.layer(states, *args, **kwargs)
        self.kept = [states, output[0] if isinstance(output, tuple) else output]
        return output


def stopped(encoder: XLMRobertaModel, last: int, tapped: bool) -> XLMRobertaModel:
    """Return an encoder of the first `last` layers of the given one, made around the same modules."""
    config = copy.copy(encoder.config)
    config.num_hidden_layers = 0
    with torch.device("meta"):
        short = XLMRobertaModel(config, add_pooling_layer=False)
    config.num_hidden_layers = last  # transformers 4 counts by it.
    layers = encoder.encoder.layer[:last]
    short.embeddings = encoder.embeddings
    short.encoder.layer = nn.ModuleList(map(Tap, layers)) if tapped else layers
    return short


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Put a model into evaluation mode, and each of its modules back into its own mode afterwards."""
    training = [module for module in model.modules() if module.training]
    model.eval()
    try:
        yield
    finally:
        for module in training:
            module.training = True


def batches(lengths: Sequence[int], tokens: int) -> Iterator[list[int]]:
    """Group rows of like length, longest first, so that no batch has more than `tokens` places, padding included."""
    batch: list[int] = []
    longest = 0
    for row in sorted(range(len(lengths)), key=lengths.__getitem__, reverse=True):
        if batch and (len(batch) + 1) * longest > tokens:
            yield batch
            batch = []
        longest = longest if batch else lengths[row]
        batch.append(row)
    if batch:
        yield batch


def integers(values: Iterable[int]) -> torch.Tensor:
    """Return a tensor of whole numbers, which from an iterable is several times as fast as `torch.tensor`."""
    return torch.frombuffer(array("q", values), dtype=torch.int64)


def encode_rows(
    encoder: XLMRobertaModel, rows: Sequence[Sequence[int]], layers: Sequence[int], tokens: int
) -> tuple[dict[int, torch.Tensor], list[int]]:
    """Return the states of all rows' pieces, one after the other, `[pieces, D]` in fp32 for each layer.

    The second value says where each row begins. The encoder runs up to the highest of the layers, once.
    """
    last, device, padding = max(layers), encoder.device, encoder.config.pad_token_id
    short = stopped(encoder, last, tapped=len(layers) > 1)
    lengths, width = [len(row) for row in rows], encoder.config.hidden_size
    states = {layer: torch.empty(sum(lengths), width, device=device) for layer in layers}
    begins, place = [0] * len(rows), 0
    for batch in batches(lengths, tokens):
        longest, start = lengths[batch[0]], place
        for row in batch:
            begins[row] = place
            place += lengths[row]
        real = torch.arange(longest) < integers(lengths[row] for row in batch)[:, None]
        ids = torch.full(real.shape, padding)
        ids.masked_scatter_(real, integers(chain.from_iterable(rows[row] for row in batch)))
        output = short(input_ids=ids.to(device), attention_mask=real.long().to(device), **PLAIN).last_hidden_state
        places = real.flatten().nonzero()[:, 0].to(device)
        for layer in layers:
            after = output if layer == last else _kept(short, layer)
            # To index by the mask takes several times as long.
            torch.index_select(after.flatten(0, 1).float(), 0, places, out=states[layer][start:place])
    return states, begins


def _kept(short: XLMRobertaModel, layer: int) -> torch.Tensor:
    taps = short.encoder.layer
    return taps[0].kept[0] if layer == 0 else taps[layer - 1].kept[1]
