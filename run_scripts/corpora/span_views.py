"""Views of questions on passages, and of their answers: batches for xTune in which both sides are padded together.

As in xTune's program the words of question and passage are changed one by one, and what R1 compares are the `<s>` and
the pieces of those words of the passage that both sides cut alike; all else of a side counts as one more token. A
passage whose view has lost its answer, because it grew too long, is not compared; a copy that has is not labelled.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, chain
from typing import Any

import numpy as np
import torch
from transformers import PreTrainedTokenizerBase

from .collators import pad
from .pieces import IGNORED
from .span_translations import SpanTranslations
from .span_windows import FRAME, AskedCollator, WindowSizes, framed_pair
from .view_rows import Recall, ViewCollator
from .views import Augmentation


@dataclass(frozen=True)
class SpanSide:
    """A window as the encoder reads it: its ids, the answer's first and last token, and its noise's seed.

    `answer` is None where the window has lost it. `words` are the pieces of the passage's words, the first of which is
    the token `head`; those behind the last token are not there.
    """

    ids: list[int]
    answer: tuple[int, int] | None
    words: list[list[int]]
    head: int
    noise: int


@dataclass(frozen=True)
class DrawnSpan:
    """A row's sides, and the pairs of tokens that R1 compares, none where one side has lost the answer, or is none."""

    own: SpanSide
    view: SpanSide | None
    pairs: list[tuple[int, int]]


class SpanViewCollator(ViewCollator):
    """Batches of B windows, then their B views, `input_ids` and `attention_mask` `[2B, L]`.

    `positions` `[B, 2]` are the answers' first and last tokens, -100 where they are not to be learned. R1 compares
    token `own[b, k]` with `other[b, k]` of the view, both `[B, K]`, -1 behind the last. `taught` `[T]` are the copies,
    whose tokens have the `teacher`'s logits of beginning and end, `[T, L, 2]`. Rows for evaluation are
    `AskedCollator`'s.
    """

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        view: Augmentation | None,
        copy: Augmentation | None,
        sizes: WindowSizes,
        seed: int,
        recall: Recall | None = None,
        translations: SpanTranslations | None = None,
    ) -> None:
        super().__init__(tokenizer, view, copy, sizes.length, seed, recall)
        self.sizes, self.translations, self.plain = sizes, translations, AskedCollator(tokenizer)

    def __call__(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, torch.Tensor]:
        """Draw the views and pad both sides together."""
        if "passage" not in rows[0]:
            return self.plain(rows)
        drawn = [self.draw(row) for row in rows]
        sides = [row.own for row in drawn] + [row.view for row in drawn if row.view is not None]
        batch = self.padded([side.ids for side in sides], [side.noise for side in sides])
        batch["positions"] = torch.tensor([row.own.answer or (IGNORED, IGNORED) for row in drawn])
        for place, name in enumerate(("own", "other")):
            batch[name] = pad([[pair[place] for pair in row.pairs] for row in drawn], -1)
        copies = [place for place, row in enumerate(rows) if row["is_copy"] and self.recall is not None]
        batch["taught"] = torch.tensor(copies, dtype=torch.int64)
        return batch | self._told(rows, copies, batch["input_ids"].shape[1])

    def _told(self, rows: Sequence[Mapping[str, Any]], copies: list[int], width: int) -> dict[str, torch.Tensor]:
        """Return the `teacher`'s logits of the copies' tokens, if there are any; padding has zeros."""
        if self.recall is None or not copies:
            return {}
        teacher = torch.zeros(len(copies), width, 2)
        for place, number in enumerate(copies):
            found = self.recall(rows[number]["epoch"], rows[number]["number"])
            teacher[place, : len(found)] = found
        return {"teacher": teacher}

    def copies(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, torch.Tensor]:
        """Return the first sides alone, with the `places` of all their tokens, and how many each has, `sizes`."""
        sides = [self.draw(row).own for row in rows]
        batch = self.padded([side.ids for side in sides], [side.noise for side in sides])
        batch["places"] = batch["attention_mask"].flatten().nonzero()[:, 0]
        batch["sizes"] = batch["attention_mask"].sum(1)
        return batch

    def draw(self, row: Mapping[str, Any]) -> DrawnSpan:
        """Draw a row's sides; the view is of the copy's window, but not of what the copy made of its words."""
        random, view_random = self.randoms(row)
        copied, view, counted = self.change(row), self.view, row["counted"]
        if copied is not None and (translation := self._translation(row, copied, random)) is not None:
            # The dictionaries are not from its language.
            row, copied, view = translation, _unswitched(copied), _unswitched(view)
        own = self._side(row, copied, random)
        own = own if counted else replace(own, answer=None)
        if view is None:
            return DrawnSpan(own, None, [])
        other = self._side(row, view, view_random)
        return DrawnSpan(own, other, _pairs(own, other) if own.answer and other.answer else [])

    def _translation(
        self, row: Mapping[str, Any], change: Augmentation, random: np.random.Generator
    ) -> Mapping[str, Any] | None:
        if self.translations is None or "translation" not in change.kinds:
            return None
        chance, choice = random.random(2)
        found = self.translations.window(row, float(choice))
        return found if chance < change.translation_rate else None

    def _side(self, row: Mapping[str, Any], change: Augmentation | None, random: np.random.Generator) -> SpanSide:
        asked, words, fixed = list(row["question"]), list(row["passage"]), set(row["fixed"])
        both = [*asked, *words]
        usual = pieces = self.cut(both)
        noise = 0
        if change is not None:
            changed = change.switched_words(both, random)
            pieces = change.recut(changed, self.cut(changed), random)
            noise = change.noise_seed(random)
        kept = {len(asked) + place for place in fixed}
        pieces = [usual[place] if place in kept else found for place, found in enumerate(pieces)]
        question = list(chain.from_iterable(pieces[: len(asked)]))[: self.sizes.question]
        passage = pieces[len(asked) :]
        passage[-1] = passage[-1][: row["kept"]] if len(words) - 1 in fixed else passage[-1]
        passage[0] = passage[0][row["front"] :]
        head = len(question) + FRAME - 1
        room = self.length - head - 1
        ids = framed_pair(question, list(chain.from_iterable(passage))[:room], self.tokenizer)
        return SpanSide(ids, _answer(row, passage, head, room), passage, head, noise)


