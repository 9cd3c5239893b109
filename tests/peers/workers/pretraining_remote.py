"""Load a published pre-training folder alone, on any transformers, as model and as aligner, and save it again."""

import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModel, AutoModelForPreTraining


def main(folder):
    """Serve the folder `published` with the rows of `inputs.safetensors`; answer in `outputs.safetensors`."""
    place, inputs = folder / "published", load_file(folder / "inputs.safetensors")
    rows = {side: {} for side in ("text", "pairs")}
    for name, value in inputs.items():
        side, _, key = name.partition(".")
        rows[side][key] = value
    model = AutoModelForPreTraining.from_pretrained(place, trust_remote_code=True).eval()
    aligner = AutoModel.from_pretrained(place, trust_remote_code=True).eval()
    assert type(aligner).__name__ == type(model.roberta).__name__ == "XLMAlignModel"
    with torch.no_grad():
        answer = {"logits": model(**rows["text"]).logits, "partners": model.find_partners(rows["pairs"])}
        answer["states"] = aligner(**rows["text"]).last_hidden_state
        answer["loss"] = model(pairs={**rows["pairs"], "partners": answer["partners"]}).loss
    assert not any(value.requires_grad for name, value in model.named_parameters() if name.startswith("contrast.slow"))
    model.save_pretrained(folder / "again")
    save_file({name: value.contiguous() for name, value in answer.items()}, folder / "outputs.safetensors")


if __name__ == "__main__":
    sys.modules["xlzoo"] = None  # It cannot be imported here, installed or not.
    main(Path(sys.argv[1]))
