"""The public Backpack implementation, as PyPI's pyvene ships it, loaded by its path."""

import importlib.util
import site
import sys
from pathlib import Path

from backpack_shapes import SENSES
from torch import nn

FILE = "pyvene/models/backpack_gpt2/modelings_backpack_gpt2.py"


def public_backpack() -> nn.Module:
    """Return an untrained model of it."""
    path = Path(site.getsitepackages()[0]) / FILE
    spec = importlib.util.spec_from_file_location("public_backpack_gpt2", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module.BackpackGPT2LMHeadModel(module.BackpackGPT2Config(**SENSES))
