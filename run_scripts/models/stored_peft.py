"""PEFT adapters in their files: read a tensor at a time, with nothing believed, and written again."""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from xlzoo.modeling.adapter_config import AdapterError
from xlzoo.modeling.safe_files import read_json, require_file
from xlzoo.run_scripts.merging.layout import PAIRS, PREFIX, layout
from xlzoo.run_scripts.merging.settings import rank_of
from xlzoo.run_scripts.models.peft_adapters import CONFIG, KINDS, WEIGHTS, checked_kind, weights_file
from xlzoo.run_scripts.models.tensor_files import StoredTensors, TensorWriter
from xlzoo.run_scripts.runs import adapter_folder

KEPT = ("peft_type", "base_model_name_or_path", "revision", "auto_mapping")
"""Further fields that a written configuration keeps."""


@dataclass(frozen=True)
class PeftFiles:
    """A PEFT adapter whose tensors are read when they are asked for."""

    name: str
    """The folder or Hub id that it was asked for by."""
    config: dict[str, Any]
    """The fields that say what it computes."""
    tensors: StoredTensors


def open_peft(folder_or_id: str) -> PeftFiles:
    """Open a LoRA, IA3 or prefix adapter of a folder, a run's output folder, or the Hub.

    `AdapterError` where it is damaged, of another kind, a pickle, or changes the base model too.
    """
    place = adapter_folder(folder_or_id)
    path = require_file(place, CONFIG, "a folder or Hub id of a PEFT adapter")
    config = _checked(read_json(path), str(path))
    tensors = StoredTensors(weights_file(place))
    _check_shapes(config, tensors)
    return PeftFiles(folder_or_id, config, tensors)


def _checked(fields: Mapping[str, Any], path: str) -> dict[str, Any]:
    """Return the fields that matter, each looked at."""
    _, rules = KINDS[checked_kind(fields, path)]
    base = fields.get("base_model_name_or_path")
    if base is not None and not isinstance(base, str):
        raise AdapterError(f"{path}: base_model_name_or_path is a {type(base).__name__}; expected a name or null.")
    return {key: value for key, value in fields.items() if key in rules or key in KEPT}


def _check_shapes(config: Mapping[str, Any], tensors: StoredTensors) -> None:
    """Refuse tensors of another shape than the configuration says."""
    shapes, where = tensors.shapes, str(tensors.path)
    for module, parts in layout(shapes, config).modules.items():
        if PREFIX in parts:
            tokens, layers, width = (
                config.get(name) or 0 for name in ("num_virtual_tokens", "num_layers", "token_dim")
            )
            if shapes[PREFIX] != (expected := (tokens, 2 * layers * width)):
                raise AdapterError(f"{where}: {PREFIX} has shape {shapes[PREFIX]}; {CONFIG} calls for {expected}.")
        for down, up in PAIRS:
            if (down in parts) != (up in parts):
                raise AdapterError(f"{where}: {module} has one factor of its update; expected {down} and {up}.")
            if down in parts:
                _check_rank(rank_of(config, module), shapes[parts[down]], shapes[parts[up]], module, where)


def _check_rank(rank: int, down: tuple[int, ...], up: tuple[int, ...], module: str, where: str) -> None:
    if len(down) < 2 or len(down) != len(up) or {down[0], up[1]} != {rank}:
        raise AdapterError(f"{where}: the factors of {module} have shapes {down} and {up}; {CONFIG} says rank {rank}.")


def write_peft_weights(folder: Path, tensors: Iterable[tuple[str, torch.Tensor]], names: Collection[str]) -> None:
    """Write an adapter's weights, all of whose names are given, a tensor at a time; the folder is there."""
    with TensorWriter(folder / WEIGHTS, names) as file:
        for name, tensor in tensors:
            file.write(name, tensor)


def write_peft_config(folder: Path, config: Mapping[str, Any]) -> None:
    """Write an adapter's configuration for inference."""
    full = {**config, "inference_mode": True}
    (folder / CONFIG).write_text(json.dumps(full, indent=2, sort_keys=True) + "\n", encoding="utf-8")
