"""The encoder and tokenizer that a run starts from: a checkpoint of the XLM-R family, or a new one."""

import logging
from pathlib import Path
from typing import Any, TypeVar, cast

import torch
from transformers import AutoConfig, PreTrainedTokenizerBase, XLMRobertaConfig, XLMRobertaForMaskedLM
from transformers.models.xlm_roberta.modeling_xlm_roberta import XLMRobertaPreTrainedModel

from xlzoo.modeling.modeling_madx import MadxForMaskedLM
from xlzoo.run_scripts.arguments import ModelArguments
from xlzoo.run_scripts.errors import UserError
from xlzoo.run_scripts.models.model_configs import FAMILY, Config, check_config, override, read_config
from xlzoo.run_scripts.models.tokenizer_files import read_tokenizer
from xlzoo.run_scripts.models.weights import fitting, read_weights, require_room

Model = TypeVar("Model", bound=XLMRobertaPreTrainedModel)
logger = logging.getLogger(__name__)


def load_encoder(
    cls: type[Model], args: ModelArguments, tokenizer: PreTrainedTokenizerBase, **fields: object
) -> Model:
    """Load a checkpoint of the XLM-R family as `cls`, or make a new one of `--config_name` or `--model_type`.

    `fields` sets further configuration fields, such as the labels.
    """
    if args.model_name_or_path:
        if args.config_overrides:
            raise UserError("--config_overrides shapes a new model; it does not go with --model_name_or_path.")
        model = _load_weights(cls, args.model_name_or_path, fields)
        if len(tokenizer) > model.config.vocab_size:
            raise UserError(
                f"The tokenizer has {len(tokenizer)} pieces, the model {args.model_name_or_path!r} only "
                f"{model.config.vocab_size}; give the --tokenizer_name that the model was trained with."
            )
        return model
    made = new_config(args, _config_class(cls))
    made.update({"vocab_size": len(tokenizer), **fields})
    for name in ("bos", "eos", "pad"):
        setattr(made, f"{name}_token_id", getattr(tokenizer, f"{name}_token_id"))
    require_room(cls, made)
    return cls(made)


def _load_weights(cls: type[Model], name: str, fields: dict[str, Any]) -> Model:
    """Load a checkpoint; no tensor of the encoder may be missing or of another shape.

    Configuration and tensors are read and compared here, and transformers gets these, not the name: it would believe
    what a repository says about other files, kernels and quantization.
    """
    config = read_config(name, _config_class(cls))
    config.update(fields)
    tensors = fitting(cls, config, read_weights(name), name)
    loaded: Any = cls.from_pretrained(None, config=config, state_dict=tensors, output_loading_info=True)
    model, found = loaded
    model.name_or_path = model.config.name_or_path = name
    for key in sorted(found["missing_keys"]):
        logger.info("%s is not in %s: it begins at random, unless an adapter brings it", key, name)
    return model


def _config_class(cls: type[XLMRobertaPreTrainedModel]) -> type[XLMRobertaConfig]:
    return cast(type[XLMRobertaConfig], cls.config_class)


def new_config(args: ModelArguments, cls: type[Config]) -> Config:
    """Return the configuration, a `cls`, of a model that is trained from scratch."""
    if args.config_name:
        config = read_config(args.config_name, cls)
    elif args.model_type in FAMILY:
        config = cls(max_position_embeddings=514, layer_norm_eps=1e-5, type_vocab_size=1)
    else:
        raise UserError("Name a checkpoint with --model_name_or_path, or train a new --model_type xlm-roberta.")
    if args.config_overrides:
        override(config, args.config_overrides)
    check_config(config, "The new model's configuration")
    return config


def check_length(config: XLMRobertaConfig, length: int) -> None:
    """Refuse a `--max_seq_length` that leaves no room for a piece, or that the model has no positions for."""
    most = config.max_position_embeddings - (config.pad_token_id or 0) - 1
    if not 3 <= length <= most:
        raise UserError(f"--max_seq_length {length} does not suit the model; expected 3 to {most} pieces.")


def load_tokenizer(args: ModelArguments) -> PreTrainedTokenizerBase:
    """Load the tokenizer that `--tokenizer_name` or the checkpoint names."""
    name = args.tokenizer_name or args.model_name_or_path or args.config_name
    if name is None:
        raise UserError("A new model needs a tokenizer: give --tokenizer_name or --tokenizer_vocab_size.")
    tokenizer = read_tokenizer(name, args.trust_remote_code)
    needed = {kind: getattr(tokenizer, f"{kind}_token") for kind in ("cls", "sep", "pad", "unk", "mask")}
    lacking = [kind for kind, token in needed.items() if token is None]
    if lacking:
        raise UserError(f"The tokenizer of {name!r} has no {lacking[0]} token; expected XLM-R's or one like it.")
    return tokenizer


def stock_fields(config: XLMRobertaConfig) -> dict[str, Any]:
    """Return what a configuration of the XLM-R family says of the encoder itself."""
    own = {"auto_map", "model_type", "architectures"}
    known = XLMRobertaConfig().to_dict().keys() - own
    return {key: value for key, value in config.to_diff_dict().items() if key in known}


def as_stock(model: XLMRobertaForMaskedLM, **fields: Any) -> XLMRobertaForMaskedLM:
    """Return the stock XLM-R with masked-LM head that is inside a model of the family, whatever else it has.

    `fields` take the place of the model's own in the configuration.
    """
    config: Any = AutoConfig.for_model("xlm-roberta", **{**stock_fields(model.config), **fields})
    with torch.device("meta"):
        wanted = XLMRobertaForMaskedLM(config).state_dict().keys()
    tensors = {key: value for key, value in model.state_dict().items() if key in wanted}
    return XLMRobertaForMaskedLM.from_pretrained(None, config=config, state_dict=tensors)


def save_plain(model: MadxForMaskedLM, folder: Path) -> None:
    """Write a model without adapters as the stock XLM-R checkpoint that it is."""
    as_stock(model).save_pretrained(folder)
