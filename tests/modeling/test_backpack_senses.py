"""Reading senses, and interventions on them."""

import pytest
import torch
from backpack_models import backpack, padded, plain_backpack, plain_senses, tokens
from transformers import set_seed

from xlzoo.modeling.modeling_backpack import BackpackGPT2Model


def logits(model, ids, **kwargs):
    with torch.no_grad():
        return model(ids, **kwargs).logits


def edited_logits(model, ids, change):
    """Compute logits plainly with senses `[B, K, L, D]` after `change` worked on them in place."""
    with torch.no_grad():
        _, senses, weights = plain_backpack(model, ids)
        change(senses)
        return (weights @ senses).sum(1) @ model.lm_head.weight.T


def test_sense_vectors_and_what_they_speak_for():
    model = backpack()
    with torch.no_grad():
        senses = model.sense_vectors([5, 17])
    expected = plain_senses(model, torch.tensor([[5, 17]]))[0].transpose(0, 1)
    assert torch.allclose(senses, expected, atol=1e-6)
    top = model.top_words([5, 17], n=3)
    scores = expected @ model.lm_head.weight.T
    assert top.ids.shape == (2, 4, 3)
    assert torch.equal(top.ids[..., 0], scores.argmax(-1))
    assert torch.allclose(top.scores, scores.topk(3).values, atol=1e-5)


@pytest.mark.parametrize("cls", [None, BackpackGPT2Model])
def test_sense_weights_of_padded_rows(cls):
    """`[B, L (position), L (word), K]`; they sum to one over the words seen; nothing from padding."""
    model = backpack() if cls is None else backpack(cls)
    batch, alone = padded("left")
    weights = model.sense_weights(**batch)
    assert weights.shape == (3, 9, 9, 4)
    assert torch.allclose(weights.sum(2), torch.ones(3, 9, 4))
    assert torch.allclose(weights[1, 3:, 3:], model.sense_weights(alone[1])[0], atol=1e-6)
    assert weights[0, 2, 3:].abs().max() == 0 and weights[1, 3:, :3].abs().max() == 0


def test_scale_remove_replace():
    model, ids = backpack(), tokens(3, 11)
    word, other = ids[0, 0].item(), ids[0, 1].item()
    vector = torch.linspace(-1, 1, 32)

    def scaled(senses):
        for row, place in (ids == word).nonzero():
            senses[row, 0, place] *= 3
            senses[row, 2, place] *= -1

    def removed(senses):
        for row, place in (ids == word).nonzero():
            senses[row, 1, place] = 0
        for row, place in (ids == other).nonzero():
            senses[row, :, place] = 0

    def replaced(senses):
        for row, place in (ids == other).nonzero():
            senses[row, 3, place] = vector

    plain = logits(model, ids)
    for edit, change in [
        ({"scale": {word: {0: 3.0, 2: -1.0}}}, scaled),
        ({"remove": {word: [1], other: range(4)}}, removed),
        ({"replace": {other: {3: vector}}}, replaced),
    ]:
        with model.sense_intervention(**edit):
            got = logits(model, ids)
            assert (got - plain).abs().max() > 1e-2
            assert torch.allclose(got, edited_logits(model, ids, change), atol=1e-5)
            assert torch.allclose(logits(model, ids, use_cache=False), got, atol=1e-5)
        assert torch.equal(logits(model, ids), plain)


def test_words_that_do_not_occur_change_nothing():
    model, ids = backpack(), tokens()
    plain = logits(model, ids)
    with model.sense_intervention(remove={100: range(4)}):
        assert torch.equal(logits(model, ids), plain)
    with model.sense_intervention():
        assert torch.equal(logits(model, ids), plain)


def test_nested_interventions_work_on_each_other_and_end_one_by_one():
    model = backpack()
    with torch.no_grad():
        plain, vector = model.sense_vectors([5])[0], torch.ones(32)
        with model.sense_intervention(replace={5: {1: vector}}):
            with model.sense_intervention(scale={5: {0: 2.0, 1: 0.5}}):
                inner = model.sense_vectors([5])[0]
            outer = model.sense_vectors([5])[0]
    assert torch.allclose(inner, torch.stack([2 * plain[0], 0.5 * vector, plain[2], plain[3]]))
    assert torch.allclose(outer, torch.stack([plain[0], vector, plain[2], plain[3]]))
    assert model.backpack.sense_edits == ()


