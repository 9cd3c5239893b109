"""Schedule, contrast and scores of sense adaptation against numbers worked out by hand."""

import math
from dataclasses import astuple, replace

import numpy as np
import pytest
import torch
from tiny_runs import refused
from transformers import EvalPrediction

from xlzoo.run_scripts.objectives.losses import info_nce
from xlzoo.run_scripts.objectives.pair_scores import pair_scores
from xlzoo.run_scripts.objectives.sense_adaptation import PairCollator, last_tokens
from xlzoo.run_scripts.objectives.sense_schedule import LossWeights, SenseSchedule
from xlzoo.run_scripts.tasks.retrieval import recall_at_1

SCHEDULE = SenseSchedule(
    align=LossWeights(0.5, 0.5, 0.0),
    mid=LossWeights(0.3, 0.5, 0.2),
    tail=LossWeights(0.1, 0.1, 0.6),
    tau_ctx=(0.1, 0.06),
    tau_sns=(0.2, 0.2),
    align_pct=0.2,
    polish_pct=0.4,
)


@pytest.mark.parametrize(
    ("progress", "weights", "tau", "polishes"),
    [
        (0.0, (0.5, 0.5, 0.0), 0.1, False),
        # Half of the way, where the cosine is 0: the mean of both ends.
        (0.1, (0.4, 0.5, 0.1), 0.08, False),
        # A third of the way: (1 + cos 60) / 2 = 3 / 4 of the first values.
        (0.2 / 3, (0.45, 0.5, 0.05), 0.09, False),
        (0.2, (0.3, 0.5, 0.2), 0.06, False),
        # Half of the way from 0.2 to 0.6: (0.2, 0.3, 0.4), divided by 0.9.
        (0.4, (2 / 9, 3 / 9, 4 / 9), 0.06, False),
        # From the first polishing step on: (0.1, 0.1, 0.6) / 0.8.
        (0.6, (0.125, 0.125, 0.75), 0.06, True),
        (1.0, (0.125, 0.125, 0.75), 0.06, True),
    ],
)
def test_the_schedule_by_hand(progress, weights, tau, polishes):
    now = SCHEDULE.at(progress)
    assert astuple(now.weights) == pytest.approx(weights)
    assert (now.tau_ctx, now.tau_sns, now.polishes) == (pytest.approx(tau), pytest.approx(0.2), polishes)


def test_phases_may_be_absent():
    """Without aligning it begins with the mid weights, with nothing but polishing it has the tail's throughout."""
    assert astuple(replace(SCHEDULE, align_pct=0).at(0).weights) == pytest.approx((0.3, 0.5, 0.2))
    assert replace(SCHEDULE, align_pct=0, polish_pct=1).at(0).polishes
    last = replace(SCHEDULE, align_pct=1, polish_pct=0)
    assert not last.at(0.99).polishes and astuple(last.at(0.5).weights) == pytest.approx((0.4, 0.5, 0.1))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"align_pct": 0.7}, "--align_pct"),
        ({"polish_pct": -0.1}, "--polish_pct"),
        ({"align_pct": math.nan}, "--align_pct"),
        ({"mid": LossWeights(0, 0, 0)}, "--w_ctx_mid"),
        ({"tail": LossWeights(1, -0.1, 1)}, "--w_ctx_tail"),
        ({"tau_ctx": (0.07, 0)}, "--tau_ctx_end"),
    ],
)
def test_schedules_that_cannot_be(change, words):
    refused(lambda: replace(SCHEDULE, **change), words)


def test_the_contrast_by_hand():
    """Cosines 1 and 0, whatever the lengths: the loss of each query is log(1 + exp(-1 / tau))."""
    queries, keys = torch.tensor([[2.0, 0.0], [0.0, 0.5]]), torch.tensor([[3.0, 0.0], [0.0, 7.0]])
    for tau in (0.07, 1.0):
        assert info_nce(queries, keys, tau).item() == pytest.approx(math.log1p(math.exp(-1 / tau)), abs=1e-7)
    # The second half of four keys belongs to them: both look for cosine 0, log(1 + 1 + 2e).
    wrong = info_nce(queries, torch.cat([keys, keys.flip(0)]), 1.0, first=2)
    assert wrong.item() == pytest.approx(math.log(2 + 2 * math.e))


def test_the_contrast_has_one_direction():
    """Every query is nearest to its own key, but the second key is nearer to the first query than to its own."""
    queries, keys = torch.tensor([[1.0, 0.0], [0.0, 1.0]]), torch.tensor([[1.0, 0.1], [0.9, 1.0]])
    assert info_nce(queries, keys, 0.1).item() != pytest.approx(info_nce(keys, queries, 0.1).item(), rel=0.1)


def test_last_tokens_whichever_side_is_padded():
    states = torch.arange(8.0).view(2, 4, 1)
    mask = torch.tensor([[1, 1, 0, 0], [0, 0, 1, 1]])
    assert last_tokens(states, mask).flatten().tolist() == [1.0, 7.0]


def test_sources_are_read_and_targets_are_predicted():
    rows = [{"source": [5, 6, 7], "target": [8, 9]}, {"source": [5], "target": [8, 3, 2]}]
    batch = PairCollator(0)(rows)
    assert batch["input_ids"].tolist() == [[5, 6, 7], [5, 0, 0], [8, 9, 0], [8, 3, 2]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1], [1, 0, 0], [1, 1, 0], [1, 1, 1]]
    assert batch["labels"].tolist() == [[-100] * 3, [-100] * 3, [-100, 9, -100], [-100, 3, 2]]


def test_recall_by_hand():
    """The second and the third query find the first key, the third key finds its query."""
    queries = torch.tensor([[1.0, 0.0], [0.9, 0.1], [0.5, 0.5]])
    keys = torch.tensor([[5.0, 0.0], [0.0, 1.0], [0.2, 0.4]])
    assert recall_at_1(queries, keys) == pytest.approx(1 / 3)
    assert recall_at_1(torch.ones(4, 2), torch.ones(4, 2)) == 0.25


def test_scores_of_pairs_by_hand():
    """Two pairs, 2 and 3 tokens predicted with 1.0 and 4.0 nats; entropies over 5 and 4 tokens."""
    right, swapped = np.eye(2), np.eye(2)[::-1].copy()
    sums = np.array([[1.0, 1, 2], [4.0, 2, 3]])
    entropies = np.array([[1.0, 2, 2, 1], [1.5, 2, 3, 3]])
    found = pair_scores(EvalPrediction((right, right, right, swapped, sums, entropies), np.zeros(2)))
    assert (found["ctx_recall"], found["sns_recall"], found["sns_recall_src_tgt"]) == (1, 0, 0)
    assert found["perplexity"] == pytest.approx(math.e) and found["accuracy"] == pytest.approx(3 / 5)
    assert (found["entropy_src"], found["entropy_tgt"]) == (0.5, 1.0)
