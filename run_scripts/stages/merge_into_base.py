"""The whole model with a merged adapter in its weights, written shard by shard, a tensor in memory at a time."""

import json
import logging
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig

from xlzoo.hub_cards.errors import PublishError
from xlzoo.hub_cards.probe_sources import base_folder
from xlzoo.modeling.adapter_config import AdapterError
from xlzoo.modeling.safe_files import read_json
from xlzoo.run_scripts.errors import UserError
from xlzoo.run_scripts.merging.layout import PREFIX
from xlzoo.run_scripts.merging.states import MergedAdapter
from xlzoo.run_scripts.merging.weights import merged_weight, scaled_bias
from xlzoo.run_scripts.models.decoders import MASKS
from xlzoo.run_scripts.models.tensor_files import StoredTensors, TensorWriter
from xlzoo.run_scripts.models.weights import BUFFERS
from xlzoo.run_scripts.stages.merged_names import Names

logger = logging.getLogger(__name__)

WHOLE, INDEX = "model.safetensors", "model.safetensors.index.json"
SHARD = re.compile(r"[\w.-]+\.safetensors", re.ASCII)
COPIED = frozenset({".json", ".jinja", ".model", ".py", ".txt"})
"""Endings of what lies beside a model's weights: configuration, tokenizer, code."""


@dataclass(frozen=True)
class Base:
    """A base model's files; no weights are read before they are asked for."""

    folder: Path
    shards: dict[str, StoredTensors]
    """By the file's name."""

    @cached_property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of every tensor."""
        return {name: shape for shard in self.shards.values() for name, shape in shard.shapes.items()}

    @cached_property
    def config(self) -> dict[str, Any]:
        """What config.json says."""
        return read_json(self.folder / "config.json")

    @property
    def is_tied(self) -> bool:
        """Whether the output layer's weight is that of the input embeddings."""
        if "tie_word_embeddings" in self.config or "auto_map" in self.config:
            return bool(self.config.get("tie_word_embeddings", True))
        return bool(getattr(AutoConfig.from_pretrained(self.folder), "tie_word_embeddings", True))


def open_base(name: str, stack: ExitStack) -> Base:
    """Open a base model's safetensors; UserError where there are none, AdapterError where they are damaged."""
    try:
        folder = base_folder(name)
    except PublishError as error:
        raise UserError(f"The base model {name!r} is neither a folder nor had from the Hub; give another.") from error
    if (folder / WHOLE).is_file():
        files = [WHOLE]
    elif (folder / INDEX).is_file():
        files = sorted({str(file) for file in (read_json(folder / INDEX).get("weight_map") or {}).values()})
    else:
        raise UserError(f"The base model {name!r} holds no {WHOLE} or {INDEX}; save it as safetensors.")
    for file in files:
        if not SHARD.fullmatch(file) or not (folder / file).is_file():
            raise AdapterError(
                f"{folder / INDEX} names {file[:100]!r}, which is no file beside it; download it again."
            )
    if not (folder / "config.json").is_file():
        raise UserError(f"The base model {name!r} holds no config.json; expected a whole model.")
    leave_out = (*BUFFERS, *MASKS)
    return Base(folder, {file: stack.enter_context(StoredTensors(folder / file, leave_out)) for file in files})


def write_merged_model(base: Base, merged: MergedAdapter, folder: Path) -> None:
    """Write the base model with the adapter merged into it, in the types that its tensors have, into the folder.

    UserError, before anything is written, where the adapter has no place in the model.
    """
    if any(PREFIX in parts for parts in merged.layout.modules.values()):
        raise UserError("A prefix is no change of weights, so it cannot be merged into a model; leave that out.")
    names = Names.of(merged, base.shapes, is_tied=base.is_tied)
    _copy_files(base.folder, folder)
    weight_map: dict[str, str] = {}
    size, last = 0, list(base.shards)[-1]
    for file, shard in base.shards.items():
        added = names.added if file == last else {}
        with TensorWriter(folder / file, [*(names.prefix + name for name in shard), *added]) as out:
            for name, tensor in chain(_changed(shard, names, merged), _added(base, names, merged, added)):
                out.write(name, tensor)
                weight_map[name] = file
                size += tensor.nbytes
        logger.info("%s: %d tensors", file, len(shard) + len(added))
    if list(base.shards) != [WHOLE]:
        index = {"metadata": {"total_size": size}, "weight_map": dict(sorted(weight_map.items()))}
        (folder / INDEX).write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")
    config = {**base.config, **names.config_changes(base.config, merged)}
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


def _copy_files(source: Path, folder: Path) -> None:
    """Copy what lies beside the weights, but for what describes weights and for the base model's own card."""
    for path in sorted(source.iterdir()):
        if path.is_file() and path.suffix in COPIED and not path.name.endswith(".index.json"):
            shutil.copyfile(path, folder / path.name)


def _changed(shard: StoredTensors, names: Names, merged: MergedAdapter) -> Iterator[tuple[str, torch.Tensor]]:
    """Yield the tensors of a shard under the merged model's names."""
    scaled = {
        f"{name.removesuffix('weight')}bias": module
        for name, module in names.weights.items()
        if "ia3_l" in merged.layout.modules[module]
    }
    for stored in shard:
        name = names.prefix + stored
        if name in names.dropped:
            continue
        tensor = merged.states[0][names.whole[name]] if name in names.whole else shard[stored]
        if name in names.weights:
            tensor = _merged(tensor, name, names, merged)
        elif name in names.biases:
            tensor = merged.bias(names.biases[name])
        elif name in scaled:
            tensor = scaled_bias(tensor, merged.parts(scaled[name]))
        yield name, tensor.to(shard.dtypes[stored])


def _added(
    base: Base, names: Names, merged: MergedAdapter, added: Iterable[str]
) -> Iterator[tuple[str, torch.Tensor]]:
    """Yield the tensors that the base model does not hold."""
    for name in added:
        if origin := names.added[name]:
            tensor = next(shard[origin] for shard in base.shards.values() if origin in shard)
            yield name, _merged(tensor, name, names, merged) if name in names.weights else tensor
        else:
            yield name, merged.states[0][names.whole[name]]


def _merged(weight: torch.Tensor, name: str, names: Names, merged: MergedAdapter) -> torch.Tensor:
    module = names.weights[name]
    parts = merged.parts(module)
    rank = next((part.shape[0] for key, part in parts.items() if key in ("lora_A.weight", "lora_embedding_A")), 1)
    return merged_weight(weight, parts, merged.scale(module, rank), name in names.transposed)
