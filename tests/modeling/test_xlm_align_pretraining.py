"""Losses of pre-training against plain loops; what learns and what only follows; checkpoints and published folders."""

import copy
import sys

import pytest
import torch
from alignment import pretraining as plain
from alignment.pretraining import pairs_batch, pretraining_model, sentences, text_batch
from alignment.published import check_pretraining

from xlzoo.modeling.configuration_xlm_align import XLMAlignConfig
from xlzoo.modeling.modeling_xlm_align import XLMAlignModel
from xlzoo.modeling.modeling_xlm_align_pretraining import XLMAlignForPreTraining


def full_batch(model, queue_seed=1):
    """Text, pairs with the partners that the model finds, and their contrast with a full queue."""
    pairs = pairs_batch()
    pairs["partners"] = model.find_partners(pairs)
    generator = torch.Generator().manual_seed(queue_seed)
    model.contrast.enqueue(torch.randn(plain.QUEUE, 32, generator=generator))
    contrast = {**sentences(0), "keys": model.contrast.keys(sentences(1))}
    return {**text_batch(), "pairs": pairs, "contrast": contrast}


def close(one, other):
    return one == pytest.approx(other, rel=1e-4)


def test_partners_equal_plain_loops_over_each_pair():
    for changes in ({}, {"sinkhorn_steps": 0}, {"dwa_max_count": 1}, {"dwa_max_count": 4, "sinkhorn_steps": 3}):
        model = pretraining_model(**changes)
        expected = plain.plain_partners(plain.stock(model), model.config.sinkhorn_steps, model.config.dwa_max_count)
        found = model.find_partners(pairs_batch())
        for row, partners in zip(found.tolist(), expected, strict=True):
            assert {place: partner for place, partner in enumerate(row) if partner != -100} == partners
        assert sum(map(len, expected)) > 8


def test_each_loss_equals_plain_loops():
    model = pretraining_model().train()
    encoder, batch = plain.stock(model), full_batch(model)
    outputs = model(**batch)
    parts = {
        "mlm": plain.plain_vocabulary_losses(encoder, batch["input_ids"], batch["labels"]),
        "tlm": plain.plain_vocabulary_losses(encoder, batch["pairs"]["input_ids"], batch["pairs"]["labels"]),
        "dwa": plain.plain_alignment_losses(model, encoder, plain.plain_partners(encoder)),
        "xlco": plain.plain_contrast_losses(model, encoder, batch["contrast"]["keys"]),
    }
    assert outputs.predictions.tolist() == [len(losses) for losses in parts.values()]
    assert outputs.predictions.tolist() == [2, 7, outputs.predictions[2], 3] and outputs.predictions[2] > 3
    for name, losses in parts.items():
        assert close(outputs[f"loss_{name}"].item(), sum(losses) / len(losses)), name
    total, number = sum(map(sum, parts.values())), sum(map(len, parts.values()))
    assert close(outputs.loss.item(), total / number)
    assert close(model(**batch, num_items_in_batch=50).loss.item(), total / 50)
    nothing = {name: batch[name] for name in ("input_ids", "attention_mask")}
    silent = torch.full_like(batch["labels"], -100)
    assert model(**nothing, labels=silent, num_items_in_batch=torch.tensor(0)).loss.item() == 0.0


def test_a_part_that_is_absent_has_no_loss():
    model = pretraining_model()
    outputs = model(pairs=pairs_batch())
    assert outputs.loss_mlm is None and outputs.loss_dwa is None and outputs.loss_xlco is None
    assert torch.equal(outputs.loss, outputs.loss_tlm) and outputs.predictions.tolist() == [0, 7, 0, 0]
    text = text_batch()
    labels = text.pop("labels")
    logits = model(**text).logits
    assert torch.allclose(logits, plain.stock(model)(**text).logits, atol=1e-5)
    assert model(**text, return_dict=False)[0].shape == (2, 5, 120)
    nothing = torch.full_like(labels, -100)
    empty = model(**text, labels=nothing, pairs={**pairs_batch(), "partners": torch.full((3, 14), -100)})
    assert empty.loss_mlm == 0 and empty.loss_dwa == 0
    empty.loss.backward()
    assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)
    with pytest.raises(ValueError, match="has no contrast"):
        pretraining_model(xlco_queue_size=0)(contrast=sentences(0))


