"""Damaged and hostile tensor files: safetensors whose headers lie, and pickles that run code or fill the memory."""

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
from cases import Case, executed
from safetensors.torch import load_file, save_file


def edit_tensors(file: str, change: Callable[[dict[str, torch.Tensor]], object]) -> Callable[[Path], None]:
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
    """One tensor `key`, of two dimensions, is not what it should be."""
    changes: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
        "transposed": lambda t: t.T,
        "flat": lambda t: t.flatten(),
        "too short": lambda t: t[:-1],
        "empty": lambda t: t[:0],
        "with one more dimension": lambda t: t[None],
        "int64": lambda t: t.long(),
        "int8": lambda t: t.to(torch.int8),
        "bool": lambda t: t > 0,
        "float8": lambda t: t.to(torch.float8_e4m3fn),
        "complex": lambda t: t.to(torch.complex64),
        "NaN": lambda t: t * float("nan"),
        "infinite": lambda t: t.index_fill(0, torch.tensor([0]), float("inf")),
        "beyond float32": lambda t: t.double() * 1e300,
    }
    for what, change in changes.items():
        yield Case(
            f"{file} tensor {what}",
            edit_tensors(file, lambda tensors, change=change: tensors.update({key: change(tensors[key])})),
        )
    yield Case(f"{file} lacks a tensor", edit_tensors(file, lambda tensors: tensors.pop(key)))
    yield Case(f"{file} without tensors", edit_tensors(file, dict.clear))
    for dtype in (torch.float16, torch.bfloat16, torch.float64):
        halved = edit_tensors(file, lambda tensors, dtype=dtype: tensors.update({key: tensors[key].to(dtype)}))
        yield Case(f"{file} tensor {dtype}", halved, may_load=True)


def lying_headers(file: str, key: str) -> Iterator[Case]:
    """Declared sizes that the file does not have, other dtypes for the same bytes, and names that are no names."""
    changes: dict[str, Callable[[dict[str, Any]], object]] = {
        "shape of 2^40": lambda h: h[key].update(shape=[2**40]),
        "shape that overflows": lambda h: h[key].update(shape=[2**32, 2**32]),
        "shape of -1": lambda h: h[key].update(shape=[-1, 4]),
        "shape in strings": lambda h: h[key].update(shape=["2", "2"]),
        "65536 dimensions": lambda h: h[key].update(shape=[1] * 65536),
        "offsets beyond the end": lambda h: h[key].update(data_offsets=[0, 2**60]),
        "offsets backwards": lambda h: h[key].update(data_offsets=[64, 0]),
        "offsets of others": lambda h: h[key].update(data_offsets=next(v for k, v in h.items() if k != key)),
        "unknown dtype": lambda h: h[key].update(dtype="PICKLE"),
        "the bytes as I32": lambda h: h[key].update(dtype="I32"),
        "no dtype": lambda h: h[key].pop("dtype"),
        "a list for a tensor": lambda h: h.update({key: []}),
        "metadata with numbers": lambda h: h.update(__metadata__={"format": 3}),
        "a name with line breaks": lambda h: h.update({key + "\n\x1b[2Jfree: true": h.pop(key)}),
        "an endless name": lambda h: h.update({key + "x" * 100_000: h.pop(key)}),
        "a name that climbs": lambda h: h.update({"../../" + key: h.pop(key)}),
    }
    for what, change in changes.items():
        yield Case(f"{file} header: {what}", edit_header(file, change))
    for size in (2**60, 2**64 - 1, 10**8, 0):

        def resize(folder: Path, size: int = size) -> None:
            raw = (folder / file).read_bytes()
            (folder / file).write_bytes(struct.pack("<Q", size) + raw[8:])

        yield Case(f"{file} header of {size} bytes", resize)
    yield Case(f"{file} with bytes to spare", lambda folder: (folder / file).open("ab").write(b"x" * 999))


class Call:
    """Unpickling this calls a function."""

    def __init__(self, function: Callable[..., Any], *args: Any) -> None:
        self.call = function, args

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self.call


