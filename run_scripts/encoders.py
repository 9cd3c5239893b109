"""The encoder and tokenizer that a run starts from: a checkpoint of the XLM-R family, or a new one."""

import io
import json
from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

from sentencepiece import SentencePieceProcessor, SentencePieceTrainer
from transformers import AutoConfig, AutoTokenizer, PreTrainedTokenizerBase, XLMRobertaForMaskedLM, XLMRobertaTokenizer

from xlzoo.modeling.configuration_madx import MadxConfig
from xlzoo.modeling.modeling_madx import MadxForMaskedLM, MadxPreTrainedModel
from xlzoo.run_scripts.arguments import ModelArguments
from xlzoo.run_scripts.errors import UserError

FAMILY = ("xlm-roberta", "madx")
SPECIAL_TOKENS = ["<s>", "<pad>", "</s>", "<unk>"]
Model = TypeVar("Model", bound=MadxPreTrainedModel)


def load_encoder(
    cls: type[Model], args: ModelArguments, tokenizer: PreTrainedTokenizerBase, **config: object
) -> Model:
    """Load a checkpoint of the XLM-R family as `cls`, or make a new one of `--config_name` or `--model_type`.

    `config` sets further configuration fields, such as the labels.
    """
    if args.model_name_or_path:
        _require_family(args.model_name_or_path)
        if args.config_overrides:
            raise UserError("--config_overrides shapes a new model; it does not go with --model_name_or_path.")
        return cls.from_pretrained(args.model_name_or_path, **config)
    made = new_config(args)
    made.update({"vocab_size": len(tokenizer), **config})
    for name in ("bos", "eos", "pad"):
        setattr(made, f"{name}_token_id", getattr(tokenizer, f"{name}_token_id"))
    return cls(made)


def new_config(args: ModelArguments) -> MadxConfig:
    """Return the configuration of a model that is trained from scratch."""
    if args.config_name:
        _require_family(args.config_name)
        config = MadxConfig.from_pretrained(args.config_name)
    elif args.model_type in FAMILY:
        config = MadxConfig(max_position_embeddings=514, layer_norm_eps=1e-5, type_vocab_size=1)
    else:
        raise UserError("Name a checkpoint with --model_name_or_path, or train a new --model_type xlm-roberta.")
    if args.config_overrides:
        try:
            config.update_from_string(args.config_overrides)
        except ValueError as error:
            raise UserError(f"--config_overrides {args.config_overrides!r}: {error}") from error
    if config.hidden_size % config.num_attention_heads:
        raise UserError(f"hidden_size {config.hidden_size} is no multiple of {config.num_attention_heads} heads.")
    return config


def load_tokenizer(args: ModelArguments) -> PreTrainedTokenizerBase:
    """Load the tokenizer that `--tokenizer_name` or the checkpoint names."""
    name = args.tokenizer_name or args.model_name_or_path or args.config_name
    if name is None:
        raise UserError("A new model needs a tokenizer: give --tokenizer_name or --tokenizer_vocab_size.")
    try:
        return AutoTokenizer.from_pretrained(name, trust_remote_code=args.trust_remote_code)
    except (OSError, ValueError) as error:
        raise UserError(f"No tokenizer could be loaded from {name!r}: {str(error).splitlines()[0]}") from error


def train_tokenizer(texts: Iterable[str], vocab_size: int) -> PreTrainedTokenizerBase:
    """Train an XLM-R tokenizer (Unigram, words split at spaces) of `vocab_size` pieces, special ones included."""
    model = io.BytesIO()
    try:
        SentencePieceTrainer.train(
            sentence_iterator=iter(texts),
            model_writer=model,
            vocab_size=vocab_size,
            hard_vocab_limit=False,
            normalization_rule_name="identity",
            num_threads=1,
            minloglevel=2,
            bos_id=-1,
            eos_id=-1,
        )
    except RuntimeError as error:
        raise UserError(f"--tokenizer_vocab_size {vocab_size} does not suit the training text: {error}") from error
    learned = SentencePieceProcessor(model_proto=model.getvalue())
    pieces = [(learned.id_to_piece(i), learned.get_score(i)) for i in range(1, len(learned))]
    # XLM-R's order: its four special tokens, the pieces, and <mask> at the end.
    special = [(token, 0.0) for token in SPECIAL_TOKENS]
    vocab = [*special, *(p for p in pieces if p[0] not in SPECIAL_TOKENS)][: vocab_size - 1]
    return XLMRobertaTokenizer(vocab=[*vocab, ("<mask>", 0.0)], model_max_length=512)


def save_plain(model: MadxForMaskedLM, folder: Path) -> None:
    """Write a model without adapters as the stock XLM-R checkpoint that it is."""
    fields = model.config.to_diff_dict()
    for key in ("adapters", "active_adapters", "auto_map", "model_type", "architectures"):
        fields.pop(key, None)
    config = AutoConfig.for_model("xlm-roberta", **fields)
    stock = XLMRobertaForMaskedLM.from_pretrained(None, config=config, state_dict=model.state_dict())
    stock.save_pretrained(folder)


def _require_family(name: str) -> None:
    try:
        config = AutoConfig.from_pretrained(name, trust_remote_code=False)
        kind = config.model_type
    except ValueError:
        # Our own architectures carry code; their type is read without running it.
        path = Path(name) / "config.json"
        kind = json.loads(path.read_text())["model_type"] if path.is_file() else "madx"
    except OSError as error:
        raise UserError(f"No model could be loaded from {name!r}: {str(error).splitlines()[0]}") from error
    if kind not in FAMILY:
        raise UserError(f"{name!r} is a {kind} model; expected one of the XLM-R family ({', '.join(FAMILY)}).")
