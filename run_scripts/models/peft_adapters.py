"""PEFT's LoRA, IA3 and prefix adapters, loaded without believing their files.

Left to itself, PEFT 0.21.2 imports the module that `megatron_core` names, unpickles the files that the settings of
CorDA and LoRA-GA name, matches modules with the adapter's own regular expressions, and allocates whatever rank is
declared. Here the configuration is read field by field, and the tensors are compared with it before the model changes.
"""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from peft import IA3Config, LoraConfig, PeftConfig, PeftModel, PrefixTuningConfig, get_peft_model
from peft.utils import get_peft_model_state_dict, set_peft_model_state_dict
from transformers import PreTrainedModel

from xlzoo.modeling.adapter_config import AdapterError
from xlzoo.modeling.safe_files import find_file, read_json, read_tensors, require_file

CONFIG, WEIGHTS, PICKLE = "adapter_config.json", "adapter_model.safetensors", "adapter_model.bin"
NAME = re.compile(r"\^?\w[\w.]{0,200}", re.ASCII)
"""A module's name, or the end of one; PEFT would take other characters for a regular expression."""
ADAPTED = re.compile(r"base_model\.model\.(.+)\.(?:lora_\w+|ia3_l)(?:\.\w+)?")
TASKS = ("SEQ_CLS", "TOKEN_CLS", "QUESTION_ANS", "FEATURE_EXTRACTION", "CAUSAL_LM", "SEQ_2_SEQ_LM")
GENERATE = ("CAUSAL_LM", "SEQ_2_SEQ_LM")
Rule = tuple[Callable[[Any], bool], str]


def _is_number(value: object, low: float, high: float) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and low <= value <= high


def _is_whole(value: object, low: int, high: int) -> bool:
    return isinstance(value, int) and _is_number(value, low, high)


def _are_names(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) and bool(NAME.fullmatch(name)) for name in value)


def _are_layers(value: object) -> bool:
    return all(_is_whole(layer, 0, 9999) for layer in (value if isinstance(value, list) else [value]))


def _is_pattern(value: object) -> bool:
    return (
        isinstance(value, Mapping) and _are_names(list(value)) and all(_is_number(v, 1, 1e6) for v in value.values())
    )


BOOL: Rule = (lambda value: isinstance(value, bool), "true or false")
NAMES: Rule = (lambda value: not value or _are_names(value), "a list of modules' names, or null")
PATTERN: Rule = (lambda value: not value or _is_pattern(value), "a mapping from modules' names to numbers")
COMMON: dict[str, Rule] = {
    "target_modules": (lambda value: isinstance(value, str) or (bool(value) and _are_names(value)), "modules' names"),
    "exclude_modules": (
        lambda value: isinstance(value, str) or not value or _are_names(value),
        "modules' names, or null",
    ),
    "modules_to_save": NAMES,
    "fan_in_fan_out": BOOL,
    "task_type": (lambda value: value is None or value in TASKS, f"null or one of {', '.join(TASKS)}"),
}
LORA: dict[str, Rule] = COMMON | {
    "r": (lambda value: _is_whole(value, 1, 100_000), "a whole number from 1 to 100000"),
    "lora_alpha": (lambda value: _is_number(value, 0, 1e6), "a number from 0 to 1000000"),
    "lora_dropout": (lambda value: _is_number(value, 0, 1), "a number from 0 to 1"),
    "bias": (lambda value: value in ("none", "all", "lora_only"), "none, all or lora_only"),
    "use_rslora": BOOL,
    "use_dora": BOOL,
    "lora_bias": BOOL,
    "rank_pattern": PATTERN,
    "alpha_pattern": PATTERN,
    "layers_to_transform": (lambda value: value is None or _are_layers(value), "null or layers' numbers"),
    "layers_pattern": NAMES,
}
IA3: dict[str, Rule] = COMMON | {"feedforward_modules": NAMES}
SIZE: Rule = (lambda value: value is None or _is_whole(value, 1, 100_000), "null or a whole number from 1 to 100000")
SIZES = ("token_dim", "num_layers", "num_attention_heads", "num_transformer_submodules")
"""What a prefix says of the model that it belongs to; null where the model itself is to say."""
PREFIX: dict[str, Rule] = {
    "num_virtual_tokens": (lambda value: _is_whole(value, 1, 100_000), "a whole number from 1 to 100000"),
    "task_type": (lambda value: value in GENERATE, " or ".join(GENERATE)),
    **dict.fromkeys(SIZES, SIZE),
    # What made the prefix; it is stored as it came out.
    "prefix_projection": BOOL,
    "encoder_hidden_size": SIZE,
    "init_weights": (lambda value: value in (None, "zero"), "null or zero"),
}
KINDS: dict[str, tuple[type[PeftConfig], dict[str, Rule]]] = {
    "LORA": (LoraConfig, LORA),
    "IA3": (IA3Config, IA3),
    "PREFIX_TUNING": (PrefixTuningConfig, PREFIX),
}
INITS = (True, False, None, "gaussian", "orthogonal", "eva")
"""Initialisations that leave the base model as it is, so that the stored tensors are the whole adapter."""
WITHOUT_EFFECT = (
    *("auto_mapping", "base_model_name_or_path", "inference_mode", "init_ia3_weights", "peft_type", "peft_version"),
    *("revision", "runtime_config", "megatron_core", "eva_config", "loftq_config", "qalora_group_size"),
)
"""Keys that say nothing about what an adapter computes, or only together with others that are refused."""


