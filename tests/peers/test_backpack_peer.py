"""pyvene's Backpack and ours give the same numbers for the same files, and transformers 4.57.6 runs ours."""

import shutil

import pytest
import torch
from peer_process import PYTHON, assert_close, run_worker
from pyvene_backpack import SHARED, answer, pyvene_backpack
from safetensors.torch import load_file, save_file
from tiny_models import TINY_BACKPACK
from transformers import set_seed

from xlzoo.modeling.configuration_backpack import BackpackGPT2Config
from xlzoo.modeling.modeling_backpack import BackpackGPT2LMHeadModel

pytestmark = pytest.mark.peers

TINY = {**TINY_BACKPACK, "initializer_range": 0.1}
CONFIGS = {
    "public": {},
    "plain_attention_scale": {"scale_attn_by_inverse_layer_idx": False},
    "senses_do_not_divide": {"num_senses": 5},
    "one_sense": {"num_senses": 1},
    "wide_senses": {"sense_intermediate_scale": 6, "n_inner": 48},
    "relu": {"activation_function": "relu"},
}
IDS = torch.randint(3, 60, (3, 17), generator=torch.Generator().manual_seed(7))


def backpack(**config):
    torch.manual_seed(1)
    model = BackpackGPT2LMHeadModel(BackpackGPT2Config(**{**TINY, **config}))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    return model.eval()


def compare(model, expected):
    """Hold outputs, and gradients in every way that they can be computed, against those of pyvene."""
    with torch.no_grad():
        output = model(IDS, output_senses=True, output_contextualization=True)
    for name in ("logits", "senses", "contextualization"):
        assert_close(name, output[name], expected[name])
    for way in ("logits held", "chunked", "recomputed"):
        if way == "recomputed":
            model.gradient_checkpointing_enable({"use_reentrant": False})
        model.train(way != "logits held").zero_grad()
        loss = model(IDS, labels=IDS).loss
        loss.backward()
        assert_close(f"loss, {way}", loss.detach(), expected["loss"])
        gradients = {name: parameter.grad for name, parameter in model.named_parameters()}
        assert {f"gradient.{name}" for name in gradients} == {
            name for name in expected if name.startswith("gradient.")
        }
        worst = max(gradients, key=lambda name: (gradients[name] - expected[f"gradient.{name}"]).abs().max())
        assert_close(f"gradients, {way}: {worst}", gradients[worst], expected[f"gradient.{worst}"])


@pytest.fixture(scope="module")
def theirs(tmp_path_factory):
    """The folder both sides saved into, and pyvene's numbers on transformers 4.57.6."""
    folder = tmp_path_factory.mktemp("pyvene")
    for key, config in CONFIGS.items():
        backpack(**config).save_pretrained(folder / "ours" / key)
    request = {key: {**TINY, **config} for key, config in CONFIGS.items()}
    return folder, run_worker("backpack_oracle", folder, request, {"input_ids": IDS})


def numbers(answers, prefix):
    return {name.removeprefix(prefix): value for name, value in answers.items() if name.startswith(prefix)}


@pytest.mark.parametrize("side", ["ours", "theirs"])
@pytest.mark.parametrize("key", CONFIGS)
def test_same_files_same_numbers(key, side, theirs):
    """Files of ours that pyvene read, and files of pyvene's, under all shared names, that we read as they are."""
    folder, answers = theirs
    model, report = BackpackGPT2LMHeadModel.from_pretrained(folder / side / key, output_loading_info=True)
    assert not any(report.values())
    compare(model.eval(), numbers(answers, f"{key}.{side}."))


@pytest.mark.parametrize("key", CONFIGS)
def test_same_numbers_on_transformers_5(key):
    """pyvene's code run by this environment, as far as it runs there: it can neither save nor load."""
    module = pyvene_backpack(next((PYTHON.parents[1] / "lib").glob("python*/site-packages")))
    model = backpack(**CONFIGS[key])
    peer = module.BackpackGPT2LMHeadModel(module.BackpackGPT2Config(**{**TINY, **CONFIGS[key]}))
    peer.load_state_dict(model.state_dict())
    compare(model, answer(peer, IDS))


def renamed(source, folder, names):
    """Copy a folder, with each shared tensor under the last of its names only."""
    shutil.copytree(source, folder)
    tensors = load_file(folder / "model.safetensors")
    tensors = {names.get(name, name): value for name, value in tensors.items()}
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


@pytest.fixture(scope="module")
def old(tmp_path_factory):
    """Our model, rows with left padding, and what transformers 4.57.6 made of three folders of ours."""
    folder, model = tmp_path_factory.mktemp("old"), backpack()
    model.save_pretrained(folder / "plain")
    renamed(folder / "plain", folder / "first_alias", {name: others[0] for name, others in SHARED.items()})
    renamed(folder / "plain", folder / "last_alias", {name: others[-1] for name, others in SHARED.items()})
    rows = {"input_ids": IDS.clone(), "attention_mask": torch.ones_like(IDS)}
    rows["input_ids"][1, :8], rows["attention_mask"][1, :8] = 0, 0
    places = {name: str(folder / name) for name in ("plain", "first_alias", "last_alias")}
    return model, rows, folder / "worker", run_worker("backpack_remote", folder / "worker", places, rows)


@pytest.mark.parametrize("name", ["plain", "first_alias", "last_alias"])
def test_transformers_4_runs_ours(name, old):
    model, rows, folder, answers = old
    real = rows["attention_mask"].bool()
    got = numbers(answers, f"{name}.")
    with torch.no_grad():
        output = model(**rows)
        with model.sense_intervention(remove={int(rows["input_ids"][0, -1]): [0, 1]}):
            edited = model(**rows).logits
    assert_close("logits", output.logits[real], got["logits"][real])
    assert_close("states", output.backpack_hidden_states[real], got["states"][real])
    assert_close("edited", edited[real], got["edited"][real])
    set_seed(3)
    tokens = model.generate(**rows, max_new_tokens=10, min_new_tokens=10, pad_token_id=0, do_sample=False)
    assert torch.equal(tokens, got["greedy"])
    model.train().zero_grad()
    loss = model(**rows, labels=rows["input_ids"], label_smoothing=0.1).loss
    loss.backward()
    assert_close("loss", loss.detach(), got["loss"])
    for key, parameter in model.named_parameters():
        assert torch.allclose(parameter.grad, got[f"gradient.{key}"], atol=1e-5), key
    model.eval()
    again = BackpackGPT2LMHeadModel.from_pretrained(folder / "again" / name).eval()
    with torch.no_grad():
        assert_close("saved there, loaded here", again(**rows).logits[real], output.logits[real])
