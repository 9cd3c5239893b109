"""AdapterHub adapters with a head: good ones, and what may be wrong with them."""

from collections.abc import Iterator
from pathlib import Path

import torch
from cases import Case, Kind, flipped, linked, missing, no_plain_file, plant, truncated
from json_cases import HUGE, edit_json, nested, no_object, twice, with_values
from safetensors.torch import load_file
from tensor_cases import beside, bombs, hostile_pickles, lying_headers, wrong_tensors
from tiny_models import TINY_ENCODER
from transformers import PreTrainedModel

from xlzoo.modeling.adapter_config import AdapterError
from xlzoo.modeling.configuration_madx import MadxConfig
from xlzoo.modeling.modeling_madx import MadxForTokenClassification

LABELS = {"label2id": {"O": 0, "B-LOC": 1, "I-LOC": 2}, "id2label": {0: "O", 1: "B-LOC", 2: "I-LOC"}}
ROWS = torch.tensor([[0, 17, 44, 99, 2], [0, 5, 6, 7, 2]])
WEIGHTS, HEAD = "adapter.safetensors", "model_head.safetensors"
PICKLED = {WEIGHTS: "pytorch_adapter.bin", HEAD: "pytorch_model_head.bin"}
CONFIG, HEAD_CONFIG = "adapter_config.json", "head_config.json"
UP = "roberta.encoder.layer.1.output.adapters.en.adapter_up.weight"


def tagger(**changes: int) -> MadxForTokenClassification:
    torch.manual_seed(1)
    return MadxForTokenClassification(MadxConfig(**{**TINY_ENCODER, **changes}, **LABELS)).eval()


def outputs(model: PreTrainedModel) -> torch.Tensor:
    """The logits `[2, 5, 3]` of two fixed rows."""
    with torch.no_grad():
        return model(input_ids=ROWS).logits


def write(folder: Path) -> torch.Tensor:
    """Write an adapter that changes its model, with a head; return the model's logits with both."""
    model = tagger()
    model.add_adapter("en", "seq_bn_inv", set_active=True)
    generator = torch.Generator().manual_seed(2)
    for _, parameter in [*model.adapter_parameters("en"), *model.classifier.named_parameters()]:
        parameter.data.add_(0.25 * torch.randn(parameter.shape, generator=generator))
    model.save_adapter(folder, "en", with_head=True)
    return outputs(model)


def write_pickled(folder: Path) -> torch.Tensor:
    """Write the same adapter as AdapterHub did for years, in pickles."""
    expected = write(folder)
    for safe, unsafe in PICKLED.items():
        torch.save(load_file(folder / safe), folder / unsafe)
        (folder / safe).unlink()
    return expected


def load(folder: Path) -> torch.Tensor:
    model = tagger()
    model.load_adapter(folder, set_active=True, with_head=True)
    return outputs(model)


def cases() -> Iterator[Case]:
    for file in (CONFIG, HEAD_CONFIG, WEIGHTS, HEAD):
        yield from truncated(file)
        yield from no_plain_file(file)
        yield missing(file)
        yield linked(file)
        yield from flipped(file, 8, slice(700))
    for file in (CONFIG, HEAD_CONFIG):
        yield from no_object(file)
        yield twice(file, "name", "../../x")
    for file, key in ((WEIGHTS, UP), (HEAD, "heads.en.1.weight")):
        yield from wrong_tensors(file, key)
        yield from lying_headers(file, key)
        yield from hostile_pickles(file, PICKLED[file])
    yield from configurations()
    yield from beside("optimizer.pt", "training_args.bin", "pytorch_adapter.bin", "pytorch_model_head.bin")
    yield Case("an adapter of a wider encoder", _of_another)
    yield Case("code beside it", lambda folder: plant(folder, "modeling_madx.py", "__init__.py"), may_load=True)
    yield Case("configurations swapped", lambda folder: _swap(folder / CONFIG, folder / HEAD_CONFIG))
    yield Case("weights swapped", lambda folder: _swap(folder / WEIGHTS, folder / HEAD))


def configurations() -> Iterator[Case]:
    endless = "x" * 10**6
    top = {
        "name": ["../../en", "/etc/passwd", "..", "", "en\n", "to", "en.de", endless, 7, None, ["en"], {"en": 1}],
        "model_type": ["bert", None, 3, ["xlm-roberta"]],
        "hidden_size": [HUGE, -1, "32", 32.5, float("nan"), [32], True],
        "config": [None, [], 3, "seq_bm", "../seq_bn", endless, {}],
    }
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
    head = {
        "head_type": ["classification", "masked_lm", None, 3, {}, endless],
        "layers": [2, "1", [1], HUGE, -1],
        "label2id": [{"O": 0}, {"O": 0, "X": 2}, {"O": "0"}, [0, 1, 2], "O", {str(i): i for i in range(10**5)}],
    }
    yield from with_values(CONFIG, top)
    yield from with_values(CONFIG, inner, inside=("config",))
    yield from with_values(HEAD_CONFIG, head, inside=("config",))
    yield from with_values(HEAD_CONFIG, {"config": [None, [], "tagging"], "name": ["de", None, ["en"], {}]})
    deep = edit_json(CONFIG, lambda full: full["config"].update(deep=nested(900)))
    yield Case(f"{CONFIG} with a deep value", deep, may_load=True)


def pickled_cases() -> Iterator[Case]:
    for file in PICKLED.values():
        yield from truncated(file)
        yield from no_plain_file(file)
        yield from flipped(file, 12, slice(1500))
        yield from bombs(file)


def _of_another(folder: Path) -> None:
    other = tagger(hidden_size=64)
    other.add_adapter("en", "seq_bn_inv")
    other.save_adapter(folder, "en", with_head=True)


def _swap(one: Path, other: Path) -> None:
    spare = one.with_name("spare")
    one.rename(spare)
    other.rename(one)
    spare.rename(other)


KINDS = [
    Kind("adapter", write, load, cases, (AdapterError,)),
    Kind("pickled adapter", write_pickled, load, pickled_cases, (AdapterError,)),
]
