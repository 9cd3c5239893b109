"""Backpacks against their formulas written out, and what users expect of any causal language model."""

import copy

import pytest
import torch
from backpack_models import backpack, padded, plain_backpack, tokens
from peft import LoraConfig, get_peft_model
from torch.nn.functional import cross_entropy
from transformers import StaticCache

from xlzoo.modeling import chunked_loss
from xlzoo.modeling.configuration_backpack import BackpackGPT2Config
from xlzoo.modeling.modeling_backpack import BackpackGPT2LMHeadModel, BackpackGPT2Model
from xlzoo.modeling.sense_mixture import SenseMixture

CONFIGS = {
    "public": {},
    "plain_attention_scale": {"scale_attn_by_inverse_layer_idx": False},
    "senses_do_not_divide": {"num_senses": 5},
    "one_sense": {"num_senses": 1},
    "narrow_senses": {"sense_intermediate_scale": 2, "num_senses": 8},
    "other_activation": {"activation_function": "gelu_pytorch_tanh"},
}


def everything(model, input_ids, **kwargs):
    with torch.no_grad():
        return model(input_ids, output_senses=True, output_contextualization=True, **kwargs)


@pytest.mark.parametrize("config", CONFIGS)
@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_outputs_equal_the_formula(config, attention):
    model, ids = backpack(**CONFIGS[config], attn_implementation=attention), tokens()
    output = everything(model, ids)
    logits, senses, contextualization = plain_backpack(model, ids)
    assert output.senses.shape == (2, model.config.num_senses, 9, 32)
    assert torch.allclose(output.logits, logits, atol=1e-5)
    assert torch.allclose(output.senses, senses, atol=1e-6)
    assert torch.allclose(output.contextualization, contextualization, atol=1e-6)
    mixed = (output.contextualization @ output.senses).sum(1)
    assert torch.allclose(output.backpack_hidden_states, mixed, atol=1e-5)


@pytest.mark.parametrize("mode", ["fused", "recomputed", "folded", "every_word_apart"])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_loss_and_gradients_equal_the_formula(mode, smoothing, monkeypatch):
    """Chunked loss and memory-saving mixture against everything held, in every way the model can take."""
    monkeypatch.setattr(chunked_loss, "CHUNK", 120 * 5)
    model, ids = backpack(), tokens(3, 11)
    labels = ids.clone()
    labels[0, :4] = labels[2, 7] = -100
    logits = plain_backpack(model, ids)[0][:, :-1].flatten(0, 1)
    expected = cross_entropy(logits, labels[:, 1:].flatten(), label_smoothing=smoothing)
    expected.backward()
    gradients = {name: parameter.grad.clone() for name, parameter in model.named_parameters()}
    model.zero_grad()
    model.train()
    if mode == "recomputed":
        model.gradient_checkpointing_enable({"use_reentrant": False})
    elif mode == "every_word_apart":
        monkeypatch.setattr(BackpackGPT2Model, "_apart", lambda self: True)
    output = model(ids, labels=labels, label_smoothing=smoothing, output_senses=mode == "folded")
    output.loss.backward()
    plain = cross_entropy(logits, labels[:, 1:].flatten())
    assert output.logits is None and not output.loss_unsmoothed.requires_grad
    assert torch.allclose(output.loss, expected, atol=1e-6) and torch.allclose(
        output.loss_unsmoothed, plain, atol=1e-6
    )
    for name, parameter in model.named_parameters():
        assert torch.allclose(parameter.grad, gradients[name], atol=2e-6), name


FROZEN = {
    "senses": ["backpack.sense_network"],
    "weights": ["backpack.sense_weight_net", "backpack.gpt2_model.h", "backpack.gpt2_model.ln_f"],
    "projection": ["backpack.sense_network.final_mlp.c_proj"],
    "all_but_the_projection": [
        "backpack.gpt2_model",
        "backpack.sense_weight_net",
        "backpack.sense_network.ln",
        "backpack.sense_network.block",
        "backpack.sense_network.final_mlp.c_fc",
    ],
    "projection_without_bias": ["backpack.sense_network.final_mlp.c_proj.weight"],
    "all_but_words": [
        "backpack.gpt2_model.h",
        "backpack.gpt2_model.ln_f",
        "backpack.gpt2_model.wpe",
        "backpack.sense_network",
        "backpack.sense_weight_net",
    ],
}


