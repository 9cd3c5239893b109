"""Denoising word alignment: partners that a model finds in a whole pair, to be found again where the pair is masked.

XLM-Align, Chi et al. 2021 (https://aclanthology.org/2021.acl-long.265), sections 3.1 and 3.2. A row holds both
sentences, and `sides` `[B, L]` says which piece is of the source (1), of the target (2) or of neither (0).
"""

import torch

from .optimal_transport import cells, itermax_links, sinkhorn

SOURCE, TARGET = 1, 2
IGNORED = -100


def find_partners(similarity: torch.Tensor, sides: torch.Tensor, steps: int, max_count: int) -> torch.Tensor:
    """Return the place of each piece's partner in the other sentence, -100 where it has none, `[B, L]`.

    Links are those of itermax, `max_count` rounds, on the transport plan of `similarity` `[B, L, L]` after `steps` of
    Sinkhorn. Of several partners the one that shares most mass with the piece counts.
    """
    inside = cells(sides == SOURCE, sides == TARGET)
    plan, _ = sinkhorn(similarity, inside, steps)
    links = itermax_links(plan, inside, max_count)
    shares = plan.masked_fill(~links, -1.0)
    partners = torch.full_like(sides, IGNORED)
    for dimension in (2, 1):
        partners = torch.where(links.any(dimension), shares.argmax(dimension), partners)
    return partners


def alignment_logits(
    queries: torch.Tensor, keys: torch.Tensor, sides: torch.Tensor, asked: torch.Tensor
) -> torch.Tensor:
    """Score every place as the partner of the N pieces that `asked` `[B, L]` marks, `[N, L]`, in float32.

    `queries` and `keys` are `[B, L, D]`, their products are divided by the root of D; what does not lie in the other
    sentence is -inf.
    """
    scores = (queries @ keys.transpose(1, 2))[asked].float() / queries.shape[-1] ** 0.5
    rows = asked.nonzero()[:, 0]
    elsewhere = sides[rows] != SOURCE + TARGET - sides[asked][:, None]
    return scores.masked_fill(elsewhere, -torch.inf)
