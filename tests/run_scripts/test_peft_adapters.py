"""PEFT adapters of every supported shape load with the outputs that they were saved with."""

import json

import pytest
import torch
from peft import IA3Config, LoraConfig, get_peft_model
from peft.utils import get_peft_model_state_dict
from safetensors.torch import load_file
from tiny_models import TINY_ENCODER
from transformers import (
    AutoTokenizer,
    XLMRobertaConfig,
    XLMRobertaForMaskedLM,
    XLMRobertaForSequenceClassification,
    XLMRobertaForTokenClassification,
    set_seed,
)

from xlzoo.modeling.adapter_config import AdapterError
from xlzoo.modeling.configuration_madx import MadxConfig
from xlzoo.modeling.modeling_madx import MadxForMaskedLM, MadxForTokenClassification
from xlzoo.run_scripts.arguments import ModelArguments
from xlzoo.run_scripts.models.encoders import load_encoder
from xlzoo.run_scripts.models.peft_adapters import load_peft
from xlzoo.run_scripts.peft_arguments import NewPeftArguments

CONFIGS = {
    "LoRA": LoraConfig(r=4, target_modules=["query", "value"]),
    "DoRA with biases": LoraConfig(r=4, target_modules=["query", "output.dense"], use_dora=True, bias="lora_only"),
    "ranks by name": LoraConfig(
        r=4, target_modules=["query", "value"], rank_pattern={"layer.0.attention.self.query": 2}, use_rslora=True
    ),
    "names as a pattern": LoraConfig(r=4, target_modules=r".*\.(query|value)", exclude_modules=r".*layer\.1\..*"),
    "two layers": LoraConfig(r=4, target_modules=["query"], layers_to_transform=[0, 2], alpha_pattern={"query": 2}),
    "embeddings": LoraConfig(r=4, target_modules=["word_embeddings", "key"]),
    "IA3 with names as a pattern": IA3Config(
        target_modules=r".*(key|output\.dense)", feedforward_modules=["output.dense", "attention.output.dense"]
    ),
    "IA3": IA3Config(target_modules=["key", "output.dense"], feedforward_modules=["output.dense"]),
}


def encoder(cls):
    torch.manual_seed(1)
    config = MadxConfig if cls is MadxForTokenClassification else XLMRobertaConfig
    return cls(config(**TINY_ENCODER)).eval()


def outputs(model, batch):
    with torch.no_grad():
        return model(**batch).logits


def saved(model, config, folder, batch):
    """Save an adapter that changes the model, and return the outputs with it."""
    adapted = get_peft_model(model, config).eval()
    torch.manual_seed(2)
    for _, parameter in adapted.named_parameters():
        if parameter.requires_grad:
            parameter.data.add_(0.25 * torch.randn_like(parameter))
    adapted.save_pretrained(folder)
    return outputs(adapted, batch)


@pytest.mark.parametrize("cls", [XLMRobertaForMaskedLM, MadxForTokenClassification])
@pytest.mark.parametrize("name", CONFIGS)
def test_adapters_load_with_their_outputs(name, cls, tmp_path, batch):
    config = CONFIGS[name]
    if cls is MadxForTokenClassification:
        config.task_type = "TOKEN_CLS"  # PEFT saves the classifier too.
    expected = saved(encoder(cls), config, tmp_path, batch)
    model = encoder(cls)
    plain = outputs(model, batch)
    loaded = load_peft(model, str(tmp_path))
    assert torch.equal(outputs(loaded, batch), expected)
    assert not torch.allclose(expected, plain, atol=0.01)
    loaded.save_pretrained(tmp_path / "again")
    first, second = (load_file(folder / "adapter_model.safetensors") for folder in (tmp_path, tmp_path / "again"))
    assert first.keys() == second.keys() and all(torch.equal(value, second[key]) for key, value in first.items())


def test_a_refused_adapter_leaves_the_model_as_it_was(tmp_path, batch):
    model = encoder(XLMRobertaForMaskedLM)
    saved(encoder(XLMRobertaForMaskedLM), CONFIGS["LoRA"], tmp_path, batch)
    path = tmp_path / "adapter_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "r": 8}))
    state, plain = {key: value.clone() for key, value in model.state_dict().items()}, outputs(model, batch)
    with pytest.raises(AdapterError, match=r"query.lora_A.weight has shape \(4, 32\); this model needs \(8, 32\)"):
        load_peft(model, str(tmp_path))
    assert state.keys() == model.state_dict().keys()
    assert torch.equal(outputs(model, batch), plain)


def test_adapter_of_another_size(tmp_path, batch):
    saved(encoder(XLMRobertaForMaskedLM), CONFIGS["LoRA"], tmp_path, batch)
    wide = XLMRobertaForMaskedLM(XLMRobertaConfig(**{**TINY_ENCODER, "hidden_size": 64}))
    with pytest.raises(AdapterError, match=r"has shape \(4, 32\); this model needs \(4, 64\)"):
        load_peft(wide, str(tmp_path))
    deep = XLMRobertaForMaskedLM(XLMRobertaConfig(**{**TINY_ENCODER, "num_hidden_layers": 4}))
    with pytest.raises(AdapterError, match=r"layer\.3\.attention\.self\.query\.lora_A\.weight is missing"):
        load_peft(deep, str(tmp_path))


@pytest.mark.parametrize(
    ("cls", "task_type"),
    [(XLMRobertaForTokenClassification, "TOKEN_CLS"), (XLMRobertaForSequenceClassification, "SEQ_CLS")],
)
def test_one_seed_begins_a_tasks_and_a_languages_adapter_alike(base, cls, task_type):
    """Though the task's head is drawn first; the factors of adapters that began otherwise cannot be added."""

    def begun(cls, task_type, seed):
        set_seed(seed)
        model = load_encoder(cls, ModelArguments(model_name_or_path=str(base)), AutoTokenizer.from_pretrained(base))
        return get_peft_model_state_dict(NewPeftArguments(use_peft=True).add_new(model, task_type))

    language = begun(MadxForMaskedLM, None, 3)
    task, other = (begun(cls, task_type, seed) for seed in (3, 4))
    downs = [key for key in language if ".lora_A." in key]
    assert downs and all(torch.equal(task[key], value) for key, value in language.items())
    assert not any(torch.equal(task[key], other[key]) for key in downs)
