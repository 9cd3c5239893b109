"""Cross-entropy over a large vocabulary in two buffers of the logits' size instead of three."""

from typing import Any

import torch
from torch.autograd.function import once_differentiable


class SummedCrossEntropy(torch.autograd.Function):
    """Sum of the cross-entropies of logits `[N, V]` with targets `[N]`, computed in float32 whatever the logits are.

    Between the passes it keeps the logits, which the caller holds anyway, and one number per row.
    """

    @staticmethod
    def forward(ctx: Any, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Return the sum, a float32 number."""
        totals = logits.float().logsumexp(dim=-1)
        ctx.save_for_backward(logits, targets, totals)
        return (totals - logits.gather(-1, targets[:, None]).squeeze(-1).float()).sum()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:
        """Return the gradient of the logits: softmax minus one at the target."""
        logits, targets, totals = ctx.saved_tensors
        result = (logits - totals[:, None]).exp_()
        result[torch.arange(len(targets), device=targets.device), targets] -= 1.0
        return result.mul_(gradient).to(logits.dtype), None