def test_undone_after_an_exception():
    model, ids = backpack(), tokens()
    plain = logits(model, ids)
    with pytest.raises(KeyError), model.sense_intervention(remove={ids[0, 0].item(): range(4)}):
        raise KeyError
    assert torch.equal(logits(model, ids), plain)


@pytest.mark.parametrize("mode", [{"do_sample": False}, {"do_sample": True}, {"do_sample": False, "num_beams": 3}])
def test_generation_honours_them(mode):
    model, (batch, _) = backpack(), padded("left")
    word = model.generate(**batch, max_new_tokens=1, do_sample=False)[0, -1].item()

    def generate(use_cache):
        set_seed(3)
        return model.generate(**batch, **mode, max_new_tokens=10, min_new_tokens=10, use_cache=use_cache)

    plain = generate(True)
    with model.sense_intervention(scale={int(i): {0: -4.0, 1: 3.0} for i in [*range(3, 20), word]}):
        cached, uncached = generate(True), generate(False)
    assert torch.equal(cached, uncached) and not torch.equal(cached, plain)
    assert torch.equal(generate(True), plain)


@pytest.mark.parametrize("apart", [False, True])
def test_a_cache_from_before_the_intervention_is_brought_up_to_date(apart):
    """Also if every occurrence of a word is cached for itself, as under a hook on the embeddings."""
    model, ids = backpack(), tokens()
    if apart:
        model.get_input_embeddings().register_forward_hook(lambda module, inputs, embeddings: embeddings * 1)
    edit = {"scale": {int(i): {0: -2.0} for i in ids[0]}}
    with torch.no_grad():
        cache = model(ids[:, :6], use_cache=True).past_key_values
        with model.sense_intervention(**edit):
            inside = model(ids[:, 6:8], past_key_values=cache).logits
            expected = model(ids[:, :8]).logits[:, 6:]
        assert torch.allclose(inside, expected, atol=1e-5)
        after = model(ids[:, 8:], past_key_values=cache).logits
        assert torch.allclose(after, model(ids).logits[:, 8:], atol=1e-5)


def test_gradients_under_an_intervention():
    """A removed sense learns nothing, the others do."""
    model = backpack().train()
    ids = torch.full((1, 4), 5)
    with model.sense_intervention(remove={5: [2]}):
        model(ids, labels=ids).loss.backward()
    gradient = model.backpack.sense_network.final_mlp.c_proj.weight.grad.unflatten(1, (4, 32))
    assert gradient[:, 2].abs().max() == 0 and gradient[:, 1].abs().max() > 0


def test_weights_of_ones_own():
    model, ids = backpack(), tokens()
    with torch.no_grad():
        whole = model(ids, output_contextualization=True)
        same = model.run_with_custom_contextualization(ids, whole.contextualization)
        half = model.run_with_custom_contextualization(ids, whole.contextualization / 2)
    assert torch.allclose(same.logits, whole.logits, atol=1e-5)
    assert torch.allclose(half.logits * 2, whole.logits, atol=1e-5)


def test_mistakes_are_named():
    model = backpack()
    embeds = torch.zeros(1, 3, 32)
    for edit, words in [
        ({"scale": {120: {0: 1.0}}}, "Word 120 has no sense 0"),
        ({"remove": {5: [4]}}, "Word 5 has no sense 4"),
        ({"replace": {5: {0: torch.zeros(31)}}}, r"shape \(32,\), but \(31,\)"),
        ({"scale": {5: {0: 2.0}}, "remove": {5: [0]}}, "named twice"),
    ]:
        with pytest.raises(ValueError, match=words), model.sense_intervention(**edit):
            pass
    with model.sense_intervention(remove={5: [0]}), pytest.raises(ValueError, match="not inputs_embeds"):
        model(inputs_embeds=embeds)
    with model.sense_intervention(remove={5: [0]}), pytest.raises(ValueError, match="not inputs_embeds"):
        model.train()(inputs_embeds=embeds)
