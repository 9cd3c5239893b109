"""Cached generation gives the tokens of uncached generation, and the cache bears what users do with it."""

import copy

import pytest
import torch
from backpack_models import backpack, padded, tokens
from transformers import DynamicCache, set_seed

from xlzoo.modeling.sense_cache import SenseLayer

MODES = {
    "greedy": {"do_sample": False},
    "sampling": {"do_sample": True, "top_k": 20},
    "beam": {"do_sample": False, "num_beams": 4},
    "three_of_four_beams": {"do_sample": False, "num_beams": 4, "num_return_sequences": 3},
    "sampled_beams": {"do_sample": True, "num_beams": 3},
    "several_samples": {"do_sample": True, "num_return_sequences": 3},
    "penalised": {"do_sample": False, "repetition_penalty": 1.5, "no_repeat_ngram_size": 2},
}
NEW = {"max_new_tokens": 12, "min_new_tokens": 12, "pad_token_id": 0}


def generate(model, inputs, **kwargs):
    set_seed(3)
    return model.generate(**inputs, **{**NEW, **kwargs})


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("mode", MODES)
def test_cached_equals_uncached(mode, attention):
    model, (batch, _) = backpack(attn_implementation=attention), padded("left")
    cached, plain = (generate(model, batch, use_cache=use, **MODES[mode]) for use in (True, False))
    assert torch.equal(cached, plain)


@pytest.mark.parametrize("mode", ["greedy", "beam"])
def test_left_padded_rows_are_generated_as_if_alone(mode):
    model, (batch, alone) = backpack(), padded("left")
    together = generate(model, batch, **MODES[mode])
    for row, ids in enumerate(alone):
        assert torch.equal(together[row, 9:], generate(model, {"input_ids": ids}, **MODES[mode])[0, ids.shape[1] :])


def test_prompt_of_embeddings():
    model, ids = backpack(), tokens()
    embeds = {"inputs_embeds": model.get_input_embeddings()(ids).detach()}
    expected = generate(model, {"input_ids": ids}, do_sample=False)[:, 9:]
    for use in (True, False):
        assert torch.equal(generate(model, embeds, do_sample=False, use_cache=use), expected)


def test_assisted_generation_crops_the_cache():
    model, ids = backpack(), tokens(1)
    assistant = backpack()
    with torch.no_grad():
        assistant.backpack.sense_weight_net.c_attn.weight.mul_(0.5)
    expected = generate(model, {"input_ids": ids}, do_sample=False)
    assert torch.equal(generate(model, {"input_ids": ids}, do_sample=False, assistant_model=assistant), expected)
    assert torch.equal(generate(model, {"input_ids": ids}, do_sample=False, prompt_lookup_num_tokens=3), expected)


def steps(model, ids, sizes):
    """Run the tokens through in pieces, each on the cache of the ones before."""
    cache, logits, start = DynamicCache(), [], 0
    for size in sizes:
        output = model(ids[:, start : start + size], past_key_values=cache, use_cache=True)
        logits, start = [*logits, output.logits], start + size
    return torch.cat(logits, 1), cache


@pytest.mark.parametrize("sizes", [(9,), (1,) * 9, (4, 1, 1, 3), (2, 7)])
@pytest.mark.parametrize("gradient", [False, True])
def test_pieces_equal_the_whole(sizes, gradient):
    model, ids = backpack(), tokens()
    with torch.set_grad_enabled(gradient):
        got, cache = steps(model, ids, sizes)
        expected = model(ids, use_cache=False).logits
    assert torch.allclose(got, expected, atol=1e-5)
    layer = cache.layers[-1]
    assert isinstance(layer, SenseLayer) and len(cache.layers) == model.config.n_layer + 1
    assert len(layer.vectors) == len(ids.unique()), "each word once"
    if gradient:
        got.square().mean().backward()
        theirs = {name: p.grad.clone() for name, p in model.named_parameters()}
        model.zero_grad()
        model(ids, use_cache=False).logits.square().mean().backward()
        for name, parameter in model.named_parameters():
            assert torch.allclose(parameter.grad, theirs[name], atol=1e-5), name


