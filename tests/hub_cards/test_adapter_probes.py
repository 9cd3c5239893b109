"""The copies of adapters, AdapterHub's and PEFT's, must answer like the originals on the same base."""

import json
import shutil

import pytest
import torch
from asked_here import ask_here
from huggingface_hub import constants
from peft import LoraConfig, get_peft_model
from probe_tools import LABELS, NAMED, edit, edit_tensors, made, madx, refused
from safetensors.torch import load_file, save_file
from tiny_models import TINY_ENCODER
from transformers import XLMRobertaConfig, XLMRobertaForMaskedLM, XLMRobertaForTokenClassification

from xlzoo.hub_cards import PublishError, probes
from xlzoo.hub_cards.comparing import require_same
from xlzoo.hub_cards.probe_sources import base_folder, require_no_code
from xlzoo.modeling.configuration_madx import MadxConfig
from xlzoo.modeling.modeling_madx import MadxForMaskedLM, MadxForTokenClassification


@pytest.fixture
def here(monkeypatch, tmp_path_factory):
    """Ask in this process, for the sake of time."""
    ask_here(monkeypatch, tmp_path_factory.mktemp("modules"))


@pytest.fixture
def tagging(tmp_path):
    """The folder of a task adapter with its head, and the probe of a model with a language adapter under it."""
    model = madx()
    model.save_adapter(tmp_path / "ner", "ner", with_head=True)
    probe = probes.record_adapter(model, "ner", tmp_path / "probe", with_head=True)
    assert model.active_adapters == ["sw", "ner"]
    return tmp_path / "ner", probe


def test_adapter_passes_in_a_fresh_process(tagging, tmp_path):
    folder, probe = tagging
    probes.check_probe(probe, folder, tmp_path)


SWAPPED = {"O": 0, "I-LOC": 1, "B-LOC": 2}
UP = "roberta.encoder.layer.0.output.adapters.ner.adapter_up.weight"
ADAPTER_CHANGES = {
    "head": (
        lambda folder: edit_tensors(folder / "model_head.safetensors", lambda t: t["heads.ner.1.bias"].add_(0.5)),
        "the output logits differs by up to 0.5, and ",
    ),
    "labels": (
        lambda folder: edit(folder / "head_config.json", lambda full: full["config"].update(label2id=SWAPPED)),
        "its labels are 0 O, 1 I-LOC, 2 B-LOC and not 0 O, 1 B-LOC, 2 I-LOC",
    ),
    "no head": (
        lambda folder: (folder / "head_config.json").unlink(),
        "holds no prediction head",
    ),
    "weight": (
        lambda folder: edit_tensors(folder / "adapter.safetensors", lambda t: t[UP].mul_(1.1)),
        "the output logits differs by up to ",
    ),
    "activation": (
        lambda folder: edit(folder / "adapter_config.json", lambda full: full["config"].update(non_linearity="gelu")),
        "the output logits differs by up to ",
    ),
    "missing tensor": (
        lambda folder: edit_tensors(folder / "adapter.safetensors", lambda t: t.pop(UP)),
        "is missing for this model",
    ),
    "name": (lambda folder: rename(folder, "ner", "pos"), "the adapter is named 'pos' and not 'ner'"),
}


def rename(folder, old, new):
    edit(folder / "adapter_config.json", lambda full: full.update(name=new))
    tensors = load_file(folder / "adapter.safetensors")
    renamed = {key.replace(f".{old}.", f".{new}."): value for key, value in tensors.items()}
    save_file(renamed, folder / "adapter.safetensors")


@pytest.mark.parametrize("change, words", ADAPTER_CHANGES.values(), ids=ADAPTER_CHANGES)
def test_changed_adapter_is_refused(tagging, here, tmp_path, change, words):
    folder, probe = tagging
    change(folder)
    assert words in refused(probe, folder, tmp_path)


def test_head_that_is_tied_to_the_embeddings_comes_from_the_folder_too(here, tmp_path):
    model = made(MadxForMaskedLM, MadxConfig(**TINY_ENCODER))
    model.add_adapter("sw", "seq_bn_inv")
    model.save_adapter(tmp_path / "sw", "sw", with_head=True)
    probe = probes.record_adapter(model, "sw", tmp_path / "probe", with_head=True)
    assert model.active_adapters == []
    probes.check_probe(probe, tmp_path / "sw", tmp_path)


def test_folder_of_an_adapter_is_asked_in_a_host_of_its_size(here, tmp_path):
    """And what is published in its place must be the same adapter, be it for a language and without a head."""
    madx().save_adapter(tmp_path / "sw", "sw")
    probe = probes.probe_of_folder(tmp_path / "sw", "adapter", tmp_path / "probe")
    assert probe.request["stack"] == ["sw"] and not probe.request["with_head"]
    probes.check_probe(probe, tmp_path / "sw", tmp_path)
    key = "roberta.invertible_adapters.sw.F.0.bias"
    edit_tensors(tmp_path / "sw/adapter.safetensors", lambda t: t[key].add_(0.5))
    assert "the output last_hidden_state differs by up to " in refused(probe, tmp_path / "sw", tmp_path)


