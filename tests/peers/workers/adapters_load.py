"""Load adapters with `adapters` and answer with the logits."""

import sys
from pathlib import Path

from flexible import load_base, read_request, run
from safetensors.torch import save_file


def main(folder):
    """Serve the request in `folder`."""
    request, inputs = read_request(folder)
    outputs = {}
    for key, case in request.items():
        model = load_base(case["base"])
        for place in case["adapters"]:
            model.load_adapter(place, use_safetensors=True)
        rows = {part: inputs[f"{case['rows']}.{part}"] for part in ("input_ids", "attention_mask")}
        outputs[key] = run(model, case["stack"], case["head"], rows)
    save_file(outputs, folder / "outputs.safetensors")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
