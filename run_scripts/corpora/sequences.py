"""From rows to token ids for causal language models: packed blocks, single documents, prompts with completions."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, TypeVar

from datasets import Dataset, IterableDataset
from transformers import PreTrainedTokenizerBase

from xlzoo.run_scripts.errors import UserError

from .pieces import IGNORED

Rows = TypeVar("Rows", Dataset, IterableDataset)
Columns = dict[str, list[list[int]]]


@dataclass(frozen=True)
class Frame:
    """What stands around a document: a token before it if the tokenizer's own texts begin so, and the end of text."""

    head: tuple[int, ...]
    tail: tuple[int, ...]

    @classmethod
    def of(cls, tokenizer: PreTrainedTokenizerBase) -> "Frame":
        """Return the frame of a tokenizer that has an end-of-text token."""
        alone = tokenizer("")["input_ids"]
        begins = alone[:1] == [tokenizer.bos_token_id]
        return cls(tuple(alone[:1]) if begins else (), (tokenizer.eos_token_id,))

    def __call__(self, ids: Sequence[int]) -> list[int]:
        """Put the frame around a document's ids."""
        return [*self.head, *ids, *self.tail]


def as_packed(rows: Rows, tokenizer: PreTrainedTokenizerBase, length: int) -> Rows:
    """Turn `{"text"}` rows into `{"input_ids"}` blocks of `length`, one document behind the other.

    No token is left out: what remains of a thousand rows is a shorter block.
    """
    frame = Frame.of(tokenizer)

    def pack(batch: Mapping[str, list[str]]) -> Columns:
        documents = tokenizer(batch["text"], add_special_tokens=False, verbose=False)["input_ids"]
        ids = list(chain.from_iterable(frame(document) for document in documents))
        return {"input_ids": list(_cut(ids, length))}

    return _map(rows, pack, "Packing text")


def as_documents(rows: Rows, tokenizer: PreTrainedTokenizerBase, length: int) -> Rows:
    """Turn `{"text"}` rows into `{"input_ids"}`, a row per document; longer ones go on in further rows."""
    frame = Frame.of(tokenizer)

    def split(batch: Mapping[str, list[str]]) -> Columns:
        documents = tokenizer(batch["text"], add_special_tokens=False, verbose=False)["input_ids"]
        return {"input_ids": list(chain.from_iterable(_cut(frame(ids), length) for ids in documents if ids))}

    return _map(rows, split, "Reading documents")


def as_completions(
    rows: Rows, tokenizer: PreTrainedTokenizerBase, length: int, separator: str, completion_only: bool
) -> Rows:
    """Turn `{"prompt", "completion"}` rows into `{"input_ids", "labels"}`, one row each.

    Both are tokenized as one text with the separator between. To be predicted is every token with a character of the
    completion, and the end of text; the prompt only if not `completion_only`. Of a row that is too long the prompt's
    beginning goes. Raises UserError for a completion that is empty or has no room.
    """
    frame = Frame.of(tokenizer)

    def join(batch: Mapping[str, list[str]], places: Sequence[int]) -> Columns:
        starts = [prompt + separator for prompt in batch["prompt"]]
        texts = [start + completion for start, completion in zip(starts, batch["completion"], strict=True)]
        encoded: Any = tokenizer(texts, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
        result: Columns = {"input_ids": [], "labels": []}
        for row, (place, start, text) in enumerate(zip(places, starts, texts, strict=True)):
            size = sum(end > len(start) for _, end in encoded["offset_mapping"][row])
            if not text[len(start) :].strip() or not size:
                raise UserError(
                    f"The completion in row {place} is empty; expected a text to predict, correct the row."
                )
            ids: list[int] = encoded["input_ids"][row]
            fitted: tuple[list[int], list[int]] = _fitted(ids, size, frame, length, place)
            result["input_ids"].append([*fitted[0], *fitted[1]])
            result["labels"].append([*([IGNORED] * len(fitted[0]) if completion_only else fitted[0]), *fitted[1]])
        return result

    return _map(rows, join, "Joining prompts and completions", with_indices=True)


def as_source_and_target(
    rows: Dataset, tokenizer: PreTrainedTokenizerBase, source_length: int, target_length: int
) -> Dataset:
    """Turn `{"prompt", "completion"}` rows into `{"input_ids", "labels"}` for an encoder and a decoder.

    A prompt begins and ends as the tokenizer's texts do, a completion with the end of text. Of a prompt that is too
    long the beginning goes, of a completion the end. Raises UserError for a completion that is empty.
    """
    alone, end = tokenizer("")["input_ids"], tokenizer.eos_token_id
    head = alone[:1] if alone[:1] == [tokenizer.bos_token_id] else []
    tail = alone[-1:] if alone[-1:] == [end] else []
    room = source_length - len(head) - len(tail)

    def encode(batch: Mapping[str, list[str]], places: Sequence[int]) -> Columns:
        sources, targets = (
            tokenizer(batch[column], add_special_tokens=False, verbose=False)["input_ids"]
            for column in ("prompt", "completion")
        )
        for place, ids in zip(places, targets, strict=True):
            if not ids:
                raise UserError(
                    f"The completion in row {place} is empty; expected a text to predict, correct the row."
                )
        return {
            "input_ids": [[*head, *ids[-room:], *tail] for ids in sources],
            "labels": [[*ids, end][:target_length] for ids in targets],
        }

    return _map(rows, encode, "Reading prompts and completions", with_indices=True)


def _fitted(ids: Sequence[int], size: int, frame: Frame, length: int, place: int) -> tuple[list[int], list[int]]:
    """Return the prompt's ids, cut from the left, and those of the completion, the last `size` ids, with the end."""
    prompt, completion = ids[: len(ids) - size], [*ids[len(ids) - size :], *frame.tail]
    room = length - len(frame.head) - len(completion)
    if room < 0:
        raise UserError(
            f"The completion in row {place} has {len(completion)} tokens; expected no more than --block_size."
        )
    return [*frame.head, *prompt[max(0, len(prompt) - room) :]], completion


def _cut(ids: Sequence[int], length: int) -> Iterator[list[int]]:
    """Cut ids into pieces of `length`, the last one shorter; a single token predicts nothing, and is no piece."""
    for start in range(0, len(ids), length):
        if len(piece := list(ids[start : start + length])) > 1:
            yield piece


def _map(rows: Rows, function: Callable[..., Columns], described: str, **options: Any) -> Rows:
    if isinstance(rows, IterableDataset):
        first = next(iter(rows), None)
        if first is None:
            raise UserError("The stream holds no rows; expected at least one.")
        return rows.map(function, batched=True, remove_columns=list(first), **options)
    return rows.map(function, batched=True, remove_columns=rows.column_names, desc=described, **options)


def require_tokens(rows: Iterable[Any]) -> None:
    """Raise UserError where nothing is left to predict."""
    if next(iter(rows), None) is None:
        raise UserError("The text holds no tokens to predict; expected at least one line with a word.")
