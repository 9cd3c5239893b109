"""What the tests of probes share: tiny models, and changes to what they were saved as."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_models import TINY_ENCODER

from xlzoo.hub_cards import PublishError, probes
from xlzoo.modeling.configuration_madx import MadxConfig
from xlzoo.modeling.modeling_madx import MadxForTokenClassification

LABELS = {0: "O", 1: "B-LOC", 2: "I-LOC"}
NAMED = {"id2label": LABELS, "label2id": {name: number for number, name in LABELS.items()}}


def made(cls, config, seed=3):
    torch.manual_seed(seed)
    return cls(config).eval()


def madx():
    model = made(MadxForTokenClassification, MadxConfig(**TINY_ENCODER, **NAMED))
    for name, kind in (("sw", "seq_bn_inv"), ("ner", "seq_bn")):
        model.add_adapter(name, kind)
        for _, parameter in model.adapter_parameters(name):
            parameter.data.add_(0.25 * torch.randn(parameter.shape))
    model.set_active_adapters(["sw", "ner"])
    return model


def refused(probe, folder, scratch):
    with pytest.raises(PublishError) as error:
        probes.check_probe(probe, folder, scratch)
    message = str(error.value)
    assert "\n" not in message
    return message


def edit(path, change):
    full = json.loads(path.read_text())
    change(full)
    path.write_text(json.dumps(full))


def edit_tensors(path, change):
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path, metadata={"format": "pt"})
