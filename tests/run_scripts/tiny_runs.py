"""Runs of a second: a tiny checkpoint, the flags of short trainings, and comparisons of what they write."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import XLMRobertaConfig, XLMRobertaForMaskedLM

from xlzoo.modeling.adapter_config import AdapterError
from xlzoo.run_scripts import run_mlm
from xlzoo.run_scripts.corpora.phrasebook import load_phrasebook
from xlzoo.run_scripts.errors import UserError
from xlzoo.run_scripts.models.new_tokenizers import train_tokenizer

ENCODER = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "max_position_embeddings": 66,
    "type_vocab_size": 1,
    "initializer_range": 0.2,
}
COMMON = (
    "--report_to none --max_train_samples 40 --max_eval_samples 12 --max_seq_length 48 --learning_rate 1e-3".split()
)
MLM = [*COMMON, *"--line_by_line --max_steps 2 --per_device_train_batch_size 4 --save_strategy no".split()]
NER = [*COMMON, *"--max_steps 2 --per_device_train_batch_size 4 --save_strategy no".split()]


def sentences(language="eng", number=40, seed=0):
    return load_phrasebook(language, seed=seed, sizes={"train": number})["train"]


def make_checkpoint(folder: Path, **changes) -> Path:
    """Write a stock XLM-R checkpoint with random weights and a tokenizer of 300 pieces."""
    texts = [text for language in ("eng", "swh") for text in sentences(language, 150)["text"]]
    tokenizer = train_tokenizer(texts, 300)
    torch.manual_seed(5)
    config = XLMRobertaConfig(**{"vocab_size": len(tokenizer), **ENCODER, **changes})
    XLMRobertaForMaskedLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def train_language_adapter(base: Path, folder: Path, language: str) -> Path:
    data = ["--dataset_name", "phrasebook", "--dataset_config_name", language]
    kind = ["--train_adapter", "--adapter_config", "seq_bn_inv[reduction_factor=4]"]
    run_mlm.main([*MLM, *data, *kind, "--model_name_or_path", str(base), "--output_dir", str(folder)])
    return folder / language


def tensors(folder: Path) -> dict[str, torch.Tensor]:
    """Read all tensors of an adapter's or a model's folder."""
    return {
        f"{path.name}:{key}": value for path in folder.glob("*.safetensors") for key, value in load_file(path).items()
    }


def assert_same(one: Path, other: Path, tolerance: float = 0.0) -> None:
    """The tensors of two folders are equal, bit by bit unless a tolerance is given."""
    first, second = tensors(one), tensors(other)
    assert first and first.keys() == second.keys()
    for key, value in first.items():
        assert torch.allclose(value, second[key], rtol=0, atol=tolerance), key


def assert_different(one: Path, other: Path) -> None:
    first, second = tensors(one), tensors(other)
    assert first.keys() == second.keys()
    assert any(not torch.equal(value, second[key]) for key, value in first.items())


def refused(call, *words: str) -> str:
    """The call ends in one sentence for the user, with these words in it."""
    with pytest.raises((UserError, AdapterError)) as caught:
        call()
    message = str(caught.value)
    assert "\n" not in message and 20 < len(message) < 600, message
    for word in words:
        assert word in message, message
    return message
