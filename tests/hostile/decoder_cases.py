"""Causal language models that are to be measured: good ones, and what may be wrong with them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from cases import Case, Kind, flipped, linked, missing, no_plain_file, plant, truncated
from json_cases import HUGE, edit_json, nested, no_object, shown, twice, with_values
from model_folders import SENTENCE, write_tokenizer
from tensor_cases import beside, edit_tensors, hostile_pickles, lying_headers, wrong_tensors
from tiny_models import TINY_BACKPACK
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedModel

from xlzoo.modeling.adapter_config import AdapterError
from xlzoo.modeling.configuration_backpack import BackpackGPT2Config
from xlzoo.modeling.modeling_backpack import BackpackGPT2LMHeadModel
from xlzoo.run_scripts.errors import UserError
from xlzoo.run_scripts.measuring.text_perplexity import text_perplexity
from xlzoo.run_scripts.models.decoders import load_decoder, load_decoder_tokenizer

CONFIG, WEIGHTS, PICKLE = "config.json", "model.safetensors", "pytorch_model.bin"
DENSE = "transformer.h.1.mlp.c_fc.weight"
SENSES = "backpack.sense_network.block.mlp.c_fc.weight"


def _write(folder: Path, model: PreTrainedModel) -> float:
    """Write a model and its tokenizer; return the loss of a sentence, which the stock interface computes."""
    tokenizer = write_tokenizer(folder)
    model.save_pretrained(folder)
    ids = tokenizer(f"<s>{SENTENCE}", add_special_tokens=False, return_tensors="pt")["input_ids"]
    with torch.no_grad():
        return round(model.eval()(input_ids=ids, labels=ids).loss.item(), 4)


def write_gpt2(folder: Path) -> float:
    torch.manual_seed(3)
    sizes = {"vocab_size": 32, "n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 40}
    return _write(folder, GPT2LMHeadModel(GPT2Config(**sizes, initializer_range=0.2, bos_token_id=0, eos_token_id=2)))


def write_backpack(folder: Path) -> float:
    torch.manual_seed(3)
    return _write(folder, BackpackGPT2LMHeadModel(BackpackGPT2Config(**{**TINY_BACKPACK, "vocab_size": 32})))


def load(folder: Path) -> float:
    """Measure the model as `run_flores_ppl.py --model_path` does; return the loss of a sentence."""
    tokenizer = load_decoder_tokenizer(str(folder))
    return round(text_perplexity(load_decoder(str(folder)), tokenizer, [SENTENCE])["loss"], 4)


def cases() -> Iterator[Case]:
    for file in (CONFIG, WEIGHTS):
        yield from truncated(file)
        yield from no_plain_file(file)
        yield missing(file)
        yield linked(file)
    yield from flipped(CONFIG, 12)
    yield from flipped(WEIGHTS, 8, slice(4000))
    yield from no_object(CONFIG)
    yield from with_values(CONFIG, SIZES)
    yield from maybe(SETTINGS)
    yield twice(CONFIG, "n_embd", HUGE)
    yield from wrong_tensors(WEIGHTS, DENSE)
    yield from lying_headers(WEIGHTS, DENSE)
    yield from hostile_pickles(WEIGHTS, PICKLE)
    yield from beside("training_args.bin", PICKLE)
    yield Case("code of its own", _code, words=("consists of code", "--trust_remote_code"))
    many = {f"transformer.h.{i}.x": torch.ones(1) for i in range(3000)}
    yield Case("3000 layers too many", edit_tensors(WEIGHTS, lambda tensors: tensors.update(many)))


SIZES: dict[str, list[Any]] = {
    "vocab_size": [HUGE, -1, 0, "32", 31, 33, None, [32], 10**400],
    "n_embd": [10**9, HUGE, -32, 64, "32", None],
    "n_layer": [HUGE, 900, 3, 1, -3, "3"],
    "n_head": [HUGE, 0, 5, -4, "4"],
    "n_inner": [HUGE, 64, -64, "x"],
    "n_positions": [HUGE, 39, 41, -40, 0, "40", None],
    "activation_function": ["eval", "os.system", None, 3, ["gelu"]],
    "model_type": ["bert", "xlm-roberta", "t5", "llama", None, 3, ["gpt2"], "gpt2/../..", "auto", "x" * 10**6],
    "quantization_config": [{"quant_method": "bitsandbytes", "load_in_8bit": True}, {"quant_method": "evil"}],
}
SETTINGS: dict[str, list[Any]] = {
    "layer_norm_epsilon": [-1, float("nan"), "1e-5"],
    "attn_pdrop": [2, -0.1, "0.1"],
    "initializer_range": [float("inf"), -1, "0.2"],
    "scale_attn_weights": ["no", 3],
    "reorder_and_upcast_attn": [True, "yes"],
    "add_cross_attention": [True],
    "is_decoder": [False, "no"],
    "is_encoder_decoder": [True],
    "tie_word_embeddings": [False, "no"],
    "bos_token_id": [-1, HUGE, "1", 39],
    "dtype": ["load", "float8_e4m3fn", "__class__", 3, ["float32"]],
    "attn_implementation": ["someone/kernel@main:attack"],
    "_attn_implementation": ["someone/kernel", "eager"],
    "attribute_map": [{"hidden_size": "vocab_size"}, 3],
    "auto_map": [{"AutoModelForCausalLM": "someone/repo--evil.Model"}, "evil", []],
    "transformers_weights": ["../../secret.safetensors"],
    "use_cache": [True, "yes"],
    "return_dict": [False],
    "output_hidden_states": [True],
    "max_position_embeddings": [HUGE, -3, "x"],
    "n_ctx": [HUGE, "x"],
    "deep": [nested(900)],
    "to_dict": [3],
    "get_text_config": [3],
}
"""What may be done without or is not read by every release; the model loads all the same, or is refused."""


def maybe(values: dict[str, list[Any]]) -> Iterator[Case]:
    for key, choices in values.items():
        for value in choices:
            change = edit_json(CONFIG, lambda full, k=key, v=value: full.update({k: v}))
            yield Case(f"{CONFIG} perhaps {key}={shown(value)}", change, may_load=True)


def _code(folder: Path) -> None:
    plant(folder, "evil.py", "modeling_evil.py", "__init__.py")
    own = {"AutoConfig": "evil.Config", "AutoModelForCausalLM": "evil.Model"}
    edit_json(CONFIG, lambda full: full.update(auto_map=own, model_type="evil"))(folder)


def backpack_cases() -> Iterator[Case]:
    senses = {
        "num_senses": [HUGE, 0, -1, 3, 8, "4", None],
        "sense_intermediate_scale": [HUGE, 0, -4, 2, "4"],
        "tie_word_embeddings": [False],
        "n_embd": [64, HUGE],
    }
    yield from with_values(CONFIG, senses)
    yield from truncated(WEIGHTS)
    yield from wrong_tensors(WEIGHTS, SENSES)
    yield from flipped(WEIGHTS, 6, slice(6000))
    yield Case("code in its files", lambda folder: plant(folder, *(p.name for p in folder.glob("*.py"))), True)


USER = (UserError, AdapterError)
KINDS = [
    Kind("language model", write_gpt2, load, cases, USER),
    Kind("Backpack", write_backpack, load, backpack_cases, USER),
]
