"""Losses between two batches of vectors, over one process or all of them."""

from typing import Any

import torch
import torch.distributed as dist
from torch.autograd.function import once_differentiable
from torch.nn.functional import cross_entropy, normalize


def info_nce(queries: torch.Tensor, keys: torch.Tensor, temperature: float, first: int = 0) -> torch.Tensor:
    """Return the mean cross-entropy of cosine / temperature between queries `[B, D]` and keys `[N, D]`.

    Query i belongs to key `first + i`; the other keys are its negatives. One direction (van den Oord et al. 2018,
    https://arxiv.org/abs/1807.03748). In float32 at least.
    """
    dtype = torch.promote_types(queries.dtype, torch.float32)
    with torch.autocast(queries.device.type, enabled=False):
        cosines = normalize(queries.to(dtype), dim=-1) @ normalize(keys.to(dtype), dim=-1).t()
        own = torch.arange(first, first + len(queries), device=queries.device)
        return cross_entropy(cosines / temperature, own)


def joint_info_nce(queries: torch.Tensor, keys: torch.Tensor, temperature: float) -> torch.Tensor:
    """Return `info_nce` of this process's queries against the keys of all processes, which have as many rows each.

    The mean over the processes, and of their gradients, is that of one process with the joint batch.
    """
    if not (dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1):
        return info_nce(queries, keys, temperature)
    return info_nce(queries, Gathered.apply(keys), temperature, first=dist.get_rank() * len(queries))


class Gathered(torch.autograd.Function):
    """The rows of all processes one after the other; gradients go back to the process that a row came from."""

    @staticmethod
    def forward(ctx: Any, rows: torch.Tensor) -> torch.Tensor:
        """Turn `[B, D]` into `[processes * B, D]`."""
        parts = [torch.empty_like(rows) for _ in range(dist.get_world_size())]
        dist.all_gather(parts, rows.contiguous())
        return torch.cat(parts)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> torch.Tensor:
        """Add up what every process's loss says of these rows."""
        gradient = gradient.contiguous()
        dist.all_reduce(gradient)
        return gradient.chunk(dist.get_world_size())[dist.get_rank()]
