"""Tagged sentences with their views: rows for xTune, and batches in which both sides are padded together."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from transformers import PreTrainedTokenizerBase

from .collators import TaggingCollator, padded
from .pieces import IGNORED, EpochRows, framed, windows
from .views import Augmentation, WordPieces

Recall = Callable[[int, int], torch.Tensor]
"""From an epoch and the number of a copy to the teacher's logits of its words `[N, C]`."""


def as_word_windows(
    rows: Dataset, tokenizer: PreTrainedTokenizerBase, labels: Sequence[str], column: str, length: int
) -> Dataset:
    """Turn `{"tokens", column}` rows of label strings into `{"tokens", "tags", "length"}`, tags and pieces as numbers.

    A sentence too long for `length` pieces goes on in further rows of whole words, as in `as_windows`.
    """
    ids = {label: number for number, label in enumerate(labels)}
    frame = tokenizer.num_special_tokens_to_add()
    cut = WordPieces(tokenizer)

    def split(batch: Mapping[str, list[Any]]) -> dict[str, list[Any]]:
        made: dict[str, list[Any]] = {"tokens": [], "tags": [], "length": []}
        for words, tags in zip(batch["tokens"], batch[column], strict=True):
            sizes = [min(len(pieces), length - frame) for pieces in cut(words)]
            for start, stop in windows(sizes, length - frame):
                made["tokens"].append(words[start:stop])
                made["tags"].append([ids[tag] for tag in tags[start:stop]])
                made["length"].append(sum(sizes[start:stop]) + frame)
        return made

    return rows.map(split, batched=True, remove_columns=rows.column_names, desc="Cutting sentences")


class ViewRows(EpochRows):
    """Rows that know their index, the epoch, and whether they are a copy to be augmented.

    With `doubled`, the copies stand behind the rows: row i and row `len(rows) + i` are of the same sentence.
    """

    def __init__(self, rows: Dataset, doubled: bool) -> None:
        super().__init__(rows)
        self.doubled = doubled

    def __len__(self) -> int:
        return len(self.rows) * (1 + self.doubled)

    def __getitem__(self, index: int) -> dict[str, Any]:
        if not 0 <= index < len(self):
            raise IndexError(index)
        number, is_copy = index % len(self.rows), index >= len(self.rows)
        return {**self.rows[number], "index": index, "number": number, "is_copy": is_copy, "epoch": self.epoch}

    @property
    def lengths(self) -> list[int]:
        """How many pieces each row usually has, for batches of like lengths."""
        return list(self.rows["length"]) * (1 + self.doubled)


@dataclass(frozen=True)
class Side:
    """A sentence as the encoder reads it: its ids, the place of each word's first piece, and its noise's seed."""

    ids: list[int]
    places: list[int]
    noise: int


@dataclass(frozen=True)
class Drawn:
    """A row's sides, the tags of the first one's words, and the pairs of words of which both sides have a prediction.

    A view may have lost its last words, and one in another language has its own.
    """

    own: Side
    tags: list[int]
    view: Side
    pairs: list[tuple[int, int]]