@pytest.mark.parametrize("parts", FROZEN)
def test_frozen_parts_get_no_gradient_and_the_others_the_same(parts):
    model, ids = backpack().train(), tokens()
    model(ids, labels=ids).loss.backward()
    expected = {name: parameter.grad for name, parameter in model.named_parameters()}
    model.zero_grad()
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(not name.startswith(tuple(FROZEN[parts])))
    model(ids, labels=ids).loss.backward()
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            assert torch.allclose(parameter.grad, expected[name], atol=1e-6), name
        else:
            assert parameter.grad is None, name


def test_fused_mixture_is_what_trains(monkeypatch):
    calls = []
    apply = SenseMixture.apply
    monkeypatch.setattr(SenseMixture, "apply", lambda *parts: calls.append(parts[-1]) or apply(*parts))
    model, ids = backpack().train(), tokens()
    model(ids, labels=ids).loss.backward()
    assert calls == [False]
    hook = model.backpack.sense_network.register_forward_hook(lambda module, inputs, senses: senses * 0)
    assert model(ids, labels=ids, output_logits=True).logits.abs().max() == 0 and len(calls) == 1
    hook.remove()
    model.gradient_checkpointing_enable({"use_reentrant": False})
    model(ids, labels=ids)
    assert calls == [False, True]


def test_logits_of_the_batch_never_exist_in_training(monkeypatch):
    """The head is applied to no more rows than a chunk holds, and not as a module."""
    monkeypatch.setattr(chunked_loss, "CHUNK", 120 * 4)
    rows = []
    residual = chunked_loss._residual
    monkeypatch.setattr(chunked_loss, "_residual", lambda *parts: rows.append(len(parts[0])) or residual(*parts))
    model, ids = backpack().train(), tokens(2, 8)
    model.lm_head.forward = None
    del model.lm_head.forward
    model(ids, labels=ids).loss.backward()
    assert rows == [4, 4, 4, 2]


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_padding_changes_nothing(side, attention):
    model = backpack(attn_implementation=attention)
    batch, alone = padded(side)
    output = everything(model, **batch)
    for row, ids in enumerate(alone):
        single, real = everything(model, ids), batch["attention_mask"][row].bool()
        assert torch.allclose(output.logits[row, real], single.logits[0], atol=1e-5)
        assert torch.allclose(output.senses[row][:, real], single.senses[0], atol=1e-6)
        weights = output.contextualization[row][:, real]
        assert torch.allclose(weights[:, :, real], single.contextualization[0], atol=1e-6)
        assert weights[:, :, ~real].abs().max() == 0 if (~real).any() else True


@pytest.mark.parametrize("side", ["left", "right"])
def test_padding_changes_no_gradient(side):
    model = backpack().train()
    batch, alone = padded(side)
    labels = batch["input_ids"].masked_fill(batch["attention_mask"] == 0, -100)
    loss = model(**batch, labels=labels, num_items_in_batch=1).loss
    loss.backward()
    gradients = {name: parameter.grad.clone() for name, parameter in model.named_parameters()}
    model.zero_grad()
    total = sum(model(ids, labels=ids, num_items_in_batch=1).loss for ids in alone)
    total.backward()
    assert torch.allclose(loss, total, rtol=1e-5)
    for name, parameter in model.named_parameters():
        assert torch.allclose(parameter.grad, gradients[name], atol=1e-4, rtol=1e-4), name


def test_positions_given_are_honoured_and_packed_documents_do_not_meet():
    model, ids = backpack(), tokens(1, 9)
    with torch.no_grad():
        plain = model(ids).logits
        shifted = model(ids, position_ids=torch.arange(5, 14)[None]).logits
        packed = model(ids, position_ids=torch.tensor([[0, 1, 2, 3, 0, 1, 2, 3, 4]]), use_cache=False).logits
        first, second = model(ids[:, :4]).logits, model(ids[:, 4:]).logits
    assert (shifted - plain).abs().max() > 1e-2
    assert torch.allclose(packed, torch.cat([first, second], 1), atol=1e-5)


