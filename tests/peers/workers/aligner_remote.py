"""Align with a published folder alone, by its model and as a pipeline, on any transformers, and save it again."""

import json
import sys
from pathlib import Path

import torch
from transformers import AutoConfig, AutoModel, AutoTokenizer, pipeline


def main(folder):
    """Serve `request.json`: the published folder and pairs of texts and of words; answer in `answer.json`."""
    request = json.loads((folder / "request.json").read_text(encoding="utf-8"))
    place, pairs = request["folder"], [tuple(pair) for pair in request["pairs"]]
    for load in (AutoConfig.from_pretrained, AutoModel.from_pretrained, lambda *a, **k: pipeline(None, *a, **k)):
        try:
            load(place, trust_remote_code=False)
        except ValueError as error:
            assert "trust_remote_code" in str(error), error
        else:
            raise AssertionError("loaded without trust")
    model = AutoModel.from_pretrained(place, trust_remote_code=True)
    answer = {"align": model.align(pairs)}
    tokenizer = AutoTokenizer.from_pretrained(place, trust_remote_code=False)
    for method in ("ot", "argmax", "itermax"):
        for encode in ("joint", "separate"):
            answer[f"{method} {encode}"] = model.align(pairs, tokenizer, method, 2, encode)
    answer["layers"] = [[list(links) for links in found] for found in model.align_layers(pairs).values()]
    answer["bf16"] = model.align(pairs, dtype=torch.bfloat16)
    aligner = pipeline("word-alignment", model=place, trust_remote_code=True)
    answer["pipeline"] = aligner(pairs)
    assert aligner(pairs[0])["links"] == answer["pipeline"][0]["links"] and aligner([]) == []
    guessed = pipeline(model=place, trust_remote_code=True, layer=1)
    answer["pipeline, layer 1"], answer["pipeline, argmax"] = guessed(pairs), guessed(pairs, layer=2, method="argmax")
    model.save_pretrained(folder / "again")
    tokenizer.save_pretrained(folder / "again")
    assert not [name for name in sys.modules if name.startswith("xlzoo.")]
    (folder / "answer.json").write_text(json.dumps(answer), encoding="utf-8")


if __name__ == "__main__":
    sys.modules["xlzoo"] = None  # It cannot be imported here, installed or not.
    main(Path(sys.argv[1]))