class TaggedViewCollator:
    """Batches for consistency training: B sentences, then their B views, `input_ids` and `attention_mask` `[2B, L]`.

    Predictions are named by their place in the flattened `[2B * L]`: `labels` `[N]` at `places`, R1 between `own` and
    `other` `[P]`, R2 between `taught` `[T]` and the `teacher`'s logits `[T, C]`. `noise` `[2B]` has the seeds of noise
    on embeddings, 0 for none. Draws depend on (seed, epoch, row) alone. Rows for evaluation are `TaggingCollator`'s.
    """

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        view: Augmentation,
        copy: Augmentation | None,
        length: int,
        seed: int,
        recall: Recall | None = None,
    ) -> None:
        self.tokenizer, self.view, self.copy, self.seed, self.recall = tokenizer, view, copy, seed, recall
        self.room = length - tokenizer.num_special_tokens_to_add()
        self.cut, self.plain = WordPieces(tokenizer), TaggingCollator(tokenizer)

    def __call__(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, torch.Tensor]:
        """Draw the views and pad both sides together."""
        if "tokens" not in rows[0]:
            return self.plain([dict(row) for row in rows])
        drawn = [self.draw(row) for row in rows]
        batch = self._padded([row.own for row in drawn] + [row.view for row in drawn])
        width, number = batch["input_ids"].shape[1], len(rows)
        places: list[int] = []
        labels: list[int] = []
        own: list[int] = []
        other: list[int] = []
        taught: list[int] = []
        teacher: list[torch.Tensor] = []
        for row, (given, sides) in enumerate(zip(rows, drawn, strict=True)):
            start, view_start = row * width, (number + row) * width
            words = [start + place for place in sides.own.places]
            known = [(place, tag) for place, tag in zip(words, sides.tags, strict=True) if tag != IGNORED]
            places += [place for place, _ in known]
            labels += [tag for _, tag in known]
            own += [words[first] for first, _ in sides.pairs]
            other += [view_start + sides.view.places[second] for _, second in sides.pairs]
            if self.recall is not None and given["is_copy"]:
                taught += words
                teacher.append(self.recall(given["epoch"], given["number"]))
        numbers = {"places": places, "labels": labels, "own": own, "other": other, "taught": taught}
        batch |= {name: torch.tensor(value, dtype=torch.int64) for name, value in numbers.items()}
        return batch | ({"teacher": torch.cat(teacher)} if teacher else {})

    def copies(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, torch.Tensor]:
        """Return the first sides alone, their words' `places` `[N]`, and how many words each has, `sizes` `[B]`."""
        sides = [self.draw(row).own for row in rows]
        batch = self._padded(sides)
        width = batch["input_ids"].shape[1]
        flat = [row * width + place for row, side in enumerate(sides) for place in side.places]
        batch["places"] = torch.tensor(flat, dtype=torch.int64)
        batch["sizes"] = torch.tensor([len(side.places) for side in sides])
        return batch

    def draw(self, row: Mapping[str, Any]) -> Drawn:
        """Draw a row's sides; the view is of the copy's sentence, but not of what the copy made of its words."""
        random, view_random = (np.random.default_rng((self.seed, row["epoch"], row["index"], side)) for side in (0, 1))
        words, tags, changed = list(row["tokens"]), list(row["tags"]), None
        if self.copy is not None and row["is_copy"]:
            changed = self.copy
            if (translation := changed.translation(words, random)) is not None:
                # Nobody tagged these; the teacher does.
                words, tags = list(translation.words), [IGNORED] * len(translation.words)
        own = self._side(words, changed, random)
        other, pairs = words, [(place, place) for place in range(len(words))]
        if (translation := self.view.translation(words, view_random)) is not None:
            other, pairs = list(translation.words), _one_to_one(translation.links or ())
        view = self._side(other, self.view, view_random)
        sizes = len(own.places), len(view.places)
        kept = [(first, second) for first, second in pairs if first < sizes[0] and second < sizes[1]]
        return Drawn(own, tags[: sizes[0]], view, kept)

    def _side(self, words: Sequence[str], change: Augmentation | None, random: np.random.Generator) -> Side:
        noise = 0
        if change is not None:
            words = change.switched(words, random)
            pieces = change.recut(words, self.cut(words), random)
            noise = change.noise_seed(random)
        else:
            pieces = self.cut(words)
        pieces = [found[: self.room] for found in pieces]
        stop = next((stop for _, stop in windows([len(found) for found in pieces], self.room)), 0)
        starts = np.cumsum([1, *(len(found) for found in pieces[:stop])])[:stop]
        return Side(framed(list(chain.from_iterable(pieces[:stop])), self.tokenizer), starts.tolist(), noise)

    def _padded(self, sides: Sequence[Side]) -> dict[str, torch.Tensor]:
        batch = padded([side.ids for side in sides], self.tokenizer.pad_token_id)
        if any(side.noise for side in sides):
            batch["noise"] = torch.tensor([side.noise for side in sides])
        return batch


def _one_to_one(links: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the links of words that have no other, either way."""
    firsts, seconds = [first for first, _ in links], [second for _, second in links]
    return [link for link in links if firsts.count(link[0]) == seconds.count(link[1]) == 1]
