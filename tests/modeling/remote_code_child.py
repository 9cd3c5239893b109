"""Loads published folders where xlzoo cannot be imported; started by test_remote_code.py with a folder of requests."""

import json
import sys
from pathlib import Path

import torch
import transformers
from safetensors.torch import load_file, save_file


class NoXlzoo:
    """An import finder that denies xlzoo."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        """Refuse the one name."""
        if name.split(".")[0] == "xlzoo":
            raise ModuleNotFoundError(f"{name} is not installed here")


def first_output(model, rows):
    """Return the logits (or states); start and end logits as two columns."""
    with torch.no_grad():
        output = model.eval()(**rows)
    return torch.stack([output[0], output[1]], -1) if "start_logits" in output else output[0].contiguous()


def main(folder):
    """Load each model, save it again, load an adapter into it, save that one again; answer with all outputs."""
    inputs, outputs = load_file(folder / "inputs.safetensors"), {}
    for key, case in json.loads((folder / "request.json").read_text(encoding="utf-8")).items():
        auto = getattr(transformers, case["auto"])
        try:
            auto.from_pretrained(case["folder"], trust_remote_code=False)
        except ValueError as error:
            assert "trust_remote_code" in str(error), error
        else:
            raise AssertionError("loaded without trust")
        model = auto.from_pretrained(case["folder"], trust_remote_code=True)
        shape = (1, *inputs["input_ids"].shape) if case["choices"] else inputs["input_ids"].shape
        rows = {name: value.view(shape) for name, value in inputs.items()}
        outputs[f"{key}.loaded"] = first_output(model, rows)
        model.save_pretrained(folder / "again" / key)
        model.load_adapter(case["adapter"], load_as="extra", set_active=True)
        outputs[f"{key}.adapter"] = first_output(model, rows)
        model.save_adapter(folder / "adapters" / key, "extra", with_head=model.head_type is not None)
    assert not any(name.split(".")[0] == "xlzoo" for name in sys.modules)
    save_file(outputs, folder / "outputs.safetensors")


if __name__ == "__main__":
    sys.meta_path.insert(0, NoXlzoo)
    main(Path(sys.argv[1]))
