"""The analyses of senses against scipy, against numbers worked out by hand, and by what must hold for any input."""

import math
from itertools import combinations

import numpy as np
import pytest
import torch
from scipy.linalg import orthogonal_procrustes
from scipy.spatial.distance import jensenshannon
from scipy.stats import spearmanr
from tiny_runs import refused

from xlzoo.run_scripts.tasks.senses.mixing import derangement, mixtures
from xlzoo.run_scripts.tasks.senses.mutual_information import (
    CriticSettings,
    critic_scores,
    information_scores,
    train_critic,
)
from xlzoo.run_scripts.tasks.senses.procrustes import fit_rotation, held_out_rows, procrustes_scores
from xlzoo.run_scripts.tasks.senses.topology import average_ranks, correlations, rank_profiles, topology_scores


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def rotation(width, seed=1):
    return torch.linalg.qr(random(width, width, seed=seed)).Q


def cosines(senses):
    """The cosines of all pairs of senses `[K, D]` minus their mean, pair by pair."""
    centred = senses.numpy() - senses.numpy().mean(0)
    pairs = combinations(centred, 2)
    return [np.dot(one, other) / np.linalg.norm(one) / np.linalg.norm(other) for one, other in pairs]


def test_topology_is_spearmans_rho_of_cosines():
    one, other = random(6, 5, 3), random(6, 5, 3, seed=1)
    found = correlations(rank_profiles(one), rank_profiles(other))
    expected = [spearmanr(cosines(a), cosines(b)).statistic for a, b in zip(one, other, strict=True)]
    assert found.tolist() == pytest.approx(expected)
    assert max(map(abs, expected)) > 0.2


def test_ties_share_ranks():
    """Three senses at (2, 0), (-1, 1), (-1, -1), whose mean is 0: cosines -.71, -.71, 0 have the ranks 1.5, 1.5, 3.

    With the first two swapped the ranks are 1.5, 3, 1.5, so that rho = -.75 / 1.5 = -.5.
    """
    assert average_ranks(torch.tensor([[3.0, 1.0, 3.0, 7.0, 3.0]])).tolist() == [[3, 1, 3, 5, 3]]
    senses = torch.tensor([[2.0, 0], [-1, 1], [-1, -1]])
    both = rank_profiles(torch.stack([senses, senses[[1, 0, 2]]]))
    assert correlations(both[:1], both[1:]).item() == pytest.approx(-0.5)


def test_topology_does_not_see_rotation_scale_or_shift():
    senses = random(4, 6, 5)
    moved = 3 * senses @ rotation(5) + random(4, 1, 5, seed=2)
    assert correlations(rank_profiles(senses), rank_profiles(moved)).tolist() == pytest.approx([1] * 4)
    assert correlations(rank_profiles(senses), rank_profiles(senses[:, [1, 0, 3, 2, 5, 4]])).max() < 0.999


def test_topology_scores_weigh_links_and_compare_with_chance():
    """The link 0-1 comes three times, 2-3 once; words 0 and 1 have the same senses, 2 and 3 the tied ones above."""
    senses = torch.tensor([[2.0, 0], [-1, 1], [-1, -1]])
    profiles = rank_profiles(torch.stack([senses, 2 * senses, senses, senses[[1, 0, 2]]]))
    scores = topology_scores(profiles, [0, 0, 0, 2], [1, 1, 1, 3], shuffles=3, seed=0)
    assert scores["rho"] == pytest.approx((3 - 0.5) / 4)
    assert scores["rho_by_word_pair"] == pytest.approx((1 - 0.5) / 2)
    assert (scores["compared"], scores["word_pairs"]) == (4, 2)
    assert (scores["min"], scores["max"], scores["median"]) == pytest.approx((-0.5, 1, 1))
    assert sum(scores["histogram"]) == pytest.approx(1)
    # Word 3 is dealt to one of four sources, and meets -.5 wherever it does; the other three meet 1.
    assert scores["control"] == pytest.approx((3 - 0.5) / 4)
    refused(lambda: topology_scores(rank_profiles(torch.zeros(2, 3, 2)), [0], [1], 1, 0), "how alike")


def test_the_rotation_is_scipys():
    target, source = random(30, 6), random(30, 6, seed=1) + 2
    fitted = fit_rotation(target, source)
    centred = [side.numpy() - side.numpy().mean(0) for side in (target, source)]
    matrix, total = orthogonal_procrustes(*centred)
    assert np.allclose(fitted.matrix.numpy(), matrix)
    # ||T Q - S||^2 = ||T||^2 + ||S||^2 - 2 (the sum of the singular values, which scipy returns).
    residual = sum(np.square(side).sum() for side in centred) - 2 * total
    found = fitted.measure(target, source)
    assert found["mse"] == pytest.approx(residual / 180)
    assert found["r2"] == pytest.approx(1 - residual / np.square(centred[1]).sum())


def test_procrustes_by_hand():
    """(1, 0) and (-1, 0) turn to (0, 1) and (0, -1), half of (0, 2) and (0, -2): two residuals of 1 in 4 numbers."""
    target, source = torch.tensor([[1.0, 0], [-1, 0]]), torch.tensor([[5.0, 7], [5, 3]])
    found = fit_rotation(target, source).measure(target, source)
    assert found == pytest.approx({"mse": 0.5, "cosine": 1, "r2": 1 - 2 / 8})


