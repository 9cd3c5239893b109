"""R1 and R2 against numbers worked out by hand, gradients that stop where they are to, and torch's own divergence."""

import math

import pytest
import torch
from torch.nn.functional import cross_entropy, kl_div, log_softmax, softmax

from xlzoo.run_scripts.objectives.consistency_losses import (
    divergence,
    example_consistency,
    model_consistency,
    span_example_consistency,
    span_model_consistency,
)

LN2, LN3 = math.log(2), math.log(3)
HALVES = torch.tensor([[0.0, 0.0]])
QUARTERS = torch.tensor([[0.0, LN3]])
"""Logits whose probabilities are (1/2, 1/2) and (1/4, 3/4)."""
THERE = 0.5 * math.log(0.5 / 0.25) + 0.5 * math.log(0.5 / 0.75)
"""KL of halves to quarters: 1/2 ln 2 + 1/2 ln 2/3 = ln 2 - 1/2 ln 3 = 0.1438."""
BACK = 0.25 * math.log(0.25 / 0.5) + 0.75 * math.log(0.75 / 0.5)
"""KL of quarters to halves: 1/4 ln 1/2 + 3/4 ln 3/2 = 3/4 ln 3 - ln 2 = 0.1308."""


def test_hand_numbers_are_what_they_say():
    assert pytest.approx(LN2 - LN3 / 2) == THERE
    assert pytest.approx(0.75 * LN3 - LN2) == BACK


def test_classification_by_hand():
    assert divergence(QUARTERS, HALVES).item() == pytest.approx(THERE)
    assert divergence(HALVES, QUARTERS).item() == pytest.approx(BACK)
    assert example_consistency(HALVES, QUARTERS).item() == pytest.approx((THERE + BACK) / 2)
    assert model_consistency(HALVES, QUARTERS).item() == pytest.approx(BACK / 2)
    assert model_consistency(QUARTERS, HALVES).item() == pytest.approx(THERE / 2)
    assert model_consistency(QUARTERS, torch.tensor([[5.0, 1.0]]), hard=True).item() == pytest.approx(math.log(4))


def test_scale_is_that_of_the_mean_over_predictions_and_labels():
    """The published program's `kl_div(log_softmax(input), softmax(target))` with its default reduction."""
    generator = torch.Generator().manual_seed(1)
    logits, views, teacher = torch.randn(3, 11, 7, generator=generator)

    def published(one, other):
        return kl_div(log_softmax(one, -1), softmax(other, -1), reduction="mean")

    with pytest.warns(UserWarning, match="batchmean"):
        expected = published(views, logits) + published(logits, views)
        assert torch.allclose(example_consistency(logits, views).mean(), expected, atol=1e-7)
        assert torch.allclose(model_consistency(logits, teacher).mean(), published(logits, teacher), atol=1e-7)
    hard = cross_entropy(logits, teacher.argmax(-1))
    assert torch.allclose(model_consistency(logits, teacher, hard=True).mean(), hard)


def test_gradients_stop_at_the_target():
    """By hand: the gradient of KL(q || softmax(z)) in z is softmax(z) - q; either side moves towards the other."""
    logits, views = HALVES.clone().requires_grad_(), QUARTERS.clone().requires_grad_()
    example_consistency(logits, views).sum().backward()
    assert logits.grad[0].tolist() == pytest.approx([0.25 / 2, -0.25 / 2])
    assert views.grad[0].tolist() == pytest.approx([-0.25 / 2, 0.25 / 2])
    student, teacher = HALVES.clone().requires_grad_(), QUARTERS.clone().requires_grad_()
    model_consistency(student, teacher).sum().backward()
    assert student.grad[0].tolist() == pytest.approx([0.125, -0.125]) and teacher.grad is None


@pytest.mark.parametrize("half", [torch.bfloat16, torch.float16])
def test_half_precision_is_worked_out_in_float32(half):
    """Also of logits near the largest of float16, which their difference would pass."""
    given = torch.randn(2, 5, 9, generator=torch.Generator().manual_seed(2))
    given[:, 0] *= 6e4 / given[:, 0].abs().max()
    halves = tuple(given.to(half))
    for loss in (example_consistency, model_consistency):
        found = loss(*halves)
        assert found.dtype == torch.float32 and found.isfinite().all()
        assert torch.equal(found, loss(*(side.float() for side in halves)))


def test_spans_by_hand():
    """Four tokens, of which the view has three: place 1 is its 0, place 2 its 2. What is left is one more token.

    Own starts: (1/8, 1/2, 1/4, 1/8) -> (1/2, 1/4; 1/4). The view's: (1/4, 1/2, 1/4) -> (1/4, 1/4; 1/2).
    KL there: 1/2 ln 2 + 0 - 1/4 ln 2 = 1/4 ln 2; back: -1/4 ln 2 + 0 + 1/2 ln 2 = 1/4 ln 2. The ends are the same on
    either side and add nothing. So R1 = (1/4 ln 2 + 1/4 ln 2) / 2 = 1/4 ln 2.
    """
    own = torch.tensor([[1 / 8, 1 / 2, 1 / 4, 1 / 8]]).log()
    view = torch.tensor([[1 / 4, 1 / 2, 1 / 4]]).log()
    same_own, same_view = torch.tensor([[0.1, 0.3, 0.4, 0.2]]).log(), torch.tensor([[0.3, 0.3, 0.4]]).log()
    places, view_places = torch.tensor([[1, 2, -1]]), torch.tensor([[0, 2, -1]])
    found = span_example_consistency((own, same_own), (view, same_view), places, view_places)
    assert found.item() == pytest.approx(LN2 / 4)


def test_spans_without_an_answer_and_without_other_tokens():
    """The first passage has no token in common and adds neither loss nor gradient; the second shares all tokens."""
    own = torch.tensor([[0.0, LN3], [0.0, 0.0]], requires_grad=True)
    view = torch.tensor([[0.0, 0.0], [0.0, LN3]], requires_grad=True)
    places = torch.tensor([[-1, -1], [0, 1]])
    found = span_example_consistency((own, own), (view, view), places, places)
    assert found.tolist() == pytest.approx([0.0, THERE + BACK])
    found.sum().backward()
    for side in (own, view):
        assert side.grad.isfinite().all() and not side.grad[0].any() and side.grad[1].any()


def test_spans_of_the_teacher_by_hand():
    """Three tokens, of which the last is padding: starts are halves against quarters, ends agree."""
    student = torch.tensor([[0.0, 0.0, 9.0]], requires_grad=True)
    teacher, mask = torch.tensor([[0.0, LN3, -9.0]]), torch.tensor([[1, 1, 0]])
    found = span_model_consistency((student, student), (teacher, torch.tensor([[1.0, 1.0, 4.0]])), mask)
    assert found.item() == pytest.approx(BACK / 2)
    found.sum().backward()
    # d/dz of 1/2 KL(quarters || softmax(z)) + 1/2 KL(halves || softmax(z)), the latter 0: (1/2 - 1/4, 1/2 - 3/4) / 2.
    assert student.grad[0].tolist() == pytest.approx([0.125, -0.125, 0.0])
