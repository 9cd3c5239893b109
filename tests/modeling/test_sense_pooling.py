"""The pooled sense vector against its formula written out, which holds every product."""

import pytest
import torch
from backpack_models import backpack, padded, plain_backpack, tokens

from xlzoo.modeling.modeling_backpack import BackpackGPT2Model
from xlzoo.modeling.sense_contributions import Pooling
from xlzoo.modeling.sense_mixture import SenseMixture
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


def test_a_second_backward_pass_gives_the_same():
    """The first one works in the memory of what the forward pass left."""
    senses, weights, mask = inputs()
    loss = pool_senses(senses.requires_grad_(), weights.requires_grad_(), mask, 0.7)[0].square().sum()
    first = torch.autograd.grad(loss, (senses, weights), retain_graph=True)
    for one, other in zip(first, torch.autograd.grad(loss, (senses, weights)), strict=True):
        assert torch.allclose(one, other, atol=1e-6)


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


@pytest.mark.parametrize("mode", ["fused", "made_again", "hooked", "every_word_apart"])
def test_a_model_pools_as_the_formula_says(mode, monkeypatch):
    """Mixture and vectors of one pass, and all gradients, against everything held, in every way the model can take."""
    model, ids = backpack(), tokens(3, 11)
    pattern = torch.randn(2, 3, 32, generator=torch.Generator().manual_seed(3))

    def losses(vectors, logits):
        return (pattern[0] * vectors).sum() + logits.logsumexp(-1).mean()

    logits, senses, weights = plain_backpack(model, ids)
    vectors, entropies = plain(senses, weights, torch.ones(3, 11), 0.7)
    losses(vectors, logits).backward()
    expected = {name: parameter.grad.clone() for name, parameter in model.named_parameters()}
    model.zero_grad()
    model.train()
    if mode == "made_again":
        model.gradient_checkpointing_enable({"use_reentrant": False})
    elif mode == "hooked":
        model.backpack.sense_network.register_forward_hook(lambda module, inputs, senses: senses)
    elif mode == "every_word_apart":
        monkeypatch.setattr(BackpackGPT2Model, "_apart", lambda self: True)
    output = model(ids, sense_pool_temperature=0.7)
    assert output.senses is None and output.contextualization is None
    assert torch.allclose(output.sense_vectors, vectors, atol=1e-5)
    assert torch.allclose(output.sense_entropies, entropies, atol=1e-5) and not output.sense_entropies.requires_grad
    losses(output.sense_vectors, output.logits).backward()
    for name, parameter in model.named_parameters():
        assert torch.allclose(parameter.grad, expected[name], atol=1e-5), name


@pytest.mark.parametrize("recompute", [False, True])
def test_fused_derivatives_in_double_precision(recompute):
    """Of the mixture and the vectors, with padding, repeated words and a fixed dropout mask."""
    torch.manual_seed(0)
    shapes = [(2, 2, 3, 2), (2, 2, 3, 2), (4, 3), (3, 4), (4,)]
    parts = [torch.randn(shape, dtype=torch.double, requires_grad=True) for shape in shapes]
    mask = torch.tensor([[1, 1, 1], [1, 1, 0]])
    allowed = torch.ones(3, 3).tril().bool()[None] & mask[:, None].bool()
    rows, pooling = torch.randint(4, (2, 3)), Pooling.of(mask, 0.7, torch.double)

    def run(*parts):
        torch.manual_seed(3)
        queries, keys, *others = parts
        return SenseMixture.apply(queries, keys, allowed, *others, rows, 0.4, recompute, pooling)[:2]

    assert torch.autograd.gradcheck(run, parts)


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("training", [False, True])
def test_a_model_pools_padded_texts_as_its_senses_say(side, training):
    model = backpack().train(training)
    batch, _ = padded(side)
    held = model(**batch, output_senses=True, output_contextualization=True, use_cache=False)
    vectors, entropies = pool_senses(held.senses, held.contextualization, batch["attention_mask"], 0.7)
    output = model(**batch, sense_pool_temperature=0.7, use_cache=False)
    assert torch.allclose(output.sense_vectors, vectors, atol=1e-5)
    assert torch.allclose(output.sense_entropies, entropies, atol=1e-5)
    with torch.autocast("cpu", torch.bfloat16):
        half = model(**batch, sense_pool_temperature=0.7, use_cache=False)
    assert half.sense_vectors.dtype == torch.float32
    assert torch.allclose(half.sense_vectors, vectors, atol=0.03 * vectors.abs().max().item())
    half.sense_vectors.square().sum().backward()
    assert all(parameter.grad.dtype == torch.float32 for parameter in model.parameters() if parameter.grad is not None)


def test_a_compiled_model_pools_the_same():
    model, ids = backpack(n_layer=1), tokens()
    compiled = torch.compile(model, backend="eager", fullgraph=True)
    expected = model(ids, sense_pool_temperature=0.7, use_cache=False)
    got = compiled(ids, sense_pool_temperature=0.7, use_cache=False)
    assert torch.allclose(got.sense_vectors, expected.sense_vectors, atol=1e-5)
    assert torch.allclose(got.sense_entropies, expected.sense_entropies, atol=1e-5)


def test_texts_are_pooled_whole_at_a_positive_temperature():
    model, ids = backpack(), tokens()
    cache = model(ids).past_key_values
    with pytest.raises(ValueError, match="whole texts"):
        model(ids, past_key_values=cache, sense_pool_temperature=0.7)
    with pytest.raises(ValueError, match="temperature of the pooling is 0"):
        model(ids, sense_pool_temperature=0.0)
