"""MAD-X against stock XLM-R and against an independent functional computation."""

import copy

import pytest
import torch
from tiny_models import TINY_ENCODER
from transformers import (
    XLMRobertaConfig,
    XLMRobertaForMaskedLM,
    XLMRobertaForMultipleChoice,
    XLMRobertaForQuestionAnswering,
    XLMRobertaForSequenceClassification,
    XLMRobertaForTokenClassification,
    XLMRobertaModel,
)

from xlzoo.modeling.adapter_config import AdapterConfig, AdapterError
from xlzoo.modeling.configuration_madx import MadxConfig
from xlzoo.modeling.modeling_madx import (
    MadxForMaskedLM,
    MadxForMultipleChoice,
    MadxForQuestionAnswering,
    MadxForSequenceClassification,
    MadxForTokenClassification,
    MadxModel,
)

PAIRS = [
    (XLMRobertaModel, MadxModel),
    (XLMRobertaForMaskedLM, MadxForMaskedLM),
    (XLMRobertaForTokenClassification, MadxForTokenClassification),
    (XLMRobertaForSequenceClassification, MadxForSequenceClassification),
    (XLMRobertaForQuestionAnswering, MadxForQuestionAnswering),
]


def madx(cls=MadxForMaskedLM, **config):
    torch.manual_seed(1)
    return cls(MadxConfig(**{**TINY_ENCODER, **config})).eval()


def shake(model, *names):
    """Move the adapters away from the identity that fresh ones are close to."""
    torch.manual_seed(2)
    for name in names:
        for _, parameter in model.adapter_parameters(name):
            parameter.data.add_(0.25 * torch.randn_like(parameter))


def outputs(model, batch):
    with torch.no_grad():
        return model(**batch)[0]


@pytest.mark.parametrize(("stock", "ours"), PAIRS)
@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_plain_checkpoint_gives_its_own_outputs(stock, ours, attention, batch, tmp_path):
    torch.manual_seed(0)
    reference = stock(XLMRobertaConfig(**TINY_ENCODER)).eval()
    reference.save_pretrained(tmp_path / "plain")
    model = ours.from_pretrained(tmp_path / "plain", attn_implementation=attention).eval()
    assert model.config.adapters == {}
    assert torch.allclose(outputs(model, batch), outputs(reference, batch), atol=2e-6)
    model.save_pretrained(tmp_path / "ours")
    again = stock.from_pretrained(tmp_path / "ours").eval()
    assert torch.equal(outputs(again, batch), outputs(reference, batch))


def test_multiple_choice_equals_stock(batch, tmp_path):
    torch.manual_seed(0)
    reference = XLMRobertaForMultipleChoice(XLMRobertaConfig(**TINY_ENCODER)).eval()
    reference.save_pretrained(tmp_path / "plain")
    model = MadxForMultipleChoice.from_pretrained(tmp_path / "plain").eval()
    choices = {key: value.unsqueeze(0) for key, value in batch.items()}
    assert torch.allclose(outputs(model, choices), outputs(reference, choices), atol=2e-6)


def test_masked_loss_and_gradients_equal_stock(batch):
    """The head at labelled positions only: same loss and gradients as the stock head over everything."""
    torch.manual_seed(0)
    reference = XLMRobertaForMaskedLM(XLMRobertaConfig(**TINY_ENCODER)).eval()
    model = madx()
    model.load_state_dict(reference.state_dict())
    labels = torch.full_like(batch["input_ids"], -100)
    labels[0, 2], labels[0, 5], labels[1, 3] = 17, 4, 99
    ours, theirs = model(**batch, labels=labels), reference(**batch, labels=labels)
    ours.loss.backward()
    theirs.loss.backward()
    assert ours.logits.shape == (3, TINY_ENCODER["vocab_size"])
    assert torch.allclose(ours.logits, theirs.logits[labels != -100], atol=1e-5)
    assert torch.allclose(ours.loss, theirs.loss, atol=1e-6)
    expected = dict(reference.named_parameters(remove_duplicate=False))
    for name, parameter in model.named_parameters():
        assert torch.allclose(parameter.grad, expected[name].grad, atol=1e-6), name


def test_masked_loss_without_labels_is_zero_and_accumulates_by_count(batch):
    model = madx()
    labels = torch.full_like(batch["input_ids"], -100)
    for counted in (None, 0, torch.tensor(0)):
        assert model(**batch, labels=labels, num_items_in_batch=counted).loss.item() == 0.0
    labels[0, 2], labels[1, 3] = 17, 99
    mean = model(**batch, labels=labels).loss
    assert torch.allclose(model(**batch, labels=labels, num_items_in_batch=8).loss * 4, mean)


