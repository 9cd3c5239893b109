"""Safetensors read and written a tensor at a time, so that no more than that has to be in memory."""

import json
import math
import struct
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import torch
from safetensors import SafetensorError, safe_open

from xlzoo.modeling.adapter_config import AdapterError
from xlzoo.modeling.safe_files import NAME

DTYPES = {"F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}
CODES = {dtype: code for code, dtype in DTYPES.items()}
SPARE = 160
"""Bytes that a tensor's entry in the header takes besides its name, at most: type, 4 sizes, 2 offsets."""


class StoredTensors(Mapping[str, torch.Tensor]):
    """The floating-point tensors of a safetensors file, each read when it is asked for; a context manager.

    They are read, not mapped: a mapped file would stay in memory, and break the process if it is cut while it is read.
    `AdapterError` for a damaged file, for names and types that are not for weights, and for numbers that are none.
    """

    def __init__(self, path: Path, leave_out: Collection[str] = ()) -> None:
        """Open the file; buffers whose names end in one of `leave_out` are as if they were not there."""
        self.path, endings = path, tuple(f".{name}" for name in leave_out)
        try:
            with safe_open(path, "pt"):  # Refuses what the format does not allow.
                self._file = path.open("rb")
            (length,) = struct.unpack("<Q", self._file.read(8))
            header = json.loads(self._file.read(length))
        except (SafetensorError, OSError) as error:
            raise AdapterError(f"{path} is truncated or damaged: {type(error).__name__}.") from error
        header.pop("__metadata__", None)
        kept = {key: entry for key, entry in header.items() if not f".{key}".endswith(endings)}
        for key, entry in kept.items():
            if not NAME.fullmatch(key):
                raise AdapterError(f"{path}: {key[:100]!r} cannot name a tensor; expected letters, digits, '.', '_'.")
            if entry["dtype"] not in DTYPES:
                raise AdapterError(
                    f"{path}: tensor {key} is of type {entry['dtype']}; expected floating-point numbers."
                )
        self.shapes = {key: tuple(entry["shape"]) for key, entry in kept.items()}
        self.dtypes = {key: DTYPES[entry["dtype"]] for key, entry in kept.items()}
        self._spans = {
            key: (8 + length + entry["data_offsets"][0], entry["data_offsets"]) for key, entry in kept.items()
        }

    def __getitem__(self, key: str) -> torch.Tensor:
        place, (begin, end) = self._spans[key]
        numbers = torch.empty(end - begin, dtype=torch.uint8)
        self._file.seek(place)
        if self._file.readinto(numbers.numpy().data) != end - begin:
            raise AdapterError(f"{self.path} was cut while it was read; leave it alone, and start again.")
        tensor = numbers.view(self.dtypes[key]).reshape(self.shapes[key])
        # The sum of numbers is one, unless it is too large: only then they are looked at one by one.
        if not math.isfinite(tensor.sum()) and not tensor.isfinite().all():
            raise AdapterError(f"{self.path}: tensor {key} holds NaN or infinite values.")
        return tensor

    def __iter__(self) -> Iterator[str]:
        return iter(self.shapes)

    def __len__(self) -> int:
        return len(self.shapes)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


class TensorWriter:
    """Writes a safetensors file, tensors first and their header last, into room that was left for it.

    The file has its name once it is complete; a context manager.
    """

    def __init__(self, path: Path, names: Collection[str]) -> None:
        """Leave room for so many names; all that is written must be among them."""
        self.path, self.part = path, path.with_name(f"{path.name}.part")
        room = sum(len(name) + SPARE for name in names) + SPARE
        self.room = math.ceil(room / 8) * 8
        self.header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
        self.end = 0

    def write(self, name: str, tensor: torch.Tensor) -> None:
        """Append a tensor."""
        numbers = tensor.detach().contiguous()
        begin, self.end = self.end, self.end + numbers.nbytes
        entry = {"dtype": CODES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [begin, self.end]}
        self.header[name] = entry
        if numbers.numel():
            self._file.write(numbers.reshape(-1).view(torch.uint8).numpy().data)

    def __enter__(self) -> Self:
        self._file = self.part.open("wb")
        self._file.seek(8 + self.room)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._file:
            if kind is None:
                header = json.dumps(self.header, separators=(",", ":")).encode()
                # The format allows spaces after the header.
                assert len(header) <= self.room, "the header outgrew the room that was left for it"
                self._file.seek(0)
                self._file.write(struct.pack("<Q", self.room) + header.ljust(self.room))
        if kind is None:
            self.part.replace(self.path)
        else:
            self.part.unlink()
