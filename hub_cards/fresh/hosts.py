"""A MAD-X model as the host of an AdapterHub adapter: made where there is none, and cleared before it loads."""

import re
import sys
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import nn

# The folder of modeling code as a package, under a name of its own.
CODE = "madx_code"
VOCABULARY = 120


def make_host(code: Path, adapter: Path, base: str | None, host: Path) -> dict[str, Any]:
    """Save a MAD-X model that the adapter fits, with its code, and return how the adapter is to be loaded into it.

    Its weights are those of `base`, or random ones of the adapter's size. ValueError if the adapter cannot be read.
    """
    files = _import(code, "adapter_files")
    stored, head = files.read_adapter(str(adapter)), files.read_head(str(adapter))
    fields: dict[str, Any] = {}
    if head and head.labels:
        fields["id2label"] = dict(enumerate(head.labels))
        fields["label2id"] = {label: number for number, label in enumerate(head.labels)}
    cls = _class_for(_import(code, "modeling_madx"), head.config["head_type"] if head else None)
    if base is not None:
        model = cls.from_pretrained(base, **fields)
    else:
        torch.manual_seed(0)
        model = cls(cls.config_class(**_sizes(stored, head), **fields))
    model.save_pretrained(host)
    return {"name": stored.name, "stack": [stored.name], "with_head": head is not None}


def _import(code: Path, module: str) -> ModuleType:
    if CODE not in sys.modules:
        spec = spec_from_file_location(CODE, code / "__init__.py")
        if spec is None or spec.loader is None:
            raise ImportError(f"{code} holds no modeling code.")
        sys.modules[CODE] = module_from_spec(spec)
        spec.loader.exec_module(sys.modules[CODE])
    return import_module(f"{CODE}.{module}")


def _class_for(modeling: ModuleType, head_type: str | None) -> Any:
    """Return the model class with this head; without one, the encoder."""
    for value in vars(modeling).values():
        if isinstance(value, type) and value.__module__ == modeling.__name__ and hasattr(value, "_auto_class"):
            if value._auto_class and getattr(value, "head_type", None) == head_type:
                return value
    raise ValueError(f"the head of the adapter is a {head_type!r}, for which there is no model")


def _sizes(stored: Any, head: Any) -> dict[str, int]:
    """Return the configuration of the smallest encoder that the adapter fits."""
    if not isinstance(stored.hidden_size, int):
        raise ValueError("adapter_config.json names no hidden_size, so give the base model")
    layers = [int(found[1]) for key in stored.tensors if (found := re.match(r"encoder\.layer\.(\d+)\.", key))]
    return {
        "vocab_size": (head.config.get("vocab_size") if head else None) or VOCABULARY,
        "hidden_size": stored.hidden_size,
        "intermediate_size": stored.hidden_size,
        "num_attention_heads": 1,
        "num_hidden_layers": max([*layers, *stored.config.leave_out], default=0) + 1,
        "max_position_embeddings": 40,
    }


def disturb(host: Any, name: str, with_head: bool) -> None:
    """Take the adapter out of the host and spoil the head, so that both can only come from the published folder."""
    if name in host.config.adapters:
        host.delete_adapter(name)
    if not with_head:
        return
    torch.manual_seed(1)
    with torch.no_grad():
        for _, parameter in host._head_parameters():
            nn.init.normal_(parameter)
    if host.head_type != "masked_lm":
        host.config.id2label = {number: f"disturbed {number}" for number in host.config.id2label}
        host.config.label2id = {label: number for number, label in host.config.id2label.items()}