def test_a_rotated_copy_fits_words_that_were_held_out():
    target, held_out = random(80, 6), torch.arange(80) % 4 == 0
    scores = procrustes_scores(target, target @ rotation(6) - 4, held_out, shuffles=8, seed=0)
    for name in ("all", "held_out"):
        assert scores[name] == pytest.approx({"mse": 0, "cosine": 1, "r2": 1}, abs=1e-12)
    assert scores["unrotated"]["r2"] < 0
    # Shuffled words still fit themselves better than nothing, words held out do not.
    assert 0.1 < scores["shuffled_all"]["cosine"] < 0.5 and abs(scores["shuffled_held_out"]["cosine"]) < 0.1
    same = procrustes_scores(target, target, held_out, 1, 0)
    assert same["unrotated"] == pytest.approx({"mse": 0, "cosine": 1, "r2": 1}, abs=1e-12)


def test_too_few_words_fit_anything():
    """The reason for words that are held out: 5 unrelated words in 16 dimensions."""
    held_out = torch.arange(10) >= 5
    scores = procrustes_scores(random(10, 16), random(10, 16, seed=3), held_out, 2, 0)
    assert scores["all"]["cosine"] > 0.8 and scores["held_out"]["cosine"] < 0.4


def test_words_are_held_out_with_all_their_links():
    words = ["a", "b", "a", "c", "d", "e", "b"]
    rows = held_out_rows(words, 0.4, 3)
    chosen = {word for word, out in zip(words, rows.tolist(), strict=True) if out}
    assert len(chosen) == 2 and rows.tolist() == [word in chosen for word in words]
    assert any(held_out_rows(words, 0.4, seed).tolist() != rows.tolist() for seed in range(5))


@pytest.fixture
def bits():
    """Pairs of bits that agree in 90 % of 4000 rows, as vectors of one number."""
    source = torch.arange(4000) % 2
    target = torch.where(torch.arange(4000) % 20 < 2, 1 - source, source)
    return source[:, None].float(), target[:, None].float()


def test_the_best_critic_measures_the_divergence(bits):
    """Agreeing bits: T = ln .45/.25, others T = ln .05/.25; scipy's distance is the root of the divergence."""

    class Best(torch.nn.Module):
        def forward(self, source, target):
            return torch.where(source == target, math.log(1.8), math.log(0.2)).squeeze(1)

    found = critic_scores(Best(), *bits, shuffles=40, seed=0)
    information = 0.9 * math.log(1.8) + 0.1 * math.log(0.2)
    assert found["linked"] == pytest.approx(information)
    assert found["gap"] == pytest.approx(information - 0.5 * (math.log(1.8) + math.log(0.2)), abs=0.01)
    expected = jensenshannon([0.45, 0.45, 0.05, 0.05], [0.25] * 4, base=2) ** 2
    assert found["jsd"] == pytest.approx(expected, abs=0.003)


def test_a_critic_that_says_nothing_finds_nothing(bits):
    found = critic_scores(lambda source, _: torch.zeros(len(source)), *bits, shuffles=2, seed=0)
    assert found == {"linked": 0, "shuffled": 0, "gap": 0, "jsd": pytest.approx(0, abs=1e-12)}


def test_a_trained_critic_comes_near_the_best(bits):
    settings = CriticSettings(steps=150, batch_size=512, learning_rate=1e-2, hidden=16, shuffles=5)
    before = torch.get_rng_state()
    critic, losses = train_critic(*bits, settings, seed=0)
    assert torch.equal(torch.get_rng_state(), before)
    assert losses[0] == pytest.approx(2 * math.log(2), abs=0.2)
    expected = jensenshannon([0.45, 0.45, 0.05, 0.05], [0.25] * 4, base=2) ** 2
    assert critic_scores(critic, *bits, 20, 1)["jsd"] == pytest.approx(expected, abs=0.02)
    assert train_critic(*bits, settings, seed=0)[1] == losses != train_critic(*bits, settings, seed=1)[1]


def test_information_is_found_where_there_is_some():
    """The same vectors on both sides, and vectors that have nothing to do with each other."""
    settings = CriticSettings(steps=150, batch_size=256, learning_rate=1e-2, hidden=32)
    source, held_out = random(800, 3).float(), torch.arange(800) % 4 == 0
    same = information_scores(source, source, held_out, settings, seed=0)
    assert 0.4 < same["held_out"]["jsd"] <= 1 and same["held_out"]["gap"] > 2
    assert same["shuffled"]["jsd"] < 0.05 and same["shuffled"]["gap"] < 0.5
    none = information_scores(source, random(800, 3, seed=5).float(), held_out, settings, seed=0)
    assert none["held_out"]["jsd"] < 0.05 and none["all"]["jsd"] > none["held_out"]["jsd"]


def test_mixtures_by_hand():
    """Two words, two senses of one number: 2 and 4, 10 and 20; word 2 weighs them .5 .5 and .25 .75."""
    weights = torch.tensor([[[[1.0, 0], [0.5, 0.5]], [[1, 0], [0.25, 0.75]]]])
    senses = torch.tensor([[[[2.0], [4]], [[10], [20]]]])
    found = {name: mixed.flatten().tolist() for name, mixed in mixtures(weights, senses, [[1, 0]])}
    assert found == {
        "intact": [12, 3 + 17.5],
        "uniform": [12, 0.375 * 12 + 0.625 * 24],
        "shuffled 0": [12, 0.25 * 2 + 0.75 * 4 + 0.5 * 10 + 0.5 * 20],
        "only 0": [2, 3],
        "drop 0": [10, 17.5],
        "only 1": [10, 17.5],
        "drop 1": [2, 3],
    }


def test_derangements_leave_nothing_in_place():
    generator = torch.Generator().manual_seed(0)
    drawn = {tuple(derangement(3, generator)) for _ in range(40)}
    assert drawn == {(1, 2, 0), (2, 0, 1)}
