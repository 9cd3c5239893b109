"""Adding, training, stacking, saving and loading adapters, in the words users of `adapters` know."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel

from .adapter_config import AdapterConfig, AdapterError, check_name
from .adapter_files import StoredAdapter, StoredHead, read_adapter, read_head, write_adapter, write_head
from .adapter_heads import HEADS, HeadLayout
from .bottleneck import Bottleneck
from .configuration_madx import MadxConfig
from .coupling import NiceCoupling


class AdapterApi(PreTrainedModel):
    """The adapter methods of every MAD-X model; `base_model` is the encoder, with or without a head around it."""

    config: MadxConfig
    head_type: str | None = None
    """This class's row in `HEADS`; `None` for the bare encoder."""

    def add_adapter(
        self,
        adapter_name: str,
        config: str | AdapterConfig = "seq_bn",
        overwrite_ok: bool = False,
        set_active: bool = False,
    ) -> None:
        """Add a freshly initialised adapter of a kind such as `"seq_bn_inv"`; bottlenecks start near the identity."""
        if check_name(adapter_name) in self.config.adapters and not overwrite_ok:
            raise AdapterError(f"There is an adapter {adapter_name!r} already; pass overwrite_ok=True to replace it.")
        config = AdapterConfig.from_kind(config) if isinstance(config, str) else config
        for layer in set(range(self.config.num_hidden_layers)) - set(config.leave_out):
            config.bottleneck_size(self.config.hidden_size, layer)  # Raises before the model changes.
        self.config.adapters[adapter_name] = config.to_dict()
        self.base_model.build_adapter(adapter_name)
        if set_active:
            self.set_active_adapters(adapter_name)

    def delete_adapter(self, adapter_name: str) -> None:
        """Remove an adapter, also from the active stack."""
        self._require([adapter_name])
        self.base_model.remove_adapter(adapter_name)
        del self.config.adapters[adapter_name]
        self.config.active_adapters = [name for name in self.active_adapters if name != adapter_name]

    def train_adapter(self, adapter_names: str | Sequence[str]) -> None:
        """Activate the adapters, make them and a task's head trainable, and freeze everything else.

        The masked-LM head belongs to the pretrained model and stays frozen. To train only the upper adapter of a
        stack, call `train_adapter("task")` and then `set_active_adapters(["lang", "task"])`.
        """
        self.set_active_adapters(adapter_names)
        self.requires_grad_(False)
        for name in self.active_adapters:
            for _, parameter in self.adapter_parameters(name):
                parameter.requires_grad_(True)
        if self.head_type and not self._head_layout().pretrained:
            for _, parameter in self._head_parameters():
                parameter.requires_grad_(True)

    def set_active_adapters(self, adapter_names: str | Sequence[str] | None) -> None:
        """Make these adapters the active stack, the language first; `None` or `[]` switches all off."""
        names = [adapter_names] if isinstance(adapter_names, str) else list(adapter_names or [])
        self._require(names)
        if len(set(names)) != len(names):
            raise AdapterError(f"The stack {names} names an adapter twice.")
        self.config.active_adapters = names

    @property
    def active_adapters(self) -> list[str]:
        """The active stack, the language first."""
        return list(self.config.active_adapters)

    @active_adapters.setter
    def active_adapters(self, adapter_names: str | Sequence[str] | None) -> None:
        self.set_active_adapters(adapter_names)

    def adapter_parameters(self, adapter_name: str) -> Iterator[tuple[str, nn.Parameter]]:
        """Yield the adapter's parameters under the base model's names."""
        self._require([adapter_name])
        for key, parameter in self.base_model.named_parameters():
            if f"adapters.{adapter_name}." in key:
                yield key, parameter

    def save_adapter(self, folder: str | Path, adapter_name: str, with_head: bool = False) -> None:
        """Write the adapter, and this model's head if asked, as AdapterHub folder in safetensors."""
        tensors = {
            key.replace(f"adapters.{adapter_name}.", "adapters.", 1): parameter.detach().cpu().contiguous()
            for key, parameter in self.adapter_parameters(adapter_name)
        }
        config = AdapterConfig.from_dict(self.config.adapters[adapter_name])
        stored = StoredAdapter(adapter_name, config, self.config.hidden_size, tensors)
        head = self._stored_head() if with_head else None
        # Where the model lies on this machine is nobody's business.
        base = "" if Path(self.config.name_or_path).exists() else self.config.name_or_path
        write_adapter(Path(folder), stored, base)
        if head is not None:
            write_head(Path(folder), head, stored, base)

    def load_adapter(
        self,
        adapter_name_or_path: str | Path,
        load_as: str | None = None,
        set_active: bool = False,
        leave_out: Sequence[int] | None = None,
        with_head: bool = False,
    ) -> str:
        """Load an adapter from a folder or a Hub id and return its name; the head only if `with_head`.

        `leave_out` drops the bottlenecks of those layers too, as MAD-X 2.0 does with the last one. `AdapterError`,
        before anything of the model changes, when the files are damaged or do not fit it.
        """
        stored = read_adapter(str(adapter_name_or_path))
        if leave_out is not None:
            stored = _without_layers(stored, leave_out)
        head = self._fitting_head(str(adapter_name_or_path)) if with_head else None
        name = check_name(load_as or stored.name)
        self._check_fit(stored)
        self.add_adapter(name, stored.config, overwrite_ok=True, set_active=set_active)
        for key, parameter in self.adapter_parameters(name):
            parameter.data.copy_(stored.tensors[key.replace(f"adapters.{name}.", "adapters.", 1)])
        if head is not None:
            self._load_head(head)
        return name

    def _require(self, names: Sequence[str]) -> None:
        for name in names:
            if name not in self.config.adapters:
                there = ", ".join(self.config.adapters) or "none"
                raise AdapterError(f"There is no adapter {name!r} in this model; it has: {there}.")

    def _check_fit(self, stored: StoredAdapter) -> None:
        """Compare names and shapes with those the configuration calls for."""
        width, layers = self.config.hidden_size, self.config.num_hidden_layers
        if stored.hidden_size not in (None, width):
            raise AdapterError(f"Adapter key hidden_size is {stored.hidden_size}; this model's is {width}.")
        with torch.device("meta"):
            expected = dict(adapter_shapes(stored.config, width, layers))
        unexpected = sorted(stored.tensors.keys() - expected.keys())
        missing = sorted(expected.keys() - stored.tensors.keys())
        if unexpected:
            raise AdapterError(f"Adapter tensor {unexpected[0]} has no place in this model of {layers} layers.")
        if missing:
            raise AdapterError(f"Adapter tensor {missing[0]} is missing for this model of {layers} layers.")
        for key, shape in expected.items():
            if stored.tensors[key].shape != shape:
                found = tuple(stored.tensors[key].shape)
                raise AdapterError(f"Adapter tensor {key} has shape {found}; this model needs {tuple(shape)}.")

    def _stored_head(self) -> StoredHead:
        layout, config = self._head_layout(), self.config
        sizes: dict[str, Any] = {"label2id": config.label2id, layout.counts: config.num_labels}
        if self.head_type == "masked_lm":
            sizes = {"label2id": None, "vocab_size": config.vocab_size, "embedding_size": config.hidden_size}
        tensors = {key: parameter.detach().cpu().contiguous() for key, parameter in self._head_parameters()}
        return StoredHead({"head_type": self.head_type, **layout.config, **sizes}, tensors)

    def _head_layout(self) -> HeadLayout:
        if self.head_type is None:
            raise AdapterError(f"{type(self).__name__} has no prediction head; pass with_head=False.")
        return HEADS[self.head_type]

    def _head_parameters(self) -> Iterator[tuple[str, nn.Parameter]]:
        """Yield the head's parameters under AdapterHub's places: `1.weight`."""
        for module, place in self._head_layout().modules.items():
            for key, parameter in self.get_submodule(module).named_parameters():
                yield f"{place}.{key}", parameter

    def _fitting_head(self, folder_or_id: str) -> StoredHead:
        head, mine = read_head(folder_or_id), self._stored_head()
        if head is None:
            raise AdapterError(f"{folder_or_id} holds no prediction head; load it without one.")
        described = {**self._head_layout().config, **head.config}
        for key in ("head_type", *self._head_layout().decisive):
            found, expected = described.get(key), mine.config[key]
            if found != expected:
                raise AdapterError(f"The head's {key} is {found!r}; this model needs {expected!r}.")
        for key, tensor in mine.tensors.items():
            if key not in head.tensors or head.tensors[key].shape != tensor.shape:
                raise AdapterError(f"The head's tensor {key} does not fit this model's shape {tuple(tensor.shape)}.")
        if len(head.labels) not in (0, mine.config.get("num_labels", len(head.labels))):
            raise AdapterError(f"The head names {len(head.labels)} labels; this model has {self.config.num_labels}.")
        return head

    def _load_head(self, head: StoredHead) -> None:
        for key, parameter in self._head_parameters():
            parameter.data.copy_(head.tensors[key])
        if head.labels:
            self.config.id2label = dict(enumerate(head.labels))
            self.config.label2id = {label: index for index, label in enumerate(head.labels)}


def adapter_shapes(config: AdapterConfig, width: int, layers: int) -> Iterator[tuple[str, torch.Size]]:
    """Yield the name and shape of every tensor of such an adapter on an encoder of `layers` x `width`."""
    blocks = ["output"] * config.output_adapter + ["attention.output"] * config.mh_adapter
    for layer in (i for i in range(layers) if i not in config.leave_out):
        for key, tensor in Bottleneck(width, layer, config).named_parameters():
            yield from ((f"encoder.layer.{layer}.{block}.adapters.{key}", tensor.shape) for block in blocks)
    if config.inv_adapter:
        coupling = NiceCoupling(width, config.inv_adapter_reduction_factor or 2, config.non_linearity)
        for key, tensor in coupling.named_parameters():
            yield f"embeddings.invertible_adapters.{key}", tensor.shape


def _without_layers(stored: StoredAdapter, leave_out: Sequence[int]) -> StoredAdapter:
    dropped = tuple(f"encoder.layer.{layer}." for layer in leave_out)
    tensors = {key: tensor for key, tensor in stored.tensors.items() if not key.startswith(dropped)}
    config = replace(stored.config, leave_out=sorted({*leave_out, *stored.config.leave_out}))
    return replace(stored, config=config, tensors=tensors)
