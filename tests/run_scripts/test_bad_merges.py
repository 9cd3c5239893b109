"""What cannot be merged is refused in one sentence with the exact difference, and nothing is written."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file
from three_adapters import ROLES, Three

from xlzoo.modeling.adapter_config import AdapterError
from xlzoo.run_scripts import run_merge
from xlzoo.run_scripts.errors import UserError

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
KEY = "base_model.model.layers.{}.q_proj.lora_{}.weight"
FIELDS = {"peft_type": "LORA", "r": 2, "lora_alpha": 4, "target_modules": ["q_proj", "v_proj"]}
PREFIX = {"peft_type": "PREFIX_TUNING", "num_virtual_tokens": 3, "token_dim": 4, "num_layers": 2}


@pytest.fixture
def three(tmp_path):
    """Three LoRA adapters of two layers."""
    for role in ROLES:
        (tmp_path / role).mkdir()
        shapes = {"A": (2, 6), "B": (5, 2)}
        tensors = {KEY.format(layer, part): torch.ones(*shape) for layer in (0, 1) for part, shape in shapes.items()}
        save_file(tensors, tmp_path / role / WEIGHTS)
        (tmp_path / role / CONFIG).write_text(json.dumps({**FIELDS, "base_model_name_or_path": "me/base"}))
    yield Three(*(tmp_path / role for role in ROLES))
    assert {path.name for path in tmp_path.iterdir()} == set(ROLES)


def merge(three, *flags):
    run_merge.main(three.flags("--output_dir", three.task.parent / "out", *flags))


def edit(folder, **fields):
    full = {**json.loads((folder / CONFIG).read_text()), **fields}
    (folder / CONFIG).write_text(json.dumps(full))


def change(folder, edit_tensors):
    tensors = load_file(folder / WEIGHTS)
    edit_tensors(tensors)
    save_file({key: value.contiguous() for key, value in tensors.items()}, folder / WEIGHTS)


DIFFERENT = {
    "alpha": ({"lora_alpha": 8}, "lora_alpha is 4 in the task adapter, 8 in the target reference, 4 in the source"),
    "scale": ({"use_rslora": True}, "use_rslora is None in the task adapter, True in the target reference, None in"),
    "patterns": ({"alpha_pattern": {"q_proj": 1}}, r"alpha_pattern is None .*, \{'q_proj': 1\} in the target"),
    "dora": ({"use_dora": True}, "use_dora is None in the task adapter, True in the target reference"),
    "modules": ({"target_modules": ["q_proj"]}, r"target_modules is \['q_proj', 'v_proj'\] .*, \['q_proj'\] in"),
    "layers": ({"layers_to_transform": 0}, r"layers_to_transform is None in the task adapter, \[0\] in the target"),
    "biases": ({"bias": "all"}, "bias is 'none' in the task adapter, 'all' in the target reference"),
    "bases": ({"base_model_name_or_path": "me/other"}, "'me/base' in the task adapter, 'me/other' .*; .*--base_model"),
}


@pytest.mark.parametrize("what", DIFFERENT)
def test_configurations_that_differ(what, three):
    fields, told = DIFFERENT[what]
    edit(three.target, **fields)
    with pytest.raises(UserError, match=told) as caught:
        merge(three)
    assert ("--allow_rescale puts it" in str(caught.value)) == (what in ("alpha", "scale", "patterns"))


def test_kinds_that_differ(three):
    (three.target / CONFIG).write_text(json.dumps({"peft_type": "IA3", "target_modules": ["q_proj"]}))
    save_file({KEY.format(0, "A").replace("lora_A.weight", "ia3_l"): torch.ones(5, 1)}, three.target / WEIGHTS)
    with pytest.raises(UserError, match="peft_type is 'LORA' in the task adapter, 'IA3' in the target reference"):
        merge(three)


def test_equal_meanings_are_equal(three, tmp_path):
    edit(three.target, target_modules=["v_proj", "q_proj"], use_rslora=False, lora_dropout=0.5, bias="none")
    edit(three.source, base_model_name_or_path="elsewhere")
    merge(three, "--base_model", "me/base")
    shutil.rmtree(tmp_path / "out")


def test_ranks_that_differ_want_products(three):
    edit(three.source, r=1)
    change(three.source, lambda all_: all_.update({key: value[:1] for key, value in all_.items() if "_A" in key}))
    change(three.source, lambda all_: all_.update({key: value[:, :1] for key, value in all_.items() if "_B" in key}))
    with pytest.raises(
        UserError, match=r"r is 2 .*, 1 in the source reference; --lora_merge product with --allow_resc"
    ):
        merge(three, "--allow_rescale")
    with pytest.raises(UserError, match="; --allow_rescale puts it into the factors, which is exact"):
        merge(three, "--lora_merge", "product")


def test_a_tensor_that_one_lacks(three):
    change(three.source, lambda tensors: [tensors.pop(KEY.format(1, part)) for part in "AB"])
    told = r"layers\.1\.q_proj\.lora_A\.weight and 1 more is in the task adapter and the target reference, not in the"
    with pytest.raises(UserError, match=told):
        merge(three)


def test_shapes_that_differ(three):
    change(three.target, lambda tensors: tensors.update({KEY.format(1, "A"): torch.ones(2, 7)}))
    told = r"the shape of base_model.model.layers.1.q_proj.lora_A.weight is \(2, 6\) in .*, \(2, 7\) in the target"
    for product in (False, True):
        with pytest.raises(UserError, match=told):
            merge(three, *["--lora_merge", "product"] * product)


DAMAGED = {
    "rank": (lambda folder: edit(folder, r=4), r"shapes \(2, 6\) and \(5, 2\); adapter_config.json says rank 4"),
    "one factor": (
        lambda folder: change(folder, lambda tensors: tensors.pop(KEY.format(0, "B"))),
        "has one factor of its update",
    ),
    "no numbers": (
        lambda folder: change(folder, lambda all_: all_.update({KEY.format(0, "B"): torch.full((5, 2), torch.nan)})),
        "holds NaN or infinite values",
    ),
    "whole numbers": (
        lambda folder: change(folder, lambda all_: all_.update({KEY.format(0, "B"): torch.ones(5, 2).int()})),
        "is of type I32; expected floating-point",
    ),
    "a pickle": (
        lambda folder: (folder / WEIGHTS).rename(folder / "adapter_model.bin"),
        r"only adapter_model.bin, a pickle",
    ),
    "another kind": (lambda folder: edit(folder, peft_type="XLORA"), "peft_type is 'XLORA'; expected one of LORA"),
    "a cache": (lambda folder: edit(folder, corda_config={"cache_file": "x.pt"}), "corda_config' is .* not supported"),
    "another base": (lambda folder: edit(folder, init_lora_weights="pissa"), "which changes the base model too"),
    "cut off": (
        lambda folder: (folder / WEIGHTS).write_bytes((folder / WEIGHTS).read_bytes()[:-3]),
        "is truncated or damaged",
    ),
}


@pytest.mark.parametrize("what", DAMAGED)
def test_adapters_that_are_none(what, three):
    damage, told = DAMAGED[what]
    damage(three.source)
    with pytest.raises(AdapterError, match=told):
        merge(three)


FLAGS = {
    "--rank 3": "--rank goes with --lora_merge product",
    "--rule matrix_product": "is not for LORA adapters; expected adamergex, additive, multiplicative, linear",
    "--rule ties --lora_merge product": "makes updates of full rank; give the --rank",
    "--measure_error --lora_merge product": "--measure_error is for factors",
    "--measure_error --rule ties": "compares sums of updates, and --rule ties makes none",
    "--density 0.5": "--density goes with --rule ties",
    "--rule ties --density 1.5": "--density is 1.5; expected a share",
    "--weights 1 0 0": "--weights goes with --rule linear",
    "--rule linear --weights 1 0": "--weights has 2 numbers; expected three",
    "--rule linear --weights 1 0 0 --t 0.5": "--weights takes the place of --t",
    "--t 0.5 0.5": "--t names 0.5 twice",
    "--t nan": "--t and --weights must be numbers",
    "--t_per_layer 0=1 5=0.5": "names layer 5; the adapters have layers 0 to 1",
    "--t_per_layer 3-1=1": "--t_per_layer is '3-1=1'; expected layers and their t",
    "--t 0 1 --merge_into_base": "--merge_into_base writes one model",
    "--t 0 1 --hub_dir hub": "Several values of --t make several adapters",
    "--task xcopa": "--task says what --tune scores on; add --tune",
    "--tune": "--tune needs a --task",
    "--hub_model_id me/merged": "--hub_model_id does nothing where nothing is published",
    "--rule average": "invalid choice: 'average'",
    "--language klingonese": "klingonese",
}


@pytest.mark.parametrize("flags", FLAGS)
def test_flags_that_cannot_be(flags, three):
    with pytest.raises(UserError, match=FLAGS[flags]):
        merge(three, *flags.split())


def test_what_is_for_lora_only(three):
    for folder in (three.task, three.target, three.source):
        (folder / CONFIG).write_text(json.dumps(PREFIX | {"task_type": "CAUSAL_LM"}))
        save_file({"prompt_embeddings": torch.ones(3, 16)}, folder / WEIGHTS)
    with pytest.raises(UserError, match="--lora_merge product is for LoRA, and these are PREFIX_TUNING adapters"):
        merge(three, "--lora_merge", "product")
    with pytest.raises(UserError, match="names layer 2; the adapters have layers 0 to 1"):
        merge(three, "--t_per_layer", "2=1")
    save_file({"prompt_embeddings": torch.ones(3, 12)}, three.task / WEIGHTS)
    with pytest.raises(AdapterError, match=r"prompt_embeddings has shape \(3, 12\); .* calls for \(3, 16\)"):
        merge(three)


def test_folders_that_hold_something(three, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match="holds files; choose another"):
        merge(three)
    with pytest.raises(UserError, match="was not written by a run of ours"):
        merge(three, "--overwrite_output_dir")
    (tmp_path / "out" / "notes.txt").unlink()
    merge(three)
    with pytest.raises(UserError, match="holds files"):
        merge(three)
    merge(three, "--overwrite_output_dir", "--t", "0.5")
    assert json.loads((tmp_path / "out" / "all_results.json").read_text())["merged"]["."]["t"] == 0.5
    shutil.rmtree(tmp_path / "out")


def test_a_run_that_fails_leaves_the_one_before_it(three, tmp_path):
    merge(three)
    before = (tmp_path / "out" / WEIGHTS).read_bytes()
    DAMAGED["no numbers"][0](three.source)
    with pytest.raises(AdapterError, match="NaN"):
        merge(three, "--overwrite_output_dir", "--t", "0.5")
    assert (tmp_path / "out" / WEIGHTS).read_bytes() == before
    shutil.rmtree(tmp_path / "out")
