"""Tagged sentences with their views: rows for xTune, and batches in which both sides are padded together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from transformers import PreTrainedTokenizerBase

from .collators import TaggingCollator
from .pieces import IGNORED, framed, windows
from .view_rows import ViewCollator
from .views import Augmentation, WordPieces


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


@dataclass(frozen=True)
class Side:
    """A sentence as the encoder reads it: its ids, the place of each word's first piece, and its noise's seed."""

    ids: list[int]
    places: list[int]
    noise: int


@dataclass(frozen=True)
class Drawn:
    """A row's sides, the tags of the first one's words, and the pairs of words of which both sides have a prediction.

    A view may have lost its last words, and one in another language has its own. Without a view there are no pairs.
    """

    own: Side
    tags: list[int]
    view: Side | None
    pairs: list[tuple[int, int]]


class TaggedViewCollator(ViewCollator):
    """Batches of sentences and their views; a prediction is a word's first piece, in the flattened `[2B * L]`.

    Rows for evaluation are `TaggingCollator`'s.
    """

    @cached_property
    def room(self) -> int:
        """How many pieces of a sentence fit."""
        return self.length - self.tokenizer.num_special_tokens_to_add()

    def __call__(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, torch.Tensor]:
        """Draw the views and pad both sides together."""
        if "tokens" not in rows[0]:
            return TaggingCollator(self.tokenizer)([dict(row) for row in rows])
        drawn = [self.draw(row) for row in rows]
        views = [row.view for row in drawn if row.view is not None]
        batch = self._together([row.own for row in drawn] + views)
        width, number = batch["input_ids"].shape[1], len(rows)
        places: list[int] = []
        labels: list[int] = []
        own: list[int] = []
        other: list[int] = []
        taught: list[int] = []
        for row, (given, sides) in enumerate(zip(rows, drawn, strict=True)):
            if not given["counted"]:
                continue
            start, view_start = row * width, (number + row) * width
            words = [start + place for place in sides.own.places]
            known = [(place, tag) for place, tag in zip(words, sides.tags, strict=True) if tag != IGNORED]
            places += [place for place, _ in known]
            labels += [tag for _, tag in known]
            own += [words[first] for first, _ in sides.pairs]
            other += [view_start + views[row].places[second] for _, second in sides.pairs]
            if self.recall is not None and given["is_copy"]:
                taught += words
        numbers = {"places": places, "labels": labels, "own": own, "other": other, "taught": taught}
        batch |= {name: torch.tensor(value, dtype=torch.int64) for name, value in numbers.items()}
        return batch | self.recalled(rows)

    def copies(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, torch.Tensor]:
        """Return the first sides alone, their words' `places` `[N]`, and how many words each has, `sizes` `[B]`."""
        sides = [self.draw(row).own for row in rows]
        batch = self._together(sides)
        width = batch["input_ids"].shape[1]
        flat = [row * width + place for row, side in enumerate(sides) for place in side.places]
        batch["places"] = torch.tensor(flat, dtype=torch.int64)
        batch["sizes"] = torch.tensor([len(side.places) for side in sides])
        return batch

    def draw(self, row: Mapping[str, Any]) -> Drawn:
        """Draw a row's sides; the view is of the copy's sentence, but not of what the copy made of its words."""
        random, view_random = self.randoms(row)
        words, tags, changed = list(row["tokens"]), list(row["tags"]), self.change(row)
        if changed is not None and (translation := changed.translation(words, random)) is not None:
            # Nobody tagged these; the teacher does.
            words, tags = list(translation.words), [IGNORED] * len(translation.words)
        own = self._side(words, changed, random)
        if self.view is None:
            return Drawn(own, tags[: len(own.places)], None, [])
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

    def _together(self, sides: Sequence[Side]) -> dict[str, torch.Tensor]:
        return self.padded([side.ids for side in sides], [side.noise for side in sides])


def _one_to_one(links: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the links of words that have no other, either way."""
    firsts, seconds = [first for first, _ in links], [second for _, second in links]
    return [link for link in links if firsts.count(link[0]) == seconds.count(link[1]) == 1]
