"""Run the `adapters` code of a card as it stands, and answer with the logits of the model that it leaves behind."""

import os
import re
import sys
from pathlib import Path

import torch
from flexible import read_request
from safetensors.torch import save_file

CODE = re.compile(r"^```python\n(from adapters import .*?)^```$", re.MULTILINE | re.DOTALL)


def main(folder):
    """Serve the request in `folder`; the repositories lie below the folder `hub` under their ids."""
    request, inputs = read_request(folder)
    rows = {part: inputs[f"texts.{part}"] for part in ("input_ids", "attention_mask")}
    outputs = {}
    os.chdir(request["hub"])
    for repo_id in request["repositories"]:
        names = {}
        exec(CODE.search(Path(repo_id, "README.md").read_text(encoding="utf-8"))[1], names)
        with torch.no_grad():
            outputs[repo_id] = names["model"].eval()(**rows).logits.contiguous()
    save_file(outputs, folder / "outputs.safetensors")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
