"""What runs that train a task share: its labels, and the stack of MAD-X adapters that it stands on."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from peft import PeftModel
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from xlzoo.modeling.adapter_files import read_adapter, read_head
from xlzoo.modeling.configuration_madx import MadxConfig
from xlzoo.modeling.modeling_madx import MadxPreTrainedModel
from xlzoo.run_scripts.arguments import AdapterArguments
from xlzoo.run_scripts.errors import UserError
from xlzoo.run_scripts.models.encoders import read_config
from xlzoo.run_scripts.runs import adapter_folder


def save_task(
    model: PreTrainedModel | PeftModel,
    tokenizer: PreTrainedTokenizerBase,
    adapter_args: AdapterArguments,
    folder: Path,
    task_name: str,
) -> list[Path]:
    """Save a model or an adapter of PEFT's, and a MAD-X task adapter if one was trained.

    Return their folders, the last of which is the one to publish.
    """
    model.save_pretrained(str(folder))
    tokenizer.save_pretrained(str(folder))
    if not (adapter_args.train_adapter and isinstance(model, MadxPreTrainedModel)):
        return [folder]
    name = adapter_args.adapter_name or task_name
    model.save_adapter(folder / name, name, with_head=True)
    return [folder, folder / name]


def label_config(labels: Sequence[str]) -> dict[str, Any]:
    """Return the configuration fields that name the labels."""
    return {"id2label": dict(enumerate(labels)), "label2id": {label: i for i, label in enumerate(labels)}}


def own_labels(stack: list[tuple[str, str]], own: str) -> list[str] | None:
    """Return the labels of the head that the task's own adapter brings, `None` where it brings none."""
    heads = [read_head(path) for path, name in stack if name == own]
    labels = [list(head.labels) for head in heads if head is not None and head.labels]
    return labels[0] if labels else None


def config_labels(name: str | None) -> list[str]:
    """Return the names of a checkpoint's labels in their order, those that transformers fills in among them."""
    config = read_config(name, MadxConfig) if name else None
    return [str(label) for _, label in sorted((config.id2label or {}).items())] if config else []


def checkpoint_labels(name: str | None, kind: str) -> list[str]:
    """Return the labels of the trained model that is to be evaluated, a "tagger" say."""
    names = config_labels(name)
    if names == [f"LABEL_{i}" for i in range(len(names))]:
        raise UserError(
            f"{name!r} is no trained {kind}; train it with --do_train, or load a task adapter with its head through "
            "--load_adapter, and give --adapter_name if it is not named like the task."
        )
    return names


def read_stack(adapter_args: AdapterArguments, task_name: str) -> list[tuple[str, str]]:
    """Return (path, name) of every adapter to load, languages first, having read each of them once as a check."""
    paths = [adapter_folder(path) for path in (adapter_args.load_lang_adapter, *adapter_args.load_adapter) if path]
    stack = [(path, read_adapter(path).name) for path in paths]
    names, own = [name for _, name in stack], adapter_args.adapter_name or task_name
    if len(set(names)) < len(names):
        raise UserError(f"Two of the adapters {', '.join(paths)} have the same name; they are {', '.join(names)}.")
    if own in names[:-1]:
        raise UserError(f"The task adapter {own!r} must come last among the adapters, found {', '.join(names)}.")
    return stack


def load_stack(
    model: MadxPreTrainedModel, stack: list[tuple[str, str]], adapter_args: AdapterArguments, task_name: str
) -> None:
    """Load the adapters, make them the active stack, and freeze what is not to be trained.

    Only the task's own adapter brings its head; a language adapter's folder may hold one, and it is left there.
    """
    own = adapter_args.adapter_name or task_name
    last = model.config.num_hidden_layers - 1
    for path, name in stack:
        drop = [last] if adapter_args.leave_out_last_layer and name != own else None
        model.load_adapter(path, leave_out=drop, with_head=name == own and read_head(path) is not None)
    names = [name for _, name in stack]
    if adapter_args.train_adapter:
        if own not in names:
            model.add_adapter(own, adapter_args.adapter_config)
            names.append(own)
        model.train_adapter(own)
    if names:
        model.set_active_adapters(names)
