"""Whether a module's tensors may be used directly, without calling the module."""

from torch import nn


def is_plain(module: nn.Module, kind: type[nn.Module]) -> bool:
    """Whether a module does just what its class says: it is neither adapted nor hooked nor moved about."""
    hooked = module._forward_hooks or module._forward_pre_hooks or "forward" in vars(module)
    return type(module) is kind and not hooked
