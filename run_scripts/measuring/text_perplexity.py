"""Perplexity, bits per byte and bits per character of texts under a causal language model.

What is counted: every token of the text, once, and no special token. Before the first token stands the one that the
tokenizer itself puts there, else BOS, else EOS, so that the first token is predicted too. The summed loss is then that
of the whole text, all of whose bytes and characters count, and models with different tokenizers are compared on the
same text. Without such a token the first token of a text is context only, and neither it nor its bytes count. The end
of a text is not predicted.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from xlzoo.run_scripts.data_arguments import require_at_least
from xlzoo.run_scripts.errors import UserError
from xlzoo.run_scripts.measuring.token_losses import token_losses
from xlzoo.run_scripts.models.positions import positions_left
from xlzoo.run_scripts.tasks.perplexity import Amount, perplexity_metrics

USUAL_CONTEXT = 2048
"""Tokens in a window where the model has no limit of its own, as in lm-eval."""


@dataclass(frozen=True)
class Reading:
    """How a model reads texts."""

    batch_size: int = field(default=16, metadata={"help": "Rows at a time; the results do not depend on it."})
    max_length: int | None = field(
        default=None, metadata={"help": "Tokens in a window; by default all the model takes."}
    )
    stride: int | None = field(
        default=None, metadata={"help": "Tokens by which windows move on in longer texts; half a window by default."}
    )
    add_start_token: bool = field(
        default=True, metadata={"help": "Predict the first token of a text too, from BOS or the like."}
    )

    def __post_init__(self) -> None:
        require_at_least(1, self, "batch_size", "max_length", "stride")
        if self.max_length and self.stride and self.stride > self.max_length:
            raise UserError(f"--stride is {self.stride}; expected at most --max_length, {self.max_length}.")

    @property
    def settings(self) -> dict[str, Any]:
        """What results depend on: all but the size of the batches."""
        return {name: value for name, value in vars(self).items() if name != "batch_size"}

    def window(self, model: PreTrainedModel) -> tuple[int, int]:
        """Return length and stride of the model's windows; UserError where it cannot read as much."""
        most = positions_left(model)
        length = self.max_length or most or USUAL_CONTEXT
        if most and length > most:
            raise UserError(f"--max_length is {length}; expected at most {most}, all that the model takes.")
        return length, self.stride or max(1, length // 2)


@dataclass(frozen=True)
class EncodedTexts:
    """Texts as a model reads them."""

    rows: list[list[int]]
    """The tokens of each text, after its start token if there is one; a row's first token is not predicted."""
    amount: Amount
    """What is predicted."""
    start_token: str | None


def text_perplexity(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], reading: Reading | None = None
) -> dict[str, Any]:
    """Measure a model on texts, each a document of its own, and return the metrics of `perplexity_metrics`.

    With them come `max_length`, `stride` and `start_token`, as they were used. Raises UserError for a model that is
    not causal, a tokenizer that is not its own, windows longer than it takes, and texts without a token.
    """
    reading = reading or Reading()
    max_length, stride = reading.window(model)
    encoded = encode_texts(tokenizer, texts, reading.add_start_token)
    losses = token_losses(model, encoded.rows, max_length, stride, reading.batch_size)
    nats = sum(loss.double().sum().item() for loss in losses)
    used = {"max_length": max_length, "stride": stride, "start_token": encoded.start_token}
    return {**perplexity_metrics(nats, encoded.amount), **used}


def encode_texts(tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], add_start_token: bool) -> EncodedTexts:
    """Tokenise texts without special tokens but the start token, and count what is to be predicted."""
    if not texts:
        raise UserError("There is nothing to predict: no text was given.")
    start = start_token(tokenizer) if add_start_token else None
    encoded = tokenizer(
        list(texts), add_special_tokens=False, return_attention_mask=False, return_offsets_mapping=start is None
    )
    if start is None:
        rows = encoded["input_ids"]
        firsts = [
            offsets[0][1] if offsets else len(text)
            for text, offsets in zip(texts, encoded["offset_mapping"], strict=True)
        ]
        texts = [text[end:] for text, end in zip(texts, firsts, strict=True)]
    else:
        rows = [[start, *ids] for ids in encoded["input_ids"]]
    amount = Amount(
        sentences=len(rows),
        tokens=sum(max(len(row) - 1, 0) for row in rows),
        bytes=sum(len(text.encode("utf-8")) for text in texts),
        characters=sum(map(len, texts)),
        unknown_tokens=sum(row[1:].count(tokenizer.unk_token_id) for row in rows),
    )
    return EncodedTexts(rows, amount, None if start is None else tokenizer.convert_ids_to_tokens([start])[0])


def start_token(tokenizer: PreTrainedTokenizerBase) -> int | None:
    """Return the token that stands before a text: what the tokenizer itself puts there, else BOS, else EOS."""
    own, plain = (tokenizer("a", add_special_tokens=special)["input_ids"][:1] for special in (True, False))
    if own and own != plain:
        return own[0]
    return tokenizer.eos_token_id if tokenizer.bos_token_id is None else tokenizer.bos_token_id
