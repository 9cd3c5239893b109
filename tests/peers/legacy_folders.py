"""Adapter folders in the forms that `adapter-transformers` wrote, made from one that `adapters` saved."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

Tensors = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Legacy:
    """Which set-up's adapter is rewritten, and how."""

    source: str
    config: Callable[[dict[str, Any]], None]
    tensors: Callable[[Tensors], Tensors] = lambda tensors: tensors
    name: str = "en"


def kind(name: str) -> Callable[[dict[str, Any]], None]:
    """Let the configuration be a mere name."""
    return lambda full: full.update(config=name) or full.pop("version")


def nested(activation: str, versioned: bool = False) -> Callable[[dict[str, Any]], None]:
    """Nest the invertible adapter, as before version 2, and set the activation."""

    def change(full: dict[str, Any]) -> None:
        config = full["config"]
        factor = config.pop("inv_adapter_reduction_factor")
        config["invertible_adapter"] = {"block_type": config.pop("inv_adapter"), "reduction_factor": factor}
        config["non_linearity"] = activation
        config["attention_type"] = "sent-lvl-dynamic"
        if not versioned:
            full.pop("version")

    return change


def typed(value: str, **changes: Any) -> Callable[[dict[str, Any]], None]:
    """Say what the adapter is for, as old files do."""

    def change(full: dict[str, Any]) -> None:
        full["type"] = value
        full["config"].update(changes)
        full.pop("version")

    return change


def required_keys_only(full: dict[str, Any]) -> None:
    """Leave everything to the defaults."""
    keys = ("mh_adapter", "output_adapter", "reduction_factor", "non_linearity")
    full["config"] = {key: full["config"][key] for key in keys}


def old_names(use: str) -> Callable[[Tensors], Tensors]:
    """Name the tensors by the adapter's use and place, `lang` or `task`."""

    def rename(key: str) -> str:
        key = key.replace(".invertible_adapters.", ".invertible_lang_adapters.")
        key = key.replace(".attention.output.adapters.", f".attention.output.attention_text_{use}_adapters.")
        return key.replace(".output.adapters.", f".output.layer_text_{use}_adapters.")

    return lambda tensors: {rename(key): value for key, value in tensors.items()}


def no_prefix(tensors: Tensors) -> Tensors:
    """Name the tensors as a bare encoder does."""
    return {key.removeprefix("roberta."): value for key, value in tensors.items()}


INV = {"inv_adapter": "nice", "inv_adapter_reduction_factor": 2}
LEGACY = {
    "pfeiffer": Legacy("pfeiffer_sized", kind("pfeiffer")),
    "pfeiffer_inv": Legacy("language_under_the_base_head", kind("pfeiffer+inv")),
    "houlsby": Legacy("houlsby_sized", kind("houlsby")),
    "houlsby_inv_old_names": Legacy("double_under_the_base_head", kind("houlsby+inv"), old_names("lang")),
    "gelu_means_gelu_new": Legacy("language_under_the_base_head", nested("gelu")),
    "gelu_orig_means_gelu": Legacy("language_under_the_base_head", nested("gelu_orig")),
    "gelu_with_version": Legacy("language_under_the_base_head", nested("gelu", versioned=True)),
    "nested_old_names": Legacy("language_under_the_base_head", nested("relu"), old_names("lang")),
    "text_lang": Legacy("language_under_the_base_head", typed("text_lang"), old_names("lang")),
    "text_task_without_its_coupling": Legacy("pfeiffer_sized", typed("text_task", **INV), old_names("task")),
    "no_prefix": Legacy("language_under_the_base_head", lambda full: None, no_prefix),
    "required_keys_only": Legacy("pfeiffer_sized", required_keys_only),
}


def make_legacy(saved: Path, form: Legacy, folder: Path) -> Path:
    """Rewrite the adapter of `saved/<source>` into `folder` and return the folder."""
    shutil.copytree(saved / form.source / "bin" / form.name, folder)
    full = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
    form.config(full)
    (folder / "adapter_config.json").write_text(json.dumps(full), encoding="utf-8")
    tensors = torch.load(folder / "pytorch_adapter.bin", weights_only=True)
    torch.save(form.tensors(tensors), folder / "pytorch_adapter.bin")
    return folder
