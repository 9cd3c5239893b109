"""The causal language model and tokenizer that a run starts from: a checkpoint of any family, or a new model.

A Backpack is recognised by its configuration and gets our own code; the code that its repository may bring never runs.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from textwrap import shorten
from typing import Any

import torch
from huggingface_hub.errors import StrictDataclassError
from transformers import (
    CONFIG_MAPPING,
    MODEL_FOR_CAUSAL_LM_MAPPING,
    MODEL_FOR_MASKED_LM_MAPPING,
    AutoModelForCausalLM,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from xlzoo.modeling.adapter_config import AdapterError
from xlzoo.modeling.configuration_backpack import BackpackGPT2Config
from xlzoo.modeling.modeling_backpack import BackpackGPT2LMHeadModel
from xlzoo.modeling.safe_files import find_file, read_json, require_file
from xlzoo.run_scripts.arguments import ModelArguments
from xlzoo.run_scripts.errors import UserError
from xlzoo.run_scripts.models.model_configs import override
from xlzoo.run_scripts.models.quantization import BITS, quantized
from xlzoo.run_scripts.models.tokenizer_files import read_tokenizer
from xlzoo.run_scripts.models.weights import BUFFERS, FORMATS, read_weights, require_memory

BACKPACK = "backpack"
DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
MASKS = ("attn.bias", "attn.masked_bias", "attn.causal_mask", "attention.bias", "attention.masked_bias")
"""Causal masks that old checkpoints of GPT-2's relatives hold as if they were weights."""
NUMBERED = re.compile(r"\.\d+\.")
"""The name of a layer's tensor; a head that this model does not have may stay unread."""
NOT_TAKEN_OVER = (
    *("auto_map", "attn_implementation", "experts_implementation", "dtype", "torch_dtype", "name_or_path"),
    *("return_dict", "output_hidden_states", "output_attentions"),
)
"""Fields that say what transformers is to do, or where to look, not what the model is; likewise all with a `_`."""
MOST_DEPTH = 20
"""How deep a configuration's values may be nested; transformers copies them recursively."""
NONSENSE = (
    *(ArithmeticError, AssertionError, AttributeError, LookupError, MemoryError, NotImplementedError, OverflowError),
    *(RecursionError, RuntimeError, StrictDataclassError, TypeError, ValueError),
)
"""What the families' own code stumbles over when a configuration holds other values than it expects."""


@dataclass
class DecoderArguments(ModelArguments):
    """Which causal language model to start from."""

    model_type: str | None = field(default=None, metadata={"help": "Train from scratch: 'backpack', 'gpt2', ..."})
    dtype: str = field(
        default="float32",
        metadata={"help": "Numbers to hold weights in; auto: the checkpoint's.", "choices": ["auto", *DTYPES]},
    )
    quantization: str | None = field(
        default=None,
        metadata={"help": "Hold the base in 4bit (nf4) or 8bit under an adapter; GPU.", "choices": list(BITS)},
    )


def decoder_class(config: PretrainedConfig, name: str) -> type[PreTrainedModel]:
    """Return the class for a configuration; UserError where the family does not predict the next token."""
    if isinstance(config, BackpackGPT2Config):
        return BackpackGPT2LMHeadModel
    # Encoders have a class for this too, which is of use only where the configuration makes them decoders.
    encodes = type(config) in MODEL_FOR_MASKED_LM_MAPPING and not config.to_dict().get("is_decoder")
    if encodes or type(config) not in MODEL_FOR_CAUSAL_LM_MAPPING:
        raise UserError(f"{name!r} is a {config.model_type} model; expected a causal language model, such as gpt2.")
    found: Any = MODEL_FOR_CAUSAL_LM_MAPPING[type(config)]
    return found


Finder = Callable[[PretrainedConfig, str], type[PreTrainedModel]]
"""Returns the class for a configuration; UserError where the family, told by the name, is another than asked for."""


