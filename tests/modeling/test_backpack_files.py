"""Backpack folders: public ones load as they are, ours load anywhere, whichever of the shared names the file holds."""

import json
import logging
import os
import subprocess
import sys
from itertools import chain, combinations
from pathlib import Path

import pytest
import torch
from backpack_models import backpack, tokens
from safetensors.torch import load_file, save_file
from transformers import GPT2Config, GPT2Model

from xlzoo.modeling.configuration_backpack import AUTO_MAP, BackpackGPT2Config
from xlzoo.modeling.modeling_backpack import BackpackGPT2LMHeadModel, BackpackGPT2Model

CODE = {
    "activated_projection.py",
    "backpack_inputs.py",
    "backpack_outputs.py",
    "chunked_loss.py",
    "configuration_backpack.py",
    "gpt2_trunk.py",
    "modeling_backpack.py",
    "plain_modules.py",
    "sense_attention.py",
    "sense_cache.py",
    "sense_contributions.py",
    "sense_control.py",
    "sense_mixture.py",
    "sense_network.py",
    "sense_pooling.py",
}
WORDS = ("backpack.gpt2_model.wte.weight", "backpack.word_embeddings.weight", "lm_head.weight")
PLACES = ("backpack.gpt2_model.wpe.weight", "backpack.position_embeddings.weight")
PUBLIC_CONFIG = {
    "activation_function": "gelu_new",
    "architectures": ["BackpackGPT2LMHeadModel"],
    "attn_pdrop": 0.1,
    "auto_map": {
        "AutoConfig": "configuration_backpack_gpt2.BackpackGPT2Config",
        "AutoModelForCausalLM": "modeling_backpack_gpt2.BackpackGPT2LMHeadModel",
    },
    "bos_token_id": 1,
    "embd_pdrop": 0.1,
    "eos_token_id": 2,
    "initializer_range": 0.02,
    "layer_norm_epsilon": 1e-05,
    "model_type": "gpt2",
    "n_embd": 32,
    "n_head": 4,
    "n_inner": None,
    "n_layer": 2,
    "n_positions": 40,
    "num_senses": 4,
    "reorder_and_upcast_attn": False,
    "resid_pdrop": 0.1,
    "scale_attn_by_inverse_layer_idx": True,
    "scale_attn_weights": True,
    "sense_intermediate_scale": 4,
    "summary_activation": None,
    "summary_first_dropout": 0.1,
    "summary_proj_to_labels": True,
    "summary_type": "cls_index",
    "summary_use_proj": True,
    "torch_dtype": "float32",
    "transformers_version": "4.28.1",
    "use_cache": True,
    "vocab_size": 120,
}


def logits(model, ids):
    with torch.no_grad():
        return model.eval()(ids).logits


def states(model, ids):
    with torch.no_grad():
        return model.base_model.eval()(ids).last_hidden_state


@pytest.fixture
def said(caplog):
    """What transformers logs; its logger tells nobody else."""
    logger = logging.getLogger("transformers")
    logger.addHandler(caplog.handler)
    yield caplog
    logger.removeHandler(caplog.handler)


def some_of(names):
    return list(chain.from_iterable(combinations(names, size) for size in range(1, len(names) + 1)))


def test_configuration_is_the_public_one():
    config = BackpackGPT2Config()
    assert (config.model_type, config.vocab_size, config.n_positions, config.num_senses) == ("gpt2", 50264, 512, 16)
    assert config.scale_attn_by_inverse_layer_idx and config.sense_intermediate_scale == 4
    read = BackpackGPT2Config(**PUBLIC_CONFIG).to_dict()
    differences = {key for key, value in PUBLIC_CONFIG.items() if read.get(key) != value}
    assert differences <= {"auto_map", "torch_dtype", "transformers_version"} and read["auto_map"] == AUTO_MAP


@pytest.mark.parametrize("form", ["bin", "safetensors"])
def test_a_public_folder_loads_and_is_saved_with_our_code(form, tmp_path, said):
    """All shared names, the masks that old GPT-2 files hold, and a map that names files of another author."""
    model, ids, public = backpack(), tokens(), tmp_path / "public"
    tensors = {name: value.clone() for name, value in model.state_dict().items()}
    for layer in range(2):
        tensors[f"backpack.gpt2_model.h.{layer}.attn.bias"] = torch.ones(1, 1, 40, 40).tril().bool()
        tensors[f"backpack.gpt2_model.h.{layer}.attn.masked_bias"] = torch.tensor(-1e4)
    public.mkdir()
    (public / "config.json").write_text(json.dumps(PUBLIC_CONFIG), encoding="utf-8")
    if form == "bin":
        torch.save(tensors, public / "pytorch_model.bin")
    else:
        save_file(tensors, public / "model.safetensors", metadata={"format": "pt"})
    again, report = BackpackGPT2LMHeadModel.from_pretrained(public, output_loading_info=True)
    assert not any(report.values()) and not said.text
    assert torch.equal(logits(again, ids), logits(model, ids))
    again.save_pretrained(tmp_path / "ours")
    assert json.loads((tmp_path / "ours" / "config.json").read_text())["auto_map"] == AUTO_MAP
    assert {path.name for path in (tmp_path / "ours").glob("*.py")} == CODE


