"""The configuration of an encoder: read from a repository without believing it, and checked field by field."""

from collections.abc import Callable, Mapping
from textwrap import shorten
from typing import Any, TypeVar

from huggingface_hub.errors import StrictDataclassError
from transformers import PretrainedConfig, XLMRobertaConfig
from transformers.activations import ACT2FN

from xlzoo.modeling.adapter_config import AdapterError
from xlzoo.modeling.configuration_madx import MadxConfig
from xlzoo.modeling.configuration_xlm_align import XLMAlignConfig
from xlzoo.modeling.safe_files import read_json, require_file
from xlzoo.run_scripts.errors import UserError

FAMILY = ("xlm-roberta", "madx", "xlm-align")
DTYPES = ("float32", "float16", "bfloat16", "float64")
MOST_LABELS = 100_000


def _is_whole(value: object, low: int, high: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def _is_number(value: object, low: float, high: float) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and low <= value <= high


def _size(low: int, high: int = 10**8) -> tuple[Callable[[Any], bool], str]:
    return lambda value: _is_whole(value, low, high), f"at least {low}, at most {high}"


def _number(low: float, high: float, or_null: bool = False) -> tuple[Callable[[Any], bool], str]:
    return lambda value: (or_null and value is None) or _is_number(value, low, high), f"a number from {low} to {high}"


def _one_of(*choices: object) -> tuple[Callable[[Any], bool], str]:
    named = " or ".join(str(choice).lower() for choice in choices)
    return lambda value: any(value is choice or value == choice for choice in choices), named


TOKEN_ID = (lambda value: value is None or _is_whole(value, 0, 10**8), "the number of a piece, or null")

RULES: dict[str, tuple[Callable[[Any], bool], str]] = {
    # Special tokens and one piece; pad, `<s>`, one piece and `</s>`.
    "vocab_size": _size(6),
    "max_position_embeddings": _size(5),
    "hidden_size": _size(1),
    "num_hidden_layers": _size(1, 1000),
    "num_attention_heads": _size(1),
    "intermediate_size": _size(1),
    "type_vocab_size": _size(1),
    "hidden_act": (lambda value: isinstance(value, str) and value in ACT2FN, "a known activation such as gelu"),
    "hidden_dropout_prob": _number(0, 1),
    "attention_probs_dropout_prob": _number(0, 1),
    "classifier_dropout": _number(0, 1, or_null=True),
    "layer_norm_eps": _number(0, 1),
    "initializer_range": _number(0, 100),
    "pad_token_id": TOKEN_ID,
    "bos_token_id": TOKEN_ID,
    "eos_token_id": TOKEN_ID,
    "is_decoder": _one_of(False),
    "add_cross_attention": _one_of(False),
    "tie_word_embeddings": _one_of(True, False),
    "problem_type": _one_of(None, "regression", "single_label_classification", "multi_label_classification"),
}
"""What each field may be, and these words for it; `check_config` applies them to checkpoints and new models alike."""
KEPT = (*RULES, "id2label", "label2id")
"""The fields taken over from a repository; the others could change what transformers does, or where it looks."""
OWN: dict[type[XLMRobertaConfig], tuple[str, ...]] = {
    XLMRobertaConfig: (),
    MadxConfig: ("adapters", "active_adapters"),
    XLMAlignConfig: ("align_layer", "sinkhorn_steps"),
}
"""Those that one kind of configuration has besides."""
Config = TypeVar("Config", bound=XLMRobertaConfig)


def read_config(name: str, cls: type[Config]) -> Config:
    """Read the configuration of a checkpoint of the XLM-R family as `cls`, without running its repository's code."""
    fields = _read_fields(name)
    kind = fields.get("model_type")
    if kind not in FAMILY:
        code = ", and the code in that repository is not run, with --trust_remote_code or without"
        raise UserError(
            f"{name!r} is a {_shown(kind)} model{code if 'auto_map' in fields else ''}; expected one of the XLM-R "
            f"family ({', '.join(FAMILY)})."
        )
    whose = f"The config.json of {name!r}"
    if fields.get("quantization_config") is not None:
        raise UserError(f"{whose} declares quantized weights; expected a plain checkpoint, save it dequantized.")
    kept = {key: fields[key] for key in (*KEPT, *OWN[cls]) if key in fields}
    kept |= _labels(fields, whose) | _dtype(fields, whose)
    check_fields({**_defaults(), **kept}, whose)
    try:
        return cls(**kept)
    except (StrictDataclassError, ValueError, TypeError) as error:
        raise UserError(f"{whose} is wrong: {shorten(' '.join(str(error).split()), 300)}") from error


def _read_fields(name: str) -> dict[str, Any]:
    try:
        path = require_file(name, "config.json", "an XLM-R checkpoint")
    except AdapterError as error:
        reason = str(error)
        if "holds no config.json" in reason:
            reason = f"{name!r} has no config.json that says its model_type; expected an XLM-R checkpoint."
        raise UserError(f"No model could be loaded: {reason}") from error
    try:
        fields = read_json(path)
    except AdapterError as error:
        raise UserError(f"The config.json of {name!r} is not a valid JSON object: {error}") from error
    if "model_type" not in fields:
        raise UserError(f"{name!r} has no config.json that says its model_type; expected an XLM-R checkpoint.")
    return fields


def _defaults() -> dict[str, Any]:
    config = XLMRobertaConfig()
    return {key: getattr(config, key) for key in RULES}


def _labels(fields: Mapping[str, Any], whose: str) -> dict[str, Any]:
    """Return the checked names of the labels, numbered from 0; nothing where there are none."""
    names, number = fields.get("id2label"), fields.get("num_labels")
    if names is None:
        if number is None:
            return {"label2id": None}
        if not _is_whole(number, 1, MOST_LABELS):
            raise UserError(f"{whose}: num_labels is {_shown(number)}; expected 1 to {MOST_LABELS}.")
        return {"num_labels": number, "label2id": None}
    expected = {str(i) for i in range(len(names))} if isinstance(names, Mapping) else None
    if not names or expected is None or names.keys() != expected or len(names) > MOST_LABELS:
        raise UserError(f"{whose}: id2label is {_shown(names)}; expected names by their numbers from 0 on.")
    labels = {int(key): value for key, value in names.items()}
    if not all(isinstance(label, str) and len(label) <= 1000 for label in labels.values()):
        raise UserError(f"{whose}: id2label holds {_shown(names)}; expected strings.")
    ids = {label: i for i, label in labels.items()}
    if len(ids) < len(labels):
        raise UserError(f"{whose}: id2label is {_shown(names)}; expected each name once.")
    return {"id2label": labels, "label2id": ids}


def _dtype(fields: Mapping[str, Any], whose: str) -> dict[str, Any]:
    kind = fields.get("dtype") or fields.get("torch_dtype")
    if kind is not None and kind not in DTYPES:
        raise UserError(f"{whose}: dtype is {_shown(kind)}; expected one of {', '.join(DTYPES)}.")
    return {"dtype": kind}


def override(config: PretrainedConfig, overrides: str) -> None:
    """Change fields of a new model's configuration as `--config_overrides` says; UserError where it cannot."""
    try:
        config.update_from_string(overrides)
    except (ValueError, TypeError, StrictDataclassError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"--config_overrides {overrides!r}: {reason}; expected key=value,...") from error


def check_config(config: XLMRobertaConfig, whose: str) -> None:
    """Refuse sizes, activations and dropouts of which no encoder can be made; `whose` begins the sentence."""
    check_fields({key: getattr(config, key) for key in RULES}, whose)


def check_fields(fields: Mapping[str, Any], whose: str) -> None:
    """As `check_config`, for the fields of a configuration that is yet to be made."""
    for key, (fits, expected) in RULES.items():
        if not fits(fields[key]):
            raise UserError(f"{whose}: {key} is {_shown(fields[key])}; expected {expected}.")
    if fields["hidden_size"] % fields["num_attention_heads"]:
        raise UserError(
            f"{whose}: hidden_size {fields['hidden_size']} is no multiple of {fields['num_attention_heads']} heads."
        )
    pad = fields["pad_token_id"]
    if pad is None or pad >= min(fields["vocab_size"], fields["max_position_embeddings"] - 3):
        raise UserError(f"{whose}: pad_token_id is {pad}; expected the number of a piece, 1 in XLM-R.")


def _shown(value: object) -> str:
    try:
        text = repr(value)
    except (RecursionError, ValueError):
        return f"a {type(value).__name__}"
    return text if len(text) < 80 else f"{text[:70]}..."
