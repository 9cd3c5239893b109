"""AdapterHub's files: what `adapters` 1.x and `adapter-transformers` wrote, and what `adapters` 1.3.0 reads.

Tensor names here are those of a base `MadxModel` with the adapter's name taken out: `encoder.layer.0.output.adapters.
adapter_up.bias`, `embeddings.invertible_adapters.F.0.weight`. No file is ever unpickled beyond tensors.
"""

import json
import pickle
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from transformers.utils import cached_file

from .adapter_config import KINDS, AdapterConfig, AdapterError, check_name

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

    @property
    def labels(self) -> list[str]:
        """The label names in order."""
        return sorted(self.config["label2id"], key=self.config["label2id"].get)


def read_adapter(folder_or_id: str) -> StoredAdapter:
    """Read an adapter from a folder or a Hub id; `AdapterError` when it is damaged, unsafe or not for XLM-R."""
    path = _find(folder_or_id, "adapter_config.json")
    if path is None:
        raise AdapterError(f"{folder_or_id} holds no adapter_config.json; expected an AdapterHub folder or Hub id.")
    full = _read_json(path)
    if full.get("model_type", "xlm-roberta") != "xlm-roberta":
        raise AdapterError(
            f"{path}: model_type is {full['model_type']!r}; expected an adapter made for 'xlm-roberta'."
        )
    missing = [key for key in ("name", "config") if key not in full]
    if missing:
        raise AdapterError(f"{path}: the key {missing[0]!r} is missing; expected AdapterHub's adapter_config.json.")
    name = check_name(full["name"])
    tensors = {_canonical(key, name, path): value for key, value in _read_tensors(folder_or_id, ADAPTER_FILES).items()}
    config = _read_config(full, has_coupling=any(key.startswith("embeddings.") for key in tensors))
    return StoredAdapter(name, config, full.get("hidden_size"), tensors)


def read_head(folder_or_id: str) -> StoredHead | None:
    """Read the prediction head saved with an adapter, or `None` where there is none."""
    path = _find(folder_or_id, "head_config.json")
    if path is None:
        return None
    full = _read_json(path)
    if not isinstance(full.get("config"), dict) or "name" not in full:
        raise AdapterError(f"{path}: the keys 'name' and 'config' were expected.")
    tensors = _read_tensors(folder_or_id, HEAD_FILES)
    prefix = f"heads.{full['name']}."
    return StoredHead(full["config"], {key.removeprefix(prefix): value for key, value in tensors.items()})


def write_adapter(folder: Path, adapter: StoredAdapter, model: Mapping[str, str]) -> None:
    """Write an adapter that `adapters` 1.3.0 loads; `model` gives `model_name` and `model_class`."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {_stored_name(key, adapter.name): value for key, value in adapter.tensors.items()}
    save_file(tensors, folder / ADAPTER_FILES[0], metadata={"format": "pt"})
    _write_json(folder / "adapter_config.json", adapter.config.to_dict(), adapter, model)


def write_head(folder: Path, head: StoredHead, adapter: StoredAdapter, model: Mapping[str, str]) -> None:
    """Write a prediction head beside its adapter, under the adapter's name."""
    tensors = {f"heads.{adapter.name}.{key}": value for key, value in head.tensors.items()}
    save_file(tensors, folder / HEAD_FILES[0], metadata={"format": "pt"})
    _write_json(folder / "head_config.json", head.config, adapter, model)


def _write_json(path: Path, config: Mapping[str, Any], adapter: StoredAdapter, model: Mapping[str, str]) -> None:
    full = {"config": config, "hidden_size": adapter.hidden_size, "model_type": "xlm-roberta", **model}
    full |= {"name": adapter.name, "version": VERSION}
    path.write_text(json.dumps(full, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _find(folder_or_id: str, filename: str) -> Path | None:
    """Return the file in the folder or from the Hub, or `None` where it is absent."""
    if Path(folder_or_id).is_dir():
        path = Path(folder_or_id) / filename
        return path if path.is_file() else None
    try:
        found = cached_file(folder_or_id, filename, _raise_exceptions_for_missing_entries=False)
    except OSError as error:
        reason = str(error).splitlines()[0]
        raise AdapterError(f"{folder_or_id!r} is neither a folder nor had from the Hub: {reason}") from error
    return None if found is None else Path(found)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        full = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise AdapterError(f"{path} is not JSON ({error}); is it truncated?") from error
    if not isinstance(full, dict):
        raise AdapterError(f"{path} holds a {type(full).__name__}; expected a JSON object.")
    return full


def _read_tensors(folder_or_id: str, filenames: tuple[str, str]) -> dict[str, torch.Tensor]:
    """Read the first of the files that exists, without unpickling anything but tensors."""
    path = next((found for name in filenames if (found := _find(folder_or_id, name))), None)
    if path is None:
        raise AdapterError(f"{folder_or_id} holds neither {filenames[0]} nor {filenames[1]}.")
    try:
        if path.suffix == ".safetensors":
            tensors = load_file(path)
        else:
            tensors = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise AdapterError(f"{path} holds more than tensors, or is damaged; it was not executed.") from error
    except (SafetensorError, RuntimeError, EOFError, OSError) as error:
        raise AdapterError(f"{path} is truncated or damaged: {str(error).splitlines()[0]}") from error
    for key, value in tensors.items() if isinstance(tensors, dict) else [(path.name, None)]:
        if not isinstance(value, torch.Tensor):
            raise AdapterError(f"{path}: {key} is not a tensor.")
        if not torch.isfinite(value).all():
            raise AdapterError(f"{path}: {key} holds NaN or infinite values.")
    return tensors


def _read_config(full: Mapping[str, Any], has_coupling: bool) -> AdapterConfig:
    """Read the `config` entry in any of its historical forms."""
    config = full["config"]
    if isinstance(config, str):
        if config not in KINDS:
            raise AdapterError(f"Unknown adapter kind {config!r}; expected one of {', '.join(sorted(KINDS))}.")
        result = KINDS[config]
    else:
        values = dict(config)
        if "version" not in full:
            activation = values.get("non_linearity")
            values["non_linearity"] = LEGACY_ACTIVATIONS.get(activation, activation)
        nested = values.pop("invertible_adapter", None)
        if nested:
            values["inv_adapter"] = nested["block_type"]
            values["inv_adapter_reduction_factor"] = nested["reduction_factor"]
        result = AdapterConfig.from_dict({k: v for k, v in values.items() if v is not None or k == "inv_adapter"})
    # Old task adapters declare an invertible adapter that they never had.
    if full.get("type") == "text_task" and not has_coupling:
        result = replace(result, inv_adapter=None, inv_adapter_reduction_factor=None)
    return result


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
