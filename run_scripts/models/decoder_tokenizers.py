"""The tokenizer that a run of a model that writes starts with: the checkpoint's, or a new one of its training text."""

from collections.abc import Mapping
from typing import Any

from datasets import Dataset
from transformers import PreTrainedTokenizerBase

from xlzoo.run_scripts.errors import UserError
from xlzoo.run_scripts.models.decoders import DecoderArguments, load_decoder_tokenizer
from xlzoo.run_scripts.models.new_tokenizers import train_decoder_tokenizer


def start_decoder_tokenizer(
    model_args: DecoderArguments, rows: Mapping[str, Any], checkpoint: str | None
) -> PreTrainedTokenizerBase:
    """Load the tokenizer that the arguments name, or train one on the training rows, whatever their columns.

    A new one is read from the checkpoint that the run goes on from.
    """
    size = model_args.tokenizer_vocab_size
    if size is None:
        name = model_args.tokenizer_name or model_args.model_name_or_path or model_args.config_name
        if name is None:
            raise UserError(
                "Name a checkpoint with --model_name_or_path, or give a new model a tokenizer, with "
                "--tokenizer_name or --tokenizer_vocab_size."
            )
        return load_decoder_tokenizer(name, model_args.trust_remote_code)
    train = rows.get("train")
    if model_args.model_name_or_path or model_args.tokenizer_name or not isinstance(train, Dataset):
        raise UserError(
            "--tokenizer_vocab_size trains the tokenizer of a new model, on training text that is no stream."
        )
    if checkpoint is not None:
        return load_decoder_tokenizer(checkpoint)
    return train_decoder_tokenizer((text for column in train.column_names for text in train[column]), size)
