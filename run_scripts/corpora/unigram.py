"""Other segmentations of a word than the likeliest, drawn from a Unigram model.

Kudo 2018 (https://arxiv.org/abs/1804.10959). Exact: forward filtering and backward sampling over the lattice of all
segmentations. The pieces and their scores come from a fast tokenizer, which cannot draw them so that a run could be
repeated, or from a SentencePiece model.
"""

import json
import math
from bisect import bisect_right
from collections.abc import Callable, Mapping
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
from sentencepiece import SentencePieceProcessor
from transformers import PreTrainedTokenizerBase

from xlzoo.run_scripts.errors import UserError

UNKNOWN_PENALTY = 10.0
"""How much less than the worst piece's an unknown character's score is, as in SentencePiece."""
MOST_LATTICES = 100_000
"""Words that are kept with their lattices."""
LONGEST_KEPT = 40
"""Characters of such a word; in languages without spaces a whole sentence is one, and hardly comes again."""
Arcs = tuple[list[tuple[int, int]], list[float]]
"""The pieces that end at a character, each with its start and its number, and their cumulated probabilities."""


class UnigramSampler:
    """Draws segmentations with P(segmentation) ~ exp(alpha * sum of its pieces' scores).

    The larger `alpha`, the more often the likeliest; with 0 all are equally likely. `split` normalises a word and cuts
    it into parts that no piece crosses; `numbers` are the tokenizer's of the pieces.
    """

    def __init__(
        self,
        scores: Mapping[str, float],
        numbers: Mapping[str, int],
        unknown: int,
        split: Callable[[str], list[str]],
        alpha: float,
    ) -> None:
        self.scores, self.numbers, self.unknown, self.split, self.alpha = scores, numbers, unknown, split, alpha
        self.longest = max(map(len, scores))
        self.unknown_score = min(scores.values()) - UNKNOWN_PENALTY
        self.lattices: dict[str, list[list[Arcs]]] = {}

    def draw(self, word: str, random: np.random.Generator) -> list[int]:
        """Draw a segmentation of a word and return its pieces' numbers; none where the word has no characters left."""
        lattices = self.lattices.get(word)
        if lattices is None:
            lattices = [self._lattice(part) for part in self.split(word)]
            if len(self.lattices) < MOST_LATTICES and len(word) <= LONGEST_KEPT:
                self.lattices[word] = lattices
        return [number for lattice in lattices for number in self._walk(lattice, random)]

    def _walk(self, lattice: list[Arcs], random: np.random.Generator) -> list[int]:
        """Go back from the end; unknown characters next to each other are one piece, as in the tokenizer."""
        found: list[int] = []
        end = len(lattice)
        while end:
            arcs, chances = lattice[end - 1]
            place = bisect_right(chances, random.random() * chances[-1]) if len(arcs) > 1 else 0
            end, number = arcs[min(place, len(arcs) - 1)]
            if not (found and number == found[-1] == self.unknown):
                found.append(number)
        return found[::-1]

    def _lattice(self, part: str) -> list[Arcs]:
        """Return for every character the pieces that end there, with their chances given that one does."""
        sums, lattice = [0.0], []
        for end in range(1, len(part) + 1):
            arcs, logs = self._arcs(part, end), []
            for start, _, score in arcs:
                logs.append(sums[start] + self.alpha * score)
            most = max(logs)
            chances = list(accumulate(math.exp(value - most) for value in logs))
            sums.append(most + math.log(chances[-1]))
            lattice.append(([(start, number) for start, number, _ in arcs], chances))
        return lattice

    def _arcs(self, part: str, end: int) -> list[tuple[int, int, float]]:
        """Return start, number and score of every piece that ends at a character, of itself alone if none knows it."""
        starts = range(max(0, end - self.longest), end)
        found = [(start, part[start:end]) for start in starts if part[start:end] in self.scores]
        arcs = [(start, self.numbers[piece], self.scores[piece]) for start, piece in found]
        if not any(start == end - 1 for start, _ in found):
            arcs.append((end - 1, self.unknown, self.unknown_score))
        return arcs


def sampler_of(tokenizer: PreTrainedTokenizerBase, alpha: float, model: str | None = None) -> UnigramSampler:
    """Return a sampler of a fast tokenizer's pieces by its own scores, or those of a SentencePiece file `model`.

    Raises UserError where the tokenizer is no Unigram model, or the file is none or one of other pieces.
    """
    return _of_file(Path(model), tokenizer, alpha) if model else _of_tokenizer(tokenizer, alpha)


def _of_tokenizer(tokenizer: PreTrainedTokenizerBase, alpha: float) -> UnigramSampler:
    backend: Any = getattr(tokenizer, "backend_tokenizer", None)
    described = json.loads(backend.to_str())["model"] if backend is not None else {}
    if described.get("type") != "Unigram":
        kind = described.get("type") or "slow"
        raise UserError(
            f"Subwords are drawn from Unigram tokenizers, such as XLM-R's, and this is a {kind} one; "
            "choose another --augmentation or give --subword_model."
        )
    special = set(tokenizer.all_special_ids)
    pieces = {piece: (number, score) for number, (piece, score) in enumerate(described["vocab"])}
    known = {piece: found for piece, found in pieces.items() if found[0] not in special}

    def split(word: str) -> list[str]:
        text = backend.normalizer.normalize_str(word) if backend.normalizer else word
        if backend.pre_tokenizer is None:
            return [text]
        return [part for part, _ in backend.pre_tokenizer.pre_tokenize_str(text)]

    return UnigramSampler(
        scores={piece: score for piece, (_, score) in known.items()},
        numbers={piece: number for piece, (number, _) in known.items()},
        unknown=int(tokenizer.unk_token_id),
        split=split,
        alpha=alpha,
    )


def _of_file(path: Path, tokenizer: PreTrainedTokenizerBase, alpha: float) -> UnigramSampler:
    try:
        model = SentencePieceProcessor(model_file=str(path))
    except (OSError, RuntimeError) as error:
        raise UserError(
            f"--subword_model {path} is no SentencePiece model; expected a file such as sentencepiece.bpe.model."
        ) from error
    plain = [
        number
        for number in range(len(model))
        if not (model.is_control(number) or model.is_unknown(number) or model.is_unused(number))
        and not model.is_byte(number)
    ]
    scores = {model.id_to_piece(number): model.get_score(number) for number in plain}
    known = tokenizer.get_vocab()
    for piece in scores:
        if piece not in known:
            raise UserError(
                f"--subword_model {path} has the piece {piece!r}, which the tokenizer lacks; give the model that it "
                "was made from."
            )
    numbers = {piece: known[piece] for piece in scores}
    return UnigramSampler(scores, numbers, int(tokenizer.unk_token_id), lambda word: [model.normalize(word)], alpha)
