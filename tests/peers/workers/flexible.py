"""What both `adapters` workers do with one set-up: make the model, run it, flatten its answer."""

import json
from pathlib import Path

import torch
from adapters import XLMRobertaAdapterModel
from adapters.composition import Stack
from safetensors.torch import load_file


def read_request(folder):
    """Return the request and the input tensors."""
    request = json.loads((Path(folder) / "request.json").read_text(encoding="utf-8"))
    return request, load_file(Path(folder) / "inputs.safetensors")


def run(model, stack, head, inputs):
    """Return the head's logits under the stack; start and end logits as two columns."""
    model.eval()
    model.set_active_adapters(Stack(*stack) if stack else None)
    model.active_head = head
    with torch.no_grad():
        output = model(**inputs)
    if "start_logits" in output:
        return torch.stack([output.start_logits, output.end_logits], -1)
    return output.logits.contiguous()


def load_base(folder):
    """Load a stock checkpoint; its masked-LM head becomes the head `default`.

    The conversion of adapters 1.3.0 loses the decoder's bias (stored as `lm_head.bias`), so it is put back here.
    """
    model = XLMRobertaAdapterModel.from_pretrained(folder)
    stored = load_file(Path(folder) / "model.safetensors")
    model.heads["default"][3].bias.data.copy_(stored["lm_head.bias"])
    return model