def test_padded_pieces_count_their_positions_from_the_mask():
    model, (batch, _) = backpack(), padded("left")
    ids, mask = batch["input_ids"], batch["attention_mask"]
    with torch.no_grad():
        whole = model(**batch).logits
        cache = model(ids[:, :7], attention_mask=mask[:, :7], use_cache=True).past_key_values
        rest = model(ids[:, 7:], attention_mask=mask, past_key_values=cache).logits
    assert torch.allclose(rest, whole[:, 7:], atol=1e-5)


def test_large_outputs_from_a_cache():
    """Senses are those of the new tokens, weights go back to the first token."""
    model, ids = backpack(), tokens()
    asked = {"output_senses": True, "output_contextualization": True}
    with torch.no_grad():
        whole = model(ids, **asked)
        first = model(ids[:, :6], use_cache=True)
        rest = model(ids[:, 6:], past_key_values=first.past_key_values, **asked)
    assert torch.allclose(rest.senses, whole.senses[:, :, 6:], atol=1e-6)
    assert torch.allclose(rest.contextualization, whole.contextualization[:, :, 6:], atol=1e-6)


def test_a_prefix_is_shared_by_several_continuations():
    model, ids = backpack(), tokens(1)
    with torch.no_grad():
        prefix = model(ids[:, :5], use_cache=True).past_key_values
    for end in (ids, tokens(1, seed=9)):
        text = torch.cat([ids[:, :5], end[:, 5:]], 1)
        expected = generate(model, {"input_ids": text}, do_sample=False)
        cache = copy.deepcopy(prefix)
        assert torch.equal(generate(model, {"input_ids": text}, do_sample=False, past_key_values=cache), expected)


def test_a_cache_repeats_selects_crops_and_starts_again():
    model, ids = backpack(), tokens()
    order = torch.tensor([1, 0, 1])
    with torch.no_grad():
        cache = model(ids[:, :8], use_cache=True).past_key_values
        cache.batch_repeat_interleave(2)
        cache.batch_select_indices(torch.tensor([2, 0, 3]))
        cache.crop(-3)
        got = model(ids[order][:, 5:], past_key_values=cache).logits
        expected = model(ids[order]).logits[:, 5:]
        assert torch.allclose(got, expected, atol=1e-5)
        cache.reset()
        assert torch.allclose(
            model(ids, past_key_values=cache, use_cache=True).logits[order], model(ids[order]).logits, atol=1e-5
        )


def test_a_cache_made_in_inference_mode_goes_on_outside():
    model, ids = backpack(), tokens()
    with torch.inference_mode():
        cache = steps(model, ids[:, :6], (2, 2, 2))[1]
    with torch.no_grad():
        got = [model(ids[:, place, None], past_key_values=cache).logits for place in range(6, 9)]
        assert torch.allclose(torch.cat(got, 1), model(ids).logits[:, 6:], atol=1e-5)


def test_training_makes_no_cache_unless_asked():
    model, ids = backpack(embd_pdrop=0.3).train(), tokens()
    assert model(ids).past_key_values is None
    cache = model(ids, use_cache=True).past_key_values
    assert len(cache.layers[-1].vectors) == ids.numel(), "under dropout each occurrence has its own senses"
    model.gradient_checkpointing_enable({"use_reentrant": False})
    assert model(ids, use_cache=True).past_key_values is None


def test_foreign_and_static_caches_are_refused():
    model, ids = backpack(), tokens()
    cache = model.backpack.gpt2_model(ids, use_cache=True).past_key_values
    with pytest.raises(ValueError, match="filled by another model"):
        model(ids[:, :1], past_key_values=cache)
    with pytest.raises((ValueError, NotImplementedError), match=r"[Ss]tatic"):
        generate(model, {"input_ids": ids}, cache_implementation="static")


def test_half_precision_generates():
    model, ids = backpack().bfloat16(), tokens()
    cached, plain = (generate(model, {"input_ids": ids}, do_sample=False, use_cache=use) for use in (True, False))
    assert cached.shape == plain.shape == (2, 21)