def by_hand(model, batch, stack, invert):
    """Recompute the encoder under `stack` with plain tensor functions, layer by layer (FFN adapters only)."""
    roberta, weights = model.base_model, dict(model.base_model.named_parameters())
    norm = lambda x, m: torch.nn.functional.layer_norm(x, x.shape[-1:], m.weight, m.bias, m.eps)  # noqa: E731
    linear = lambda x, key: x @ weights[f"{key}.weight"].T + weights[f"{key}.bias"]  # noqa: E731
    states = super(type(roberta.embeddings), roberta.embeddings).forward(input_ids=batch["input_ids"])
    if invert:
        half, key = states.shape[-1] // 2, f"embeddings.invertible_adapters.{invert}"
        net = lambda x, side: linear(linear(x, f"{key}.{side}.0").relu(), f"{key}.{side}.2")  # noqa: E731
        first = states[..., :half] + net(states[..., half:], "F")
        states = torch.cat([first, states[..., half:] + net(first, "G")], -1)
    mask = torch.where(batch["attention_mask"].bool(), 0.0, -1e9)[:, None, None]
    for i, layer in enumerate(roberta.encoder.layer):
        attention = layer.attention.self
        heads = [part(states).unflatten(-1, (4, 8)).transpose(1, 2) for part in (attention.query, attention.key)]
        value = attention.value(states).unflatten(-1, (4, 8)).transpose(1, 2)
        mixed = torch.softmax(heads[0] @ heads[1].transpose(-1, -2) / 8**0.5 + mask, -1) @ value
        own = layer.attention.output
        attended = norm(own.dense(mixed.transpose(1, 2).flatten(2)) + states, own.LayerNorm)
        hidden = layer.output.dense(torch.nn.functional.gelu(layer.intermediate.dense(attended)))
        for name in stack:
            key = f"encoder.layer.{i}.output.adapters.{name}"
            if f"{key}.adapter_up.weight" in weights:
                inner = linear(norm(hidden + attended, layer.output.LayerNorm), f"{key}.adapter_down.0").relu()
                hidden = hidden + linear(inner, f"{key}.adapter_up")
        states = norm(hidden + attended, layer.output.LayerNorm)
    return states


@pytest.mark.parametrize(
    ("stack", "invert"), [(["en"], "en"), (["en", "ner"], "en"), (["ner", "en"], None), (["ner"], None)]
)
def test_stack_equals_the_formula(stack, invert, batch):
    model = madx(MadxModel)
    model.add_adapter("en", "seq_bn_inv[reduction_factor=4]")
    model.add_adapter("ner", "seq_bn[reduction_factor=8, leave_out=[2]]")
    shake(model, "en", "ner")
    model.set_active_adapters(stack)
    with torch.no_grad():
        expected, got = by_hand(model, batch, stack, invert), model(**batch).last_hidden_state
    real = batch["attention_mask"].bool()
    assert torch.allclose(got[real], expected[real], atol=2e-5)


def test_inverse_is_applied_before_the_decoder(batch):
    model = madx()
    model.add_adapter("en", "seq_bn_inv", set_active=True)
    shake(model, "en")
    coupling = model.roberta.embeddings.invertible_adapters["en"]
    with torch.no_grad():
        states = model.roberta(**batch).last_hidden_state
        inner = model.lm_head.layer_norm(torch.nn.functional.gelu(model.lm_head.dense(states)))
        expected = coupling.inverse(inner) @ model.get_input_embeddings().weight.T + model.lm_head.bias
    assert torch.allclose(outputs(model, batch), expected, atol=1e-5)


@pytest.mark.parametrize(
    "cls", [MadxModel, MadxForSequenceClassification, MadxForTokenClassification, MadxForMaskedLM]
)
def test_padding_side_does_not_matter(cls, batch):
    model = madx(cls)
    model.add_adapter("en", "seq_bn_inv", set_active=True)
    shake(model, "en")
    left = {key: value.clone() for key, value in batch.items()}
    for value in left.values():
        value[1] = value[1].roll(3)
    with torch.no_grad():
        right, rolled = model(**batch), model(**left)
    for a, b in zip(right.to_tuple(), rolled.to_tuple(), strict=True):
        b = torch.stack([b[0], b[1].roll(-3, 0)])[:, :6] if b.dim() == 3 else b
        assert torch.allclose(a[:, :6] if a.dim() == 3 else a, b, atol=1e-5)


def trained(model, batch, cls_labels):
    """Take one optimiser step and return the names of the parameters that moved."""
    before = copy.deepcopy(model.state_dict())
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=0.1)
    model.train()
    model(**batch, labels=cls_labels).loss.backward()
    optimizer.step()
    return {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}