@pytest.mark.parametrize("words", some_of(WORDS), ids=" ".join)
@pytest.mark.parametrize("places", some_of(PLACES), ids=" ".join)
def test_any_of_the_shared_names_is_enough(words, places, tmp_path, said):
    model, ids = backpack(), tokens()
    tensors = {name: value for name, value in model.state_dict().items() if name not in WORDS + PLACES}
    tensors |= {name: model.get_input_embeddings().weight.clone() for name in words}
    tensors |= {name: model.backpack.gpt2_model.wpe.weight.clone() for name in places}
    model.config.save_pretrained(tmp_path)
    save_file(tensors, tmp_path / "model.safetensors", metadata={"format": "pt"})
    again, report = BackpackGPT2LMHeadModel.from_pretrained(tmp_path, output_loading_info=True)
    base = again.backpack
    assert not any(report.values()) and not said.text
    assert again.lm_head.weight is base.gpt2_model.wte.weight is base.word_embeddings.weight
    assert base.gpt2_model.wpe.weight is base.position_embeddings.weight
    assert torch.equal(logits(again, ids), logits(model, ids))
    if words != ("lm_head.weight",):
        alone, report = BackpackGPT2Model.from_pretrained(tmp_path, output_loading_info=True)
        assert not any(report.values()) and not said.text
        assert torch.equal(states(alone, ids), states(base, ids))


def test_saved_tensors_and_state_dict_have_the_public_names(tmp_path):
    model = backpack()
    names = set(model.state_dict())
    assert set(WORDS + PLACES) <= names
    assert {
        "backpack.sense_network.ln.weight",
        "backpack.sense_network.block.ln_1.bias",
        "backpack.sense_network.block.ln_2.bias",
        "backpack.sense_network.block.mlp.c_fc.weight",
        "backpack.sense_network.final_mlp.c_proj.weight",
        "backpack.sense_weight_net.c_attn.weight",
        "backpack.gpt2_model.h.1.attn.c_attn.weight",
    } <= names
    model.save_pretrained(tmp_path)
    assert set(load_file(tmp_path / "model.safetensors")) == names - {WORDS[1], WORDS[2], PLACES[1]}
    assert {path.name for path in tmp_path.iterdir()} == CODE | {
        "config.json",
        "generation_config.json",
        "model.safetensors",
    }


def test_what_is_missing_is_initialised_and_reported(tmp_path, said):
    """Nothing of a stock GPT-2 fits the names; the model that comes out is new, not garbage."""
    GPT2Model(GPT2Config(vocab_size=120, n_positions=40, n_embd=32, n_layer=2, n_head=4)).save_pretrained(tmp_path)
    model, report = BackpackGPT2LMHeadModel.from_pretrained(tmp_path, num_senses=4, output_loading_info=True)
    assert "backpack.gpt2_model.wte.weight" in report["missing_keys"] and "MISSING" in said.text
    assert all(value.isfinite().all() and value.abs().max() < 2 for value in model.parameters())
    assert model.lm_head.weight is model.backpack.word_embeddings.weight and logits(model, tokens()).isfinite().all()


def test_sharded_and_half_precision_files(tmp_path):
    model, ids = backpack(), tokens()
    model.save_pretrained(tmp_path / "shards", max_shard_size="20KB")
    assert len(list((tmp_path / "shards").glob("*.safetensors"))) > 1
    again = BackpackGPT2LMHeadModel.from_pretrained(tmp_path / "shards")
    assert torch.equal(logits(again, ids), logits(model, ids))
    half = BackpackGPT2LMHeadModel.from_pretrained(tmp_path / "shards", dtype=torch.bfloat16)
    assert {parameter.dtype for parameter in half.parameters()} == {torch.bfloat16}


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    """The models, the folder that a fresh process worked in, and what it answered."""
    folder = tmp_path_factory.mktemp("fresh")
    models = {"lm": backpack(), "base": backpack(BackpackGPT2Model)}
    for name, model in models.items():
        model.save_pretrained(folder / name)
    save_file({"input_ids": tokens()}, folder / "inputs.safetensors")
    kept = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "HF_MODULES_CACHE")}
    environment = {**kept, "HF_HUB_OFFLINE": "1", "HF_HOME": str(folder / "home")}
    command = [sys.executable, str(Path(__file__).with_name("backpack_child.py")), str(folder)]
    done = subprocess.run(
        command, env=environment, cwd=folder, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return models, folder, load_file(folder / "outputs.safetensors")


def test_a_fresh_process_gives_the_same(fresh):
    models, _, answers = fresh
    lm, ids = models["lm"], tokens()
    assert torch.allclose(logits(lm, ids), answers["logits"], atol=1e-6)
    for name in ("lm", "base"):
        assert torch.allclose(states(models[name], ids), answers[f"{name}.states"], atol=1e-6)
    with lm.sense_intervention(remove={int(ids[0, 0]): [0, 1]}):
        assert torch.allclose(logits(lm, ids), answers["edited"], atol=1e-6)
    assert torch.equal(lm.generate(ids, max_new_tokens=5, do_sample=False), answers["generated"])


@pytest.mark.parametrize("name", ["lm", "lm_base", "base_base"])
def test_saved_again_there_it_loads_here(name, fresh):
    models, folder, answers = fresh
    again = folder / "again" / name
    assert {path.name for path in again.glob("*.py")} == CODE
    assert json.loads((again / "config.json").read_text())["auto_map"] == AUTO_MAP
    got = states(BackpackGPT2Model.from_pretrained(again), tokens())
    source = name.split("_")[0]
    assert torch.equal(got, states(models[source], tokens()))
    assert torch.allclose(got, answers[f"{source}.states"], atol=1e-6)
