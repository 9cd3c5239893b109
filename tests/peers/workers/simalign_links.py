"""Align pairs of words with SimAlign 0.4, run by run: a layer, its methods ("a", "i", "m"), and how many pairs."""

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from simalign import SentenceAligner


def main(folder):
    """Serve the request in `folder`; answer `run.method`, `[links, 3]`: pair, source word, target word."""
    request = json.loads((folder / "request.json").read_text(encoding="utf-8"))
    answers = {}
    for name, run in request["runs"].items():
        aligner = SentenceAligner(request["model"], "bpe", matching_methods=run["methods"], layer=run["layer"])
        found = [aligner.get_word_aligns(source, target) for source, target in request["pairs"][: run["pairs"]]]
        for method in found[0]:
            links = [[number, *link] for number, each in enumerate(found) for link in each[method]]
            answers[f"{name}.{method}"] = torch.tensor(links)
    save_file(answers, folder / "outputs.safetensors")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
