"""Perplexity and bits per byte: which tokens of a text count in which window, and what their losses amount to."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from xlzoo.run_scripts.errors import UserError


@dataclass(frozen=True)
class Window:
    """Tokens `[start, stop)` of a text that a model reads at once; its predictions count from `first` on.

    After reading token i a model predicts token i + 1, so that a text of n + 1 tokens holds n predictions, 0 to n - 1.
    """

    start: int
    first: int
    stop: int


def windows(predictions: int, max_length: int, stride: int) -> Iterator[Window]:
    """Cover the predictions of a text, each exactly once, by windows of at most `max_length` tokens.

    Each window after the first adds `stride` predictions, the last one what is left. A prediction is made from all
    tokens before it where these fit into a window, else from at least `max_length - stride + 1` of them. A stride of
    `max_length` makes windows that share nothing but one token of context (lm-eval's `loglikelihood_rolling`).
    Raises UserError for a stride that is not from 1 to `max_length`.
    """
    if not 1 <= stride <= max_length:
        raise UserError(f"--stride is {stride}; expected 1 to {max_length}, the length of a window.")
    first, stop = 0, min(max_length, predictions)
    while first < predictions:
        yield Window(max(0, stop - max_length), first, stop)
        first, stop = stop, min(stop + stride, predictions)


@dataclass(frozen=True)
class Amount:
    """How much text was predicted."""

    sentences: int
    tokens: int
    bytes: int
    """Of the text in UTF-8."""
    characters: int
    """Unicode code points."""
    unknown_tokens: int = 0
    """Those that stand for anything the tokenizer does not know: predicting them says little about the text."""


def perplexity_metrics(nats: float, amount: Amount) -> dict[str, float]:
    """Return what predicting this amount of text with a summed loss of `nats` means, per token, byte and character.

    `loss` is the mean in nats per token and `perplexity` its exponential: both depend on how a tokenizer cuts the
    text. `bits_per_byte` and `bits_per_character` do not, and compare models with different tokenizers.
    Raises UserError where nothing was predicted, or the sum is no number.
    """
    if not (amount.tokens and amount.bytes):
        raise UserError("There is nothing to predict: expected at least one text with a token, give other data.")
    loss = nats / amount.tokens
    if not loss < math.log(1e300):  # NaN is not smaller either.
        raise UserError(
            f"The model's loss is {loss} nats per token, which no sound model has: try --dtype float32, "
            "or give another model."
        )
    bits = nats / math.log(2)
    return {
        **vars(amount),
        "loss": loss,
        "perplexity": math.exp(loss),
        "bits_per_byte": bits / amount.bytes,
        "bits_per_character": bits / amount.characters,
    }


def perplexity_table(results: dict[str, dict[str, float]]) -> str:
    """Return a Markdown table with a row for each language or file."""
    lines = [f"| | {' | '.join(title for title, _, _ in COLUMNS)} |", "|---|" + "---:|" * len(COLUMNS)]
    for name, metrics in results.items():
        lines.append(f"| {name} | {' | '.join(format(metrics[key], form) for _, key, form in COLUMNS)} |")
    return "\n".join(lines)


COLUMNS = (
    ("sentences", "sentences", "d"),
    ("tokens", "tokens", "d"),
    ("nats/token", "loss", ".4f"),
    ("perplexity", "perplexity", ".2f"),
    ("bits/byte", "bits_per_byte", ".4f"),
    ("bits/character", "bits_per_character", ".4f"),
)
"""Title, key and format of the table's columns."""
