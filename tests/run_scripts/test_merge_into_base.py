"""The whole model with a merged adapter in it: shard by shard, and equal to PEFT's own merging to 1e-6."""

import json
import shutil
import weakref

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file
from three_adapters import base_model, ia3, lora, outputs, prefix, save_three
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    AutoModelForSequenceClassification,
    PreTrainedModel,
)

from xlzoo.hub_cards.checks import check_folder
from xlzoo.run_scripts import run_merge
from xlzoo.run_scripts.errors import UserError
from xlzoo.run_scripts.models.tensor_files import StoredTensors

AUTO = {
    "llama": AutoModelForCausalLM,
    "gpt2": AutoModelForCausalLM,
    "t5": AutoModelForSeq2SeqLM,
    "xlm-r": AutoModelForSequenceClassification,
}
CASES = {
    "llama, LoRA": ("llama", lora, {}),
    "llama, IA3": ("llama", ia3, {}),
    "llama, DoRA": ("llama", lora, {"use_dora": True}),
    "llama, untied output": ("llama", lora, {"target_modules": ["q_proj", "lm_head"]}),
    "gpt2, LoRA on transposed weights, some of them square": ("gpt2", lora, {}),
    "gpt2, DoRA": ("gpt2", lora, {"use_dora": True}),
    "gpt2, IA3": ("gpt2", ia3, {}),
    "gpt2, LoRA and biases": ("gpt2", lora, {"bias": "lora_only"}),
    "t5, LoRA": ("t5", lora, {}),
    "t5, IA3": ("t5", ia3, {}),
    "xlm-r, LoRA with a classifier": ("xlm-r", lora, {}),
    "xlm-r, rsLoRA by name": ("xlm-r", lora, {"use_rslora": True, "rank_pattern": {"value": 3}}),
}


@pytest.fixture(autouse=True)
def without_network(monkeypatch):
    monkeypatch.setattr("xlzoo.hub_cards.bases._card_on_hub", lambda hub_id: {})


def save_base(model, folder, **how):
    model.save_pretrained(folder, **how)
    (folder / "tokenizer.json").write_text("{}")
    (folder / "pytorch_model.bin").write_bytes(b"no tensors")
    return folder


def merge(three, base, folder, *flags):
    run_merge.main(three.flags("--output_dir", folder, "--base_model", base, *flags))


def merged_by_peft(family, folder, base):
    """Return the base model with the merged adapter in it, as PEFT puts it there."""
    model = AUTO[family].from_pretrained(base, **{"num_labels": 3} if family == "xlm-r" else {})
    return PeftModel.from_pretrained(model, folder).merge_and_unload()


@pytest.mark.parametrize("case", CASES)
def test_the_model_is_that_of_peft(case, tmp_path):
    family, make, changes = CASES[case]
    three = save_three(tmp_path, family, make, changes=(changes, changes, changes))
    tied = {"tie_word_embeddings": False} if "untied" in case else {}
    base = save_base(base_model(family, **tied), tmp_path / "base", max_shard_size="12KB")
    merge(three, base, tmp_path / "adapter", "--t", 0.7)
    merge(three, base, tmp_path / "model", "--t", 0.7, "--merge_into_base")
    expected = merged_by_peft(family, tmp_path / "adapter", base)
    found = AUTO[family].from_pretrained(tmp_path / "model")
    theirs = dict(expected.named_parameters())
    for name, parameter in found.named_parameters():
        assert (parameter - theirs[name]).abs().max() < 1e-6, name
    assert (outputs(found, family) - outputs(expected, family)).abs().max() < 1e-5
    files = {path.name for path in (tmp_path / "model").iterdir()}
    assert {"tokenizer.json", "model.safetensors.index.json", "config.json", "README.md"} <= files
    assert not {"pytorch_model.bin", "adapter_config.json"} & files
    assert len([name for name in files if name.endswith(".safetensors")]) > 2
    for path in (tmp_path / "model").glob("run.json"):
        path.unlink()
    check_folder(tmp_path / "model")


def test_a_classifier_beside_ia3(tmp_path):
    """PEFT 0.21.2 cannot merge these; the oracle is the adapter on the model."""
    three = save_three(tmp_path, "xlm-r", ia3)
    base = save_base(base_model("xlm-r"), tmp_path / "base")
    merge(three, base, tmp_path / "adapter")
    merge(three, base, tmp_path / "model", "--merge_into_base")
    expected = PeftModel.from_pretrained(base_model("xlm-r"), tmp_path / "adapter")
    found = AutoModelForSequenceClassification.from_pretrained(tmp_path / "model")
    assert (outputs(found, "xlm-r") - outputs(expected, "xlm-r")).abs().max() < 1e-5


def test_no_model_is_loaded_and_types_are_kept(tmp_path, monkeypatch):
    three = save_three(tmp_path, "llama", lora)
    base = save_base(base_model("llama").bfloat16(), tmp_path / "base")

    def refuse(self, *args, **kwargs):
        pytest.fail("a model was made")

    with monkeypatch.context() as patched:
        patched.setattr(PreTrainedModel, "__init__", refuse)
        merge(three, base, tmp_path / "model", "--merge_into_base", "--lora_merge", "product")
    before, after = (load_file(folder / "model.safetensors") for folder in (base, tmp_path / "model"))
    assert before.keys() == after.keys()
    assert all(value.dtype == torch.bfloat16 for value in after.values())
    changed = {key for key in before if not torch.equal(before[key], after[key])}
    assert changed == {key for key in before if "_proj" in key}


