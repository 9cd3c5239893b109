"""Transport, argmax, itermax and matching in padded batches, against plain loops over each pair and by hand."""

import sys

import pytest
import torch
from alignment import oracles as oracle
from hypothesis import given, settings
from hypothesis import strategies as st

from xlzoo.modeling.optimal_transport import (
    argmax_links,
    cells,
    itermax_links,
    match_links,
    mutual_links,
    sinkhorn,
    transport_links,
)

SHAPES = [(1, 1), (1, 6), (5, 1), (2, 7), (7, 2), (3, 3), (4, 6), (6, 5)]


def padded(matrices, junk=1e9):
    """Put matrices into one batch, junk in the padding, and say which cells are theirs."""
    height, width = (max(len(matrix[0]) if side else len(matrix) for matrix in matrices) for side in (0, 1))
    batch = torch.full((len(matrices), height + 1, width + 2), junk, dtype=torch.float64)
    inside = torch.zeros(batch.shape, dtype=torch.bool)
    for number, matrix in enumerate(matrices):
        batch[number, : len(matrix), : len(matrix[0])] = torch.tensor(matrix, dtype=torch.float64)
        inside[number, : len(matrix), : len(matrix[0])] = True
    return batch, inside


def as_sets(links):
    return [{(i, j) for i, j in pair.nonzero().tolist()} for pair in links]


def random_matrices(seed, low=0.0):
    generator = torch.Generator().manual_seed(seed)
    return [(torch.rand(shape, generator=generator) * (1 - low) + low).tolist() for shape in SHAPES]


