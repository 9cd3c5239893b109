"""AdapterHub folders: round trips of adapters and heads, and heads that do not fit."""

import json
import shutil

import pytest
import torch
from adapter_folders import NAMED, check_refused, edit_json, good_folder, madx, outputs, with_adapter

from xlzoo.modeling.adapter_config import AdapterConfig, AdapterError
from xlzoo.modeling.modeling_madx import (
    MadxForMaskedLM,
    MadxForMultipleChoice,
    MadxForQuestionAnswering,
    MadxForSequenceClassification,
    MadxForTokenClassification,
    MadxModel,
)


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    return good_folder(tmp_path_factory.mktemp("good") / "en")


@pytest.fixture
def folder(good, tmp_path):
    """A copy of a good adapter, to damage."""
    return shutil.copytree(good, tmp_path / "en")


@pytest.mark.parametrize(
    "kind", ["seq_bn", "seq_bn_inv", "double_seq_bn_inv", "seq_bn[scaling=learned, leave_out=[1]]"]
)
def test_round_trip_is_bit_equal(kind, batch, tmp_path):
    model = with_adapter(madx(), kind)
    model.save_adapter(tmp_path, "en")
    again = madx()
    assert again.load_adapter(tmp_path, set_active=True) == "en"
    assert again.config.adapters == model.config.adapters
    expected = dict(model.adapter_parameters("en"))
    assert {key: torch.equal(value, expected.pop(key)) for key, value in again.adapter_parameters("en")}
    assert expected == {}
    assert torch.equal(outputs(again, batch), outputs(model, batch))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["adapter.safetensors", "adapter_config.json"]


def test_load_as(folder, batch):
    model, expected = madx(**NAMED), with_adapter(madx(**NAMED))
    assert model.load_adapter(folder, load_as="de", set_active=True) == "de"
    assert list(model.config.adapters) == ["de"] and model.active_adapters == ["de"]
    assert torch.equal(outputs(model, batch), outputs(expected, batch))


def test_loading_twice_replaces(folder, batch):
    model = madx()
    model.load_adapter(folder, set_active=True)
    expected = outputs(model, batch)
    for _, parameter in model.adapter_parameters("en"):
        parameter.data.zero_()
    model.load_adapter(folder)
    assert model.active_adapters == ["en"]
    assert torch.equal(outputs(model, batch), expected)


def test_leave_out_at_load_drops_those_layers_too(tmp_path):
    with_adapter(madx(), "seq_bn_inv[leave_out=[0]]").save_adapter(tmp_path, "en")
    model = madx()
    model.load_adapter(tmp_path, leave_out=[2])
    assert model.config.adapters["en"]["leave_out"] == [0, 2]
    layers = {key.split(".")[2] for key, _ in model.adapter_parameters("en") if key.startswith("encoder")}
    assert layers == {"1"}


@pytest.mark.parametrize(
    "cls", [MadxForMaskedLM, MadxForTokenClassification, MadxForSequenceClassification, MadxForQuestionAnswering]
)
def test_head_round_trip(cls, batch, tmp_path):
    labels = {} if cls in (MadxForMaskedLM, MadxForQuestionAnswering) else NAMED
    model = with_adapter(madx(cls, **labels))
    model.save_adapter(tmp_path, "en", with_head=True)
    again = madx(cls, seed=1, num_labels=len(labels.get("id2label", "ab")))
    for _, parameter in again._head_parameters():
        parameter.data.add_(1.0)
    again.load_adapter(tmp_path, set_active=True, with_head=True)
    assert torch.equal(outputs(again, batch), outputs(model, batch))
    if labels:
        assert again.config.id2label == NAMED["id2label"] and again.config.label2id == NAMED["label2id"]


def test_multiple_choice_head_round_trip(batch, tmp_path):
    choices = {key: value.unsqueeze(0) for key, value in batch.items()}
    model = with_adapter(madx(MadxForMultipleChoice, num_labels=4))
    model.save_adapter(tmp_path, "en", with_head=True)
    assert json.loads((tmp_path / "head_config.json").read_text())["config"]["num_choices"] == 4
    again = madx(MadxForMultipleChoice)
    for module in (again.roberta.pooler.dense, again.classifier):
        module.weight.data.add_(1.0)
    again.load_adapter(tmp_path, set_active=True, with_head=True)
    assert torch.equal(outputs(again, choices), outputs(model, choices))


