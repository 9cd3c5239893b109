"""Sense-mixing ablations: how much worse does a Backpack predict when its senses are mixed in another way?

A Backpack's output at position i is o_i = sum over senses k and words j <= i of a_kij s_kj, with a sense's weights
over the words a_k `[L, L]`, whose rows sum to one, and its vectors s_k `[L, D]` (Hewitt et al. 2023,
https://arxiv.org/abs/2305.16765). The head predicts from what is left of this sum:

    uniform     a_k becomes the mean of all senses' weights: all senses of a word count equally
    shuffled    a_k becomes a_p(k), p a permutation that leaves no sense in its place: each gets another one's weights
    drop k      without the term of sense k
    only k      nothing but the term of sense k

Nothing is scaled up to make good for what is left out, and the contextualiser itself is not touched.
These mixtures are defined here: no formula of them was found in what is published of SENSIA.
"""

from collections.abc import Iterator, Sequence

import torch

INTACT, UNIFORM = "intact", "uniform"


def shuffled(number: int | None = None) -> str:
    """Name the mixture with the permutation of that number, or the mean over all of them."""
    return "shuffled" if number is None else f"shuffled {number}"


def dropped(sense: int) -> str:
    """Name the mixture without that sense."""
    return f"drop {sense}"


def alone(sense: int) -> str:
    """Name the mixture of that sense alone."""
    return f"only {sense}"


def derangement(count: int, generator: torch.Generator) -> list[int]:
    """Draw one of the permutations of `count` > 1 things that leave none in its place, all equally likely."""
    while True:
        drawn = torch.randperm(count, generator=generator).tolist()
        if all(place != number for place, number in enumerate(drawn)):
            return drawn


def mixtures(
    weights: torch.Tensor, senses: torch.Tensor, permutations: Sequence[Sequence[int]]
) -> Iterator[tuple[str, torch.Tensor]]:
    """Yield the name and the output `[B, L, D]`, in float32, of every mixture, one at a time.

    `weights` `[B, K, L, L]` and `senses` `[B, K, L, D]` are those of a Backpack's pass.
    """
    weights, senses = weights.float(), senses.float()
    numbers = range(senses.shape[1])
    yield INTACT, (intact := _total(weights[:, k] @ senses[:, k] for k in numbers))
    yield UNIFORM, weights.mean(1) @ senses.sum(1)
    for number, permutation in enumerate(permutations):
        yield shuffled(number), _total(weights[:, p] @ senses[:, k] for k, p in enumerate(permutation))
    for k in numbers:
        term = weights[:, k] @ senses[:, k]
        yield alone(k), term
        yield dropped(k), intact - term


def _total(terms: Iterator[torch.Tensor]) -> torch.Tensor:
    """Add up, holding two terms at a time."""
    total = next(terms)
    for term in terms:
        total = total + term
    return total
