"""From the states of pieces to links between words: pairs in padded batches on the device, one table of methods."""

from collections.abc import Callable, Iterator, Sequence
from itertools import chain, pairwise
from typing import NamedTuple

import torch
from torch.nn.functional import normalize

from .alignment_plan import Grid, Plan, Span
from .alignment_settings import AlignmentSettings
from .alignment_states import integers
from .alignment_words import Pieces
from .optimal_transport import argmax_links, cells, itermax_links, match_links, mutual_links, sinkhorn

CPU_CELLS, DEVICE_CELLS = 2**16, 2**20
"""Cells of the similarity matrices, padding included, that are solved at once."""
Link = tuple[int, int]
Links = dict[Link, float]
"""A pair's links between words, in order, and their scores."""
Found = tuple[torch.Tensor, torch.Tensor]
"""Links `[B, m, n]`, boolean, and every cell's score `[B, m, n]`."""


class Solver(NamedTuple):
    """A way from similarities to links; from cosines, moved into 0 to 1 as in SimAlign, or from dot products."""

    cosine: bool
    solve: Callable[[torch.Tensor, torch.Tensor, AlignmentSettings], Found]


def _transport(similarity: torch.Tensor, inside: torch.Tensor, settings: AlignmentSettings) -> Found:
    by_rows, by_columns = sinkhorn(similarity, inside, settings.sinkhorn_steps)
    return mutual_links(by_rows, by_columns, inside), (by_rows * by_columns).sqrt()


SOLVERS = {
    "ot": Solver(False, _transport),
    "argmax": Solver(True, lambda values, inside, _: (argmax_links(values, inside), values)),
    "itermax": Solver(
        True, lambda similarity, inside, s: (itermax_links(similarity, inside, s.max_count), similarity)
    ),
    "match": Solver(True, lambda values, inside, _: (match_links(values, inside), values)),
}


class Side(NamedTuple):
    """One side of a group of pairs, padded to its longest sentence."""

    places: torch.Tensor
    """Where each piece's state is, `[B, m]`; those of a pair in several blocks are in its grid."""
    real: torch.Tensor
    """Which pieces are no padding, `[B, m]`."""
    starts: torch.Tensor
    """Where each sentence's pieces begin in `first` and `last`, `[B]`."""
    first: torch.Tensor
    """The first word of every piece, `[pieces]`."""
    last: torch.Tensor
    """The last word of every piece, `[pieces]`."""


class Group(NamedTuple):
    """Pairs of like size, which are solved together, or one pair that was read in several blocks."""

    numbers: list[int]
    grids: list[Grid]
    source: Side
    target: Side


def group_pairs(
    plan: Plan, begins: Sequence[int], pairs: Sequence[tuple[Pieces, Pieces]], device: torch.device
) -> list[Group]:
    """Batch the pairs, but for those without pieces on a side, largest first."""
    sizes = {n: (len(pairs[n][0].ids), len(pairs[n][1].ids)) for n, grid in enumerate(plan.grids) if grid}
    order = sorted(sizes, key=sizes.__getitem__, reverse=True)
    alone = {number for number in order if _is_parted(plan.grids[number])}
    groups = []
    for numbers in _runs(order, sizes, alone, CPU_CELLS if device.type == "cpu" else DEVICE_CELLS):
        grids = [plan.grids[number] for number in numbers]
        sides = []
        for side in (0, 1):
            spans = [grid[0][0][side] for grid in grids]
            places = integers(begins[span.row] + span.start for span in spans)
            sides.append(_side(places, [pairs[number][side] for number in numbers], device))
        groups.append(Group(numbers, grids, *sides))
    return groups


def _is_parted(grid: Grid) -> bool:
    return len(grid) * len(grid[0]) > 1


def _runs(order: Sequence[int], sizes: dict[int, tuple[int, int]], alone: set[int], most: int) -> Iterator[list[int]]:
    """Cut the order into runs of at most `most` cells; those `alone` are runs by themselves."""
    run: list[int] = []
    height = width = 0
    for number in order:
        if number in alone:
            yield [number]
            continue
        height, width = max(height, sizes[number][0]), max(width, sizes[number][1])
        if run and (len(run) + 1) * height * width > most:
            yield run
            run, (height, width) = [], sizes[number]
        run.append(number)
    if run:
        yield run


