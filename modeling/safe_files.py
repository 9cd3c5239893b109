"""Reading JSON and tensors that anyone may have made: nothing is executed, all that is wrong is an `AdapterError`."""

import json
import pickle
import struct
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from .adapter_config import AdapterError

# A few wrong bytes make torch's restricted unpickler raise any of these.
DAMAGE = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    SafetensorError,
    TypeError,
    ValueError,
    struct.error,
)
FLOATS = (torch.float32, torch.float16, torch.bfloat16, torch.float64)


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object."""
    try:
        full = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError, OSError) as error:
        raise AdapterError(f"{path} is not JSON ({error}); is it truncated?") from error
    if not isinstance(full, dict):
        raise AdapterError(f"{path} holds a {type(full).__name__}; expected a JSON object.")
    return full


def read_tensors(path: Path) -> dict[str, torch.Tensor]:
    """Read finite floating-point tensors from a safetensors file, or from a pickle without running what is in it."""
    try:
        if path.suffix == ".safetensors":
            tensors = load_file(path)
        else:
            tensors = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise AdapterError(f"{path} holds more than tensors, or is damaged; it was not executed.") from error
    except DAMAGE as error:
        raise AdapterError(f"{path} is truncated or damaged: {type(error).__name__}.") from error
    if not isinstance(tensors, dict):
        raise AdapterError(f"{path} holds a {type(tensors).__name__}; expected a mapping from names to tensors.")
    for key, value in tensors.items():
        _check_tensor(path, key, value)
    return tensors


def _check_tensor(path: Path, key: Any, value: Any) -> None:
    if not isinstance(key, str) or not isinstance(value, torch.Tensor):
        raise AdapterError(f"{path}: {key!r} is not the name of a tensor.")
    if value.dtype not in FLOATS:
        raise AdapterError(f"{path}: tensor {key} is of type {value.dtype}; expected floating-point numbers.")
    # A view without memory of its own can claim any size.
    if value.layout != torch.strided or value.device.type != "cpu" or not value.is_contiguous():
        raise AdapterError(f"{path}: tensor {key} is not a plain tensor; save it with .contiguous() on the CPU.")
    if not value.float().isfinite().all():
        raise AdapterError(f"{path}: tensor {key} holds NaN or infinite values.")
