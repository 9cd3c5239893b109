"""Sentence pairs with their views: rows for xTune, and batches in which both sides are padded together."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import chain
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from transformers import PreTrainedTokenizerBase

from .collators import LabelCollator
from .text_pairs import as_text_pairs
from .view_rows import ViewCollator
from .views import Augmentation

Side = tuple[Sequence[int], int]
"""A pair as the encoder reads it, and the seed of the noise on it."""


def as_pair_rows(rows: Dataset, tokenizer: PreTrainedTokenizerBase, labels: Sequence[str], length: int) -> Dataset:
    """Turn `{"first", "second", "label"}` rows into those of `as_text_pairs`, with "first", "second" and "length"."""
    made = as_text_pairs(rows, tokenizer, labels, length)
    for column in ("first", "second"):
        made = made.add_column(column, rows[column][:])
    return made.add_column("length", [len(ids) for ids in made["input_ids"]])


class PairViewCollator(ViewCollator):
    """Batches of pairs and their views; a prediction is a pair's row of logits, in `[2B, C]`.

    Both sentences of a pair are augmented. Words are what stands between spaces, so that a sentence in a language
    without any is one word. A copy keeps its pair's label. Rows for evaluation are `LabelCollator`'s.
    """

    @cached_property
    def room(self) -> int:
        """How many pieces of two sentences fit."""
        return self.length - self.tokenizer.num_special_tokens_to_add(pair=True)

    def __call__(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, torch.Tensor]:
        """Draw the views and pad both sides together."""
        if "first" not in rows[0]:
            return LabelCollator(self.tokenizer)(rows)
        own, views = zip(*map(self.draw, rows), strict=True)
        batch = self._together([*own, *filter(None, views)])
        counted = [place for place, row in enumerate(rows) if row["counted"]]
        compared = counted if self.view is not None else []
        taught = [place for place in counted if rows[place]["is_copy"] and self.recall is not None]
        labels = [rows[place]["labels"] for place in counted]
        numbers = {"places": counted, "labels": labels, "own": compared, "taught": taught}
        batch |= {name: torch.tensor(value, dtype=torch.int64) for name, value in numbers.items()}
        return batch | {"other": batch["own"] + len(rows)} | self.recalled(rows)

    def copies(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, torch.Tensor]:
        """Return the first sides alone, each of which is one prediction."""
        batch = self._together([self.draw(row)[0] for row in rows])
        return batch | {"places": torch.arange(len(rows)), "sizes": torch.ones(len(rows), dtype=torch.int64)}

    def draw(self, row: Mapping[str, Any]) -> tuple[Side, Side | None]:
        """Draw a row's sides, the second where there are views.

        The view is of what the copy is a translation of, or in another language than that; views that are not
        translated are of the copy's own language. What else the copy made of its words, the view does not have.
        """
        random, view_random = self.randoms(row)
        pair, change = (row["first"], row["second"]), self.change(row)
        own: Side = row["input_ids"], 0
        texts: Sequence[str] = pair
        language = None
        if change is not None:
            texts, language = change.translated(pair, random)
            own = self._side(texts, change, random)
        if self.view is None:
            return own, None
        if "translation" in self.view.kinds:
            texts, _ = self.view.translated(pair, view_random, apart_from=language)
        return own, self._side(texts, self.view, view_random)

    def _side(self, texts: Sequence[str], change: Augmentation, random: np.random.Generator) -> Side:
        first, second = (self._pieces(change.switched_text(text, random), change, random) for text in texts)
        return self._joined(first, second), change.noise_seed(random)

    def _pieces(self, text: str, change: Augmentation, random: np.random.Generator) -> list[int]:
        if "subword" not in change.kinds:
            return self.tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
        words = text.split()
        return list(chain.from_iterable(change.recut(words, self.cut.bare(words), random)))

    def _joined(self, first: list[int], second: list[int]) -> list[int]:
        """Return XLM-R's `<s> first </s></s> second </s>`; of the longer sentence, or of both, the end is cut."""
        if len(first) + len(second) > self.room:
            most = max(self.room - min(len(first), len(second)), (self.room + 1) // 2)
            least = self.room - most
            cuts = (most, least) if len(first) > len(second) else (least, most)
            first, second = first[: cuts[0]], second[: cuts[1]]
        begin, end = self.tokenizer.cls_token_id, self.tokenizer.sep_token_id
        return [begin, *first, end, end, *second, end]

    def _together(self, sides: Sequence[Side]) -> dict[str, torch.Tensor]:
        return self.padded([ids for ids, _ in sides], [noise for _, noise in sides])
