"""The pooled sense vector against its formula written out, which holds every product."""

import pytest
import torch
from backpack_models import backpack, padded

from xlzoo.modeling.sense_pooling import pool_senses

B, K, L, D = 3, 4, 7, 16


def plain(senses, weights, mask, temperature):
    """Return the vectors and the entropies as FACTS has them: all contributions `[B, K, L, D]` are there."""
    contributions = weights @ senses
    chances = (contributions.norm(dim=-1) / temperature).softmax(1)
    words = (chances[..., None] * contributions).sum(1)
    vectors = (words * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
    return vectors, -(chances * chances.log()).sum(1) * mask


def inputs(dtype=torch.float32, seed=0):
    generator = torch.Generator().manual_seed(seed)
    senses = torch.randn(B, K, L, D, generator=generator, dtype=dtype)
    scores = torch.randn(B, K, L, L, generator=generator, dtype=dtype)
    weights = scores.masked_fill(torch.ones(L, L).triu(1).bool(), -torch.inf).softmax(-1)
    mask = (torch.arange(L) < torch.tensor([[7], [4], [1]])).to(dtype)
    return senses, weights, mask


def derivatives(function, senses, weights, mask, temperature):
    senses, weights = senses.clone().requires_grad_(), weights.clone().requires_grad_()
    vectors, entropies = function(senses, weights, mask, temperature)
    pattern = torch.randn(vectors.shape, generator=torch.Generator().manual_seed(3), dtype=vectors.dtype)
    (vectors * pattern).sum().backward()
    return vectors, entropies, senses.grad, weights.grad


@pytest.mark.parametrize("temperature", [0.7, 3.0])
def test_values_and_gradients_are_those_of_the_formula(temperature):
    for ours, theirs in zip(
        derivatives(pool_senses, *inputs(), temperature), derivatives(plain, *inputs(), temperature), strict=True
    ):
        assert torch.allclose(ours, theirs, atol=1e-5, rtol=1e-5)


def test_derivatives_in_double_precision():
    senses, weights, mask = inputs(torch.float64)
    function = lambda *given: pool_senses(*given, mask, 0.7)[0]  # noqa: E731
    assert torch.autograd.gradcheck(function, (senses.requires_grad_(), weights.requires_grad_()), atol=1e-6)


def test_numbers_by_hand():
    """Two positions, two senses of one dimension, temperature 1, each position seeing only itself.

    Position 1: contributions 3 and -4, p = softmax(3, 4) = (1, e) / (1 + e). Position 2: 0 and 0, p = (1/2, 1/2).
    """
    senses = torch.tensor([[[[3.0], [0.0]], [[-4.0], [0.0]]]])
    vectors, entropies = pool_senses(senses, torch.eye(2).expand(1, 2, 2, 2), torch.ones(1, 2), 1.0)
    e = torch.e
    assert vectors.item() == pytest.approx((3 - 4 * e) / (1 + e) / 2)
    assert entropies[0, 1].item() == pytest.approx(torch.tensor(2.0).log().item())


def test_contributions_that_cancel_have_no_wild_gradients():
    senses, weights, mask = inputs()
    senses[:, 0], weights[:, 0] = senses[:, :1, :1].squeeze(1), 0.0
    senses[:, 0, 1::2] *= -1
    weights[:, 0, :, :2] = 0.5
    for gradient in derivatives(pool_senses, senses, weights, mask, 0.7)[2:]:
        assert gradient.isfinite().all() and gradient.abs().max() < 100


def test_half_precision_and_autocast_count_in_single():
    senses, weights, mask = inputs()
    with torch.autocast("cpu", torch.bfloat16):
        same, _ = pool_senses(senses, weights, mask, 0.7)
    assert torch.equal(same, pool_senses(senses, weights, mask, 0.7)[0])
    half = senses.bfloat16()
    vectors, _, d_senses, _ = derivatives(pool_senses, half, weights.bfloat16(), mask, 0.7)
    wanted, _, d_wanted, _ = derivatives(plain, half.float(), weights.bfloat16().float(), mask, 0.7)
    assert vectors.dtype == torch.float32 and torch.allclose(vectors, wanted, atol=1e-5)
    assert d_senses.dtype == torch.bfloat16 and torch.allclose(d_senses.float(), d_wanted, atol=5e-3)


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_padded_row_is_that_row_alone(side):
    model = backpack()
    batch, alone = padded(side)

    def vectors(ids, mask):
        output = model(ids, mask, output_senses=True, output_contextualization=True, output_logits=False)
        assert output.logits is None
        return pool_senses(output.senses, output.contextualization, mask, 0.7)

    found, entropies = vectors(*batch.values())
    for row, ids in enumerate(alone):
        vector, entropy = vectors(ids, torch.ones_like(ids))
        assert torch.allclose(found[row], vector[0], atol=1e-5)
        assert entropies[row].sum().item() == pytest.approx(entropy.sum().item(), abs=1e-5)
        assert (entropies[row] > 0).sum() == ids.shape[1]


def test_only_padding_is_the_vector_zero():
    senses, weights, mask = inputs()
    mask[1] = 0
    vectors, entropies = pool_senses(senses, weights, mask)
    assert not vectors[1].any() and not entropies[1].any() and vectors[0].any()


@pytest.mark.parametrize(
    ("change", "words"),
    [({"temperature": 0.0}, "temperature"), ({"weights": torch.ones(B, K, L, 2)}, "one pass")],
)
def test_what_does_not_fit_is_refused(change, words):
    senses, weights, mask = inputs()
    with pytest.raises(ValueError, match=words):
        pool_senses(**{"senses": senses, "weights": weights, "mask": mask, "temperature": 1.0, **change})
