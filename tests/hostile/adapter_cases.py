"""Tiny AdapterHub adapters with a head, how the scripts load them, and what may be wrong with them."""

from collections.abc import Iterator
from pathlib import Path

import torch
from cases import Case, executed, flipped, missing, no_plain_file, replaced, truncated
from json_cases import DEEP, HUGE, duplicated, edit_json, no_object, with_values
from safetensors.torch import load_file
from tensor_cases import beside, bombs, edit_tensors, hostile_pickles, lying_headers, wrong_tensors
from tiny_models import TINY_ENCODER

from xlzoo.modeling.configuration_madx import MadxConfig
from xlzoo.modeling.modeling_madx import MadxForTokenClassification

LABELS = {"label2id": {"O": 0, "B-LOC": 1, "I-LOC": 2}, "id2label": {0: "O", 1: "B-LOC", 2: "I-LOC"}}
ROWS = torch.tensor([[0, 17, 44, 99, 2], [0, 5, 6, 7, 2]])
WEIGHTS, HEAD = "adapter.safetensors", "model_head.safetensors"
CONFIG, HEAD_CONFIG = "adapter_config.json", "head_config.json"
UP = "roberta.encoder.layer.1.output.adapters.en.adapter_up.weight"


def model() -> MadxForTokenClassification:
    torch.manual_seed(1)
    return MadxForTokenClassification(MadxConfig(**TINY_ENCODER, **LABELS)).eval()


def outputs(tagger: MadxForTokenClassification) -> torch.Tensor:
    with torch.no_grad():
        return tagger(input_ids=ROWS).logits


def write_adapter(folder: Path) -> torch.Tensor:
    """Write an adapter that changes its model, with a head; return the model's logits `[2, 5, 3]` with both."""
    tagger = model()
    tagger.add_adapter("en", "seq_bn_inv", set_active=True)
    generator = torch.Generator().manual_seed(2)
    for _, parameter in [*tagger.adapter_parameters("en"), *tagger.classifier.named_parameters()]:
        parameter.data.add_(0.25 * torch.randn(parameter.shape, generator=generator))
    tagger.save_adapter(folder, "en", with_head=True)
    return outputs(tagger)


def write_pickled(folder: Path) -> torch.Tensor:
    """Write the same adapter as AdapterHub did for years, in `.bin` files."""
    expected = write_adapter(folder)
    for safe, unsafe in ((WEIGHTS, "pytorch_adapter.bin"), (HEAD, "pytorch_model_head.bin")):
        torch.save(load_file(folder / safe), folder / unsafe)
        (folder / safe).unlink()
    return expected


def load(folder: Path) -> torch.Tensor:
    """Load the adapter with its head, as a script does, and return the logits `[2, 5, 3]`."""
    tagger = model()
    tagger.load_adapter(folder, set_active=True, with_head=True)
    return outputs(tagger)


def cases() -> Iterator[Case]:
    for file in (CONFIG, HEAD_CONFIG, WEIGHTS, HEAD):
        yield from truncated(file)
        yield from no_plain_file(file)
        yield missing(file)
        yield from flipped(file, range(8), start=700)
    for file in (CONFIG, HEAD_CONFIG):
        yield from no_object(file)
        yield duplicated(file, "name", "../../x")
    yield from wrong_tensors(WEIGHTS, UP)
    yield from wrong_tensors(HEAD, "heads.en.1.weight")
    yield from lying_headers(WEIGHTS, UP)
    yield from hostile_pickles(WEIGHTS, "pytorch_adapter.bin")
    yield from hostile_pickles(HEAD, "pytorch_model_head.bin")
    yield from configurations()
    yield beside("optimizer.pt")
    yield beside("training_args.bin")
    yield beside("pytorch_adapter.bin")


def pickled_cases() -> Iterator[Case]:
    """What may be wrong with the folder of `write_pickled`."""
    for file in ("pytorch_adapter.bin", "pytorch_model_head.bin"):
        yield from truncated(file)
        yield from no_plain_file(file)
        yield from flipped(file, range(12), start=1500)
        yield from bombs(file)


def configurations() -> Iterator[Case]:
    tops = {
        "name": ["../../en", "/etc/passwd", "..", "", "en\n", "to", "en.de", "x" * 10**6, 7, None, ["en"], {"en": 1}],
        "model_type": ["bert", None, 3, ["xlm-roberta"]],
        "hidden_size": [HUGE, -1, "32", 32.5, float("nan"), [32], True],
        "config": [None, [], 3, "seq_bm", "../seq_bn", "x" * 10**6, {}],
    }
    yield from with_values(CONFIG, tops)
    inner = {
        "reduction_factor": [0, -1, 10**400, 1e-300, float("nan"), "16", {"default": HUGE, "0": 1}, {"0": 16}],
        "leave_out": [[1], [True], ["1"], 3, list(range(10**5))],
        "non_linearity": ["eval", "__import__", "relu\n", None, ["relu"], 3],
        "scaling": ["learned", "big", float("inf"), [1]],
        "inv_adapter": ["glow", "os.system", [], 3],
        "inv_adapter_reduction_factor": [1e-300, HUGE, "2", True],
        "mh_adapter": [True, "no", 1],
        "phm_layer": [True, {"a": 1}],
        "dropout": [2, -1, "0", float("nan")],
    }
    yield from with_values(CONFIG, inner, inside="config")
    heads = {
        "head_type": ["classification", "masked_lm", None, 3, {}, "x" * 10**6],
        "layers": [2, "1", [1], HUGE, -1],
        "label2id": [{"O": 0}, {"O": 0, "X": 2}, {"O": "0"}, [0, 1, 2], "O", {str(i): i for i in range(10**5)}],
    }
    yield from with_values(HEAD_CONFIG, heads, inside="config")
    yield from with_values(HEAD_CONFIG, {"config": [None, [], "tagging"], "name": ["de", None, ["en"], {}]})
    yield Case("an adapter of another encoder", lambda folder: _of_another(folder))
    yield Case("the weights of another adapter", edit_tensors(WEIGHTS, lambda t: t.update({UP: torch.ones(32, 4)})))
    yield Case("code beside it", lambda folder: _code(folder), may_load=True)
    yield Case("configs swapped", lambda folder: _swap(folder / CONFIG, folder / HEAD_CONFIG))
    yield Case("weights swapped", lambda folder: _swap(folder / WEIGHTS, folder / HEAD))
    yield Case("a deep value", edit_json(CONFIG, lambda full: full["config"].update(deep=_nested(900))), may_load=True)
    yield Case("linked from elsewhere", replaced(WEIGHTS, lambda path: path.symlink_to("../good")), may_load=True)


def _nested(depth: int) -> list[object]:
    value: list[object] = []
    for _ in range(min(depth, DEEP)):
        value = [value]
    return value


def _of_another(folder: Path) -> None:
    other = MadxForTokenClassification(MadxConfig(**{**TINY_ENCODER, "hidden_size": 64}, **LABELS))
    other.add_adapter("en", "seq_bn_inv")
    other.save_adapter(folder, "en", with_head=True)


def _code(folder: Path) -> None:
    for name in ("adapter.py", "modeling_madx.py", "__init__.py", "generate.py"):
        (folder / name).write_text(f"open({str(executed(folder))!r}, 'w')\n", encoding="utf-8")


def _swap(one: Path, other: Path) -> None:
    spare = one.with_name("spare")
    one.rename(spare)
    other.rename(one)
    spare.rename(other)