def test_embeddings_instead_of_ids():
    model, ids = backpack(), tokens()
    output = everything(model, ids)
    with torch.no_grad():
        given = model(inputs_embeds=model.get_input_embeddings()(ids))
    assert torch.allclose(given.logits, output.logits, atol=1e-5)
    embeds = model.get_input_embeddings()(ids).detach().requires_grad_(True)
    model.train()(inputs_embeds=embeds, labels=ids).loss.backward()
    assert embeds.grad.abs().max() > 0


def test_logits_to_keep_and_large_outputs_only_if_asked_for():
    model, ids = backpack(), tokens()
    with torch.no_grad():
        full = model(ids)
        assert torch.allclose(model(ids, logits_to_keep=2).logits, full.logits[:, -2:], atol=1e-6)
        chosen = model(ids, logits_to_keep=torch.tensor([0, 4])).logits
        assert torch.allclose(chosen, full.logits[:, [0, 4]], atol=1e-6)
        assert full.senses is None and full.contextualization is None and full.hidden_states is None
        assert len(model(ids, output_hidden_states=True).hidden_states) == 3
        assert model(ids, labels=ids, output_logits=False).logits is None
        assert torch.equal(model(ids, return_dict=False)[0], full.logits)
        kept = model(ids, labels=ids, logits_to_keep=1)
    assert torch.allclose(kept.loss, model(ids, labels=ids).loss, atol=1e-6)


def test_accumulation_divides_by_the_number_it_is_given():
    """Sum over 16 predicted tokens (2 rows of 8), then over what the Trainer counted; nothing to predict is 0."""
    model, ids = backpack().train(), tokens()
    mean = model(ids, labels=ids).loss
    assert torch.allclose(model(ids, labels=ids, num_items_in_batch=torch.tensor(48)).loss * 3, mean)
    for counted in (None, 0, torch.tensor(0)):
        model(ids, labels=torch.full_like(ids, -100), num_items_in_batch=counted).loss.backward()
        assert all(parameter.grad.isfinite().all() for parameter in model.parameters())
    halves = [model(row[None], labels=row[None], num_items_in_batch=16).loss for row in ids]
    assert torch.allclose(sum(halves), mean, atol=1e-6)


def test_dropout_differs_between_occurrences_and_is_unbiased():
    """Two occurrences of a word draw their own dropout; the average over draws is the output without the last one."""
    model = backpack()
    ids = torch.full((1, 2), 5)
    final = model.backpack.sense_network.final_mlp.dropout
    final.p, final.training = 0.5, True
    senses = model(ids, output_senses=True).senses
    assert not torch.equal(senses[:, :, 0], senses[:, :, 1])
    final.training = False
    expected = model(ids, use_cache=False).backpack_hidden_states
    final.training = True
    drawn = [model(ids.repeat(500, 1), use_cache=False).backpack_hidden_states for _ in range(2)]
    assert all(part.requires_grad for part in drawn)
    error = (torch.cat(drawn).mean(0) - expected[0]).abs().max().item()
    assert error < 0.15 * expected.abs().max().item()


def test_fused_dropout_has_the_gradient_of_its_mask():
    """Numerical derivatives of the operation itself, with a fixed mask, in double precision."""
    torch.manual_seed(0)
    shapes = [(2, 2, 3, 2), (2, 2, 3, 2), (4, 3), (3, 4), (4,)]
    parts = [torch.randn(shape, dtype=torch.double, requires_grad=True) for shape in shapes]
    rows, allowed = torch.randint(4, (2, 3)), torch.ones(3, 3).tril().bool()[None]

    def run(queries, keys, features, projection, bias):
        torch.manual_seed(3)
        return SenseMixture.apply(queries, keys, allowed, features, projection, bias, rows, 0.4, False)

    assert torch.autograd.gradcheck(run, parts)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision(dtype):
    model, ids = backpack().train(), tokens()
    expected = model(ids, labels=ids)
    half = copy.deepcopy(model).to(dtype)
    output = half(ids, labels=ids)
    output.loss.backward()
    assert output.loss.dtype == torch.float32 and output.backpack_hidden_states.dtype == dtype
    assert abs(output.loss.item() / expected.loss.item() - 1) < 0.05
    assert all(parameter.grad.isfinite().all() for parameter in half.parameters())
    assert half.eval()(ids).logits.dtype == dtype
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = model(ids, labels=ids)
    mixed.loss.backward()
    assert abs(mixed.loss.item() / expected.loss.item() - 1) < 0.05
    assert all(parameter.grad.dtype == torch.float32 for parameter in model.parameters())


