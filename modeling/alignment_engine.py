"""Aligns any number of pairs in windows of bounded size: cut, lay out, encode, link."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from itertools import islice

import torch
from transformers import PreTrainedTokenizerBase
from transformers.models.xlm_roberta.modeling_xlm_roberta import XLMRobertaModel

from .alignment_links import Links, group_pairs, link_pairs
from .alignment_plan import plan_pairs
from .alignment_settings import AlignmentSettings
from .alignment_states import encode_rows, evaluating
from .alignment_words import PieceCutter, Pieces, Sentence

Pair = tuple[Sentence, Sentence]
CHUNK = 1024
"""Pairs that are cut at once."""
WINDOW = 2**15
"""Pieces whose states are held at once; with several layers each of them holds its part of this number."""
SHORTEST = 5
"""Positions of `<s> source </s> target </s>` with one piece on each side."""
CPU_TOKENS, DEVICE_TOKENS = 2**10, 2**14
"""Places of an encoder batch, where the caller does not say."""


@torch.inference_mode()
def align_pairs(
    encoder: XLMRobertaModel,
    pairs: Iterable[Pair],
    tokenizer: PreTrainedTokenizerBase,
    settings: AlignmentSettings,
) -> dict[int, list[Links]]:
    """Return for each layer each pair's word links with their scores.

    The links are what is kept of all pairs; the states in memory are those of one window.
    """
    config = encoder.config
    settings.check_layers(config.num_hidden_layers)
    positions = config.max_position_embeddings - config.pad_token_id - 1
    _check(tokenizer, config.vocab_size, positions)
    tokens = settings.batch_tokens or (CPU_TOKENS if encoder.device.type == "cpu" else DEVICE_TOKENS)
    links: dict[int, list[Links]] = {layer: [] for layer in settings.layers}
    lower = nullcontext() if settings.dtype is None else torch.autocast(encoder.device.type, settings.dtype)
    with evaluating(encoder):
        for window in windows(pairs, PieceCutter(tokenizer), WINDOW // len(settings.layers)):
            plan = plan_pairs(window, tokenizer, settings.encode, positions)
            with lower:
                states, begins = encode_rows(encoder, plan.rows, settings.layers, tokens)
            groups = group_pairs(plan, begins, window, encoder.device)
            for layer in settings.layers:
                links[layer] += link_pairs(states.pop(layer), groups, begins, len(window), settings)
    return links


def _check(tokenizer: PreTrainedTokenizerBase, vocabulary: int, positions: int) -> None:
    """Raise ValueError where the encoder cannot read what the tokenizer makes, or has no room for a pair."""
    if tokenizer.cls_token_id is None or tokenizer.sep_token_id is None:
        raise ValueError("The tokenizer has no <s> or no </s> to set sentences off; give that of an XLM-R model.")
    if len(tokenizer) > vocabulary:
        raise ValueError(
            f"The tokenizer has {len(tokenizer)} pieces, the encoder {vocabulary}; give the encoder's own."
        )
    if positions < SHORTEST:
        raise ValueError(f"The encoder has {positions} positions; a pair of one piece each needs {SHORTEST}.")


def windows(pairs: Iterable[Pair], cutter: PieceCutter, most: int) -> Iterator[list[tuple[Pieces, Pieces]]]:
    """Cut the pairs' sentences and yield them in order, in windows of at most `most` pieces or of a single pair."""
    rest = iter(pairs)
    window: list[tuple[Pieces, Pieces]] = []
    size = 0
    while chunk := list(islice(rest, CHUNK)):
        for source, target in zip(*(cutter.cut(side) for side in _sides(chunk)), strict=True):
            length = len(source.ids) + len(target.ids)
            if window and size + length > most:
                yield window
                window, size = [], 0
            window.append((source, target))
            size += length
    if window:
        yield window


def _sides(chunk: Sequence[Pair]) -> tuple[list[Sentence], list[Sentence]]:
    for pair in chunk:
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise ValueError(f"A pair is {str(pair)[:60]!r}; expected (source, target), two texts or lists of words.")
    return [source for source, _ in chunk], [target for _, target in chunk]
