"""The sequence-to-sequence model that a run starts from: T5, mT5 and other families with an encoder and a decoder."""

from typing import Any

from transformers import MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING, PretrainedConfig, PreTrainedModel
from transformers import PreTrainedTokenizerBase as Tokenizer

from xlzoo.run_scripts.errors import UserError
from xlzoo.run_scripts.models.decoders import DecoderArguments, start_decoder


def start_seq2seq(args: DecoderArguments, tokenizer: Tokenizer) -> tuple[PreTrainedModel, int]:
    """Return the checkpoint that the arguments name, or a new model, and the token that its decoder starts with."""
    model = start_decoder(args, tokenizer, seq2seq_class)
    start = model.config.to_dict().get("decoder_start_token_id")
    if start is None:
        raise UserError(
            f"The config.json of {args.model_name_or_path!r} has no decoder_start_token_id; add it, 0 in T5's family."
        )
    return model, start


def seq2seq_class(config: PretrainedConfig, name: str) -> type[PreTrainedModel]:
    """Return the class for a configuration; UserError where the family has no encoder and decoder."""
    if type(config) not in MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING:
        raise UserError(
            f"{name!r} is a {config.model_type} model; expected one with encoder and decoder, such as mt5."
        )
    found: Any = MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING[type(config)]
    return found
