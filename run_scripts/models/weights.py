"""A checkpoint's tensors: read from safetensors, its shards or an old pickle, and compared with a configuration."""

import re
from collections.abc import Collection, Sequence
from hashlib import file_digest, sha256
from pathlib import Path

import psutil
import torch
from transformers import PreTrainedModel, XLMRobertaConfig

from xlzoo.modeling.adapter_config import AdapterError
from xlzoo.modeling.configuration_madx import MadxConfig
from xlzoo.modeling.safe_files import find_file, read_json, read_tensors
from xlzoo.run_scripts.errors import UserError

FORMATS = (
    ("model.safetensors", "model.safetensors.index.json"),
    ("pytorch_model.bin", "pytorch_model.bin.index.json"),
)
"""File and index of shards, the better format first."""
SHARD = re.compile(r"[\w.-]+\.(safetensors|bin)", re.ASCII)
BUFFERS = ("position_ids", "token_type_ids")
"""Whole numbers that old checkpoints hold and that no model reads."""
LAYER = re.compile(r"(?:^|\.)encoder\.layer\.(\d{1,4})\.")
OLD_NAMES = {"LayerNorm.gamma": "LayerNorm.weight", "LayerNorm.beta": "LayerNorm.bias"}
Tensors = dict[str, torch.Tensor]


def read_weights(name: str, leave_out: Collection[str] = BUFFERS) -> Tensors:
    """Read all tensors of a checkpoint, from a folder or the Hub, but for those whose names end in `leave_out`.

    `UserError` where they are damaged or unsafe.
    """
    try:
        for whole, index in FORMATS:
            if path := find_file(name, whole):
                return _renamed(read_tensors(path, leave_out))
            if path := find_file(name, index):
                return _renamed(_read_shards(name, path, leave_out))
    except AdapterError as error:
        raise UserError(f"The weights of {name!r} cannot be loaded: {error}") from error
    raise UserError(f"The weights of {name!r} cannot be loaded: it holds no file {FORMATS[0][0]} or {FORMATS[1][0]}.")


def _read_shards(name: str, index: Path, leave_out: Collection[str]) -> Tensors:
    tensors: Tensors = {}
    for shard in _shard_names(index):
        tensors |= read_tensors(_found(name, shard, index), leave_out)
    return tensors


def _shard_names(index: Path) -> list[str]:
    shards = read_json(index).get("weight_map")
    if not isinstance(shards, dict) or not shards:
        raise AdapterError(f"{index}: the key 'weight_map' is missing; expected the name of each tensor's file.")
    names = sorted({str(shard) for shard in shards.values()})
    for name in names:
        if not SHARD.fullmatch(name):
            raise AdapterError(f"{index} names the file {name[:100]!r}; expected one beside it, such as model-1.bin.")
    return names


def _found(name: str, shard: str, index: Path) -> Path:
    path = find_file(name, shard)
    if path is None:
        raise AdapterError(f"{index} names the file {shard}, which {name} does not hold; download it again.")
    return path


def _renamed(tensors: Tensors) -> Tensors:
    for old, new in OLD_NAMES.items():
        tensors = {key.replace(old, new): value for key, value in tensors.items()}
    return tensors


def weights_digest(name: str, formats: Sequence[tuple[str, str]] = FORMATS) -> str:
    """Return the SHA-256 of a checkpoint's weight files, from a folder or the Hub, which tells it from any other.

    `UserError` where it holds none of the `formats`, each the name of a file and of an index of shards.
    """
    for whole, index in formats:
        found = find_file(name, whole) or find_file(name, index)
        if found is None:
            continue
        names = [whole] if found.name == whole else _shard_names(found)
        digest = sha256()
        for file in names:
            with _found(name, file, found).open("rb") as stream:
                digest.update(file_digest(stream, "sha256").digest())
        return digest.hexdigest()
    raise UserError(f"{name!r} holds no weights; expected a file {formats[0][0]}.")


def fitting(cls: type[PreTrainedModel], config: XLMRobertaConfig, tensors: Tensors, name: str) -> Tensors:
    """Return the tensors that `cls` of this configuration has a place for, under its names.

    Raises UserError for another shape, an encoder that is not complete, or one with more than the configuration says;
    heads may be absent. Nothing of the declared sizes is allocated.
    """
    _check_layers(config, tensors, name)
    with torch.device("meta"):
        expected = {key: value.shape for key, value in cls(config).state_dict().items()}
    prefix = f"{cls.base_model_prefix}."
    if not any(key.startswith(prefix) for key in expected):  # The encoder itself.
        expected = {f"{prefix}{key}": shape for key, shape in expected.items()}
    body = (f"{prefix}embeddings.", f"{prefix}encoder.")
    bare = not any(key.startswith(prefix) for key in tensors)
    stored = {f"{prefix}{key}" if bare else key: value for key, value in tensors.items()}
    for key, shape in sorted(expected.items()):
        if key in stored and stored[key].shape != shape:
            raise UserError(f"{key} of {name!r} has shape {tuple(stored[key].shape)}; this run needs {tuple(shape)}.")
        if key not in stored and key.startswith(body):
            raise UserError(f"{name!r} lacks {key}; expected a whole XLM-R checkpoint that fits its config.json.")
    for key in sorted(stored.keys() - expected.keys()):
        if key.startswith(body):
            raise UserError(
                f"{name!r} holds {key}, for which its config.json leaves no place; expected files of one model."
            )
    return {key: value for key, value in stored.items() if key in expected}


def _check_layers(config: XLMRobertaConfig, tensors: Tensors, name: str) -> None:
    """Refuse layers and adapters without a tensor before a model with as many is made."""
    stored = {int(found[1]) for key in tensors if (found := LAYER.search(key))}
    if lacking := set(range(config.num_hidden_layers)) - stored:
        raise UserError(
            f"{name!r} lacks encoder.layer.{min(lacking)}, its config.json has {config.num_hidden_layers} layers; "
            "expected a whole XLM-R checkpoint."
        )
    for adapter in config.adapters if isinstance(config, MadxConfig) else ():
        if not any(f"adapters.{adapter}." in key for key in tensors):
            raise UserError(f"{name!r} lacks the tensors of the adapter {adapter!r} that its config.json declares.")


def require_room(cls: type[PreTrainedModel], config: XLMRobertaConfig) -> None:
    """Refuse a new model that this machine's memory cannot hold; nothing of its size is allocated."""
    with torch.device("meta"):
        numbers = sum(parameter.numel() for parameter in cls(config).parameters())
    require_memory(numbers)


def require_memory(numbers: int) -> None:
    """Refuse a new model of so many float32 numbers where this machine's memory cannot hold it."""
    room = psutil.virtual_memory().total
    if 4 * numbers > room:
        raise UserError(
            f"The new model would have {numbers / 1e9:.1f} billion numbers, more than this machine's "
            f"{room / 2**30:.0f} GB hold; give smaller sizes with --config_overrides or another --config_name."
        )
