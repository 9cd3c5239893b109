"""From similarities between the pieces of two sentences to links: optimal transport, argmax, itermax, matching.

XLM-Align, Chi et al. 2021 (https://aclanthology.org/2021.acl-long.265), and SimAlign, Jalili Sabet et al. 2020
(https://arxiv.org/abs/2004.08728). Everything is batched: `similarity` is `[B, m, n]` with any padding, and the
boolean `inside`, `[B, m, n]`, marks the cells whose row and column are real; what lies outside changes nothing.
"""

import torch

FLOOR = 1e-6
"""What takes the place of similarities that are not positive: mass cannot be negative."""
DISCOUNT = 0.9
"""What a similarity is worth to itermax where one of its two pieces has a link already."""


def cells(source: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Return the cells `[B, m, n]` of the real rows `source` `[B, m]` and columns `target` `[B, n]`, all boolean."""
    return source[:, :, None] & target[:, None, :]


def sinkhorn(similarity: torch.Tensor, inside: torch.Tensor, steps: int = 2) -> tuple[torch.Tensor, torch.Tensor]:
    """Balance similarities: `steps` times divide by the sums of the columns, then by those of the rows.

    Returns the plan after the last division by rows, whose rows sum to 1, and after the last one by columns; both are
    `[B, m, n]` and zero outside. With no steps both are the similarities themselves, made positive.
    """
    if steps < 0:
        raise ValueError(f"{steps} Sinkhorn steps cannot be taken; expected 0 or more.")
    by_rows = torch.where(similarity > 0, similarity, FLOOR).masked_fill(~inside, 0.0)
    by_columns, least = by_rows, torch.finfo(by_rows.dtype).tiny
    for _ in range(steps):
        by_columns = by_rows / by_rows.sum(1, keepdim=True).clamp_min(least)
        by_rows = by_columns / by_columns.sum(2, keepdim=True).clamp_min(least)
    return by_rows, by_columns


def mutual_links(by_rows: torch.Tensor, by_columns: torch.Tensor, inside: torch.Tensor) -> torch.Tensor:
    """Mark the cells that are the largest of their row in `by_rows` and of their column in `by_columns`.

    Of equal cells the first counts, so that no row and no column has more than one link.
    """
    column, chosen = _choices(by_rows.masked_fill(~inside, -torch.inf), by_columns.masked_fill(~inside, -torch.inf))
    return _marked(column, chosen, inside) & inside


def argmax_links(similarity: torch.Tensor, inside: torch.Tensor) -> torch.Tensor:
    """Mark the cells that are the largest of both their row and their column (SimAlign's "inter")."""
    similarity = similarity.masked_fill(~inside, -torch.inf)
    return _marked(*_choices(similarity, similarity), inside) & inside


def transport_links(similarity: torch.Tensor, inside: torch.Tensor, steps: int = 2) -> torch.Tensor:
    """Mark the cells on which both marginals of the transport plan agree (XLM-Align)."""
    return mutual_links(*sinkhorn(similarity, inside, steps), inside)


def itermax_links(similarity: torch.Tensor, inside: torch.Tensor, max_count: int = 2) -> torch.Tensor:
    """Mark mutual argmaxes, then `max_count - 1` times those among cells whose row or column has no link yet.

    Similarities are not negative. In the further rounds one with a linked row or column counts `DISCOUNT` as much.
    Where a sentence has only two pieces, or all its pieces have a link, there is no further round.
    """
    if max_count < 1:
        raise ValueError(f"itermax cannot run {max_count} times; expected 1 or more.")
    rows, columns = inside.any(2), inside.any(1)
    large = (rows.sum(1) > 2) & (columns.sum(1) > 2)
    # Padding is less than any similarity, and stays so when it is weighed.
    similarity = similarity.masked_fill(~inside, -1.0)
    column, chosen = _choices(similarity, similarity)
    chosen &= rows
    links = _marked(column, chosen, inside)
    free_rows, free_columns = torch.ones_like(rows), torch.ones_like(columns)
    for _ in range(max_count - 1):
        free_rows = free_rows & ~chosen
        free_columns = free_columns & ~links.any(1)
        some = large & (free_rows & rows).any(1) & (free_columns & columns).any(1)
        # 0 where neither is free, DISCOUNT where one is, 1 where both are.
        weight = (DISCOUNT * free_rows[:, :, None] + DISCOUNT * free_columns[:, None, :]).clamp_max(1.0)
        weighed = similarity * weight
        column, chosen = _choices(weighed, weighed)
        chosen &= (free_rows | free_columns.gather(1, column)) & rows & some[:, None]
        if not chosen.any():
            break
        links |= _marked(column, chosen, inside)
    return links


def match_links(similarity: torch.Tensor, inside: torch.Tensor) -> torch.Tensor:
    """Mark the matching of all pieces of the shorter sentence with the largest sum of similarities.

    SimAlign's "mwmf"; it runs pair by pair on the CPU. Raises ImportError where scipy is not installed.
    """
    try:
        from scipy.optimize import linear_sum_assignment
    except ImportError as error:
        raise ImportError("The method 'match' needs scipy, which is not installed: pip install scipy.") from error
    links = torch.zeros_like(inside, device="cpu")
    values, rows, columns = similarity.cpu().double(), inside.any(2).cpu(), inside.any(1).cpu()
    for number in range(len(links)):
        row, column = rows[number].nonzero()[:, 0], columns[number].nonzero()[:, 0]
        chosen = linear_sum_assignment(values[number][row][:, column].numpy(), maximize=True)
        links[number, row[chosen[0]], column[chosen[1]]] = True
    return links.to(inside.device)


def _choices(by_rows: torch.Tensor, by_columns: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return each row's largest column `[B, m]`, and whether that column's largest row is this one `[B, m]`."""
    column = by_rows.argmax(2)
    row = by_columns.transpose(1, 2).contiguous().argmax(2)
    return column, row.gather(1, column) == torch.arange(by_rows.shape[1], device=by_rows.device)


def _marked(column: torch.Tensor, chosen: torch.Tensor, inside: torch.Tensor) -> torch.Tensor:
    return torch.zeros_like(inside).scatter_(2, column[:, :, None], chosen[:, :, None])
