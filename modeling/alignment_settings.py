"""How pairs are encoded and linked."""

from dataclasses import dataclass

import torch

METHODS = ("ot", "argmax", "itermax", "match")
ENCODINGS = ("joint", "separate")


@dataclass(frozen=True)
class AlignmentSettings:
    """The arguments of `XLMAlignModel.align`, where they are explained.

    Raises:
        ValueError: a value is none of those expected.
    """

    layers: tuple[int, ...]
    method: str = "ot"
    encode: str = "joint"
    sinkhorn_steps: int = 2
    max_count: int = 2
    batch_tokens: int | None = None
    dtype: torch.dtype | None = None

    def __post_init__(self) -> None:
        for name, known in (("method", METHODS), ("encode", ENCODINGS)):
            if getattr(self, name) not in known:
                raise ValueError(f"{name} is {getattr(self, name)!r}; expected one of {', '.join(known)}.")
        for name, least in (("sinkhorn_steps", 0), ("max_count", 1), ("batch_tokens", 1)):
            value = getattr(self, name)
            if value is not None and (not isinstance(value, int) or value < least):
                raise ValueError(f"{name} is {value!r}; expected a number from {least}.")
        if not self.layers:
            raise ValueError("layers is empty; expected the numbers of some layers.")
        if self.dtype is not None and not (isinstance(self.dtype, torch.dtype) and self.dtype.is_floating_point):
            raise ValueError(f"dtype is {self.dtype!r}; expected torch.bfloat16, torch.float16 or torch.float32.")

    def check_layers(self, last: int) -> None:
        """Raise ValueError for a layer that an encoder of `last` layers does not have."""
        for layer in self.layers:
            if not isinstance(layer, int) or not 0 <= layer <= last:
                raise ValueError(f"layer is {layer!r}; this encoder has 0 (its embeddings) to {last}.")