def _answer(row: Mapping[str, Any], passage: Sequence[Sequence[int]], head: int, room: int) -> tuple[int, int] | None:
    """Return the answer's tokens, the `<s>` where the window never had it, or None where it is behind the room.

    In words that may change it begins with the first piece and ends with the last one.
    """
    if not row["answer"]:
        return 0, 0
    first, begin, last, end = row["answer"]
    starts = list(accumulate((len(pieces) for pieces in passage), initial=0))
    # Of the first word, pieces may be in another window.
    start = starts[first] + (begin - row["front"] * (first == 0) if first in row["fixed"] else 0)
    stop = starts[last] + end - row["front"] * (last == 0) if last in row["fixed"] else starts[last + 1] - 1
    return (head + start, head + stop) if stop < room else None


def _pairs(own: SpanSide, view: SpanSide) -> list[tuple[int, int]]:
    """Return the `<s>`, and the pieces of the words that both sides cut alike and have, as tokens of each side."""
    firsts, seconds = [0], [0]
    first, second = own.head, view.head
    for pieces, found in zip(own.words, view.words, strict=True):
        size = len(pieces)
        if pieces == found:
            firsts.extend(range(first, first + size))
            seconds.extend(range(second, second + size))
        first, second = first + size, second + len(found)
    # Neither side's last token is a piece of the passage.
    known = min(bisect_left(firsts, len(own.ids) - 1), bisect_left(seconds, len(view.ids) - 1))
    return list(zip(firsts[:known], seconds[:known], strict=True))


def _unswitched(change: Augmentation | None) -> Augmentation | None:
    return change and replace(change, kinds=change.kinds - {"code_switch"})
