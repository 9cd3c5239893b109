"""AdapterHub's files: what `adapters` 1.x and `adapter-transformers` wrote, and what `adapters` 1.3.0 reads.

Tensor names here are those of a base `MadxModel` with the adapter's name taken out: `encoder.layer.0.output.adapters.
adapter_up.bias`, `embeddings.invertible_adapters.F.0.weight`. No file is ever unpickled beyond tensors.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from .adapter_config import AdapterConfig, AdapterError, check_name
from .safe_files import find_file, read_json, read_tensors, require_file

VERSION = "adapters.1.3.0"
ADAPTER_FILES = ("adapter.safetensors", "pytorch_adapter.bin")
HEAD_FILES = ("model_head.safetensors", "pytorch_model_head.bin")
LEGACY_NAMES = {
    "attention_text_task_adapters": "adapters",
    "attention_text_lang_adapters": "adapters",
    "layer_text_task_adapters": "adapters",
    "layer_text_lang_adapters": "adapters",
    "invertible_lang_adapters": "invertible_adapters",
}
LEGACY_ACTIVATIONS = {"gelu": "gelu_new", "gelu_orig": "gelu"}
MOST_CHARACTERS = 200
MODEL_CLASS = "XLMRobertaAdapterModel"
"""The class of `adapters` that takes our files, heads included, as they are."""


@dataclass(frozen=True)
class StoredAdapter:
    """An adapter as read from its files."""

    name: str
    config: AdapterConfig
    hidden_size: int | None
    tensors: dict[str, torch.Tensor]


@dataclass(frozen=True)
class StoredHead:
    """A prediction head as read from its files; tensors are named by their place in the head, `1.weight`."""

    config: dict[str, Any]
    tensors: dict[str, torch.Tensor]
    labels: tuple[str, ...] = ()
    """The label names in order; empty where the head has none."""


def read_adapter(folder_or_id: str) -> StoredAdapter:
    """Read an adapter from a folder or a Hub id; `AdapterError` when it is damaged, unsafe or not for XLM-R."""
    path = require_file(folder_or_id, "adapter_config.json", "an AdapterHub folder or Hub id")
    full = _read_config_file(path)
    if full.get("model_type", "xlm-roberta") != "xlm-roberta":
        raise AdapterError(
            f"{path}: model_type is {full['model_type']!r}; expected an adapter made for 'xlm-roberta'."
        )
    missing = [key for key in ("name", "config") if key not in full]
    if missing:
        raise AdapterError(f"{path}: the key {missing[0]!r} is missing; expected AdapterHub's adapter_config.json.")
    name = check_name(full["name"])
    stored = _read_first(folder_or_id, ADAPTER_FILES)
    tensors = {_canonical(key, name, path): value for key, value in stored.items()}
    if len(tensors) < len(stored):
        raise AdapterError(f"{path.parent}: a tensor of adapter {name!r} is there twice, under an old and a new name.")
    config = _read_config(full, path, has_coupling=any(key.startswith("embeddings.") for key in tensors))
    return StoredAdapter(name, config, full.get("hidden_size"), tensors)


def read_head(folder_or_id: str) -> StoredHead | None:
    """Read the prediction head saved with an adapter, or `None` where there is none."""
    path = find_file(folder_or_id, "head_config.json")
    if path is None:
        return None
    full = _read_config_file(path)
    if not isinstance(full.get("config"), dict) or "name" not in full:
        raise AdapterError(f"{path}: the keys 'name' and 'config' were expected.")
    tensors = _read_first(folder_or_id, HEAD_FILES)
    prefix = f"heads.{full['name']}."
    named = {key.removeprefix(prefix): value for key, value in tensors.items()}
    return StoredHead(full["config"], named, _labels(full["config"].get("label2id") or {}, path))


def write_adapter(folder: Path, adapter: StoredAdapter, model_name: str) -> None:
    """Write an adapter that `adapters` 1.3.0 loads; `model_name` says which model it was trained on."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {_stored_name(key, adapter.name): value for key, value in adapter.tensors.items()}
    save_file(tensors, folder / ADAPTER_FILES[0], metadata={"format": "pt"})
    _write_json(folder / "adapter_config.json", adapter.config.to_dict(), adapter, model_name)


