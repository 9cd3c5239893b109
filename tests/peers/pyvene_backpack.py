"""The Backpack that PyPI's pyvene ships, loaded by its path: the rest of that package wants plotting libraries."""

import importlib.util
import sys
from pathlib import Path

FILE = "pyvene/models/backpack_gpt2/modelings_backpack_gpt2.py"
SHARED = {
    "backpack.gpt2_model.wte.weight": ("backpack.word_embeddings.weight", "lm_head.weight"),
    "backpack.gpt2_model.wpe.weight": ("backpack.position_embeddings.weight",),
}


def pyvene_backpack(packages: Path):
    """Return the module, from a folder of installed packages."""
    spec = importlib.util.spec_from_file_location("pyvene_backpack_gpt2", packages / FILE)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def answer(model, input_ids):
    """Return logits, senses, contextualisation, and the gradients of the mean next-token loss, by name."""
    from torch.nn.functional import cross_entropy

    model.eval()
    output = model(input_ids)
    senses = model.backpack.sense_network(model.backpack.word_embeddings(input_ids))
    loss = cross_entropy(output.logits[:, :-1].flatten(0, 1), input_ids[:, 1:].flatten())
    loss.backward()
    found = {"logits": output.logits, "senses": senses, "contextualization": output.contextualization, "loss": loss}
    found |= {f"gradient.{name}": parameter.grad for name, parameter in model.named_parameters()}
    return {name: value.detach().clone().contiguous() for name, value in found.items()}
