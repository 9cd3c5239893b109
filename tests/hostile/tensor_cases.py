"""Damaged and hostile tensor files: safetensors whose headers lie, pickles that run code or fill the memory."""

import builtins
import io
import json
import os
import pickle
import struct
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from cases import Case, edit_bytes, executed
from safetensors.torch import load_file, save_file

Tensors = dict[str, torch.Tensor]


def edit_tensors(file: str, change: Callable[[Tensors], object]) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        tensors = load_file(folder / file)
        change(tensors)
        save_file({key: value.contiguous() for key, value in tensors.items()}, folder / file, {"format": "pt"})

    return damage


def edit_header(file: str, change: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    """Rewrite a safetensors file's header and leave its data alone."""

    def damage(folder: Path) -> None:
        raw = (folder / file).read_bytes()
        size = struct.unpack("<Q", raw[:8])[0]
        header = json.loads(raw[8 : 8 + size])
        change(header)
        text = json.dumps(header).encode()
        (folder / file).write_bytes(struct.pack("<Q", len(text)) + text + raw[8 + size :])

    return damage


def wrong_tensors(file: str, key: str) -> Iterator[Case]:
    """The tensor `key`, of two dimensions, is not what it should be."""
    changes: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
        "transposed": lambda tensor: tensor.T,
        "flat": lambda tensor: tensor.flatten(),
        "too short": lambda tensor: tensor[:-1],
        "empty": lambda tensor: tensor[:0],
        "with one more dimension": lambda tensor: tensor[None],
        "int64": lambda tensor: tensor.long(),
        "int8": lambda tensor: tensor.to(torch.int8),
        "bool": lambda tensor: tensor > 0,
        "float8": lambda tensor: tensor.to(torch.float8_e4m3fn),
        "complex": lambda tensor: tensor.to(torch.complex64),
        "NaN": lambda tensor: tensor * float("nan"),
        "infinite": lambda tensor: tensor.index_fill(0, torch.tensor([0]), float("inf")),
        "beyond float32": lambda tensor: tensor.double() * 1e300,
    }
    for what, change in changes.items():
        damage = edit_tensors(file, lambda tensors, change=change: tensors.update({key: change(tensors[key])}))
        yield Case(f"{file} tensor {what}", damage)
    yield Case(f"{file} lacks a tensor", edit_tensors(file, lambda tensors: tensors.pop(key)))
    yield Case(f"{file} without tensors", edit_tensors(file, dict.clear))
    for dtype in (torch.float16, torch.bfloat16, torch.float64):
        damage = edit_tensors(file, lambda tensors, dtype=dtype: tensors.update({key: tensors[key].to(dtype)}))
        yield Case(f"{file} tensor {dtype}", damage, may_load=True)


def lying_headers(file: str, key: str) -> Iterator[Case]:
    """Declared sizes that the file does not have, other dtypes for the same bytes, and names that are none."""
    changes: dict[str, Callable[[dict[str, Any]], object]] = {
        "shape of 2^40": lambda header: header[key].update(shape=[2**40]),
        "shape that overflows": lambda header: header[key].update(shape=[2**32, 2**32]),
        "shape of -1": lambda header: header[key].update(shape=[-1, 4]),
        "shape in strings": lambda header: header[key].update(shape=["2", "2"]),
        "65536 dimensions": lambda header: header[key].update(shape=[1] * 65536),
        "offsets beyond the end": lambda header: header[key].update(data_offsets=[0, 2**60]),
        "offsets backwards": lambda header: header[key].update(data_offsets=[64, 0]),
        "offsets of others": lambda header: header[key].update(data_offsets=next(iter(header.values()))),
        "unknown dtype": lambda header: header[key].update(dtype="PICKLE"),
        "the bytes as I32": lambda header: header[key].update(dtype="I32"),
        "no dtype": lambda header: header[key].pop("dtype"),
        "a list for a tensor": lambda header: header.update({key: []}),
        "metadata with numbers": lambda header: header.update(__metadata__={"format": 3}),
        "a name with line breaks": lambda header: header.update({key + "\n\x1b[2Jfree: true": header.pop(key)}),
        "an endless name": lambda header: header.update({key + "x" * 100_000: header.pop(key)}),
        "a name that climbs": lambda header: header.update({"../../" + key: header.pop(key)}),
    }
    for what, change in changes.items():
        yield Case(f"{file} header: {what}", edit_header(file, change))
    for size in (2**60, 2**64 - 1, 10**8, 0):
        damage = edit_bytes(file, lambda raw, size=size: struct.pack("<Q", size) + raw[8:])
        yield Case(f"{file} header of {size} bytes", damage)
    yield Case(f"{file} with bytes to spare", edit_bytes(file, lambda raw: raw + b"x" * 999))


