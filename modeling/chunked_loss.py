"""Cross-entropy over a large vocabulary without ever holding the logits of the whole batch."""

from typing import Any

import torch
from torch import nn
from torch.autograd.function import once_differentiable
from torch.nn.functional import cross_entropy

from .plain_modules import is_plain

CHUNK = 2**24
"""How many logits are held at a time."""


def sums_from_logits(
    logits: torch.Tensor, targets: torch.Tensor, smoothing: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the summed cross-entropy of `logits` `[N, V]` with `targets` `[N]`, label-smoothed and plain, in float32.

    Smoothing by s moves s of the target's probability evenly to the whole vocabulary. The plain sum has no gradient.
    """
    logits = logits.float()
    smoothed = cross_entropy(logits, targets, reduction="sum", label_smoothing=smoothing)
    plain = smoothed if smoothing == 0 else cross_entropy(logits, targets, reduction="sum")
    return smoothed, plain.detach()


def head_sums(
    head: nn.Module, states: torch.Tensor, logits: torch.Tensor | None, targets: torch.Tensor, smoothing: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the smoothed and the plain loss of `targets` `[B, L - 1]` (-100: none) given `states` `[B, L, D]`.

    If the `logits` `[B, L, V]` exist already they are used; else they are made in chunks, where the head allows it.
    """
    if logits is None and torch.compiler.is_compiling():
        logits = head(states)
    if logits is not None:
        return sums_from_logits(logits[:, :-1].flatten(0, 1), targets.flatten(), smoothing)
    predicted = targets != -100
    states, targets = states[:, :-1][predicted], targets[predicted]
    if is_plain(head, nn.Linear):
        return chunked_sums(states, head.weight, targets, smoothing)
    return sums_from_logits(head(states), targets, smoothing)


def chunked_sums(
    states: torch.Tensor, weight: torch.Tensor, targets: torch.Tensor, smoothing: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return what `sums_from_logits(states @ weight.T, targets, smoothing)` does, `CHUNK` logits at a time.

    `states` `[N, D]`, `weight` `[V, D]`. The gradients are made on the way, so that nothing is computed twice.
    """
    if torch.is_autocast_enabled(states.device.type):
        dtype = torch.get_autocast_dtype(states.device.type)
        states, weight = states.to(dtype), weight.to(dtype)
    return LinearCrossEntropy.apply(states, weight, targets, smoothing, torch.is_grad_enabled())


@torch.no_grad()
def head_scores(head: nn.Module, states: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return each target's cross-entropy in float32 and whether it was the best guess, `[N]` both, for evaluation.

    `states` `[N, D]`, `targets` `[N]`; the logits are made `CHUNK` at a time.
    """
    losses = torch.empty(len(states), device=states.device)
    hits = torch.empty(len(states), dtype=torch.bool, device=states.device)
    size = max(1, CHUNK // head(states[:1]).shape[-1])
    for start in range(0, len(states), size):
        part = slice(start, start + size)
        logits = head(states[part]).float()
        losses[part] = cross_entropy(logits, targets[part], reduction="none")
        hits[part] = logits.argmax(-1) == targets[part]
    return losses, hits


class LinearCrossEntropy(torch.autograd.Function):
    """Vocabulary projection and summed cross-entropy as one operation; see `chunked_sums`."""

    @staticmethod
    def forward(
        ctx: Any, states: torch.Tensor, weight: torch.Tensor, targets: torch.Tensor, smoothing: float, learns: bool
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the smoothed and the plain sum."""
        wanted = (learns and ctx.needs_input_grad[0], learns and ctx.needs_input_grad[1])
        sums, *ctx.made = _sums_and_gradients(states, weight, targets, smoothing, wanted)
        ctx.save_for_backward(states, weight, targets)
        ctx.smoothing, ctx.wanted = smoothing, wanted
        smoothed, plain = sums[0].clone(), sums[1].clone()
        ctx.mark_non_differentiable(plain)
        return smoothed, plain

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor, _: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """Scale the gradients that the forward pass made, in place; a second time they are made again."""
        made, ctx.made = ctx.made, None
        if made is None:
            states, weight, targets = ctx.saved_tensors
            _, *made = _sums_and_gradients(states, weight, targets, ctx.smoothing, ctx.wanted)
        d_states, d_weight = (None if part is None else part.mul_(gradient) for part in made)
        return d_states, d_weight, None, None, None


def _sums_and_gradients(
    states: torch.Tensor, weight: torch.Tensor, targets: torch.Tensor, smoothing: float, wanted: tuple[bool, bool]
) -> tuple[torch.Tensor, torch.Tensor | None, torch.Tensor | None]:
    """Return both sums `[2]`, and of the gradients of the smoothed one by states and weight those that are wanted."""
    d_states = torch.empty_like(states) if wanted[0] else None
    d_weight = torch.zeros_like(weight, dtype=torch.promote_types(weight.dtype, torch.float32)) if wanted[1] else None
    sums = torch.zeros(2, dtype=torch.float32, device=states.device)
    size = max(1, CHUNK // len(weight))
    for start in range(0, len(states), size):
        part, goal = states[start : start + size], targets[start : start + size, None]
        residual, losses = _residual((part @ weight.t()).float(), goal, smoothing)
        sums += losses
        residual = residual.to(states.dtype)
        if d_states is not None:
            torch.mm(residual, weight, out=d_states[start : start + size])
        if d_weight is not None:
            add_product(d_weight, residual.t(), part)
    return sums, d_states, None if d_weight is None else d_weight.to(weight.dtype)


def _residual(logits: torch.Tensor, targets: torch.Tensor, smoothing: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Turn `logits` `[N, V]` in place into the gradient of the smoothed sum; return it and both sums `[2]`."""
    chosen, mean = logits.gather(1, targets), logits.mean(1, keepdim=True)
    top = logits.amax(1, keepdim=True)
    total = logits.sub_(top).exp_().sum(1, keepdim=True)
    logits.div_(total)
    total = total.log_().add_(top)
    sums = torch.stack([(total - (1 - smoothing) * chosen - smoothing * mean).sum(), (total - chosen).sum()])
    if smoothing > 0:
        logits.sub_(smoothing / logits.shape[1])
    logits.scatter_add_(1, targets, torch.full_like(chosen, smoothing - 1))
    return logits, sums


def add_product(total: torch.Tensor, left: torch.Tensor, right: torch.Tensor) -> None:
    """Add `left @ right` to `total`, which may be wider."""
    if total.dtype == left.dtype:
        total.addmm_(left, right)
    else:
        total += left @ right