@pytest.mark.parametrize("targets", [["lm_head"], ["embed_tokens", "q_proj"], ["embed_tokens", "lm_head"]])
def test_tied_weights_are_parted_where_the_adapter_changes_one(targets, tmp_path):
    """PEFT changes both when it merges; the oracle is the adapter on the model, not merged."""
    made = lambda family, **changes: lora(family, target_modules=targets)  # noqa: E731
    tied = lambda family: base_model(family, tie_word_embeddings=True)  # noqa: E731
    three = save_three(tmp_path, "llama", made, model=tied)
    base = save_base(tied("llama"), tmp_path / "base")
    merge(three, base, tmp_path / "adapter")
    merge(three, base, tmp_path / "model", "--merge_into_base")
    expected = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), tmp_path / "adapter")
    found = AutoModelForCausalLM.from_pretrained(tmp_path / "model")
    assert not found.config.tie_word_embeddings
    assert (outputs(found, "llama") - outputs(expected, "llama")).abs().max() < 1e-5


def test_tied_weights_stay_tied(tmp_path):
    three = save_three(tmp_path, "llama", lora)
    base = save_base(base_model("llama", tie_word_embeddings=True), tmp_path / "base")
    merge(three, base, tmp_path / "model", "--merge_into_base")
    assert "lm_head.weight" not in load_file(tmp_path / "model" / "model.safetensors")
    found = AutoModelForCausalLM.from_pretrained(tmp_path / "model")
    assert found.lm_head.weight is found.model.embed_tokens.weight


@pytest.mark.parametrize("stored", ["MaskedLM", "encoder alone"])
def test_a_classifier_on_an_encoder_that_had_none(stored, tmp_path):
    from transformers import XLMRobertaForMaskedLM

    three = save_three(tmp_path, "xlm-r", lora)
    model = base_model("xlm-r")
    body = model.roberta
    if stored == "MaskedLM":
        body = XLMRobertaForMaskedLM(model.config)
        body.roberta.load_state_dict(model.roberta.state_dict())
    body.config.id2label = {0: "a", 1: "b"}
    base = save_base(body, tmp_path / "base")
    merge(three, base, tmp_path / "model", "--merge_into_base")
    merge(three, base, tmp_path / "adapter")
    expected = PeftModel.from_pretrained(base_model("xlm-r"), tmp_path / "adapter").merge_and_unload()
    config = json.loads((tmp_path / "model" / "config.json").read_text())
    assert config["architectures"] == ["XLMRobertaForSequenceClassification"] and len(config["id2label"]) == 3
    found, info = AutoModelForSequenceClassification.from_pretrained(tmp_path / "model", output_loading_info=True)
    assert not any(info[what] for what in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    assert (outputs(found, "xlm-r") - outputs(expected, "xlm-r")).abs().max() < 1e-5


def test_models_that_the_adapters_are_not_for(tmp_path):
    three = save_three(tmp_path, "llama", lora)
    base = save_base(base_model("llama"), tmp_path / "base")
    wide = save_base(base_model("llama", hidden_size=64), tmp_path / "wide")
    short = save_base(base_model("llama", num_hidden_layers=1), tmp_path / "short")
    refused = {
        wide: r"down_proj.weight of the base model has shape \(64, 48\), and the adapter is for 32 x 48",
        short: "The base model has no model.layers.1",
        save_base(base_model("gpt2"), tmp_path / "gpt2"): "has no model.layers.0.*, which the adapters change",
        tmp_path / "nowhere": "is neither a folder nor had from the Hub",
    }
    (base / "model.safetensors").unlink()
    refused[base] = "holds no model.safetensors or model.safetensors.index.json; save it as safetensors"
    for folder, told in refused.items():
        with pytest.raises(UserError, match=told):
            merge(three, folder, tmp_path / "out", "--merge_into_base")
        assert not (tmp_path / "out").exists()
    shutil.rmtree(tmp_path / "task")
    three = save_three(tmp_path, "llama", prefix)
    with pytest.raises(UserError, match="A prefix is no change of weights"):
        merge(three, short, tmp_path / "out", "--merge_into_base")


def test_no_more_than_a_few_tensors_are_in_memory(tmp_path, monkeypatch):
    """Of 26 tensors, all in one file, at most three that were read are alive at a time."""
    three = save_three(tmp_path, "llama", lora)
    base = save_base(base_model("llama"), tmp_path / "base")
    alive, most = weakref.WeakSet(), 0
    read = StoredTensors.__getitem__

    def counted(self, key):
        nonlocal most
        tensor = read(self, key)
        if "lora" not in key:
            alive.add(tensor)
            most = max(most, len(alive))
        return tensor

    monkeypatch.setattr(StoredTensors, "__getitem__", counted)
    merge(three, base, tmp_path / "model", "--merge_into_base")
    assert 0 < most <= 3