def test_without_being_asked_no_head_is_loaded(folder):
    model = madx(seed=5, num_labels=3)
    before = {key: value.clone() for key, value in model.classifier.state_dict().items()}
    model.load_adapter(folder)
    assert all(torch.equal(value, before[key]) for key, value in model.classifier.state_dict().items())
    assert model.config.id2label[1] == "LABEL_1"


def test_bfloat16_round_trip(batch, tmp_path):
    model = with_adapter(madx()).to(torch.bfloat16)
    model.save_adapter(tmp_path, "en")
    again = madx().to(torch.bfloat16)
    again.load_adapter(tmp_path, set_active=True)
    assert torch.equal(outputs(again, batch), outputs(model, batch))


HEADS = [
    (lambda full: full["config"].update(head_type="classification"), ["head_type", "'classification'", "'tagging'"]),
    (lambda full: full["config"].pop("head_type"), ["head_type", "None"]),
    (lambda full: full["config"].update(layers=2), ["layers", "2"]),
    (lambda full: full.update(config=None), ["'config'"]),
    (lambda full: full.pop("name"), ["'name'"]),
    (lambda full: full["config"].update(label2id=["O"]), ["label2id"]),
    (lambda full: full["config"].update(label2id={"O": "zero"}), ["label2id"]),
    (lambda full: full["config"].update(label2id={"O": [0]}), ["label2id"]),
    (lambda full: full["config"].update(label2id={"O": 0, "B": 0, "I": 2}), ["label2id", "without gaps"]),
    (lambda full: full["config"].update(label2id={"O": 0, "B": 1}), ["2 labels", "3"]),
]


@pytest.mark.parametrize(("change", "words"), HEADS, ids=range(len(HEADS)))
def test_wrong_head(change, words, folder):
    edit_json(folder / "head_config.json", change)
    check_refused(folder, words, madx(num_labels=3), with_head=True)


def test_head_that_does_not_fit(folder, tmp_path):
    check_refused(folder, ["1.weight", "(2, 32)"], madx(num_labels=2), with_head=True)
    check_refused(folder, ["MadxModel has no prediction head"], madx(MadxModel), with_head=True)
    check_refused(folder, ["head_type"], madx(MadxForMaskedLM), with_head=True)
    (folder / "head_config.json").unlink()
    check_refused(folder, ["holds no prediction head"], madx(num_labels=3), with_head=True)


def test_activation_of_a_head_decides(tmp_path):
    with_adapter(madx(MadxForSequenceClassification)).save_adapter(tmp_path, "en", with_head=True)
    edit_json(tmp_path / "head_config.json", lambda full: full["config"].update(activation_function="relu"))
    check_refused(
        tmp_path, ["activation_function", "'relu'", "'tanh'"], madx(MadxForSequenceClassification), with_head=True
    )


def test_a_headless_model_saves_no_head(tmp_path):
    model = with_adapter(madx(MadxModel))
    with pytest.raises(AdapterError, match="no prediction head"):
        model.save_adapter(tmp_path / "new", "en", with_head=True)
    assert not (tmp_path / "new").exists()


def test_a_config_that_does_not_fit_changes_nothing():
    model = madx()
    with pytest.raises(AdapterError, match="layer 1"):
        model.add_adapter("en", AdapterConfig(reduction_factor={"0": 4}))
    assert model.config.adapters == {} and not any("adapters" in key for key in model.state_dict())


def test_where_the_base_lies_is_not_written(tmp_path):
    madx().save_pretrained(tmp_path / "base")
    model = with_adapter(MadxForTokenClassification.from_pretrained(tmp_path / "base"))
    model.save_adapter(tmp_path / "en", "en", with_head=True)
    assert all(str(tmp_path).encode() not in path.read_bytes() for path in (tmp_path / "en").iterdir())
    model.config.name_or_path = "someone/xlm-roberta-base"
    model.save_adapter(tmp_path / "en", "en")
    assert (
        json.loads((tmp_path / "en" / "adapter_config.json").read_text())["model_name"] == "someone/xlm-roberta-base"
    )
