"""The mutual-information gap: how much does a source word's vector tell about the vector of its translation?

SENSIA (Cruz et al. 2026, https://arxiv.org/abs/2601.10310) asks a critic T(x, y), a small network, to tell linked
words (x, y) from words that were dealt to each other at random, with the Jensen-Shannon objective of f-GAN and Deep
InfoMax (Nowozin et al. 2016, Hjelm et al. 2019), which is logistic regression:

    loss = E_linked softplus(-T) + E_shuffled softplus(T)

    gap = E_linked T - E_shuffled T                          nats  (published as delta MI)
    jsd = 1 - loss / (2 ln 2)                                bits

The best critic is T = ln p(x, y) / p(x) p(y): E_linked T is then the mutual information, the gap is Jeffreys'
divergence, the sum of both Kullback-Leibler divergences, between the words' joint distribution and the product of
their own ones, and jsd is the Jensen-Shannon divergence of these, from 0 (they say nothing of each other) to 1. With
any other critic jsd is a lower bound of it, the gap is not. A critic that has learnt links by heart has a large gap on
them, and so both are also read on words that were held out, and for a critic of shuffled links.
"""

import math
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import nn
from torch.nn.functional import softplus

BLOCK = 4096
"""Pairs that are scored at a time."""
MOST = 50.0
"""Where the objective cuts scores off, as published."""


@dataclass(frozen=True)
class CriticSettings:
    """How a critic is made and trained; by default as published."""

    steps: int = 800
    batch_size: int = 2048
    learning_rate: float = 1e-4
    hidden: int = 128
    shuffles: int = 5
    """How often words are dealt to each other at random when it is measured."""


class Critic(nn.Module):
    """T: two layers of ReLU on both vectors side by side, each number minus its mean over its standard deviation."""

    source_mean: torch.Tensor
    source_spread: torch.Tensor
    target_mean: torch.Tensor
    target_spread: torch.Tensor

    def __init__(self, source: torch.Tensor, target: torch.Tensor, hidden: int) -> None:
        super().__init__()
        for name, vectors in (("source", source), ("target", target)):
            self.register_buffer(f"{name}_mean", vectors.mean(0))
            self.register_buffer(f"{name}_spread", vectors.std(0).clamp_min(1e-6))
        sizes = (source.shape[1] + target.shape[1], hidden, hidden)
        layers = [part for i, o in pairwise(sizes) for part in (nn.Linear(i, o), nn.ReLU())]
        self.layers = nn.Sequential(*layers, nn.Linear(hidden, 1))

    def forward(self, source: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Return the scores `[N]` of vectors `[N, D]`."""
        one = (source - self.source_mean) / self.source_spread
        other = (target - self.target_mean) / self.target_spread
        return self.layers(torch.cat([one, other], dim=1)).squeeze(1)


def train_critic(
    source: torch.Tensor, target: torch.Tensor, settings: CriticSettings, seed: int
) -> tuple[Critic, list[float]]:
    """Train a critic on vectors `[N, D]` whose rows are linked; return it with the loss of each step.

    A step draws links with replacement, and shuffles their targets among them. The global random state stays as it is.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        critic = Critic(source, target, settings.hidden).to(source.device)
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(critic.parameters(), lr=settings.learning_rate)
    size = min(settings.batch_size, len(source))
    losses = []
    for _ in range(settings.steps):
        rows = torch.randint(len(source), (size,), generator=generator)
        dealt = rows[torch.randperm(size, generator=generator)]
        linked = critic(source[rows], target[rows]).clamp(-MOST, MOST)
        shuffled = critic(source[rows], target[dealt]).clamp(-MOST, MOST)
        loss = softplus(-linked).mean() + softplus(shuffled).mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(critic.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
    return critic, losses


@torch.no_grad()
def critic_scores(
    critic: nn.Module, source: torch.Tensor, target: torch.Tensor, shuffles: int, seed: int
) -> dict[str, float]:
    """Return gap and jsd of a critic, and its mean scores, on vectors `[N, D]` whose rows are linked."""
    generator = torch.Generator().manual_seed(seed)
    orders = [torch.randperm(len(target), generator=generator) for _ in range(shuffles)]
    linked = _scores(critic, source, target)
    shuffled = torch.cat([_scores(critic, source, target[order.to(target.device)]) for order in orders])
    loss = softplus(-linked).mean() + softplus(shuffled).mean()
    return {
        "linked": linked.mean().item(),
        "shuffled": shuffled.mean().item(),
        "gap": (linked.mean() - shuffled.mean()).item(),
        "jsd": (1 - loss / (2 * math.log(2))).item(),
    }


def _scores(critic: nn.Module, source: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    parts = zip(source.split(BLOCK), target.split(BLOCK), strict=True)
    return torch.cat([critic(one, other).cpu().double() for one, other in parts])


def information_scores(
    source: torch.Tensor, target: torch.Tensor, held_out: torch.Tensor, settings: CriticSettings, seed: int
) -> dict[str, dict[str, float]]:
    """Return gap, jsd and mean scores of vectors `[N, D]` whose rows are linked; `held_out` `[N]` is bool.

    "all": of a critic trained on all links, on them, as published. "held_out": trained on the others, measured on
    those held out. "shuffled": likewise, where targets were dealt out to the sources at random before training.
    """
    part = ~held_out
    order = torch.randperm(int(part.sum()), generator=torch.Generator().manual_seed(seed))
    chance = target[part][order.to(target.device)]
    whole, known = (source, target), (source[held_out], target[held_out])
    jobs = {
        "all": (whole, whole),
        "held_out": ((source[part], target[part]), known),
        "shuffled": ((source[part], chance), known),
    }
    found = {}
    for name, (learnt, measured) in jobs.items():
        critic, _ = train_critic(*learnt, settings, seed)
        found[name] = critic_scores(critic, *measured, settings.shuffles, seed)
    return found
