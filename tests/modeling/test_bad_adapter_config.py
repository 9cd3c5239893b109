"""Adapters made for another model, and configurations that are damaged, foreign or hostile."""

import shutil

import pytest
from adapter_folders import check_refused, edit_json, good_folder, madx


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    return good_folder(tmp_path_factory.mktemp("good") / "en")


@pytest.fixture
def folder(good, tmp_path):
    """A copy of a good adapter, to damage."""
    return shutil.copytree(good, tmp_path / "en")


SHAPES = [
    ({"hidden_size": 64}, ["hidden_size", "32", "64"]),
    ({"num_hidden_layers": 2}, ["encoder.layer.2.output.adapters.", "no place", "2 layers"]),
    ({"num_hidden_layers": 4}, ["encoder.layer.3.output.adapters.", "missing", "4 layers"]),
]


@pytest.mark.parametrize(("shape", "words"), SHAPES)
def test_adapter_of_another_encoder(shape, words, folder):
    check_refused(folder, words, madx(**shape))


def test_hidden_size_not_recorded(folder):
    edit_json(folder / "adapter_config.json", lambda full: full.pop("hidden_size"))
    check_refused(folder, ["adapter_down.0.weight", "shape (2, 32)", "(4, 64)"], madx(hidden_size=64))


CONFIGS = [
    ({"name": "../../x"}, ["'../../x'", "cannot name"]),
    ({"name": "to"}, ["'to'", "cannot name"]),
    ({"name": 7}, ["7", "cannot name"]),
    ({"name": None}, ["None", "cannot name"]),
    ({"name": ["en"]}, ["['en']", "cannot name"]),
    ({"name": "de"}, ["adapters.en.", "no place"]),
    ({"config": "seq_bm"}, ["Unknown adapter kind 'seq_bm'", "seq_bn_inv"]),
    ({"config": []}, ["config is a list"]),
    ({"config": None}, ["config is a NoneType"]),
    ({"config": 3}, ["config is a int"]),
    ({"model_type": "bert"}, ["model_type", "'bert'", "xlm-roberta"]),
    ({"model_type": ["xlm-roberta"]}, ["model_type"]),
    ({"hidden_size": "wide"}, ["hidden_size"]),
]
VALUES = [
    ({"is_parallel": True}, ["is_parallel", "True", "False"]),
    ({"phm_layer": True}, ["phm_layer"]),
    ({"use_gating": True}, ["use_gating"]),
    ({"ln_after": True}, ["ln_after"]),
    ({"original_ln_after": False}, ["original_ln_after"]),
    ({"residual_before_ln": "post_add"}, ["residual_before_ln", "post_add"]),
    ({"architecture": "lora"}, ["architecture", "lora"]),
    ({"inv_adapter": "glow"}, ["inv_adapter", "glow", "nice"]),
    ({"inv_adapter": []}, ["inv_adapter"]),
    ({"inv_adapter_reduction_factor": "2"}, ["inv_adapter_reduction_factor"]),
    ({"inv_adapter_reduction_factor": 0}, ["inv_adapter_reduction_factor"]),
    ({"invertible_adapter": {"block_type": ["nice"]}}, ["inv_adapter"]),
    ({"reduction_factor": 0}, ["reduction_factor", "0", "positive"]),
    ({"reduction_factor": -2}, ["reduction_factor"]),
    ({"reduction_factor": "16"}, ["reduction_factor", "'16'"]),
    ({"reduction_factor": True}, ["reduction_factor"]),
    ({"reduction_factor": float("nan")}, ["reduction_factor", "nan"]),
    ({"reduction_factor": float("inf")}, ["reduction_factor", "inf"]),
    ({"reduction_factor": 1e-300}, ["reduction_factor"]),
    ({"reduction_factor": 0.001}, ["adapter_down.0.weight", "shape"]),
    ({"reduction_factor": 10**400}, ["reduction_factor"]),
    ({"reduction_factor": [16]}, ["reduction_factor"]),
    ({"reduction_factor": {"0": 16}}, ["reduction_factor", "layer 1", "default"]),
    ({"reduction_factor": {"default": "x"}}, ["reduction_factor"]),
    ({"reduction_factor": None}, ["reduction_factor", "missing"]),
    ({"leave_out": 2}, ["leave_out", "a list of layers"]),
    ({"leave_out": "12"}, ["leave_out"]),
    ({"leave_out": ["1"]}, ["leave_out"]),
    ({"leave_out": [1]}, ["encoder.layer.1.", "no place"]),
    ({"mh_adapter": "no"}, ["mh_adapter", "true or false"]),
    ({"mh_adapter": True}, ["attention.output.adapters.", "missing"]),
    ({"output_adapter": 5}, ["output_adapter"]),
    ({"original_ln_before": 1.5}, ["original_ln_before"]),
    ({"non_linearity": "rellu"}, ["non_linearity", "'rellu'"]),
    ({"non_linearity": ["relu"]}, ["non_linearity"]),
    ({"non_linearity": {"relu": 1}}, ["non_linearity"]),
    ({"scaling": "big"}, ["scaling", "learned"]),
    ({"scaling": [1]}, ["scaling"]),
    ({"scaling": "learned"}, ["scaling", "missing"]),
    ({"dropout": 1.5}, ["dropout", "0 to 1"]),
    ({"dropout": "0"}, ["dropout"]),
    ({"x" * 50000: 1, "scaling": "y" * 50000}, ["scaling"]),
]


@pytest.mark.parametrize(
    ("change", "words"),
    CONFIGS + [({"config": value}, words) for value, words in VALUES],
    ids=range(len(CONFIGS + VALUES)),
)
def test_wrong_configuration(change, words, folder):
    def edit(full):
        inner = change.get("config")
        full.update({**change, "config": {**full["config"], **inner}} if isinstance(inner, dict) else change)

    edit_json(folder / "adapter_config.json", edit)
    check_refused(folder, words)


def test_wrong_activation_of_an_old_adapter(folder):
    edit_json(folder / "adapter_config.json", lambda full: full.pop("version"))
    edit_json(folder / "adapter_config.json", lambda full: full["config"].update(non_linearity=["gelu"]))
    check_refused(folder, ["non_linearity", "['gelu']"])


@pytest.mark.parametrize("key", ["name", "config"])
def test_missing_keys(key, folder):
    edit_json(folder / "adapter_config.json", lambda full: full.pop(key))
    check_refused(folder, [f"'{key}' is missing"])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"config": {"mh_', ["not JSON", "truncated"]),
        ("", ["not JSON"]),
        ("[1]", ["list", "JSON object"]),
        ("[" * 100000, ["not JSON"]),
        ('{"name": ' + "9" * 5000 + "}", ["not JSON"]),
        ("\ufeff{}", ["not JSON"]),
        ("\udcff\udcfe", ["not JSON"]),
    ],
    ids=range(7),
)
def test_broken_json(text, words, folder):
    (folder / "adapter_config.json").write_bytes(text.encode("utf-8", errors="surrogateescape"))
    check_refused(folder, words)


def test_missing_files(folder, tmp_path):
    (tmp_path / "empty").mkdir()
    check_refused(tmp_path / "empty", ["holds no adapter_config.json"])
    check_refused(tmp_path / "absent" / "twice" / "so", ["neither a folder nor"])
    check_refused(folder / "adapter_config.json", ["neither a folder nor"])
    (folder / "adapter.safetensors").unlink()
    check_refused(folder, ["adapter.safetensors", "pytorch_adapter.bin"])
    (folder / "adapter.safetensors").mkdir()
    check_refused(folder, ["adapter.safetensors", "pytorch_adapter.bin"])
