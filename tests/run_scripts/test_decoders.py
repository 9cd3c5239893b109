"""Causal language models as runs start from them: every family, and whatever its files may say."""

import json
import shutil

import pytest
import torch
from tiny_models import TINY_BACKPACK
from tiny_runs import refused, sentences
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    GPT2Model,
    GPTNeoXConfig,
    GPTNeoXForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    XLMRobertaConfig,
    XLMRobertaForMaskedLM,
)

from xlzoo.modeling.configuration_backpack import BackpackGPT2Config
from xlzoo.modeling.modeling_backpack import BackpackGPT2LMHeadModel
from xlzoo.run_scripts.models.decoders import DecoderArguments, has_weights, load_decoder, new_decoder, start_decoder
from xlzoo.run_scripts.models.new_tokenizers import train_decoder_tokenizer

SIZES = {
    "vocab_size": 60,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
}
GPT2 = {"vocab_size": 60, "n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 40}
MODELS = {
    "backpack": lambda: BackpackGPT2LMHeadModel(BackpackGPT2Config(**TINY_BACKPACK)),
    "gpt2": lambda: GPT2LMHeadModel(GPT2Config(**GPT2)),
    "gpt_neox": lambda: GPTNeoXForCausalLM(GPTNeoXConfig(**SIZES)),
    "llama": lambda: LlamaForCausalLM(LlamaConfig(**SIZES, num_key_value_heads=1)),
}
IDS = torch.tensor([[3, 9, 4, 9, 50], [5, 6, 7, 8, 9]])


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A saved model of every family."""
    root = tmp_path_factory.mktemp("decoders")
    for name, make in MODELS.items():
        torch.manual_seed(1)
        make().save_pretrained(root / name)
    return root


@pytest.mark.parametrize("name", MODELS)
def test_every_family_loads_as_transformers_loads_it(folders, name):
    torch.manual_seed(1)
    saved = MODELS[name]().eval()
    loaded = load_decoder(str(folders / name)).eval()
    assert type(loaded) is type(saved) and loaded.config.name_or_path == str(folders / name)
    assert torch.equal(loaded(IDS).logits, saved(IDS).logits)
    assert load_decoder(str(folders / name), dtype="bfloat16").dtype == torch.bfloat16


def test_a_backpack_loads_without_the_code_in_its_folder(folders, tmp_path):
    """Its configuration tells what it is; the code beside it would fail if it ran."""
    folder = shutil.copytree(folders / "backpack", tmp_path / "mine")
    for path in folder.glob("*.py"):
        path.write_text("raise SystemExit('it ran')\n")
    assert isinstance(load_decoder(str(folder)), BackpackGPT2LMHeadModel)


def test_old_checkpoints(tmp_path):
    """GPT-2's first checkpoints hold the body alone, without its prefix, and the causal mask."""
    torch.manual_seed(1)
    body = GPT2Model(GPT2Config(**GPT2))
    for block in body.h:
        block.attn.register_buffer("bias", torch.ones(1, 1, 40, 40, dtype=torch.bool).tril())
    body.save_pretrained(tmp_path)
    loaded = load_decoder(str(tmp_path)).eval()
    assert torch.equal(loaded.transformer(IDS).last_hidden_state, body.eval()(IDS).last_hidden_state)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"n_layer": 10**9}, "1000000000 layers"),
        ({"n_layer": "two"}, "is wrong"),
        ({"n_layer": 1}, "leaves no place"),
        ({"n_layer": 3}, "numbers"),
        ({"n_embd": 10**6}, "numbers"),
        ({"n_embd": "wide"}, "is wrong"),
        ({"n_head": 7}, "does not make a model"),
        ({"vocab_size": -3}, "does not make a model"),
        ({"vocab_size": 59}, "do not fit"),
        ({"activation_function": "nope"}, "does not make a model"),
        ({"quantization_config": {"load_in_4bit": True}}, "quantized"),
        ({"model_type": None}, "model_type"),
        ({"model_type": "mystery"}, "unknown type"),
        ({"model_type": "mystery", "auto_map": {"AutoModelForCausalLM": "x.X"}}, "--trust_remote_code"),
        ({"model_type": "llama"}, "but its files 28 tensors"),
        ({"num_senses": 99}, "num_senses"),
    ],
)
def test_wrong_configurations_end_in_one_sentence(folders, tmp_path, changes, words):
    folder = shutil.copytree(folders / "gpt2", tmp_path / "mine")
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    refused(lambda: load_decoder(str(folder)), words)


def test_damaged_weights_and_other_kinds_of_models(folders, tmp_path):
    folder = shutil.copytree(folders / "gpt2", tmp_path / "mine")
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    refused(lambda: load_decoder(str(folder)), "damaged")
    weights.unlink()
    assert not has_weights(str(folder)) and has_weights(str(folders / "gpt2"))
    refused(lambda: load_decoder(str(folder)), "holds no file")
    XLMRobertaForMaskedLM(XLMRobertaConfig(**SIZES)).save_pretrained(tmp_path / "encoder")
    refused(lambda: load_decoder(str(tmp_path / "encoder")), "expected a causal language model")
    refused(lambda: load_decoder(str(tmp_path / "nothing")), "neither a folder nor had from the Hub")


def test_a_new_model_takes_the_tokenizers_vocabulary():
    tokenizer = train_decoder_tokenizer(sentences()["text"], 400)
    model = new_decoder(BackpackGPT2Config(**TINY_BACKPACK), tokenizer)
    assert model.config.vocab_size == len(tokenizer) == model.lm_head.out_features
    assert model.config.eos_token_id == tokenizer.eos_token_id
    refused(lambda: new_decoder(GPT2Config(**{**GPT2, "n_embd": 2**17}), tokenizer), "billion numbers")


@pytest.mark.parametrize(("asked", "made"), [("bfloat16", torch.bfloat16), ("auto", torch.float32)])
def test_a_new_model_has_the_numbers_that_are_asked_for(asked, made):
    tokenizer = train_decoder_tokenizer(sentences()["text"], 400)
    sizes = "n_embd=32,n_layer=1,n_head=2"
    model = start_decoder(DecoderArguments(model_type="gpt2", config_overrides=sizes, dtype=asked), tokenizer)
    assert {parameter.dtype for parameter in model.parameters()} == {made}