def load_decoder(
    name: str,
    *,
    trust_remote_code: bool = False,
    dtype: str | None = None,
    quantization: str | None = None,
    find: Finder = decoder_class,
) -> PreTrainedModel:
    """Load a causal language model from a folder or the Hub, in `dtype`, by default that of its configuration.

    With `quantization`, "4bit" or "8bit", bitsandbytes holds its layers in so many bits. Raises UserError where it is
    no such model, is damaged, or is code of its repository that was not trusted.
    """
    fields = read_fields(name)
    kind = DTYPES[dtype or _stored_dtype(fields)]
    options = {"dtype": kind, **quantized(quantization, kind)}
    if not _is_known(fields):
        return _load_custom(name, fields, trust_remote_code, options)
    config = made_config(fields, f"The config.json of {name!r}")
    tensors = read_weights(name, leave_out=(*BUFFERS, *MASKS))
    cls = find(config, name)
    _require_match(cls, config, tensors, name)
    try:
        loaded: Any = cls.from_pretrained(None, config=config, state_dict=tensors, output_loading_info=True, **options)
    except NONSENSE as error:
        raise UserError(f"The weights of {name!r} do not fit its config.json: {_reason(error)}.") from error
    model, found = loaded
    if found["missing_keys"]:
        raise UserError(
            f"{name!r} lacks {min(found['missing_keys'])}; expected a whole {cls.__name__} that fits its config.json."
        )
    if extra := [key for key in found["unexpected_keys"] if NUMBERED.search(key)]:
        raise UserError(f"{name!r} holds {min(extra)}, for which its config.json leaves no place; expected one model.")
    model.name_or_path = model.config.name_or_path = name
    return model


def start_decoder(
    args: DecoderArguments, tokenizer: PreTrainedTokenizerBase, find: Finder = decoder_class
) -> PreTrainedModel:
    """Load the checkpoint that the arguments name, or make the new model that they describe."""
    name, config_name = args.model_name_or_path, args.config_name
    if name is None and args.quantization:
        raise UserError("--quantization is for the base of an adapter; name it with --model_name_or_path.")
    dtype = None if args.dtype == "auto" else args.dtype
    if name is None or (config_name and not has_weights(name)):
        made: Any = new_decoder(_new_config(args), tokenizer, find)
        return made.to(DTYPES[dtype]) if dtype else made
    if args.config_overrides or args.model_type or config_name not in (None, name):
        raise UserError(
            f"--config_name, --config_overrides and --model_type describe a new model, but {name!r} holds weights; "
            "leave them out, or --model_name_or_path."
        )
    trusted, bits = args.trust_remote_code, args.quantization
    model = load_decoder(name, trust_remote_code=trusted, dtype=dtype, quantization=bits, find=find)
    embeddings: Any = model.get_input_embeddings()
    pieces = len(embeddings.weight)
    if len(tokenizer) > pieces:
        raise UserError(
            f"The tokenizer has {len(tokenizer)} pieces, the model {name!r} only {pieces}; give the --tokenizer_name "
            "that the model was trained with."
        )
    return model


def _new_config(args: DecoderArguments) -> PretrainedConfig:
    if args.config_name:
        config = made_config(read_fields(args.config_name), f"The config.json of {args.config_name!r}")
    elif args.model_type == BACKPACK:
        config = BackpackGPT2Config()
    elif args.model_type and args.model_type in CONFIG_MAPPING:
        config = CONFIG_MAPPING[args.model_type]()
    else:
        raise UserError(
            "Name a checkpoint with --model_name_or_path, or train a new one of --config_name, or of --model_type "
            "backpack, gpt2, llama, ..."
        )
    if args.config_overrides:
        override(config, args.config_overrides)
    return config


def new_decoder(
    config: PretrainedConfig, tokenizer: PreTrainedTokenizerBase, find: Finder = decoder_class
) -> PreTrainedModel:
    """Make an untrained model of this configuration for the tokenizer's vocabulary."""
    config.vocab_size = len(tokenizer)
    for kind in ("bos", "eos", "pad"):
        setattr(config, f"{kind}_token_id", getattr(tokenizer, f"{kind}_token_id"))
    if config.is_encoder_decoder:
        config.decoder_start_token_id = tokenizer.pad_token_id
    cls = find(config, "The new model")
    require_memory(_size(cls, config, "The new model's configuration"))
    return cls(config)


def load_decoder_tokenizer(name: str, trust_remote_code: bool = False) -> PreTrainedTokenizerBase:
    """Load a fast tokenizer; one without padding token pads with its end of text, which attention masks tell apart."""
    tokenizer = read_tokenizer(name, trust_remote_code)
    if tokenizer.eos_token is None:
        raise UserError(f"The tokenizer of {name!r} has no end-of-text token; give another --tokenizer_name.")
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def read_fields(name: str) -> dict[str, Any]:
    """Return the configuration's fields as they stand in the file."""
    try:
        fields = read_json(require_file(name, "config.json", "a causal language model"))
    except AdapterError as error:
        raise UserError(f"No model could be loaded: {str(error).rstrip('.')}.") from error
    if fields.get("quantization_config") is not None:
        raise UserError(f"The config.json of {name!r} declares quantized weights; give the model they were made of.")
    if not isinstance(fields.get("model_type"), str):
        raise UserError(f"{name!r} has no config.json that says its model_type; expected a causal language model.")
    return fields


