"""The summed cross-entropy against torch's own, in value and gradient."""

import pytest
import torch
from torch.nn.functional import cross_entropy

from xlzoo.modeling.token_loss import SummedCrossEntropy


@pytest.mark.parametrize("scale", [1.0, 300.0])
def test_equals_torch(scale):
    torch.manual_seed(0)
    ours = (scale * torch.randn(7, 50)).requires_grad_(True)
    theirs = ours.detach().clone().requires_grad_(True)
    targets = torch.randint(50, (7,))
    got, expected = SummedCrossEntropy.apply(ours, targets) / 3, cross_entropy(theirs, targets, reduction="sum") / 3
    got.backward()
    expected.backward()
    assert torch.allclose(got, expected, rtol=1e-5)
    assert torch.allclose(ours.grad, theirs.grad, atol=1e-6)


def test_by_hand():
    """Logits log 1, log 2, log 5 are probabilities 1/8, 2/8, 5/8: loss of the second is log 4."""
    logits = torch.tensor([[1.0, 2.0, 5.0]]).log().requires_grad_(True)
    loss = SummedCrossEntropy.apply(logits, torch.tensor([1]))
    loss.backward()
    assert loss.item() == pytest.approx(1.386294, abs=1e-6)
    assert torch.allclose(logits.grad, torch.tensor([[0.125, -0.75, 0.625]]), atol=1e-6)


def test_nothing_to_predict():
    logits = torch.zeros(0, 50, requires_grad=True)
    loss = SummedCrossEntropy.apply(logits, torch.zeros(0, dtype=torch.long))
    loss.backward()
    assert loss.item() == 0.0 and logits.grad.shape == (0, 50)


def test_half_precision_sums_in_float32():
    torch.manual_seed(0)
    logits = torch.randn(5, 40).bfloat16().requires_grad_(True)
    targets = torch.randint(40, (5,))
    loss = SummedCrossEntropy.apply(logits, targets)
    loss.backward()
    assert loss.dtype == torch.float32 and logits.grad.dtype == torch.bfloat16
    assert torch.allclose(loss, cross_entropy(logits.detach().float(), targets, reduction="sum"), rtol=1e-6)