METHODS = {
    "argmax": (argmax_links, lambda matrix: oracle.mutual(matrix, matrix)),
    "itermax": (itermax_links, oracle.itermax),
    "itermax, 5 rounds": (lambda s, c: itermax_links(s, c, 5), lambda matrix: oracle.itermax(matrix, 5)),
    "transport": (transport_links, oracle.transport),
    "transport, 7 steps": (lambda s, c: transport_links(s, c, 7), lambda matrix: oracle.transport(matrix, 7)),
    "transport, no step": (lambda s, c: transport_links(s, c, 0), lambda matrix: oracle.transport(matrix, 0)),
    "matching": (match_links, oracle.matching),
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("junk", [1e9, -1e9, float("inf")])
def test_padded_batches_equal_plain_loops(method, junk):
    ours, plain = METHODS[method]
    for seed in range(10):
        matrices = random_matrices(seed)
        batch, inside = padded(matrices, junk if method != "matching" else 0.0)
        links = ours(batch, inside)
        assert links.dtype == torch.bool and links.shape == batch.shape
        assert as_sets(links) == [plain(matrix) for matrix in matrices]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_ties_and_negative_numbers_equal_plain_loops(data):
    """Few different numbers: the first of equal ones counts, and the clamp decides."""
    height, width = data.draw(st.integers(1, 5)), data.draw(st.integers(1, 5))
    values = st.lists(st.sampled_from([-2.0, 0.0, 0.5, 1.0]), min_size=width, max_size=width)
    matrix = data.draw(st.lists(values, min_size=height, max_size=height))
    batch, inside = padded([matrix])
    assert as_sets(argmax_links(batch, inside)) == [oracle.mutual(matrix, matrix)]
    plan, by_columns = sinkhorn(batch, inside)
    expected = oracle.sinkhorn(matrix, 2)
    assert torch.allclose(plan[0, :height, :width], torch.tensor(expected[0], dtype=torch.float64), atol=1e-12)
    assert torch.allclose(by_columns[0, :height, :width], torch.tensor(expected[1], dtype=torch.float64), atol=1e-12)
    positive = [[abs(value) for value in row] for row in matrix]
    batch, inside = padded([positive])
    assert as_sets(itermax_links(batch, inside, 4)) == [oracle.itermax(positive, 4)]


def test_the_clamp_matters_exactly_where_a_similarity_is_not_positive():
    """The published script fills a copy, so its negatives stay: equal links without any, other ones here.

    By hand: [[4, -1], [3, 2]] has column sums 7 and 1 unclamped. The division turns the first row into [4/7, -1], so
    its row sum is negative and 4/7 becomes -4/3: the row's largest is now the second cell, which had been negative.
    """
    matrix = [[4.0, -1.0], [3.0, 2.0]]
    batch, inside = padded([matrix])
    assert as_sets(transport_links(batch, inside)) == [{(0, 0), (1, 1)}]
    assert oracle.transport(matrix) == {(0, 0), (1, 1)}
    assert oracle.transport(matrix, clamp=False) != {(0, 0), (1, 1)}
    for seed in range(5):
        matrices = random_matrices(seed, low=0.01)
        batch, inside = padded(matrices)
        unclamped = [oracle.transport(matrix, clamp=False) for matrix in matrices]
        assert as_sets(transport_links(batch, inside)) == unclamped
    mixed = [matrix for seed in range(10) for matrix in random_matrices(seed, low=-1.0)]
    batch, inside = padded(mixed)
    unclamped = [oracle.transport(matrix, clamp=False) for matrix in mixed]
    assert as_sets(transport_links(batch, inside)) != unclamped


def test_one_sinkhorn_step_by_hand():
    """[[1, 3], [1, 1]]: columns sum to 2 and 4, so [[1/2, 3/4], [1/2, 1/4]]; rows then to 5/4 and 3/4."""
    batch, inside = padded([[[1.0, 3.0], [1.0, 1.0]]])
    by_rows, by_columns = sinkhorn(batch, inside, 1)
    assert torch.allclose(by_columns[0, :2, :2], torch.tensor([[1 / 2, 3 / 4], [1 / 2, 1 / 4]]).double())
    assert torch.allclose(by_rows[0, :2, :2], torch.tensor([[2 / 5, 3 / 5], [2 / 3, 1 / 3]]).double())
    assert not by_rows[~inside].any() and not by_columns[~inside].any()


def test_itermax_by_hand():
    """Row 2 loses column 0 to row 0; its 0.8, counted as 0.72, still beats what is free, so round two adds it."""
    matrix = [[0.9, 0.1, 0.1], [0.1, 0.7, 0.2], [0.8, 0.3, 0.1]]
    batch, inside = padded([matrix])
    assert as_sets(itermax_links(batch, inside, 1)) == [{(0, 0), (1, 1)}]
    # Column 0: its free cell is 0.8 * 0.9 = 0.72; row 2: 0.72, 0.27, 0.1.  Column 2: 0.09, 0.18, 0.1, its row 1
    # chooses column 2 as its only open cell.
    assert as_sets(itermax_links(batch, inside, 2)) == [{(0, 0), (1, 1), (2, 0), (1, 2)}]


def test_real_rows_and_columns_may_lie_anywhere():
    """As in pre-training, where `[B, L, L]` holds the similarities of a whole pair and masks pick the sentences."""
    generator = torch.Generator().manual_seed(3)
    whole = torch.rand((2, 12, 12), generator=generator, dtype=torch.float64)
    source, target = torch.zeros((2, 12), dtype=torch.bool), torch.zeros((2, 12), dtype=torch.bool)
    source[0, 1:5], target[0, 6:11], source[1, 1:3], target[1, 4:9] = True, True, True, True
    inside = cells(source, target)
    for ours, plain in METHODS.values():
        for number, links in enumerate(as_sets(ours(whole, inside))):
            rows, columns = source[number].nonzero()[:, 0].tolist(), target[number].nonzero()[:, 0].tolist()
            expected = plain(whole[number][rows][:, columns].tolist())
            assert links == {(rows[i], columns[j]) for i, j in expected}


def test_empty_sides_have_no_links():
    batch, inside = torch.rand(2, 4, 5), torch.zeros(2, 4, 5, dtype=torch.bool)
    inside[0, :3, :2] = True
    for ours, _ in METHODS.values():
        links = ours(batch, inside)
        assert links[0].any() and not links[1].any()
    assert not any(torch.isnan(part).any() for part in sinkhorn(batch, inside))


def test_rows_and_columns_of_two_matrices():
    """Row argmaxes come from the first matrix, column argmaxes from the second."""
    first = torch.tensor([[[0.1, 0.9], [0.8, 0.2]]])
    second = torch.tensor([[[0.9, 0.9], [0.8, 0.2]]])
    inside = torch.ones(1, 2, 2, dtype=torch.bool)
    assert as_sets(mutual_links(first, second, inside)) == [{(0, 1)}]


def test_impossible_numbers_of_rounds():
    batch, inside = padded([[[1.0]]])
    with pytest.raises(ValueError, match="-1 Sinkhorn steps"):
        sinkhorn(batch, inside, -1)
    with pytest.raises(ValueError, match="itermax cannot run 0 times"):
        itermax_links(batch, inside, 0)


def test_matching_says_that_scipy_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    with pytest.raises(ImportError, match="pip install scipy"):
        match_links(*padded([[[1.0]]]))