def has_weights(name: str) -> bool:
    """Say whether a folder or repository holds weights, not just a configuration."""
    try:
        return any(find_file(name, file) is not None for kinds in FORMATS for file in kinds)
    except AdapterError as error:
        raise UserError(str(error)) from error


def made_config(fields: Mapping[str, Any], whose: str) -> PretrainedConfig:
    """Return the configuration that the fields describe, of a known family; `whose` begins the error's sentence."""
    if _is_deep(fields):
        raise UserError(f"{whose} nests values deeper than {MOST_DEPTH}; expected a model's configuration.")
    kept = {key: value for key, value in fields.items() if _is_taken_over(key)}
    kind = kept.pop("model_type")
    try:
        return BackpackGPT2Config(**kept) if _is_backpack(fields) else CONFIG_MAPPING[kind](**kept)
    except NONSENSE as error:
        raise UserError(f"{whose} is wrong: {_reason(error)}.") from error


def _is_taken_over(key: str) -> bool:
    """Say whether a field describes the model; one named like a method would take that method's place."""
    is_method = callable(getattr(PretrainedConfig, key, None))
    return not (key.startswith("_") or key in NOT_TAKEN_OVER or is_method)


def _is_deep(value: Any, levels: int = MOST_DEPTH) -> bool:
    """Say whether mappings and lists are nested more than so many levels deep."""
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return levels < 0 or any(_is_deep(part, levels - 1) for part in inner)


def _is_backpack(fields: Mapping[str, Any]) -> bool:
    """Tell a Backpack from GPT-2, whose `model_type` it shares."""
    return fields["model_type"] == BACKPACK or (fields["model_type"] == "gpt2" and "num_senses" in fields)


def _is_known(fields: Mapping[str, Any]) -> bool:
    return _is_backpack(fields) or fields["model_type"] in CONFIG_MAPPING


def _load_custom(name: str, fields: Mapping[str, Any], trusted: bool, options: Mapping[str, Any]) -> PreTrainedModel:
    """Load a model that consists of code in its own repository, which the user has to trust."""
    own = fields.get("auto_map")
    if not isinstance(own, Mapping) or "AutoModelForCausalLM" not in own:
        raise UserError(
            f"{name!r} is of the unknown type {fields['model_type'][:80]!r}; expected a causal language model."
        )
    if not trusted:
        raise UserError(
            f"The model {name!r} consists of code in that repository; read it, and if you trust it give "
            "--trust_remote_code."
        )
    return AutoModelForCausalLM.from_pretrained(name, trust_remote_code=True, use_safetensors=True, **options)


def _require_match(
    cls: type[PreTrainedModel], config: PretrainedConfig, tensors: Mapping[str, torch.Tensor], name: str
) -> None:
    """Refuse a configuration that asks for more than the files hold, before anything of its size is allocated."""
    whose = f"The config.json of {name!r}"
    layers = config.to_dict().get(config.attribute_map.get("num_hidden_layers", "num_hidden_layers"), 0)
    if not isinstance(layers, int) or layers > len(tensors):
        raise UserError(
            f"{whose} has {layers!r} layers, but its files {len(tensors)} tensors; expected files of one model."
        )
    declared, stored = _size(cls, config, whose), sum(value.numel() for value in tensors.values())
    if declared > stored:
        raise UserError(
            f"{whose} makes a model of {declared} numbers, its files hold {stored}; expected files of one model."
        )


def _size(cls: type[PreTrainedModel], config: PretrainedConfig, whose: str) -> int:
    """Count the numbers of such a model without making it."""
    try:
        with torch.device("meta"):
            return sum(parameter.numel() for parameter in cls(config).parameters())
    except NONSENSE as error:
        raise UserError(f"{whose} does not make a model: {_reason(error)}.") from error


def _stored_dtype(fields: Mapping[str, Any]) -> str:
    kind = fields.get("dtype") or fields.get("torch_dtype")
    return kind if isinstance(kind, str) and kind in DTYPES else "float32"


def _reason(error: BaseException) -> str:
    return shorten(" ".join(str(error).split()), 300).rstrip(".") or type(error).__name__
