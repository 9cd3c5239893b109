"""Retrieval of translations: is the nearest sentence in the other language, by cosine, the translation?"""

import torch
from torch.nn.functional import normalize

POOLINGS = ("mean", "last", "senses")
"""Means of states, last states, or, of Backpacks, senses that count by how much they say."""
BLOCK = 1024
"""Rows of similarities that are held at a time."""


def pool(states: torch.Tensor, mask: torch.Tensor, pooling: str) -> torch.Tensor:
    """Return sentence vectors `[B, D]` of token vectors `[B, L, D]`, padded on either side, in float32.

    The mean of the tokens that `mask` `[B, L]` marks, 0 where it marks none, or the last one of them.
    """
    states = states.float()
    if pooling == "last":
        places = torch.arange(mask.shape[1], device=mask.device).expand_as(mask)
        last = places.masked_fill(mask == 0, -1).argmax(dim=1)
        return states[torch.arange(len(states), device=states.device), last]
    weights = mask.unsqueeze(-1).to(states.dtype)
    return (states * weights).sum(dim=1) / weights.sum(dim=1).clamp(min=1)


def retrieval_scores(source: torch.Tensor, target: torch.Tensor) -> dict[str, float]:
    """Return recall@1 both ways and their mean, from 0 to 1, of vectors `[N, D]` where row i translates row i.

    Of equally near sentences the first one is found.
    """
    source, target = normalize(source, dim=1), normalize(target, dim=1)
    forward, backward = recall_at_1(source, target), recall_at_1(target, source)
    return {"recall_to_eng": forward, "recall_from_eng": backward, "recall": (forward + backward) / 2}


def recall_at_1(queries: torch.Tensor, keys: torch.Tensor) -> float:
    """Return the share of queries `[N, D]` whose own key, in the same row of `[N, D]`, has the largest dot product.

    Where several keys are nearest the first counts, so that vectors that are all the same find 1 of N.
    """
    found = torch.cat([(block @ keys.T).argmax(dim=1) for block in queries.split(BLOCK)])
    return (found == torch.arange(len(queries), device=found.device)).double().mean().item()