def test_folder_of_an_adapter_with_a_head_is_asked_in_a_fresh_process_on_its_base(tagging, tmp_path):
    folder, _ = tagging
    made(XLMRobertaForMaskedLM, XLMRobertaConfig(**TINY_ENCODER)).save_pretrained(tmp_path / "base")
    probe = probes.probe_of_folder(folder, "adapter", tmp_path / "other", base=tmp_path / "base")
    assert probe.request["with_head"] and probe.request["stack"] == ["ner"]
    assert json.loads((probe.answer / "facts.json").read_text())["labels"] == [[i, name] for i, name in LABELS.items()]


@pytest.fixture(scope="module")
def lora(tmp_path_factory):
    """The folder of a base model without a head, that of a tagger's LoRA adapter on it, and the adapter's probe."""
    work = tmp_path_factory.mktemp("lora")
    made(XLMRobertaForMaskedLM, XLMRobertaConfig(**TINY_ENCODER)).save_pretrained(work / "base")
    torch.manual_seed(4)
    plain = XLMRobertaForTokenClassification.from_pretrained(work / "base", **NAMED)
    settings = LoraConfig(task_type="TOKEN_CLS", r=4, init_lora_weights=False, target_modules=["query", "value"])
    model = get_peft_model(plain, settings).eval()
    model.save_pretrained(work / "lora")
    return work / "base", work / "lora", probes.record_peft(model, work / "probe", work / "base")


HEAD = "base_model.model.classifier.weight"
LORA_CHANGES = {
    "alpha": (
        lambda folder: edit(folder / "adapter_config.json", lambda full: full.update(lora_alpha=16)),
        "the output logits differs by up to ",
    ),
    "a weight": (
        lambda folder: edit_tensors(folder / "adapter_model.safetensors", lambda t: t[HEAD].mul_(1.1)),
        "the output logits differs by up to ",
    ),
    "no head": (
        lambda folder: edit_tensors(folder / "adapter_model.safetensors", lambda t: t.pop(HEAD)),
        "Loading the staged copy fails",
    ),
    "rank": (
        lambda folder: edit(folder / "adapter_config.json", lambda full: full.update(r=8)),
        "Loading the staged copy fails",
    ),
}


@pytest.mark.parametrize("change, words", LORA_CHANGES.values(), ids=LORA_CHANGES)
def test_changed_peft_adapter_is_refused(lora, here, tmp_path, change, words):
    _, folder, probe = lora
    shutil.copytree(folder, tmp_path / "copy")
    change(tmp_path / "copy")
    assert words in refused(probe, tmp_path / "copy", tmp_path)


def test_folder_of_a_peft_adapter_is_asked_with_the_head_that_it_brings(lora, here, tmp_path):
    base, folder, live = lora
    probe = probes.probe_of_folder(folder, "peft", tmp_path / "probe", base=base)
    # Its labels are numbers only: a PEFT adapter does not keep their names.
    with pytest.raises(PublishError, match=r"its labels are 0 LABEL_0, 1 LABEL_1, 2 LABEL_2 and not 0 O"):
        require_same(live.answer, probe.answer)
    probes.check_probe(probe, folder, tmp_path)


def test_peft_adapter_passes_in_a_fresh_process_on_a_base_with_code(tmp_path):
    base = made(MadxForTokenClassification, MadxConfig(**TINY_ENCODER, **NAMED))
    base.save_pretrained(tmp_path / "base")
    settings = LoraConfig(task_type="TOKEN_CLS", init_lora_weights=False, target_modules=["query", "value"])
    model = get_peft_model(base, settings)
    model.save_pretrained(tmp_path / "lora")
    probe = probes.record_peft(model, tmp_path / "probe", tmp_path / "base", trust_remote_code=True)
    probes.check_probe(probe, tmp_path / "lora", tmp_path)
    refusal = r"base has code of its own, which config\.json names .* --trust_remote_code"
    with pytest.raises(PublishError, match=refusal):
        probes.record_peft(model, tmp_path / "other", tmp_path / "base")
    with pytest.raises(PublishError, match=refusal):
        probes.probe_of_folder(tmp_path / "lora", "peft", tmp_path / "other", base=tmp_path / "base")


def test_base_model_is_found_in_the_cache_or_named_as_missing(tmp_path, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    snapshot = tmp_path / "models--org--base/snapshots/abc"
    snapshot.mkdir(parents=True)
    (snapshot / "model.safetensors").touch()
    (tmp_path / "models--org--base/refs").mkdir()
    (tmp_path / "models--org--base/refs/main").write_text("abc")
    (tmp_path / "blob").write_text('{"auto_map": {"AutoModel": "modeling_toy.ToyModel"}}')
    (snapshot / "config.json").symlink_to(tmp_path / "blob")
    assert base_folder("org/base") == snapshot
    with pytest.raises(PublishError, match=r"abc has code of its own, which config\.json names"):
        require_no_code(snapshot)
    assert base_folder(tmp_path) == tmp_path.resolve()
    for name in ("org/other", "no/such/folder"):
        with pytest.raises(PublishError, match=f"The base model '{name}' .* so the adapter cannot be tried"):
            base_folder(name)
