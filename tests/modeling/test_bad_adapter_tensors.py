"""Tensor files that are damaged, foreign or hostile."""

import os
import pickle
import random
import shutil

import pytest
import torch
from adapter_folders import UP, as_bin, check_refused, edit_tensors, good_folder, madx
from safetensors.torch import load_file

from xlzoo.modeling.adapter_config import AdapterError


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    return good_folder(tmp_path_factory.mktemp("good") / "en")


@pytest.fixture
def folder(good, tmp_path):
    """A copy of a good adapter, to damage."""
    return shutil.copytree(good, tmp_path / "en")


TENSORS = [
    (lambda t: t.update({UP: t[UP].T.contiguous()}), ["adapter_up.weight", "shape (2, 32)", "(32, 2)"]),
    (lambda t: t.update({UP: t[UP].int()}), [UP, "torch.int32", "floating-point"]),
    (lambda t: t.update({UP: t[UP] > 0}), [UP, "torch.bool"]),
    (lambda t: t.update({UP: t[UP].to(torch.float8_e4m3fn)}), [UP, "float8"]),
    (lambda t: t.update({UP: t[UP] * float("nan")}), [UP, "NaN"]),
    (lambda t: t[UP].view(-1)[3].fill_(float("-inf")), [UP, "infinite"]),
    (lambda t: t.update({UP: t[UP].double() * 1e300}), [UP, "infinite"]),
    (lambda t: t.pop(UP), ["adapter_up.weight", "missing"]),
    (lambda t: t.update({"bert" + UP[7:]: t.pop(UP)}), ["'bert.encoder.layer.0", "XLM-R"]),
    (lambda t: t.update({UP.replace(".en.", ".de."): t[UP].clone()}), ["adapters.de.adapter_up", "no place"]),
    (lambda t: t.update({"roberta.encoder.layer.0.output.dense.weight": t[UP].clone()}), ["output.dense.weight"]),
    (lambda t: t.update({"roberta.embeddings.word_embeddings.weight": t[UP].clone()}), ["word_embeddings"]),
    (lambda t: t.update({UP.removeprefix("roberta."): t[UP] + 1}), ["twice"]),
    (lambda t: t.clear(), ["missing"]),
]


@pytest.mark.parametrize("form", ["safetensors", "bin"])
@pytest.mark.parametrize(("change", "words"), TENSORS, ids=range(len(TENSORS)))
def test_wrong_tensors(change, words, form, folder):
    edit_tensors(folder, change)
    if form == "bin":
        as_bin(folder, load_file(folder / "adapter.safetensors"))
    check_refused(folder, words)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ([torch.ones(2)], ["list", "mapping"]),
        (torch.ones(2), ["Tensor", "mapping"]),
        ({3: torch.ones(2)}, ["3", "not the name of a tensor"]),
        ({UP: "text"}, [UP, "not the name of a tensor"]),
        ({UP: torch.ones(1).expand(10**12)}, [UP, "not a plain tensor"]),
        ({UP: torch.eye(2).to_sparse()}, [UP, "not a plain tensor"]),
        ({UP: torch.empty(2, 2, device="meta")}, [UP, "not a plain tensor"]),
    ],
    ids=range(7),
)
def test_pickles_that_hold_something_else(content, words, folder):
    as_bin(folder, content)
    check_refused(folder, words)


class Payload:
    """Creates a file when unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("file", ["pytorch_adapter.bin", "pytorch_model_head.bin"])
def test_code_in_a_pickle_is_not_executed(file, zipped, folder, tmp_path):
    payload = {UP: torch.ones(2), "code": Payload(tmp_path / "executed")}
    (folder / {"p": "adapter", "m": "model_head"}["m" if "model" in file else "p"]).with_suffix(
        ".safetensors"
    ).unlink()
    if zipped:
        torch.save(payload, folder / file)
    else:
        (folder / file).write_bytes(pickle.dumps(payload, protocol=2))
    check_refused(folder, [file, "not executed"], madx(num_labels=3), with_head=True)
    assert not (tmp_path / "executed").exists()
    pickle.loads(pickle.dumps(payload["code"]))
    assert (tmp_path / "executed").exists(), "the payload would have worked"


@pytest.mark.parametrize("form", ["safetensors", "bin", "old bin"])
@pytest.mark.parametrize("part", [0.0, 0.1, 0.5, 0.99])
def test_truncated_tensors(form, part, folder):
    path = folder / "adapter.safetensors"
    if form != "safetensors":
        tensors = load_file(path)
        path.unlink()
        path = folder / "pytorch_adapter.bin"
        torch.save(tensors, path, _use_new_zipfile_serialization=form == "bin")
    content = path.read_bytes()
    path.write_bytes(content[: int(part * len(content))])
    check_refused(folder, [path.name])


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize("form", ["safetensors", "bin", "old bin", "json"])
def test_flipped_bytes_give_a_good_adapter_or_an_adapter_error(form, folder):
    """200 copies with up to 10 wrong bytes each, most of them at the start of the file."""
    names = {"safetensors": "adapter.safetensors", "json": "adapter_config.json"}
    path = folder / names.get(form, "pytorch_adapter.bin")
    if form.endswith("bin"):
        tensors = load_file(folder / "adapter.safetensors")
        (folder / "adapter.safetensors").unlink()
        torch.save(tensors, path, _use_new_zipfile_serialization=form == "bin")
    content, model, dice, refused = path.read_bytes(), madx(), random.Random(0), 0
    for _ in range(200):
        damaged = bytearray(content)
        for _ in range(dice.choice([1, 3, 10])):
            damaged[dice.randrange(min(len(damaged), dice.choice([1500, 10**9])))] = dice.randrange(256)
        path.write_bytes(damaged)
        try:
            model.load_adapter(folder)
        except AdapterError:
            refused += 1
    assert refused > 50
