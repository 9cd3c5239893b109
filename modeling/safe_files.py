"""Reading JSON and tensors that anyone may have made: nothing is executed, all that is wrong is an `AdapterError`."""

import json
import pickle
import pickletools
import re
import reprlib
import struct
import zipfile
from collections.abc import Collection
from itertools import islice
from pathlib import Path
from typing import IO, Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from transformers.utils import cached_file

from .adapter_config import AdapterError

# A few wrong bytes make torch's restricted unpickler raise any of these.
DAMAGE = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    NotImplementedError,
    OSError,
    RuntimeError,
    SafetensorError,
    TypeError,
    ValueError,
    struct.error,
    zipfile.BadZipFile,
)
FLOATS = (torch.float32, torch.float16, torch.bfloat16, torch.float64)
NAME = re.compile(r"[\w.-]{1,200}", re.ASCII)
MOST_JSON = 2**24
"""Bytes that a configuration may have."""
PICKLED = re.compile(
    r"collections OrderedDict|torch\._utils _rebuild_(tensor_v[23]|parameter|sparse_tensor|meta_tensor_no_storage)|"
    r"torch (\w+Storage|Size|[a-z]\w+)|torch\.storage UntypedStorage|torch\.serialization _get_layout"
)
"""What pickled tensors name; some of the rest that torch's restricted unpickler allows could fill the memory."""
CALLS = ("INST", "OBJ", "NEWOBJ", "NEWOBJ_EX", "STACK_GLOBAL", "EXT1", "EXT2", "EXT4")
"""Ways to name a function that `torch.save` does not use."""
MOST_OPCODES = 2**20
"""Length of a pickle, which names about 30000 tensors with it."""


def find_file(folder_or_id: str, filename: str) -> Path | None:
    """Return the file in the folder or from the Hub, or `None` where it is absent or no file."""
    if Path(folder_or_id).is_dir():
        path = Path(folder_or_id) / filename
        return path if path.is_file() else None
    return _fetch(folder_or_id, filename, required=False)


def require_file(folder_or_id: str, filename: str, expected: str) -> Path:
    """Return the file in the folder or from the Hub; `AdapterError` where it is absent or out of reach."""
    if Path(folder_or_id).is_dir():
        path = Path(folder_or_id) / filename
        found = path if path.is_file() else None
    else:
        found = _fetch(folder_or_id, filename, required=True)
    if found is None:
        raise AdapterError(f"{folder_or_id} holds no {filename}; expected {expected}.")
    return found


def _fetch(repo_id: str, filename: str, required: bool) -> Path | None:
    try:
        found = cached_file(repo_id, filename, _raise_exceptions_for_missing_entries=required)
    except OSError as error:
        reason = str(error).splitlines()[0]
        raise AdapterError(f"{repo_id!r} is neither a folder nor had from the Hub: {reason}") from error
    return None if found is None else Path(found)


def read_json(path: Path, most: int = MOST_JSON) -> dict[str, Any]:
    """Read a JSON object of at most `most` bytes."""
    try:
        with path.open("rb") as file:
            raw = file.read(most + 1)
        if len(raw) > most:
            raise ValueError(f"it has more than {most} bytes")
        full = json.loads(raw.decode("utf-8"))
    except (ValueError, RecursionError, OSError) as error:
        raise AdapterError(f"{path} is not JSON ({error}); is it truncated?") from error
    if not isinstance(full, dict):
        raise AdapterError(f"{path} holds a {type(full).__name__}; expected a JSON object.")
    return full


def read_tensors(path: Path, leave_out: Collection[str] = ()) -> dict[str, torch.Tensor]:
    """Read finite floating-point tensors from a safetensors file, or from a pickle without running what is in it.

    Buffers whose names end in one of `leave_out` ("attn.bias" say, not a part of a word) are skipped.
    """
    try:
        tensors = load_file(path) if path.suffix == ".safetensors" else _unpickle(path)
    except pickle.UnpicklingError as error:
        raise AdapterError(f"{path} holds more than tensors, or is damaged; it was not executed.") from error
    except DAMAGE as error:
        raise AdapterError(f"{path} is truncated or damaged: {type(error).__name__}.") from error
    if not isinstance(tensors, dict):
        raise AdapterError(f"{path} holds a {type(tensors).__name__}; expected a mapping from names to tensors.")
    endings = tuple(f".{name}" for name in leave_out)
    kept = {key: value for key, value in tensors.items() if not f".{key}".endswith(endings)}
    size, most = 0, 4 * path.stat().st_size  # Tied tensors share their numbers.
    for key, value in kept.items():
        _check_kind(path, key, value)
        size += value.nbytes
        if size > most:
            raise AdapterError(f"{path}: its tensors claim more numbers than the file has; download it again.")
    for key, value in kept.items():
        if value.numel() and not torch.stack(torch.aminmax(value)).float().isfinite().all():
            raise AdapterError(f"{path}: tensor {key} holds NaN or infinite values.")
    return kept


def _check_kind(path: Path, key: Any, value: Any) -> None:
    if not isinstance(key, str) or not isinstance(value, torch.Tensor):
        raise AdapterError(f"{path}: {_shown(key)} is not the name of a tensor.")
    if not NAME.fullmatch(key):
        raise AdapterError(f"{path}: {_shown(key)} cannot name a tensor; expected letters, digits, '.' and '_'.")
    if value.dtype not in FLOATS:
        raise AdapterError(f"{path}: tensor {key} is of type {value.dtype}; expected floating-point numbers.")
    # A view without memory of its own can claim any size.
    if value.layout != torch.strided or value.device.type != "cpu" or not value.is_contiguous():
        raise AdapterError(f"{path}: tensor {key} is not a plain tensor; save it with .contiguous() on the CPU.")


def _shown(key: Any) -> str:
    return repr(key) if len(repr(key)) < 120 else f"{repr(key)[:110]}..."


def _unpickle(path: Path) -> Any:
    """Load what `torch.save` wrote, in either of its formats, once all functions it names are known."""
    with path.open("rb") as file:
        zipped = file.read(4) == b"PK\x03\x04"
        if zipped:
            with zipfile.ZipFile(file) as archive:
                for entry in archive.infolist():
                    if entry.compress_type != zipfile.ZIP_STORED:
                        raise pickle.UnpicklingError("torch.save does not compress")
                    if entry.filename.endswith(".pkl"):
                        with archive.open(entry) as content:
                            _check_pickle(content)
        else:
            file.seek(0)
            for _ in range(5):  # A magic number, a version, the system's facts, the object, its storages' names.
                _check_pickle(file)
    # Mapped, the tensors of an archive can take no more memory than the file has bytes.
    return torch.load(path, map_location="cpu", weights_only=True, mmap=zipped)


def _check_pickle(file: IO[bytes]) -> None:
    opcodes = pickletools.genops(file)
    for opcode, argument, _ in islice(opcodes, MOST_OPCODES):
        if opcode.name in CALLS or (opcode.name == "GLOBAL" and not PICKLED.fullmatch(str(argument))):
            raise pickle.UnpicklingError(f"it names {reprlib.repr(argument)}")
    if next(opcodes, None) is not None:
        raise pickle.UnpicklingError("it is too long")
