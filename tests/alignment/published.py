"""A published aligner, or pre-training model, in a fresh process of any Python, and what it must answer."""

import json
import os
import subprocess
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from xlzoo.modeling.alignment_words import split_words

from .pretraining import pairs_batch, pretraining_model, text_batch
from .tiny import CHINESE, PAIRS, THAI, aligner, tokenizer

WORKERS = Path(__file__).parents[1] / "peers" / "workers"
ALL_PAIRS = [*PAIRS, ("Das ist gut .", "That is good ."), (CHINESE, THAI), ("", "a")]


def ask(python: Path, folder: Path) -> dict:
    """Publish the tiny aligner to `folder`, use it with that Python, and return what it answered."""
    model = aligner()
    model.save_pretrained(folder / "aligner")
    tokenizer().save_pretrained(folder / "aligner")
    request = {"folder": str(folder / "aligner"), "pairs": ALL_PAIRS}
    (folder / "request.json").write_text(json.dumps(request), encoding="utf-8")
    _run(python, "aligner_remote.py", folder)
    return json.loads((folder / "answer.json").read_text(encoding="utf-8"))


def _run(python: Path, worker: str, folder: Path) -> None:
    kept = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "HF_MODULES_CACHE")}
    environment = {**kept, "HF_HUB_OFFLINE": "1", "HF_HOME": str(folder / "home")}
    command = [str(python), str(WORKERS / worker), str(folder)]
    done = subprocess.run(
        command, env=environment, cwd=folder, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr[-3000:]


def check_pretraining(python: Path, folder: Path) -> None:
    """Publish the tiny pre-training model to `folder`, use it with that Python, and hold its answers against ours."""
    model, text, pairs = pretraining_model().eval(), text_batch(), pairs_batch()
    del text["labels"]
    model.save_pretrained(folder / "published")
    rows = {f"text.{name}": value for name, value in text.items()}
    save_file(rows | {f"pairs.{name}": value for name, value in pairs.items()}, folder / "inputs.safetensors")
    _run(python, "pretraining_remote.py", folder)
    answer = load_file(folder / "outputs.safetensors")
    partners = model.find_partners(pairs)
    assert torch.equal(answer["partners"], partners)
    with torch.no_grad():
        assert torch.allclose(answer["logits"], model(**text).logits, atol=1e-5)
        assert torch.allclose(answer["states"], model.encode(text), atol=1e-5)
        assert torch.allclose(answer["loss"], model(pairs={**pairs, "partners": partners}).loss, atol=1e-5)


def check(answer: dict) -> None:
    """Hold every answer against the model here."""
    model = aligner()

    def links(*arguments, **options):
        return json.loads(json.dumps(model.align(ALL_PAIRS, tokenizer(), *arguments, **options)))

    assert answer["align"] == links()
    for method in ("ot", "argmax", "itermax"):
        for encode in ("joint", "separate"):
            assert answer[f"{method} {encode}"] == links(method, 2, encode)
    assert answer["layers"] == [links(layer=layer) for layer in range(4)]
    assert len(answer["bf16"]) == len(ALL_PAIRS)
    for name, options in (
        ("pipeline", {}),
        ("pipeline, layer 1", {"layer": 1}),
        ("pipeline, argmax", {"layer": 2, "method": "argmax"}),
    ):
        scored = model.align(ALL_PAIRS, tokenizer(), scores=True, **options)
        for one, pair, found in zip(answer[name], ALL_PAIRS, scored, strict=True):
            words = [split_words(side) if isinstance(side, str) else side for side in pair]
            assert [one["source"], one["target"]] == words
            assert one["links"] == [list(link[:2]) for link in found]
            assert all(abs(a - b[2]) < 1e-5 for a, b in zip(one["scores"], found, strict=True))
