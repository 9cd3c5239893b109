"""Rows of like lengths: one order for an epoch, whatever was drawn before and however many processes share it."""

from functools import partial
from itertools import chain, pairwise

import pytest
import torch
from accelerate.data_loader import BatchSamplerShard, SeedableRandomSampler, prepare_data_loader, skip_first_batches
from datasets import Dataset
from torch.utils.data import BatchSampler, DataLoader

from xlzoo.run_scripts.corpora.view_rows import FILLER, ViewRows
from xlzoo.run_scripts.objectives.even_batches import EvenBatches
from xlzoo.run_scripts.objectives.grouped_rows import GroupedRows

LENGTHS = [3 + 7 * number % 40 for number in range(50)]


def rows():
    return ViewRows(Dataset.from_dict({"length": LENGTHS}), doubled=True)


def test_an_epoch_has_one_order():
    epochs = iter([0, 0, 0, 1, 0])
    order = partial(GroupedRows, rows().lengths, 8, epoch=partial(next, epochs))
    torch.manual_seed(0)
    first = list(order(seed=3))
    torch.rand(5)
    again = order(seed=3)
    assert list(again) == list(again) == first and sorted(first) == list(range(100)) and len(again) == 100
    other = list(again)
    assert other != first and sorted(other) == sorted(first)
    assert list(order(seed=4)) != first


def test_batches_have_like_lengths():
    """By hand: of 100 rows, 8 a step, the stock grouping sorts 24 at a time; but for the longest, put first."""
    given = rows()
    order = list(GroupedRows(given.lengths, 8, 3, lambda: 0))
    lengths = [given.lengths[index] for index in order]
    for start in range(0, 96, 24):
        block = lengths[start + (start == 0) : start + 24]
        assert sum(one < two for one, two in pairwise(block)) <= 1
    widths = [max(lengths[start : start + 8]) - min(lengths[start + 1 : start + 8]) for start in range(8, 96, 8)]
    assert sum(widths) / len(widths) < (max(LENGTHS) - min(LENGTHS)) / 2


@pytest.mark.parametrize(("number", "processes", "size"), [(100, 2, 4), (100, 3, 8), (3, 4, 2), (96, 2, 4)])
def test_processes_share_an_epoch_out(number, processes, size):
    """Whatever divides or not: each row once, as one process has them step by step, and all batches of one size."""
    batches = EvenBatches(BatchSampler(range(number), size, False), processes)
    shares = [list(BatchSamplerShard(batches, processes, process)) for process in range(processes)]
    steps = [list(chain(*step)) for step in zip(*shares, strict=True)]
    assert len(steps) == -(-number // (size * processes)) and {len(step) for step in steps} == {size * processes}
    found = list(chain(*steps))
    assert found[:number] == list(range(number)) and set(found[number:]) <= {FILLER}
    assert len(BatchSamplerShard(batches, processes, 0)) == len(steps)


@pytest.mark.parametrize("even", [True, False])
def test_a_random_order_is_the_epochs_where_a_run_goes_on(even):
    """Two processes whose loaders, as accelerate prepares them, skip three batches each go on as they would have.

    So they do with its own batches, which the other scripts have.
    """
    order = SeedableRandomSampler(rows(), data_seed=5)
    order.set_epoch(2)
    expected = list(order)
    shares = []
    for process in (0, 1):
        loader = DataLoader(rows(), 4, shuffle=True, collate_fn=lambda batch: [row["index"] for row in batch])
        split = {"num_processes": 2, "process_index": process, "put_on_device": False}
        prepared = prepare_data_loader(loader, use_seedable_sampler=True, data_seed=5, **split)
        shard = prepared.batch_sampler
        shard.batch_sampler = EvenBatches(shard.batch_sampler, 2) if even else shard.batch_sampler
        new = skip_first_batches(prepared, 3)
        new.set_epoch(2)
        shares.append(list(new))
    assert list(chain(*(one + two for one, two in zip(*shares, strict=True))))[:76] == expected[24:]