def load_peft(model: PreTrainedModel, folder_or_id: str) -> PeftModel:
    """Put an adapter from a folder or the Hub into `model`, for inference; its weights are copied.

    `AdapterError`, with the model unchanged, where it is damaged, of another kind, holds a pickle or does not fit.
    """
    path = require_file(folder_or_id, CONFIG, "a folder or Hub id of a PEFT adapter")
    fields = read_json(path)
    weights = weights_file(folder_or_id)
    tensors = read_tensors(weights)
    config = _read_config(fields, list(tensors), str(path))
    if config.task_type in GENERATE and not model.can_generate():
        raise AdapterError(f"{path}: task_type is {config.task_type}; {type(model).__name__} does not generate text.")
    if config.is_prompt_learning and not takes_prefix(model):
        raise AdapterError(f"{path}: a prefix has no place in {type(model).__name__}; expected a LoRA or IA3 adapter.")
    _check_fit(model, config, tensors, str(weights))
    for name in SIZES if config.is_prompt_learning else ():
        if fields.get(name) not in (None, own := getattr(config, name)):
            raise AdapterError(f"{path}: {name} is {fields[name]}; {type(model).__name__} has {own}.")
    loaded = get_peft_model(model, config)
    set_peft_model_state_dict(loaded, tensors)
    return loaded.eval()


def weights_file(folder_or_id: str) -> Path:
    """Return the file with an adapter's tensors, of a folder or the Hub; AdapterError where there is a pickle only."""
    weights = find_file(folder_or_id, WEIGHTS)
    if weights is None:
        pickled = find_file(folder_or_id, PICKLE) is not None
        found = f"only {PICKLE}, a pickle" if pickled else f"no {WEIGHTS}"
        raise AdapterError(f"{folder_or_id} holds {found}; expected {WEIGHTS}, save the adapter with a newer PEFT.")
    return weights


def takes_prefix(model: PreTrainedModel) -> bool:
    """Say whether a prefix can stand before every layer: not in encoders, nor where the cache is of our own making."""
    return model.can_generate() and not type(model).__module__.startswith("xlzoo.")


def checked_kind(fields: Mapping[str, Any], path: str) -> str:
    """Return the kind of an adapter by its adapter_config.json; AdapterError where a field is not of that kind."""
    kind = fields.get("peft_type")
    if not isinstance(kind, str) or kind not in KINDS:
        raise AdapterError(f"{path}: peft_type is {_shown(kind)}; expected one of {', '.join(KINDS)}.")
    for key, value in fields.items():
        _check_field(key, value, KINDS[kind][1], path)
    return kind