class Call:
    """Unpickling this calls a function."""

    def __init__(self, function: Callable[..., Any], *args: Any) -> None:
        self.call = function, args

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self.call


def payload(folder: Path) -> Call:
    """What leaves a trace when it is unpickled."""
    return Call(os.mkdir, str(executed(folder)))


def zipped(content: Any) -> bytes:
    """Put a pickle of `content` where `torch.load` looks for it."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(content, 2))
        archive.writestr("archive/byteorder", "little")
        archive.writestr("archive/version", "3\n")
    return file.getvalue()


def saved(content: Any, **arguments: Any) -> bytes:
    file = io.BytesIO()
    torch.save(content, file, **arguments)
    return file.getvalue()


def _old(folder: Path) -> bytes:
    return saved({"x": torch.ones(2), "y": payload(folder)}, _use_new_zipfile_serialization=False)


PICKLES: dict[str, Callable[[Path], bytes]] = {
    "runs code": lambda folder: pickle.dumps({"weight": payload(folder)}),
    "runs code, protocol 2": lambda folder: pickle.dumps({"weight": payload(folder)}, 2),
    "runs code, zipped": lambda folder: saved({"weight": torch.ones(2), "x": payload(folder)}),
    "runs code, old format": _old,
    "evaluates a string": lambda folder: saved({"x": Call(builtins.eval, f"open({str(executed(folder))!r}, 'w')")}),
    "fills the memory": lambda _: zipped({"x": Call(bytearray, 8 * 10**9)}),
    "makes a huge tensor": lambda _: zipped({"x": Call(torch.Tensor, 10**9, 10)}),
    "holds a list": lambda _: saved([torch.ones(2)]),
    "is HTML": lambda _: b"<html>404</html>",
    "is empty": lambda _: b"",
    "is an empty archive": lambda _: b"PK\x05\x06" + bytes(18),
}


def hostile_pickles(safe: str, unsafe: str) -> Iterator[Case]:
    """The safetensors file `safe` makes way for a pickle named `unsafe`, or keeps its name and holds one."""

    def swap(folder: Path, content: bytes) -> None:
        (folder / safe).unlink()
        (folder / unsafe).write_bytes(content)

    for what, make in PICKLES.items():
        yield Case(f"{unsafe} {what}", lambda folder, make=make: swap(folder, make(folder)))
    for what, make in list(PICKLES.items())[:4]:
        yield Case(f"{safe} {what}", lambda folder, make=make: (folder / safe).write_bytes(make(folder)))


def bombs(file: str) -> Iterator[Case]:
    """Archives of `torch.save` that unpack, or expand, to more than they are."""

    def inflated(folder: Path) -> None:
        raw = (folder / file).read_bytes()
        with zipfile.ZipFile(io.BytesIO(raw)) as old, zipfile.ZipFile(folder / file, "w", zipfile.ZIP_DEFLATED) as new:
            for name in old.namelist():
                new.writestr(name, old.read(name))

    views = torch.zeros(10**5)
    contents = {
        "a thousand views of the same numbers": {f"x{i}": views for i in range(1000)},
        "an endless view": {"x": torch.zeros(1).expand(10**12)},
        "a tensor without memory": {"x": torch.empty(10**12, device="meta")},
    }
    yield Case(f"{file} with compressed records", inflated)
    for what, content in contents.items():
        yield Case(f"{file} with {what}", lambda folder, c=content: (folder / file).write_bytes(saved(c)))


def beside(*names: str) -> Iterator[Case]:
    """A pickle that nobody asks for lies beside the rest: it must not be opened at all."""
    for name in names:
        damage = lambda folder, name=name: (folder / name).write_bytes(pickle.dumps(payload(folder)))  # noqa: E731
        yield Case(f"{name} that runs code lies beside", damage, may_load=True)
