"""Reading and changing senses: what Backpacks are for (Hewitt et al. 2023, sections 4 to 6)."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch

Scale = Mapping[int, Mapping[int, float]]
Remove = Mapping[int, Iterable[int]]
Replace = Mapping[int, Mapping[int, torch.Tensor]]


class TopWords(NamedTuple):
    """The words that each sense speaks for most, best first: `ids` and `scores` (logits), both `[N, K, n]`."""

    ids: torch.Tensor
    scores: torch.Tensor


@dataclass(frozen=True, eq=False)
class SenseEdit:
    """What happens to some words' senses: those `given` are replaced by `values`, then all are multiplied."""

    words: torch.Tensor
    given: torch.Tensor
    values: torch.Tensor
    factors: torch.Tensor

    def __call__(self, ids: torch.Tensor, senses: torch.Tensor) -> torch.Tensor:
        """Return the senses `[N, K, D]` of the words `ids` `[N]` with this edit made."""
        device = senses.device
        places, edits = (ids.to(device)[:, None] == self.words.to(device)).nonzero(as_tuple=True)
        given, values, factors = (part.to(device)[edits] for part in (self.given, self.values, self.factors))
        changed = torch.where(given[..., None], values.to(senses.dtype), senses[places])
        return senses.index_copy(0, places, changed * factors[..., None].to(senses.dtype))


def sense_edit(shape: tuple[int, int, int], scale: Scale, remove: Remove, replace: Replace) -> SenseEdit:
    """Return the edit that the three mappings describe, for a model of `shape` (vocabulary, K, D).

    Raises:
        ValueError: a word or sense that the model does not have, a vector of another size, or one sense named twice.
    """
    changes: list[tuple[int, int, float, torch.Tensor | None]] = []
    changes += [(word, sense, factor, None) for word, some in scale.items() for sense, factor in some.items()]
    changes += [(word, sense, 0.0, None) for word, some in remove.items() for sense in some]
    changes += [(word, sense, 1.0, vector) for word, some in replace.items() for sense, vector in some.items()]
    words = sorted({word for word, *_ in changes})
    place = {word: index for index, word in enumerate(words)}
    vocabulary, count, width = shape
    given, values = torch.zeros(len(words), count, dtype=torch.bool), torch.zeros(len(words), count, width)
    factors, seen = torch.ones(len(words), count), set()
    for word, sense, factor, vector in changes:
        if not (0 <= word < vocabulary and 0 <= sense < count):
            raise ValueError(f"Word {word} has no sense {sense} here: there are {vocabulary} words of {count} senses.")
        if (word, sense) in seen:
            raise ValueError(f"Sense {sense} of word {word} is named twice; nest two interventions to do both.")
        seen.add((word, sense))
        factors[place[word], sense] = factor
        if vector is not None:
            if tuple(vector.shape) != (width,):
                raise ValueError(f"A sense vector has shape ({width},), but {tuple(vector.shape)} was given.")
            given[place[word], sense] = True
            values[place[word], sense] = vector.detach().to("cpu", torch.float32)
    return SenseEdit(torch.tensor(words, dtype=torch.long), given, values, factors)


class SenseApi:
    """Methods that the base model and the language model share; `ids` are token ids."""

    @contextmanager
    def sense_intervention(
        self, scale: Scale | None = None, remove: Remove | None = None, replace: Replace | None = None
    ) -> Iterator[None]:
        """Change senses while the block runs, in every forward pass and in `generate`, and undo it at the end.

        `scale={word: {sense: factor}}` multiplies senses, `remove={word: [senses]}` takes them out and
        `replace={word: {sense: vector}}` puts `[D]` in their place, wherever the word stands in the text. Blocks may
        be nested; the inner one changes what the outer one made. Words before the block that lie in a cache are
        changed too. Inputs given as `inputs_embeds` have no words and are refused inside.

        Raises:
            ValueError: a word, sense or vector that does not fit the model, or a sense named twice.
        """
        base: Any = self.base_model
        config = base.config
        shape = (config.vocab_size, config.num_senses, config.n_embd)
        edit = sense_edit(shape, scale or {}, remove or {}, replace or {})
        base.sense_edits = (*base.sense_edits, edit)
        try:
            yield
        finally:
            base.sense_edits = tuple(other for other in base.sense_edits if other is not edit)

    def sense_vectors(self, ids: torch.Tensor | Iterable[int]) -> torch.Tensor:
        """Return the senses of words, `[N]` to `[N, K, D]`, with the interventions in force."""
        base: Any = self.base_model
        return base.senses_of(torch.as_tensor(ids, dtype=torch.long, device=base.device).flatten())

    @torch.no_grad()
    def sense_weights(self, input_ids: torch.Tensor, attention_mask: torch.Tensor | None = None) -> torch.Tensor:
        """Return how much sense k of word j counts at position i of each row, `[B, L (i), L (j), K]`."""
        base: Any = self.base_model
        output = base(input_ids, attention_mask=attention_mask, use_cache=False, output_contextualization=True)
        return output.contextualization.permute(0, 2, 3, 1)


class SenseHeadApi(SenseApi):
    """What needs the head too."""

    @torch.no_grad()
    def top_words(self, ids: torch.Tensor | Iterable[int], n: int = 10) -> TopWords:
        """Return the `n` words that each sense of the words `ids` `[N]` speaks for most."""
        head: Any = self.get_output_embeddings()
        found = [head(senses).topk(n, dim=-1) for senses in self.sense_vectors(ids)]
        return TopWords(torch.stack([top.indices for top in found]), torch.stack([top.values for top in found]))