def test_train_adapter_moves_the_adapter_and_nothing_else(batch):
    model = madx()
    model.add_adapter("en", "seq_bn_inv")
    model.add_adapter("sw", "seq_bn_inv")
    model.train_adapter("en")
    moved = trained(model, batch, batch["input_ids"])
    assert moved == {f"roberta.{name}" for name, _ in model.adapter_parameters("en")}


def test_task_adapter_trains_with_its_head_on_a_frozen_language(batch):
    model = madx(MadxForTokenClassification, num_labels=3)
    model.add_adapter("en", "seq_bn_inv")
    model.add_adapter("ner", "seq_bn")
    model.train_adapter("ner")
    model.set_active_adapters(["en", "ner"])
    moved = trained(model, batch, batch["input_ids"] % 3)
    own = {f"roberta.{name}" for name, _ in model.adapter_parameters("ner")}
    assert moved == own | {"classifier.weight", "classifier.bias"}


def test_full_model_keeps_adapters_stack_and_head(batch, tmp_path):
    model = madx(MadxForTokenClassification, num_labels=3)
    model.add_adapter("en", "seq_bn_inv")
    model.add_adapter("ner", AdapterConfig.from_kind("seq_bn", scaling="learned", leave_out=(2,)))
    shake(model, "en", "ner")
    model.set_active_adapters(["en", "ner"])
    model.save_pretrained(tmp_path)
    again = MadxForTokenClassification.from_pretrained(tmp_path).eval()
    assert again.active_adapters == ["en", "ner"]
    assert torch.equal(outputs(again, batch), outputs(model, batch))


def test_gradient_checkpointing_changes_nothing(batch):
    model = madx()
    model.add_adapter("en", "seq_bn_inv")
    shake(model, "en")
    model.train_adapter("en")
    gradients = []
    for checkpointing in (False, True):
        if checkpointing:
            model.gradient_checkpointing_enable({"use_reentrant": False})
            model.train()
            for module in model.modules():
                module.p = 0.0 if isinstance(module, torch.nn.Dropout) else None
        model.zero_grad()
        model(**batch, labels=batch["input_ids"]).loss.backward()
        gradients.append({n: p.grad.clone() for n, p in model.adapter_parameters("en")})
    for name, gradient in gradients[0].items():
        assert torch.allclose(gradient, gradients[1][name], atol=1e-5), name


def test_compiled_equals_eager(batch):
    model = madx(MadxForTokenClassification, num_labels=3)
    model.add_adapter("en", "seq_bn_inv", set_active=True)
    shake(model, "en")
    compiled = torch.compile(model, backend="aot_eager")
    with torch.no_grad():
        assert torch.allclose(compiled(**batch).logits, model(**batch).logits, atol=1e-6)
        model.set_active_adapters(None)
        assert torch.allclose(compiled(**batch).logits, model(**batch).logits, atol=1e-6)


def test_resized_vocabulary_keeps_the_tie(batch, tmp_path):
    model = madx()
    model.add_adapter("en", "seq_bn_inv", set_active=True)
    model.resize_token_embeddings(130, mean_resizing=False)
    assert model.lm_head.decoder.weight is model.get_input_embeddings().weight
    model.save_pretrained(tmp_path)
    again = MadxForMaskedLM.from_pretrained(tmp_path).eval()
    assert torch.equal(outputs(again, batch), outputs(model, batch))


def test_mistakes_are_named():
    model = madx()
    model.add_adapter("en")
    for call, words in [
        (lambda: model.add_adapter("en"), "already"),
        (lambda: model.add_adapter("sw", "pfeifer"), "Unknown adapter kind 'pfeifer'"),
        (lambda: model.add_adapter("sw", "seq_bn[reduction=2]"), "Unknown option 'reduction'"),
        (lambda: model.add_adapter("../sw"), "cannot name an adapter"),
        (lambda: model.add_adapter("to"), "cannot name an adapter"),
        (lambda: model.set_active_adapters(["en", "sw"]), "no adapter 'sw' in this model; it has: en"),
        (lambda: model.set_active_adapters(["en", "en"]), "twice"),
        (lambda: model.train_adapter("sw"), "no adapter 'sw'"),
        (lambda: model.delete_adapter("sw"), "no adapter 'sw'"),
    ]:
        with pytest.raises(AdapterError, match=words.replace("[", r"\[")):
            call()


def test_deleted_adapter_is_gone(batch):
    model = madx()
    plain = outputs(model, batch)
    model.add_adapter("en", "double_seq_bn_inv", set_active=True)
    shake(model, "en")
    assert not torch.allclose(outputs(model, batch), plain)
    model.delete_adapter("en")
    assert model.active_adapters == [] and not any("adapters" in key for key in model.state_dict())
    assert torch.equal(outputs(model, batch), plain)
