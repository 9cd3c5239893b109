"""Rows of like lengths: one order for an epoch, whatever was drawn before and however many processes share it."""

from itertools import chain, pairwise

import torch
from accelerate.data_loader import BatchSamplerShard
from datasets import Dataset
from torch.utils.data import BatchSampler

from xlzoo.run_scripts.corpora.view_rows import ViewRows
from xlzoo.run_scripts.objectives.grouped_rows import GroupedRows

LENGTHS = [3 + 7 * number % 40 for number in range(50)]


def rows():
    return ViewRows(Dataset.from_dict({"length": LENGTHS}), doubled=True)


def test_an_epoch_has_one_order():
    given = rows()
    torch.manual_seed(0)
    first = list(GroupedRows(given, 8, seed=3))
    torch.rand(5)
    again = GroupedRows(given, 8, seed=3)
    assert list(again) == list(again) == first and sorted(first) == list(range(100)) and len(again) == 100
    given.start(1)
    other = list(again)
    assert other != first and sorted(other) == sorted(first)
    assert list(GroupedRows(given, 8, seed=4)) != other


def test_batches_have_like_lengths():
    """By hand: of 100 rows, 8 a step, the stock grouping sorts 24 at a time; but for the longest, put first."""
    given = rows()
    order = list(GroupedRows(given, 8, seed=3))
    lengths = [given.lengths[index] for index in order]
    for start in range(0, 96, 24):
        block = lengths[start + (start == 0) : start + 24]
        assert sum(one < two for one, two in pairwise(block)) <= 1
    widths = [max(lengths[start : start + 8]) - min(lengths[start + 1 : start + 8]) for start in range(8, 96, 8)]
    assert sum(widths) / len(widths) < (max(LENGTHS) - min(LENGTHS)) / 2


def shared(drop_last):
    """The batches of two processes, step by step, four rows each."""
    given = rows()
    given.start(2)
    batches = BatchSampler(GroupedRows(given, 8, seed=3), 4, drop_last)
    return list(zip(*(BatchSamplerShard(batches, 2, process) for process in (0, 1)), strict=True))


def test_processes_share_an_epoch_out():
    """100 rows in steps of 2 x 4: the last of 13 steps has four of its own and the first four once more."""
    given = rows()
    given.start(2)
    order = list(GroupedRows(given, 8, seed=3))
    steps = [one + two for one, two in shared(drop_last=False)]
    assert list(chain(*steps)) == [*order, *order[:4]]
    assert list(chain(*(one + two for one, two in shared(drop_last=True)))) == order[:96]