def _side(begins: torch.Tensor, pieces: Sequence[Pieces], device: torch.device) -> Side:
    lengths = integers(len(each.ids) for each in pieces)
    steps = torch.arange(int(lengths.max()))
    real = steps < lengths[:, None]
    first = last = integers(chain.from_iterable(each.first for each in pieces))
    if any(each.first is not each.last for each in pieces):
        last = integers(chain.from_iterable(each.last for each in pieces))
    places = begins[:, None] + steps * real
    return Side(places.to(device), real.to(device), lengths.cumsum(0) - lengths, first, last)


def link_pairs(
    states: torch.Tensor, groups: Sequence[Group], begins: Sequence[int], count: int, settings: AlignmentSettings
) -> list[Links]:
    """Return the word links of each of `count` pairs, given all states `[pieces, D]` of one layer."""
    solver = SOLVERS[settings.method]
    links: list[Links] = [{} for _ in range(count)]
    for group in groups:
        if _is_parted(group.grids[0]):
            similarity = _blocks(states, group.grids[0], begins, solver.cosine)
        else:
            similarity = _similarity(states, group, solver.cosine)
        found, scores = solver.solve(similarity, cells(group.source.real, group.target.real), settings)
        of_group = _word_links(found.nonzero().cpu(), scores[found].cpu(), group)
        for number, each in zip(group.numbers, of_group, strict=True):
            links[number] = each
    return links


def _similarity(states: torch.Tensor, group: Group, cosine: bool) -> torch.Tensor:
    """Return the similarities `[B, m, n]` of the group's pairs."""
    one, other = (
        # To index by the tensor of places takes several times as long.
        states.index_select(0, side.places.flatten()).view(*side.places.shape, -1)
        for side in (group.source, group.target)
    )
    products = one @ other.transpose(1, 2)
    if not cosine:
        return products
    lengths = torch.linalg.vector_norm(one, dim=2)[:, :, None] * torch.linalg.vector_norm(other, dim=2)[:, None, :]
    return (products / lengths + 1) / 2


def _blocks(states: torch.Tensor, grid: Grid, begins: Sequence[int], cosine: bool) -> torch.Tensor:
    """Put the similarities `[1, m, n]` of a pair together that was read in parts."""

    def of(span: Span) -> torch.Tensor:
        start = begins[span.row] + span.start
        part = states[start : start + span.size]
        return normalize(part, dim=1) if cosine else part

    products = torch.cat([torch.cat([of(one) @ of(other).T for one, other in blocks], 1) for blocks in grid])[None]
    return (products + 1) / 2 if cosine else products


def _word_links(links: torch.Tensor, scores: torch.Tensor, group: Group) -> list[Links]:
    """Return each pair's links between words whose pieces are linked, and the best of those pieces' scores.

    `links` `[K, 3]` are the numbers of pair, source piece and target piece, `scores` `[K]` what they scored.
    """
    row, one, other = links.T
    one, row, other, scores = _words(group.source, row, one, other, scores)
    other, row, one, scores = _words(group.target, row, other, one, scores)
    # Numbers that sort as (pair, source word, target word) do.
    size = 1 + int(max(group.source.last.max(), group.target.last.max()))
    keys, which = torch.unique((row * size + one) * size + other, return_inverse=True)
    best = torch.zeros(len(keys), dtype=scores.dtype).scatter_reduce(0, which, scores, "amax", include_self=False)
    counts = torch.bincount(keys // size**2, minlength=len(group.numbers))
    of_words = zip((keys // size % size).tolist(), (keys % size).tolist(), strict=True)
    found = list(zip(of_words, best.tolist(), strict=True))
    bounds = [0, *counts.cumsum(0).tolist()]
    return [dict(found[start:stop]) for start, stop in pairwise(bounds)]


def _words(side: Side, row: torch.Tensor, piece: torch.Tensor, *others: torch.Tensor) -> list[torch.Tensor]:
    """Return the words of pieces, and row and others repeated for the words of those pieces that have several."""
    places = side.starts[row] + piece
    first = side.first[places]
    if side.first is side.last:
        return [first, row, *others]
    counts = side.last[places] - first + 1
    step = torch.arange(int(counts.sum())) - (counts.cumsum(0) - counts).repeat_interleave(counts)
    return [
        first.repeat_interleave(counts) + step,
        *(other.repeat_interleave(counts) for other in (row, *others)),
    ]
