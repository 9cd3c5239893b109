"""Load published folders with this environment's transformers, train, save and load adapters, and save the models."""

import sys
from pathlib import Path

import torch
import transformers
from flexible import read_request
from safetensors.torch import save_file


def logits(model, rows):
    """Return the first output of the model in evaluation mode; start and end logits as two columns."""
    with torch.no_grad():
        output = model.eval()(**rows)
    return torch.stack([output[0], output[1]], -1) if "start_logits" in output else output[0].contiguous()


def use_adapters(model, rows, folder):
    """Train one step of a new adapter, save it, load it under another name; return the logits with it."""
    model.add_adapter("new", "seq_bn_inv[reduction_factor=4]")
    model.train_adapter("new")
    frozen = {key: value.clone() for key, value in model.state_dict().items()}
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=1.0)
    model.train()(**rows)[0].square().mean().backward()
    optimizer.step()
    moved = {key for key, value in model.state_dict().items() if not torch.equal(value, frozen[key])}
    heads = {key for key in moved if "adapters.new." not in key}
    assert moved - heads, "the adapter learns"
    assert all(key.startswith(("classifier", "qa_outputs", "roberta.pooler")) for key in heads), heads
    expected = logits(model, rows)
    model.save_adapter(folder, "new", with_head=model.head_type is not None)
    model.delete_adapter("new")
    name = model.load_adapter(folder, load_as="again", set_active=True, with_head=model.head_type is not None)
    assert name == "again" and torch.equal(logits(model, rows), expected)
    return expected


def main(folder):
    """Serve the request in `folder`."""
    request, inputs = read_request(folder)
    outputs = {}
    for key, case in request.items():
        rows = {part: inputs[f"{case['rows']}.{part}"] for part in ("input_ids", "attention_mask")}
        auto = getattr(transformers, case["auto"])
        model = auto.from_pretrained(case["folder"], trust_remote_code=True)
        outputs[f"{key}.loaded"] = logits(model, rows)
        model.save_pretrained(folder / "models" / key)
        outputs[f"{key}.adapter"] = use_adapters(model, rows, folder / "adapters" / key)
    save_file(outputs, folder / "outputs.safetensors")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
