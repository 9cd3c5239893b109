"""The words of sentences as a Backpack reads them, their senses, and one vector for each of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from tqdm import tqdm
from transformers import PreTrainedTokenizerBase

from xlzoo.modeling.modeling_backpack import BackpackGPT2LMHeadModel
from xlzoo.run_scripts.corpora.collators import padded
from xlzoo.run_scripts.corpora.sequences import Frame

Pieces = tuple[int, ...]
Span = tuple[int, int]
NUMBERS = 2**24
"""Numbers of sense vectors that are held at a time."""


@dataclass(frozen=True)
class ReadText:
    """A text as it is read, what is too long cut off."""

    ids: list[int]
    words: list[list[int]]
    """For each word the places of its pieces in `ids`; none for a word without pieces, or that is not read whole."""

    def pieces(self, word: int) -> Pieces:
        """Return the ids of a word's pieces."""
        return tuple(self.ids[place] for place in self.words[word])


def read_texts(
    tokenizer: PreTrainedTokenizerBase, texts: Sequence[tuple[str, Sequence[Span]]], length: int
) -> list[ReadText]:
    """Cut texts into pieces, after what stands before a document, and say which of them are part of each word.

    A text comes with the spans of its words, in order. A piece is part of every word that it has a character of, so
    that one of white space is part of none.
    """
    encoded = tokenizer(
        [text for text, _ in texts], add_special_tokens=False, return_offsets_mapping=True, verbose=False
    )
    head = list(Frame.of(tokenizer).head)
    rows = zip(texts, encoded["input_ids"], encoded["offset_mapping"], strict=True)
    return [_read_text([*head, *ids], _places(spans, places, len(head)), length) for (_, spans), ids, places in rows]


def _read_text(ids: list[int], words: list[list[int]], length: int) -> ReadText:
    return ReadText(ids[:length], [places if places and places[-1] < length else [] for places in words])


def _places(spans: Sequence[Span], pieces: Sequence[Span], shift: int) -> list[list[int]]:
    """Return the numbers, from `shift`, of the pieces under each span; both are in the order of the text."""
    found: list[list[int]] = []
    first = 0
    for start, stop in spans:
        while first < len(pieces) and pieces[first][1] <= start:
            first += 1
        last = first
        while last < len(pieces) and pieces[last][0] < stop:
            last += 1
        found.append([shift + place for place in range(first, last) if pieces[place][1] > start])
    return found


@torch.no_grad()
def word_senses(model: BackpackGPT2LMHeadModel, words: Sequence[Pieces]) -> Iterator[torch.Tensor]:
    """Yield the senses of words, `[n, K, D]` in float32 on the model's device, for some of them at a time, in order.

    Those of a word of several pieces are the means of its pieces'.
    """
    most = max(map(len, words), default=1)
    size = max(1, NUMBERS // (most * model.config.num_senses * model.config.n_embd))
    for start in tqdm(range(0, len(words), size), unit="parts", disable=None, leave=False):
        part = words[start : start + size]
        owners = torch.tensor([number for number, word in enumerate(part) for _ in word], device=model.device)
        senses = model.sense_vectors([piece for word in part for piece in word]).float()
        yield means(senses, owners, len(part))


def means(values: torch.Tensor, owners: torch.Tensor, count: int) -> torch.Tensor:
    """Return the mean of the values `[N, ...]` of each owner `[N]`, from 0 to `count` - 1, each of which has some."""
    totals = values.new_zeros(count, *values.shape[1:]).index_add_(0, owners, values)
    return totals / owners.bincount(minlength=count).view(-1, *[1] * (values.dim() - 1))


@torch.no_grad()
def mixture_vectors(
    model: BackpackGPT2LMHeadModel,
    texts: Sequence[ReadText],
    wanted: Sequence[tuple[int, int]],
    temperature: float,
    batch_size: int,
) -> torch.Tensor:
    """Return a vector `[N, D]`, in float32 on the CPU, for each wanted word (text, word): the mixture of its senses.

    As SENSIA's analyses do, a sense k counts by the softmax over the senses of the sum, over the word's pieces p, of
    <h_p, s_pk> / temperature, with GPT-2's last states h and the pieces' senses s; mixed are the means of the senses
    over the pieces. Texts without wanted words are not read.
    """
    by_text: dict[int, list[int]] = {}
    for number, (text, _) in enumerate(wanted):
        by_text.setdefault(text, []).append(number)
    order = sorted(by_text, key=lambda text: len(texts[text].ids), reverse=True)
    made = torch.empty(len(wanted), model.config.n_embd)
    for start in tqdm(range(0, len(order), batch_size), unit="batches", disable=None, leave=False):
        rows = order[start : start + batch_size]
        states = _states(model, [texts[row].ids for row in rows])
        numbers = [number for row in rows for number in by_text[row]]
        places = [
            (row, texts[text].words[wanted[number][1]]) for row, text in enumerate(rows) for number in by_text[text]
        ]
        owners = torch.tensor([owner for owner, (_, word) in enumerate(places) for _ in word], device=model.device)
        ids = [texts[rows[row]].ids[place] for row, word in places for place in word]
        where = torch.tensor([(row, place) for row, word in places for place in word], device=model.device)
        made[numbers] = _mixed(model, states[where[:, 0], where[:, 1]], ids, owners, temperature).cpu()
    return made


def _states(model: Any, rows: Sequence[Sequence[int]]) -> torch.Tensor:
    """Return GPT-2's last states `[B, L, D]`, in float32."""
    inputs = {name: part.to(model.device) for name, part in padded(rows, 0, multiple=1).items()}
    outputs = model.backpack(**inputs, use_cache=False, output_hidden_states=True)
    return outputs.hidden_states[-1].float()


def _mixed(
    model: BackpackGPT2LMHeadModel,
    states: torch.Tensor,
    ids: Sequence[int],
    owners: torch.Tensor,
    temperature: float,
) -> torch.Tensor:
    """Return the mixtures `[n, D]` of the n owners' senses, from the states `[N, D]` and ids of their N pieces."""
    distinct, rows = torch.tensor(ids, device=states.device).unique(return_inverse=True)
    senses = model.sense_vectors(distinct).float()[rows]
    count = int(owners[-1]) + 1
    scores = torch.einsum("nd,nkd->nk", states, senses) / temperature
    totals = scores.new_zeros(count, scores.shape[1]).index_add_(0, owners, scores)
    return torch.einsum("nk,nkd->nd", totals.softmax(1), means(senses, owners, count))
