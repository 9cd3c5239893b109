"""The analyses of one Backpack: what is computed of its senses, from words that are linked and texts that are read."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from transformers import PreTrainedTokenizerBase

from xlzoo.modeling.modeling_backpack import BackpackGPT2LMHeadModel
from xlzoo.run_scripts.ablation_arguments import INFORMATION, MIXING, PROCRUSTES, TOPOLOGY, Ablations
from xlzoo.run_scripts.measuring.mixture_losses import mixture_losses
from xlzoo.run_scripts.measuring.sense_words import mixture_vectors, word_senses
from xlzoo.run_scripts.measuring.text_perplexity import Reading, encode_texts
from xlzoo.run_scripts.stages.ablation_input import LinkedWords
from xlzoo.run_scripts.tasks.senses.mixing import derangement, shuffled
from xlzoo.run_scripts.tasks.senses.mutual_information import information_scores
from xlzoo.run_scripts.tasks.senses.procrustes import held_out_rows, procrustes_scores
from xlzoo.run_scripts.tasks.senses.topology import rank_profiles, topology_scores

Found = dict[str, Any]


@dataclass(frozen=True)
class Prepared:
    """What the analyses of every model start from."""

    tokenizer: PreTrainedTokenizerBase
    texts: dict[str, list[str]]
    """By language, the source's first."""
    options: Ablations
    linked: LinkedWords | None
    """The linked words, which all analyses but mixing need."""
    counts: dict[str, int]
    """How many links there were, and were used."""


class Subject:
    """A model that is looked into."""

    def __init__(self, model: BackpackGPT2LMHeadModel, prepared: Prepared) -> None:
        self.model, self.prepared, self.options = model, prepared, prepared.options

    @property
    def linked(self) -> LinkedWords:
        """The linked words."""
        assert self.prepared.linked is not None
        return self.prepared.linked

    @cached_property
    def vectors(self) -> tuple[torch.Tensor, torch.Tensor]:
        """The mixtures of the senses of each link's source word and target word, `[N, D]` both, on the CPU."""
        source, target = (self._vectors(side) for side in (0, 1))
        return source, target

    def _vectors(self, side: int) -> torch.Tensor:
        options, linked = self.options, self.linked
        wanted = linked.wanted(side)
        return mixture_vectors(self.model, linked.texts[side], wanted, options.sense_pool_temp, options.batch_size)

    @cached_property
    def held_out(self) -> torch.Tensor:
        """Which links have one of the source words that are held out."""
        return held_out_rows(self.linked.pieces(0), self.options.held_out, self.options.seed)


def _topology(subject: Subject) -> Found:
    source, target = subject.linked.pieces(0), subject.linked.pieces(1)
    numbers = {word: number for number, word in enumerate(dict.fromkeys([*source, *target]))}
    profiles = torch.cat([rank_profiles(some.cpu()).float() for some in word_senses(subject.model, list(numbers))])
    one, other = ([numbers[word] for word in words] for words in (source, target))
    scores = topology_scores(profiles, one, other, subject.options.shuffles, subject.options.seed)
    return {**subject.prepared.counts, **scores}


def _procrustes(subject: Subject) -> Found:
    source, target = subject.vectors
    options = subject.options
    scores = procrustes_scores(target, source, subject.held_out, options.shuffles, options.seed)
    return {**subject.prepared.counts, "held_out_links": int(subject.held_out.sum()), **scores}


def _information(subject: Subject) -> Found:
    source, target = (vectors.to(subject.model.device) for vectors in subject.vectors)
    options = subject.options
    scores = information_scores(source, target, subject.held_out, options.critic, options.seed)
    return {**subject.prepared.counts, "held_out_links": int(subject.held_out.sum()), **scores}


def _mixing(subject: Subject) -> Found:
    options = subject.options
    generator = torch.Generator().manual_seed(options.seed)
    permutations = [derangement(subject.model.config.num_senses, generator) for _ in range(options.shuffles)]
    reading = Reading(max_length=options.max_length)
    window = reading.window(subject.model)
    found: Found = {"tokens": {}, "losses": {}, "shuffled_losses": {}}
    for language, texts in subject.prepared.texts.items():
        encoded = encode_texts(subject.prepared.tokenizer, texts, reading.add_start_token)
        nats = mixture_losses(subject.model, encoded.rows, window, options.batch_size, permutations)
        losses = {name: value / encoded.amount.tokens for name, value in nats.items()}
        each = [losses.pop(shuffled(number)) for number in range(len(permutations))]
        found["tokens"][language] = encoded.amount.tokens
        found["losses"][language] = {**losses, shuffled(): sum(each) / len(each)}
        found["shuffled_losses"][language] = each
    return found


RUNS: dict[str, Callable[[Subject], Found]] = {
    TOPOLOGY: _topology,
    PROCRUSTES: _procrustes,
    INFORMATION: _information,
    MIXING: _mixing,
}
