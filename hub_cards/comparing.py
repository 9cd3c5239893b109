"""Whether two answers to one question are the same, and if not, the sentence that says in what they differ."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from xlzoo.hub_cards.errors import PublishError
from xlzoo.hub_cards.fresh.probing import read_answer

TOLERANCE = {torch.float64: 1e-5, torch.float32: 1e-5, torch.float16: 4e-3, torch.bfloat16: 3e-2}
"""How far an output may be off, as a part of its largest magnitude, or of 1 where that is less.

Two processes may add in another order: in 32 bits 1e-5 leaves room for that in many layers, and the others are four
units in the last place.
"""


def require_same(original: Path, copy: Path) -> None:
    """Raise PublishError if the answer in the folder `copy` is not that in `original`."""
    expected, facts = read_answer(original)
    found, found_facts = read_answer(copy)
    difference = (
        _outputs(expected, found)
        or _labels(facts.get("labels"), found_facts.get("labels"))
        or _weights(facts.get("weights", {}), found_facts.get("weights", {}))
        or _splits(facts.get("splits", {}), found_facts.get("splits", {}))
    )
    if difference:
        raise PublishError(f"The staged copy is not the same as the original in a fresh process: {difference}.")


def _outputs(expected: Mapping[str, torch.Tensor], found: Mapping[str, torch.Tensor]) -> str:
    if expected.keys() != found.keys():
        return f"its outputs are {', '.join(sorted(found))} and not {', '.join(sorted(expected))}"
    for name, tensor in expected.items():
        if tensor.shape != found[name].shape:
            return f"the output {name} has shape {tuple(found[name].shape)} and not {tuple(tensor.shape)}"
        if tensor.dtype != found[name].dtype:
            return f"the output {name} is of type {found[name].dtype} and not {tensor.dtype}"
        if not tensor.numel():
            continue
        off = (tensor.double() - found[name].double()).abs().max().item()
        allowed = TOLERANCE[tensor.dtype] * max(1.0, tensor.double().abs().max().item())
        if not off <= allowed:
            return f"the output {name} differs by up to {off:.3g}, and {allowed:.1g} is allowed"
    return ""


def _labels(expected: Any, found: Any) -> str:
    return "" if expected == found else f"its labels are {_names(found)} and not {_names(expected)}"


def _names(labels: list[list[Any]]) -> str:
    return ", ".join(f"{number} {name}" for number, name in labels)


def _weights(expected: Mapping[str, list[str]], found: Mapping[str, list[str]]) -> str:
    """Compare bytes, where both have a tensor of this name in the same type."""
    for name in sorted(expected.keys() & found.keys()):
        if expected[name][0] == found[name][0] and expected[name] != found[name]:
            return f"the tensor {name} holds other numbers"
    return ""


def _splits(expected: Mapping[str, dict[str, Any]], found: Mapping[str, dict[str, Any]]) -> str:
    if expected.keys() != found.keys():
        return f"its splits are {', '.join(sorted(found))} and not {', '.join(sorted(expected))}"
    for split, description in expected.items():
        for what, value in description.items():
            if what == "digest" and value != found[split][what]:
                return f"the rows of the split {split!r} hold something else"
            if value != found[split][what]:
                return f"the {what} of the split {split!r} are {found[split][what]} and not {value}"
    return ""