def write_head(folder: Path, head: StoredHead, adapter: StoredAdapter, model_name: str) -> None:
    """Write a prediction head beside its adapter, under the adapter's name."""
    tensors = {f"heads.{adapter.name}.{key}": value for key, value in head.tensors.items()}
    save_file(tensors, folder / HEAD_FILES[0], metadata={"format": "pt"})
    _write_json(folder / "head_config.json", head.config, adapter, model_name)


def _write_json(path: Path, config: Mapping[str, Any], adapter: StoredAdapter, model_name: str) -> None:
    full = {
        "config": config,
        "hidden_size": adapter.hidden_size,
        "model_class": MODEL_CLASS,
        "model_name": model_name,
        "model_type": "xlm-roberta",
        "name": adapter.name,
        "version": VERSION,
    }
    path.write_text(json.dumps(full, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _read_config_file(path: Path) -> dict[str, Any]:
    """Read a configuration whose values are fit to be shown in a sentence."""
    full = read_json(path)
    inner = full.get("config")
    for key, value in [*full.items(), *(inner.items() if isinstance(inner, dict) else ())]:
        if isinstance(value, str) and len(value) > MOST_CHARACTERS:
            raise AdapterError(f"{path}: the value of {key[:100]!r} has {len(value)} characters; expected a word.")
    return full


def _read_first(folder_or_id: str, filenames: tuple[str, str]) -> dict[str, torch.Tensor]:
    """Read the first of the files that exists."""
    path = next((found for name in filenames if (found := find_file(folder_or_id, name))), None)
    if path is None:
        raise AdapterError(f"{folder_or_id} holds neither {filenames[0]} nor {filenames[1]}.")
    return read_tensors(path)


def _read_config(full: Mapping[str, Any], path: Path, has_coupling: bool) -> AdapterConfig:
    """Read the `config` entry in any of its historical forms."""
    config = full["config"]
    if isinstance(config, str):
        result = AdapterConfig.from_kind(config)
    elif isinstance(config, dict):
        values = {key: value for key, value in config.items() if value is not None}
        activation = str(values.get("non_linearity"))
        if "version" not in full and activation in LEGACY_ACTIVATIONS:
            values["non_linearity"] = LEGACY_ACTIVATIONS[activation]
        elif activation.lower() == "leakyrelu":
            values["non_linearity"] = "leaky_relu"
        nested = values.pop("invertible_adapter", None)
        if isinstance(nested, dict):
            values["inv_adapter"] = nested.get("block_type")
            values["inv_adapter_reduction_factor"] = nested.get("reduction_factor")
        result = AdapterConfig.from_dict(values)
    else:
        raise AdapterError(
            f"{path}: config is a {type(config).__name__}; expected a mapping or a kind such as 'seq_bn'."
        )
    # Old task adapters declare an invertible adapter that they never had.
    if full.get("type") == "text_task" and not has_coupling:
        result = replace(result, inv_adapter=None, inv_adapter_reduction_factor=None)
    return result


def _labels(label2id: Any, path: Path) -> tuple[str, ...]:
    ids: list[Any] = list(label2id.values()) if isinstance(label2id, dict) else [None]
    if not all(isinstance(i, int) for i in ids) or sorted(ids) != list(range(len(ids))):
        raise AdapterError(f"{path}: label2id must number the labels from 0 without gaps.")
    return tuple(sorted(label2id, key=label2id.__getitem__))


def _canonical(key: str, name: str, path: Path) -> str:
    """Turn a stored tensor name of any age into ours."""
    for old, new in LEGACY_NAMES.items():
        key = key.replace(f".{old}.", f".{new}.")
    key = re.sub(r"^(roberta|xlm_roberta|base_model)\.", "", key).replace(f"adapters.{name}.", "adapters.", 1)
    key = re.sub(r"^invertible_adapters\.", "embeddings.invertible_adapters.", key)
    if not re.match(r"(encoder\.layer\.\d+\..*|embeddings\.invertible_)adapters\.", key):
        raise AdapterError(f"{path.parent}: the tensor {key!r} is not of an XLM-R adapter named {name!r}.")
    return key


def _stored_name(key: str, name: str) -> str:
    """Turn our tensor name into AdapterHub's."""
    return "roberta." + key.removeprefix("embeddings.").replace("adapters.", f"adapters.{name}.", 1)