def test_compiled_equals_eager():
    model, ids = backpack(n_layer=1), tokens()
    compiled = torch.compile(model, backend="eager", fullgraph=True)
    with torch.no_grad():
        got, expected = compiled(ids, labels=ids, use_cache=False), model(ids, labels=ids)
    assert torch.allclose(got.logits, expected.logits, atol=1e-5)
    assert torch.allclose(got.loss, expected.loss, atol=1e-5)


def test_resized_vocabulary_stays_tied(tmp_path):
    model, ids = backpack(), tokens()
    before = everything(model, ids)
    model.resize_token_embeddings(130, mean_resizing=False)
    words = model.get_input_embeddings().weight
    assert model.lm_head.weight is words and model.backpack.word_embeddings.weight is words
    assert torch.allclose(everything(model, ids).logits[..., :120], before.logits, atol=1e-6)
    new = torch.tensor([[125, 5]])
    model.save_pretrained(tmp_path)
    again = BackpackGPT2LMHeadModel.from_pretrained(tmp_path).eval()
    assert torch.equal(everything(again, new).logits, everything(model, new).logits)


@pytest.mark.parametrize("targets", [None, ["c_attn", "c_proj", "c_fc"]])
def test_lora_trains_nothing_else(targets):
    """PEFT knows the default targets by the model type; adapted sense networks take the general way."""
    model, ids = backpack(), tokens()
    expected = everything(model, ids).logits
    lora = get_peft_model(model, LoraConfig(task_type="CAUSAL_LM", target_modules=targets))
    before = {name: value.clone() for name, value in lora.state_dict().items()}
    optimizer = torch.optim.AdamW([p for p in lora.parameters() if p.requires_grad], lr=0.1)
    with torch.no_grad():
        assert torch.allclose(lora.eval()(ids).logits, expected, atol=1e-5)
    for _ in range(2):
        lora.train()(ids, labels=ids).loss.backward()
        optimizer.step()
    moved = {name for name, value in lora.state_dict().items() if not torch.equal(value, before[name])}
    assert moved == {name for name in before if "lora_" in name}
    if targets:
        assert any("sense_network" in name for name in moved) and any("sense_weight_net" in name for name in moved)
    generated = lora.eval().generate(input_ids=ids, max_new_tokens=3, do_sample=False)
    assert generated.shape == (2, 12)


def test_mistakes_are_named():
    model, ids = backpack(), tokens()
    static = StaticCache(config=model.config, max_cache_len=20)
    for call, error, words in [
        (lambda: model(), ValueError, "exactly one"),
        (lambda: model(ids, inputs_embeds=torch.zeros(2, 9, 32)), ValueError, "exactly one"),
        (lambda: model(ids, attention_mask=torch.ones(2, 4)), ValueError, r"must cover .* \(2, 9\)"),
        (lambda: model(tokens(1, 41)), ValueError, "41 tokens, but the model only 40 positions"),
        (lambda: model(ids, past_key_values=static), NotImplementedError, "static cache"),
        (lambda: BackpackGPT2Config(num_senses=0), ValueError, "num_senses is 0"),
        (lambda: BackpackGPT2Config(tie_word_embeddings=False), ValueError, "tie_word_embeddings"),
        (lambda: BackpackGPT2Config(add_cross_attention=True), ValueError, "add_cross_attention"),
    ]:
        with pytest.raises(error, match=words):
            call()
