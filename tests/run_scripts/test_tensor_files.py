"""Safetensors a tensor at a time: what safetensors' own functions write and read, and what is damaged."""

import struct

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from xlzoo.modeling.adapter_config import AdapterError
from xlzoo.run_scripts.models.tensor_files import StoredTensors, TensorWriter

TYPES = (torch.float32, torch.float16, torch.bfloat16, torch.float64)


def tensors():
    made = {f"layer.{number}": torch.randn(3, number + 1).to(dtype) for number, dtype in enumerate(TYPES)}
    return made | {"scalar": torch.tensor(2.5), "empty": torch.empty(0, 4), "turned": torch.randn(4, 3).T}


def test_what_is_written_is_read_by_safetensors(tmp_path):
    made, path = tensors(), tmp_path / "a.safetensors"
    with TensorWriter(path, made) as file:
        for name, tensor in made.items():
            file.write(name, tensor)
        assert not path.exists()
    with safe_open(path, "pt") as stored:
        assert stored.metadata() == {"format": "pt"}
    for found in (load_file(path), StoredTensors(path)):
        assert found.keys() == made.keys()
        assert all(torch.equal(found[key], value) and found[key].dtype == value.dtype for key, value in made.items())
    with path.open("rb") as file:
        assert struct.unpack("<Q", file.read(8))[0] % 8 == 0


def test_what_safetensors_writes_is_read(tmp_path):
    made = {key: value.contiguous() for key, value in tensors().items()}
    save_file(made, tmp_path / "a.safetensors")
    with StoredTensors(tmp_path / "a.safetensors", leave_out=["2"]) as stored:
        assert stored.keys() == made.keys() - {"layer.2"}
        assert stored.shapes["layer.1"] == (3, 2) and stored.dtypes["layer.3"] == torch.float64
        assert all(torch.equal(stored[key], made[key]) for key in stored)
        with pytest.raises(KeyError):
            stored["layer.2"]


def test_a_writer_that_fails_leaves_no_file(tmp_path):
    with pytest.raises(ZeroDivisionError), TensorWriter(tmp_path / "a.safetensors", ["x"]) as file:
        file.write("x", torch.ones(2))
        raise ZeroDivisionError
    assert not list(tmp_path.iterdir())


def test_files_that_are_none(tmp_path):
    path = tmp_path / "a.safetensors"
    with pytest.raises(AdapterError, match="is truncated or damaged"):
        StoredTensors(path)
    for raw in (b"", b"\xff" * 20, struct.pack("<Q", 2) + b"[]", struct.pack("<Q", 10**9) + b"{}"):
        path.write_bytes(raw)
        with pytest.raises(AdapterError, match="is truncated or damaged"):
            StoredTensors(path)
    save_file({"bad name": torch.ones(1)}, path)
    with pytest.raises(AdapterError, match="cannot name a tensor"):
        StoredTensors(path)
    large = torch.tensor([60000.0, 60000.0], dtype=torch.float16)  # Whose sum is beyond the type.
    save_file({"x": torch.ones(1000), "y": torch.tensor([torch.inf]), "z": large}, path)
    stored = StoredTensors(path)
    assert torch.equal(stored["z"], large)
    with pytest.raises(AdapterError, match="tensor y holds NaN or infinite values"):
        stored["y"]
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(AdapterError, match="was cut while it was read"):
        stored["x"]