def _read_config(fields: Mapping[str, Any], keys: list[str], path: str) -> PeftConfig:
    kind = checked_kind(fields, path)
    cls, rules = KINDS[kind]
    for key in ("task_type", "num_virtual_tokens") if kind == "PREFIX_TUNING" else ():
        _check_field(key, fields.get(key), rules, path)
    known = {key: fields[key] for key in rules if key in fields}
    if kind == "PREFIX_TUNING":
        return cls(inference_mode=True, **{key: known[key] for key in ("task_type", "num_virtual_tokens")})
    names = known.get("feedforward_modules") or []
    if not isinstance(known.get("target_modules"), list) or isinstance(known.get("exclude_modules"), str):
        # Regular expressions, or nothing: the tensors tell which modules are meant.
        known |= {"target_modules": _adapted(keys, path), "exclude_modules": None}
        names = [full for full in known["target_modules"] if any(f".{full}".endswith(f".{name}") for name in names)]
    if kind == "IA3":
        if not set(names) <= set(known["target_modules"]):
            raise AdapterError(f"{path}: feedforward_modules must be among target_modules.")
        known["feedforward_modules"] = names
    return cls(inference_mode=True, **known)


def _check_field(key: str, value: Any, rules: Mapping[str, Rule], path: str) -> None:
    if key in WITHOUT_EFFECT:
        return
    if key in rules:
        fits, expected = rules[key]
        if not fits(value):
            raise AdapterError(f"{path}: {key} is {_shown(value)}; expected {expected}.")
    elif key == "init_lora_weights":
        if not any(value is known or value == known for known in INITS):
            raise AdapterError(
                f"{path}: {key} is {_shown(value)}, which changes the base model too; convert it to LoRA."
            )
    elif value:
        raise AdapterError(
            f"{path}: {_shown(key)} is {_shown(value)}, a variant that is not supported; expected plain LoRA, IA3 "
            "or a prefix."
        )


def _adapted(keys: list[str], path: str) -> list[str]:
    """Return the full names of the modules that the tensors adapt."""
    names = {found[1] for key in keys if (found := ADAPTED.fullmatch(key))}
    if not names or not _are_names(sorted(names)):
        raise AdapterError(f"{path}: the tensors beside it are of no LoRA or IA3 adapter; expected its own.")
    return sorted(names)


def _check_fit(model: PreTrainedModel, config: PeftConfig, tensors: Mapping[str, torch.Tensor], path: str) -> None:
    """Compare names and shapes with those that the configuration calls for in such a model, without its memory."""
    try:
        with torch.device("meta"):
            adapted = get_peft_model(type(model)(model.config), config)
    except ValueError as error:  # No module has one of the names, or is of a kind that takes an adapter.
        raise AdapterError(f"{path}: it does not fit {type(model).__name__}: {_shown(str(error))}.") from error
    expected = _expected(adapted, config)
    if unexpected := sorted(tensors.keys() - expected.keys()):
        raise AdapterError(f"{path}: the tensor {unexpected[0]} has no place in {type(model).__name__}.")
    if missing := sorted(expected.keys() - tensors.keys()):
        raise AdapterError(f"{path}: the tensor {missing[0]} is missing for {type(model).__name__}.")
    for key, value in expected.items():
        if tensors[key].shape != value.shape:
            found = tuple(tensors[key].shape)
            raise AdapterError(f"{path}: {key} has shape {found}; this model needs {tuple(value.shape)}.")


def _expected(adapted: PeftModel, config: PeftConfig) -> Mapping[str, torch.Tensor]:
    if config.is_prompt_learning:
        prefix: Any = adapted.prompt_encoder["default"]
        return {"prompt_embeddings": prefix.embedding.weight}
    return get_peft_model_state_dict(adapted, save_embedding_layers=False)


def _shown(value: object) -> str:
    text = " ".join(repr(value).split())
    return text if len(text) < 120 else f"{text[:110]}..."
