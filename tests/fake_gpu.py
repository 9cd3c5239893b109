"""A GPU in name only, for machines without one: what mixes its tensors with others fails, as it would on a real one.

    with FakeGpu() as gpu:
        gpu.put(model)(gpu.put(batch))

Tensors stay where they are and bear a mark. A result bears it if an operand does, or if it is made on the device.
Only forward passes: what autograd does by itself is not seen. Single numbers of the CPU may stand beside any tensor.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves, tree_map

GPU, CPU = torch.device("cuda", 0), torch.device("cpu")
MARK = "lies_on_the_gpu"
TO_NUMPY = {Tensor.numpy, Tensor.__array__}
READS_DATA = {getattr(torch, name) for name in ("tensor", "as_tensor", "asarray")}
MIXES = {Tensor.copy_, Tensor.__getitem__, *READS_DATA}
"""What may take tensors of both; indices may lie on the CPU."""
OF_MODULES = {torch._C._nn._parse_to, torch._has_compatible_shallow_copy_type}
"""What `nn.Module.to` asks before it moves anything."""
GETTERS: Mapping[Any, Any] = {Tensor.device.__get__: (CPU, GPU), Tensor.is_cuda.__get__: (False, True)}


class WrongDevice(RuntimeError):
    """An operation that a GPU would refuse."""


def is_on(value: Tensor) -> bool:
    """Whether a tensor is said to lie on the GPU."""
    return getattr(value, MARK, False)


class FakeGpu(TorchFunctionMode):
    """While it is entered, tensors can lie on a GPU that is not there."""

    def put(self, value: Any) -> Any:
        """Mark all tensors of a model, or of a collection, and return it."""
        tensors = [*value.parameters(), *value.buffers()] if isinstance(value, nn.Module) else tree_leaves(value)
        for tensor in tensors:
            if isinstance(tensor, Tensor):
                setattr(tensor, MARK, True)
        return value

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run the operation if its operands are in one place, and mark what comes of it."""
        kwargs = dict(kwargs or {})
        if func in GETTERS:
            return GETTERS[func][is_on(args[0])]
        if func is Tensor.cpu:
            return _marked(args[0].clone(), False)
        if func is Tensor.to:
            return _moved(*args, **kwargs)
        if func in OF_MODULES:
            return func(*args, **kwargs)
        if func == Tensor.data.__set__:
            func(*args)
            return _marked(args[0], is_on(args[1]))
        asked = kwargs.pop("device", None)
        operands = [value for value in tree_leaves((args, kwargs)) if isinstance(value, Tensor)]
        _require_one_place(func, operands, args)
        place = asked if asked is not None else (GPU if any(map(is_on, operands)) else CPU)
        if func in READS_DATA and asked is None:
            place = GPU if isinstance(args[0], Tensor) and is_on(args[0]) else CPU
        if func is Tensor.__getitem__:
            place = GPU if is_on(args[0]) else CPU
        made = func(*args, **kwargs)
        on = torch.device(place).type == "cuda"
        return tree_map(lambda value: _marked(value, True) if on and isinstance(value, Tensor) else value, made)


def _require_one_place(func: Any, operands: list[Tensor], args: Any) -> None:
    if not any(map(is_on, operands)):
        return
    if func in TO_NUMPY:
        raise WrongDevice("numpy() of a tensor on the GPU; call cpu() before.")
    off = [value for value in operands if value.dim() and not is_on(value)]
    if func is Tensor.__setitem__:
        off = [value for value in args[2:] if isinstance(value, Tensor) and value.dim() and not is_on(value)]
    if off and func not in MIXES:
        raise WrongDevice(f"{getattr(func, '__name__', func)} of tensors on the GPU and on the CPU.")


def _moved(value: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """Do what `Tensor.to` does, but for the device, which is a mark."""
    on, rest = is_on(value), []
    device = kwargs.pop("device", None)
    for given in args:
        if isinstance(given, Tensor):
            device, rest = GPU if is_on(given) else CPU, [*rest, given.dtype]
        elif isinstance(given, str | torch.device):
            device = given
        elif isinstance(given, torch.dtype):
            rest.append(given)
    if device is not None:
        on = torch.device(device).type == "cuda"
    made = value.to(*rest, **kwargs) if rest or kwargs else value
    return made if is_on(made) == on else _marked(made.clone(), on)


def _marked(value: Tensor, on: bool) -> Tensor:
    setattr(value, MARK, on)
    return value
