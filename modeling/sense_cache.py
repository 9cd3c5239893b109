"""The Backpack's layer of a `DynamicCache`: contextualisation keys per position, sense vectors per distinct word."""

from collections.abc import Callable
from typing import Any

import torch
from transformers.cache_utils import Cache, DynamicLayer

MakeSenses = Callable[[torch.Tensor], torch.Tensor]
NO_WORD = -1


class SenseLayer(DynamicLayer):
    """One layer behind GPT-2's own.

    `keys` `[B, K, T, D // K]` are those of the contextualisation. Senses depend on the word alone, so `values`
    `[B, 1, T, 1]` only say which row of `vectors` `[N, K, D]` stands at a position: a word's senses are made and
    stored once for all rows, beams and repetitions, and reordering or cropping the cache moves none of them.
    """

    def __init__(self, vocabulary: int) -> None:
        super().__init__()
        self.count = 0
        self.words = torch.empty(0, dtype=torch.long)
        self.row = torch.full((vocabulary,), NO_WORD)
        self.buffer = torch.empty(0)
        self.edits: tuple[object, ...] = ()

    def lazy_initialization(self, key_states: torch.Tensor, *others: Any) -> None:
        """Start with no positions; the values are integers."""
        super().lazy_initialization(key_states, *others)
        self.values = torch.zeros(0, dtype=torch.long, device=key_states.device)

    @property
    def vectors(self) -> torch.Tensor:
        """The sense vectors of the words seen so far, `[N, K, D]`."""
        return self.buffer[: self.count]

    def heed(self, edits: tuple[object, ...], make: MakeSenses) -> None:
        """Make the known words' senses anew with `make`, `[N]` to `[N, K, D]`, if the interventions have changed."""
        if edits == self.edits:
            return
        self.edits = edits
        named = self.words != NO_WORD
        if named.any():
            vectors = self.vectors.clone()
            vectors[named] = make(self.words[named])
            self.buffer = vectors

    def rows_of(self, ids: torch.Tensor, make: MakeSenses) -> torch.Tensor:
        """Return the rows of the words `ids` `[N]`, adding those that are new with `make`, `[N]` to `[N, K, D]`."""
        self.row = _writable(self.row.to(ids.device))
        new = ids[self.row[ids] == NO_WORD]
        if len(new) > 0:
            self.row[new] = self._append(make(new), new)
        return self.row[ids]

    def rows_apart(self, vectors: torch.Tensor, ids: torch.Tensor | None) -> torch.Tensor:
        """Add senses `[N, K, D]` for these positions only, of words that may be unknown, and return their rows."""
        unknown = torch.full((len(vectors),), NO_WORD, device=vectors.device)
        return self._append(vectors, unknown if ids is None else ids)

    def _append(self, vectors: torch.Tensor, words: torch.Tensor) -> torch.Tensor:
        start, end = self.count, self.count + len(vectors)
        if start == 0:
            self.buffer = vectors
        else:
            if end > len(self.buffer):
                grown = vectors.new_empty(max(end, 2 * start), *vectors.shape[1:])
                grown[:start] = self.vectors
                self.buffer = grown
            self.buffer = _writable(self.buffer)
            self.buffer[start:end] = vectors
        self.count = end
        self.words = torch.cat([self.words.to(words.device), words])
        return torch.arange(start, end, device=words.device)


def _writable(tensor: torch.Tensor) -> torch.Tensor:
    """Return a tensor that may be written into here: what inference mode made is read-only outside of it."""
    return tensor.clone() if tensor.is_inference() and not torch.is_inference_mode_enabled() else tensor


def sense_layer(cache: Cache, index: int, length: int, vocabulary: int) -> SenseLayer:
    """Return the layer that follows the `index` ones of GPT-2, which have just seen `length` more tokens.

    Raises:
        ValueError: the cache was filled by a model that is no Backpack.
    """
    if len(cache.layers) == index and cache.get_seq_length() == length:
        cache.layers.append(SenseLayer(vocabulary))
    if len(cache.layers) <= index or not isinstance(cache.layers[index], SenseLayer):
        raise ValueError(
            "past_key_values was filled by another model, so that the senses of its tokens are missing; "
            "pass the cache that this Backpack returned, or none."
        )
    return cache.layers[index]
