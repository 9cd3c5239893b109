"""Tiny MAD-X models, the AdapterHub folders they write, and a check that a bad folder is refused."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_models import TINY_ENCODER

from xlzoo.modeling.adapter_config import AdapterError
from xlzoo.modeling.configuration_madx import MadxConfig
from xlzoo.modeling.modeling_madx import MadxForTokenClassification

LABELS = ["O", "B-LOC", "I-LOC"]
NAMED = {"id2label": dict(enumerate(LABELS)), "label2id": {label: i for i, label in enumerate(LABELS)}}
UP = "roberta.encoder.layer.0.output.adapters.en.adapter_up.weight"


def madx(cls=MadxForTokenClassification, seed=1, **config):
    torch.manual_seed(seed)
    return cls(MadxConfig(**{**TINY_ENCODER, **config})).eval()


def with_adapter(model, kind="seq_bn_inv", name="en"):
    model.add_adapter(name, kind, set_active=True)
    torch.manual_seed(2)
    for _, parameter in model.adapter_parameters(name):
        parameter.data.add_(0.25 * torch.randn_like(parameter))
    return model


def outputs(model, batch):
    with torch.no_grad():
        return model(**batch)[0]


def good_folder(folder: Path) -> Path:
    """Write a language adapter with a tagging head beside it."""
    with_adapter(madx(**NAMED)).save_adapter(folder, "en", with_head=True)
    return folder


def check_refused(folder, words, model=None, **arguments):
    """Loading raises `AdapterError` with the words, in one line, and the model stays as it was."""
    model = model or madx()
    with_adapter(model, "seq_bn", "mine")
    state = {key: value.clone() for key, value in model.state_dict().items()}
    config = json.dumps(model.config.to_dict(), default=str)
    with pytest.raises(AdapterError) as caught:
        model.load_adapter(folder, set_active=True, **arguments)
    message = str(caught.value)
    assert "\n" not in message and len(message) < 500
    for word in words:
        assert word in message, message
    assert json.dumps(model.config.to_dict(), default=str) == config
    assert state.keys() == model.state_dict().keys()
    assert all(torch.equal(value, state[key]) for key, value in model.state_dict().items())


def edit_json(path, change):
    full = json.loads(path.read_text(encoding="utf-8"))
    change(full)
    path.write_text(json.dumps(full), encoding="utf-8")


def edit_tensors(folder, change):
    tensors = load_file(folder / "adapter.safetensors")
    change(tensors)
    save_file(tensors, folder / "adapter.safetensors")


def as_bin(folder, content):
    """Replace the safetensors file by a pickle."""
    (folder / "adapter.safetensors").unlink()
    torch.save(content, folder / "pytorch_adapter.bin")