def test_partners_are_found_in_the_whole_pair_without_dropout_gradients_or_chance():
    model = pretraining_model(hidden_dropout_prob=0.5).train()
    model.lm_head.eval()
    before = torch.get_rng_state()
    partners = model.find_partners(pairs_batch())
    assert torch.equal(before, torch.get_rng_state()) and not partners.is_floating_point()
    assert model.training and model.roberta.encoder.layer[0].training and not model.lm_head.training
    assert torch.equal(partners, pretraining_model().find_partners(pairs_batch()))
    pairs = pairs_batch()
    hidden = {**pairs, "input_ids": pairs["input_ids"].where(pairs["labels"] == -100, torch.tensor(plain.MASK))}
    assert torch.equal(partners, model.find_partners(hidden))


def test_no_gradient_through_the_labels():
    """The gradients are those of the same loss with labels that another model wrote down."""
    model = pretraining_model()
    twin = copy.deepcopy(model)
    batch = full_batch(model)
    fixed = {name: value.clone() for name, value in batch["pairs"].items()}
    full_batch(twin)
    model(**batch).loss.backward()
    twin(**{**batch, "pairs": fixed, "contrast": {k: v.clone() for k, v in batch["contrast"].items()}}).loss.backward()
    assert not batch["contrast"]["keys"].requires_grad
    for (name, one), other in zip(model.named_parameters(), twin.parameters(), strict=True):
        assert (one.grad is None) == (other.grad is None) == name.startswith("contrast.slow"), name
        assert one.grad is None or torch.equal(one.grad, other.grad), name


@pytest.mark.parametrize("part", ["text", "pairs", "dwa", "contrast"])
def test_what_learns_from_each_part(part):
    model = pretraining_model()
    full = full_batch(model)
    pairs = {name: value for name, value in full["pairs"].items() if name != "partners" or part == "dwa"}
    batches = {"text": text_batch(), "pairs": {"pairs": pairs}, "dwa": {"pairs": pairs}}
    batches["contrast"] = {"contrast": full["contrast"]}
    model(**batches[part]).loss.backward()
    learns = {name for name, parameter in model.named_parameters() if parameter.grad is not None}
    heads = {"q_linear.weight": "dwa", "contrast.projection.weight": "contrast"}
    assert {name for name in heads if name in learns} == {name for name, of in heads.items() if of == part}
    assert ("lm_head.dense.weight" in learns) == (part != "contrast")
    assert ("roberta.encoder.layer.2.output.dense.weight" in learns) == (part != "contrast")
    assert "roberta.encoder.layer.1.output.dense.weight" in learns
    assert not any(name.startswith("contrast.slow") for name in learns)


# The slow copy and its queue


def test_the_slow_copy_follows():
    """By hand: of 1 and 3, a quarter kept, 0.25 * 1 + 0.75 * 3 = 2.5."""
    model = pretraining_model(xlco_momentum=0.25)
    slow, fast = model.contrast.slow_encoder.embeddings.LayerNorm, model.roberta.embeddings.LayerNorm
    slow.weight.data.fill_(1.0)
    fast.weight.data.fill_(3.0)
    model.contrast.slow_projection.weight.data.fill_(1.0)
    model.contrast.projection.weight.data.fill_(3.0)
    model.contrast.follow(model.roberta)
    for weight in (slow.weight, model.contrast.slow_projection.weight):
        assert torch.allclose(weight, torch.full_like(weight, 2.5))
    model.contrast.follow(model.roberta, momentum=0.0)
    copied = dict(model.roberta.named_parameters())
    assert all(torch.equal(value, copied[name]) for name, value in model.contrast.slow_encoder.named_parameters())