def payload(folder: Path) -> Call:
    return Call(os.mkdir, str(executed(folder)))


def zipped(content: Any, compression: int = zipfile.ZIP_STORED, **records: bytes) -> bytes:
    """Put a pickle of `content` where `torch.load` looks for it."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(content, 2))
        archive.writestr("archive/byteorder", "little")
        for name, record in records.items():
            archive.writestr(f"archive/data/{name}", record)
        archive.writestr("archive/version", "3\n")
    return file.getvalue()


def saved(content: Any, **arguments: Any) -> bytes:
    file = io.BytesIO()
    torch.save(content, file, **arguments)
    return file.getvalue()


def hostile_pickles(safe: str, unsafe: str) -> Iterator[Case]:
    """The safetensors file `safe` makes way for a pickle named `unsafe`, or keeps its name and holds one."""
    bombs: dict[str, Callable[[Path], bytes]] = {
        "runs code": lambda folder: pickle.dumps({"weight": payload(folder)}),
        "runs code, protocol 2": lambda folder: pickle.dumps({"weight": payload(folder)}, 2),
        "runs code, zipped": lambda folder: saved({"weight": torch.ones(2), "x": payload(folder)}),
        "runs code, old format": lambda folder: saved(
            {"weight": torch.ones(2), "x": payload(folder)}, _use_new_zipfile_serialization=False
        ),
        "evaluates a string": lambda folder: saved(
            {"x": Call(builtins.eval, f"open({str(executed(folder))!r}, 'w')")}
        ),
        "fills the memory": lambda _: zipped({"x": Call(bytearray, 8 * 10**9)}),
        "makes a huge tensor": lambda _: zipped({"x": Call(torch.Tensor, 10**9, 10)}),
        "holds a list": lambda _: saved([torch.ones(2)]),
        "is HTML": lambda _: b"<html>404</html>",
        "is empty": lambda _: b"",
        "is an empty archive": lambda _: b"PK\x05\x06" + b"\0" * 18,
    }
    for what, make in bombs.items():
        yield Case(f"{unsafe} {what}", lambda folder, make=make: _swap(folder, safe, unsafe, make(folder)))
    for what in list(bombs)[:4]:
        yield Case(f"{safe} {what}", lambda folder, make=bombs[what]: (folder / safe).write_bytes(make(folder)))


def bombs(file: str) -> Iterator[Case]:
    """Archives of `torch.save` that unpack to more than they are."""

    def inflated(folder: Path) -> None:
        raw = (folder / file).read_bytes()
        with zipfile.ZipFile(io.BytesIO(raw)) as old, zipfile.ZipFile(folder / file, "w", zipfile.ZIP_DEFLATED) as new:
            for name in old.namelist():
                new.writestr(name, old.read(name))
            new.writestr(f"{old.namelist()[0].split('/')[0]}/data/999", bytes(10**8))

    def claiming(folder: Path) -> None:
        (folder / file).write_bytes(saved({f"x{i}": BIG for i in range(1000)}))

    yield Case(f"{file} with compressed records", inflated)
    yield Case(f"{file} with a thousand views of the same numbers", claiming)
    yield Case(f"{file} with an endless view", lambda folder: (folder / file).write_bytes(saved({"x": ENDLESS})))


BIG = torch.zeros(10**5)
ENDLESS = torch.zeros(1).expand(10**12)


def _swap(folder: Path, safe: str, unsafe: str, content: bytes) -> None:
    (folder / safe).unlink()
    (folder / unsafe).write_bytes(content)


def beside(name: str, folder_of: str = "") -> Case:
    """A pickle that nobody asks for lies beside the weights: it must not be opened at all."""

    def damage(folder: Path) -> None:
        (folder / folder_of).mkdir(exist_ok=True)
        (folder / folder_of / name).write_bytes(pickle.dumps(payload(folder)))

    return Case(f"{name} that runs code lies beside", damage, may_load=True)
