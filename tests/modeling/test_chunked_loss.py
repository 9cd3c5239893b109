"""The chunked cross-entropy by hand and against torch's own."""

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from xlzoo.modeling import chunked_loss
from xlzoo.modeling.chunked_loss import chunked_sums, head_sums


def test_by_hand():
    """Logits log 1, log 2, log 5 are probabilities 1/8, 2/8, 5/8: the second costs log 4.

    Smoothed by 0.3 it costs 0.7 log 4 + 0.1 (log 8 + log 4 + log 8/5) = 1.3639, and the goal is (0.1, 0.8, 0.1).
    """
    weight = torch.tensor([[1.0], [2.0], [5.0]]).log().requires_grad_(True)
    smoothed, plain = chunked_sums(torch.ones(1, 1), weight, torch.tensor([1]), 0.3)
    smoothed.backward()
    assert plain.item() == pytest.approx(1.386294, abs=1e-6) and not plain.requires_grad
    assert smoothed.item() == pytest.approx(1.363980, abs=1e-6)
    assert torch.allclose(weight.grad, torch.tensor([[0.025], [-0.55], [0.525]]), atol=1e-6)


@pytest.mark.parametrize("scale", [1.0, 300.0])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("rows", [1, 3, 7, 100])
def test_equals_torch(rows, smoothing, scale, monkeypatch):
    monkeypatch.setattr(chunked_loss, "CHUNK", 50 * rows)
    torch.manual_seed(0)
    ours = [scale * torch.randn(7, 6), torch.randn(50, 6)]
    theirs = [part.clone().requires_grad_(True) for part in ours]
    ours = [part.requires_grad_(True) for part in ours]
    targets = torch.randint(50, (7,))
    got, plain = chunked_sums(*ours, targets, smoothing)
    logits = theirs[0] @ theirs[1].T
    expected = cross_entropy(logits, targets, reduction="sum", label_smoothing=smoothing)
    (got / 3).backward(retain_graph=True)
    (got / 3).backward()
    (expected * 2 / 3).backward()
    assert torch.allclose(got, expected, rtol=1e-5)
    assert torch.allclose(plain, cross_entropy(logits, targets, reduction="sum"), rtol=1e-5)
    for mine, other in zip(ours, theirs, strict=True):
        assert torch.allclose(mine.grad, other.grad, atol=1e-5, rtol=1e-5)


def test_half_precision_sums_in_float32():
    torch.manual_seed(0)
    states, weight = torch.randn(9, 8).bfloat16(), torch.randn(40, 8).bfloat16().requires_grad_(True)
    targets = torch.randint(40, (9,))
    loss = chunked_sums(states, weight, targets, 0.0)[0]
    loss.backward()
    exact = weight.detach().float().requires_grad_(True)
    expected = cross_entropy(states.float() @ exact.T, targets, reduction="sum")
    expected.backward()
    assert loss.dtype == torch.float32 and weight.grad.dtype == torch.bfloat16
    assert torch.allclose(loss, expected, rtol=1e-2)
    assert torch.allclose(weight.grad.float(), exact.grad, atol=0.05)


@pytest.mark.parametrize("part", [0, 1])
def test_a_frozen_side_gets_no_gradient(part):
    parts = [torch.randn(3, 4, requires_grad=part == 0), torch.randn(9, 4, requires_grad=part == 1)]
    chunked_sums(*parts, torch.tensor([1, 2, 3]), 0.0)[0].backward()
    assert parts[part].grad is not None and parts[1 - part].grad is None


def test_heads_that_are_more_than_their_weight_are_called():
    """A hook stands for adapters and offloading; nothing to predict costs nothing."""
    torch.manual_seed(0)
    head, states = nn.Linear(4, 9, bias=False), torch.randn(2, 4, 4)
    targets = torch.tensor([[1, -100, 3], [-100, -100, 5]])
    expected = cross_entropy(head(states)[:, :-1].flatten(0, 1), targets.flatten(), reduction="sum")
    assert torch.allclose(head_sums(head, states, None, targets, 0.0)[0], expected)
    assert torch.allclose(head_sums(head, states, head(states), targets, 0.0)[0], expected)
    assert head_sums(head, states, None, torch.full_like(targets, -100), 0.0)[0] == 0
    head.register_forward_hook(lambda module, inputs, logits: 2 * logits)
    doubled = cross_entropy(head(states)[:, :-1].flatten(0, 1), targets.flatten(), reduction="sum")
    assert torch.allclose(head_sums(head, states, None, targets, 0.0)[0], doubled) and doubled != expected