def test_keys_are_the_slow_copys_states_of_the_first_token():
    model = pretraining_model(hidden_dropout_prob=0.5).train()
    keys = model.contrast.keys(sentences(1))
    encoder = plain.stock(pretraining_model())
    for (_, target), key in zip(plain.PAIRS, keys, strict=True):
        state = plain.states_of(encoder, [0, *target, 2], plain.LAYER)[0]
        expected = model.contrast.slow_projection.weight.double() @ state
        assert torch.allclose(key.double(), expected, atol=1e-5)
    assert not keys.requires_grad and len(model.contrast.slow_encoder.encoder.layer) == plain.LAYER


def test_the_queue_is_a_ring():
    contrast = pretraining_model().contrast
    numbered = lambda *numbers: torch.tensor(numbers, dtype=torch.float32)[:, None].expand(-1, 32)  # noqa: E731
    contrast.enqueue(numbered(1, 2, 3, 4))
    assert contrast.queue[:, 0].tolist() == [1, 2, 3, 4, 0, 0] and not contrast.is_ready
    contrast.enqueue(numbered(5, 6, 7))
    assert contrast.queue[:, 0].tolist() == [7, 2, 3, 4, 5, 6] and contrast.is_ready
    contrast.enqueue(numbered(*range(10, 18)))
    assert sorted(contrast.queue[:, 0].tolist()) == [12, 13, 14, 15, 16, 17] and contrast.seen == 15
    contrast.enqueue(numbered(20))
    assert sorted(contrast.queue[:, 0].tolist()) == [13, 14, 15, 16, 17, 20]


# Where models come from and go to


def test_a_checkpoint_comes_back_whole(tmp_path):
    model = pretraining_model()
    batch = full_batch(model)
    model.save_pretrained(tmp_path)
    again = XLMAlignForPreTraining.from_pretrained(tmp_path)
    assert again.contrast.seen == plain.QUEUE
    for (name, one), other in zip(model.state_dict().items(), again.state_dict().values(), strict=True):
        assert torch.equal(one, other), name
    trained = lambda m: {name for name, parameter in m.named_parameters() if parameter.requires_grad}  # noqa: E731
    assert trained(model) == trained(again)
    assert torch.equal(model.eval()(**batch).loss, again(**batch).loss)


def test_a_stock_checkpoint_gets_new_heads(tmp_path):
    stock = plain.stock(pretraining_model())
    stock.save_pretrained(tmp_path)
    model = XLMAlignForPreTraining.from_pretrained(tmp_path, xlco_queue_size=4)
    for name, value in stock.state_dict().items():
        assert torch.equal(value, model.state_dict()[name]), name
    assert all(torch.isfinite(value).all() for value in model.state_dict().values())
    assert not model.contrast.queue.any() and model.contrast.seen == 0
    assert 0.015 < model.contrast.projection.weight.std() < 0.025
    assert XLMAlignModel.from_pretrained(tmp_path).config.dwa_layer == 3


def test_attention_and_checkpointing_change_nothing():
    model = pretraining_model()
    batch = full_batch(model)
    expected = model(**batch).loss
    model.set_attn_implementation("eager")
    assert torch.allclose(model(**batch).loss, expected, atol=1e-5)
    model.train().gradient_checkpointing_enable()
    loss = model(**batch).loss
    loss.backward()
    assert torch.allclose(loss, expected, atol=1e-5) and model.q_linear.weight.grad is not None


def test_a_published_folder_in_a_fresh_process(tmp_path):
    check_pretraining(sys.executable, tmp_path)
    again, model = XLMAlignForPreTraining.from_pretrained(tmp_path / "again"), pretraining_model()
    for (name, one), other in zip(model.state_dict().items(), again.state_dict().values(), strict=True):
        assert torch.equal(one, other), name


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("dwa_layer", 4, "dwa_layer is 4; expected 0 to 3"),
        ("xlco_layer", -1, "xlco_layer is -1"),
        ("dwa_max_count", 0, "expected a number from 1"),
        ("xlco_queue_size", 1.5, "xlco_queue_size is 1.5"),
        ("xlco_tau", 0.0, "more than 0"),
        ("xlco_momentum", 1.1, "expected 0 to 1"),
    ],
)
def test_bad_settings(field, value, words):
    with pytest.raises(ValueError, match=words):
        XLMAlignConfig(num_hidden_layers=3, **{field: value})
