"""Noise on the embeddings of some rows of a batch, drawn row by row from seeds that come with the batch."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from peft import PeftModel
from transformers import PreTrainedModel

KINDS = ("gaussian", "uniform")


@dataclass(frozen=True)
class Noise:
    """Noise on word embeddings: its kind, its strength, and the share of tokens that get it."""

    kind: str = "uniform"
    scale: float = 1e-5
    """The standard deviation of Gaussian noise; uniform noise lies between this and its negative."""
    rate: float = 1.0

    def draw(self, seed: int, shape: tuple[int, int], device: torch.device) -> torch.Tensor:
        """Return noise for one row, `[L, D]`, decided by the seed alone."""
        generator = torch.Generator(device).manual_seed(seed)
        hit = torch.rand(shape[0], 1, generator=generator, device=device) < self.rate
        if self.kind == "uniform":
            noise = torch.rand(shape, generator=generator, device=device) * 2 - 1
        else:
            noise = torch.randn(shape, generator=generator, device=device)
        return noise * self.scale * hit


@contextmanager
def noisy(
    model: PreTrainedModel | PeftModel, seeds: torch.Tensor | None, attention_mask: torch.Tensor, noise: Noise
) -> Iterator[None]:
    """Add noise to the word embeddings of every row whose seed in `[B]` is not 0, for the time of the context.

    Padding, which is on the right, gets none, so that neither it nor the other rows change what is drawn.
    """
    if seeds is None:
        yield
        return

    lengths = attention_mask.sum(1).tolist()

    def add(_: torch.nn.Module, __: object, embedded: torch.Tensor) -> torch.Tensor:
        added = torch.zeros_like(embedded, dtype=torch.float32)
        for row, (seed, length) in enumerate(zip(seeds.tolist(), lengths, strict=True)):
            if seed:
                added[row, :length] = noise.draw(seed, (length, embedded.shape[-1]), embedded.device)
        return embedded + added.to(embedded.dtype)

    adapted: Any = model  # PEFT's wrapper passes the call on.
    handle = adapted.get_input_embeddings().register_forward_hook(add)
    try:
        yield
    finally:
        handle.remove()
