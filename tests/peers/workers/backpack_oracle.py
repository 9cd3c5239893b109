"""Load our Backpack folders with pyvene's implementation, make folders of its own, and answer with its numbers."""

import json
import site
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

sys.path.insert(0, str(Path(__file__).parents[1]))
from pyvene_backpack import SHARED, answer, pyvene_backpack


def build(module, config):
    """Make the model with eager attention: in sdpa 4.57.6 leaves `scale_attn_by_inverse_layer_idx` out."""
    config = module.BackpackGPT2Config(**config)
    config._attn_implementation = "eager"
    return module.BackpackGPT2LMHeadModel(config)


def load(module, folder):
    """Load a folder of ours; nothing but second names of shared tensors may be missing."""
    model = build(module, json.loads((folder / "config.json").read_text(encoding="utf-8")))
    missing, unexpected = model.load_state_dict(load_file(folder / "model.safetensors"), strict=False)
    assert set(missing) <= {name for names in SHARED.values() for name in names} and not unexpected
    return model


def make(module, config, folder):
    """Save a model of its own, under all names, as the public checkpoints are."""
    torch.manual_seed(5)
    model = build(module, config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    model.config.save_pretrained(folder)
    tensors = {name: value.clone() for name, value in model.state_dict().items()}
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    return model


def main(folder):
    """Serve the request in `folder`."""
    module = pyvene_backpack(Path(site.getsitepackages()[0]))
    input_ids, answers = load_file(folder / "inputs.safetensors")["input_ids"], {}
    for key, config in json.loads((folder / "request.json").read_text(encoding="utf-8")).items():
        models = {"ours": load(module, folder / "ours" / key), "theirs": make(module, config, folder / "theirs" / key)}
        for side, model in models.items():
            answers |= {f"{key}.{side}.{name}": value for name, value in answer(model, input_ids).items()}
    save_file(answers, folder / "outputs.safetensors")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
