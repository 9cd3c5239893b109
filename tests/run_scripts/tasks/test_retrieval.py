"""Vectors and recall, by hand."""

import torch

from xlzoo.run_scripts.tasks import retrieval
from xlzoo.run_scripts.tasks.retrieval import pool, retrieval_scores


def test_pooling_on_either_side():
    states = torch.tensor([[[1.0], [3.0], [9.0]], [[9.0], [5.0], [8.0]]])
    mask = torch.tensor([[1, 1, 0], [0, 1, 1]])
    assert pool(states, mask, "mean").tolist() == [[2.0], [6.5]]
    assert pool(states, mask, "last").tolist() == [[3.0], [8.0]]


def test_a_text_without_tokens_spoils_no_other():
    """Its vector is 0, not 0 / 0, with which every query would find it."""
    vectors = pool(torch.tensor([[[2.0, 1.0]], [[4.0, 4.0]], [[0.0, 3.0]]]), torch.tensor([[1], [0], [1]]), "mean")
    assert vectors.tolist() == [[2.0, 1.0], [0.0, 0.0], [0.0, 3.0]]
    assert retrieval_scores(vectors, vectors)["recall"] == 2 / 3


def test_recall_is_by_cosine_and_both_ways(monkeypatch):
    """Forward: (1, 0) finds (9, 1); (1, 1) finds (1, 2), not its own (5, 1); (0, 1) finds (1, 2): 2 of 3 right.

    Backward: (9, 1) finds (1, 0), (5, 1) finds (1, 0), not (1, 1): cosines .981 and .832; (1, 2) finds (1, 1), with
    .949, not (0, 1), with .894: 1 of 3 right. Lengths do not count.
    """
    source = torch.tensor([[7.0, 0], [0.1, 0.1], [0, 1]])
    target = torch.tensor([[9.0, 1], [5, 1], [1, 2]])
    expected = {"recall_to_eng": 2 / 3, "recall_from_eng": 1 / 3, "recall": 0.5}
    assert retrieval_scores(source, target) == expected
    monkeypatch.setattr(retrieval, "BLOCK", 2)
    assert retrieval_scores(source, target) == expected
