"""The two consistency terms of xTune (Zheng et al. 2021, https://arxiv.org/abs/2106.08226), for each kind of task.

A prediction is a row of logits over labels: of an example for classification, of a word's first piece for tagging. For
span questions it is a passage's logits over its tokens. All terms are in float32 at least, without any weight.

The published weights belong to the scale used here: `kl_div` with reduction "mean", which for labels divides by the
number of predictions and of labels both. For spans the divisor is the number of examples alone.
"""

import torch
from torch.nn.functional import cross_entropy, log_softmax


def divergence(logits: torch.Tensor, target_logits: torch.Tensor) -> torch.Tensor:
    """Return KL(softmax(target) || softmax(logits)) per row, `[N, C]` twice to `[N]`; no gradient reaches the target.

    Logits may be -inf where both are.
    """
    found, target = _log_probabilities(logits), _log_probabilities(target_logits).detach()
    # A label without probability adds nothing, and must not add a gradient of nan either.
    possible = target.isfinite()
    gaps = target.masked_fill(~possible, 0.0) - found.masked_fill(~possible, 0.0)
    return (target.exp() * gaps).sum(-1)


def example_consistency(logits: torch.Tensor, view_logits: torch.Tensor) -> torch.Tensor:
    """Return R1 per prediction, `[N, C]` of examples and of their views to `[N]`.

    The divergence either way, each time with the gradient of one side only, over the number of labels.
    """
    both = divergence(view_logits, logits) + divergence(logits, view_logits)
    return both / logits.shape[-1]


def model_consistency(logits: torch.Tensor, teacher_logits: torch.Tensor, hard: bool = False) -> torch.Tensor:
    """Return R2 per prediction, `[N, C]` of the student and of the stage-1 model to `[N]`.

    The divergence over the number of labels, or, with `hard` labels, the cross-entropy with the teacher's best label.
    """
    if hard:
        return cross_entropy(logits.float(), teacher_logits.argmax(-1), reduction="none")
    return divergence(logits, teacher_logits) / logits.shape[-1]


Ends = tuple[torch.Tensor, torch.Tensor]
"""The logits `[B, L]` of a span's start and of its end."""


def span_example_consistency(
    spans: Ends, view_spans: Ends, places: torch.Tensor, view_places: torch.Tensor
) -> torch.Tensor:
    """Return R1 per passage `[B]`: half the divergence either way, of starts and of ends.

    Token `places[b, k]` of an example is `view_places[b, k]` of its view, both `[B, K]`, -1 behind the last one. All
    other tokens of a side count as one more. A passage without such tokens, whose answer did not survive say, has 0.
    """
    total = torch.zeros(len(places), device=places.device)
    for logits, view_logits in zip(spans, view_spans, strict=True):
        own, other = _gathered(logits, places), _gathered(view_logits, view_places)
        total = total + (divergence(other, own) + divergence(own, other)) / 2
    return total.masked_fill(~(places >= 0).any(-1), 0.0)


def span_model_consistency(spans: Ends, teacher_spans: Ends, mask: torch.Tensor) -> torch.Tensor:
    """Return R2 per passage `[B]`: the mean divergence of starts and ends over the tokens of the mask `[B, L]`."""
    pairs = zip(spans, teacher_spans, strict=True)
    hidden = ~mask.bool()
    parts = [
        divergence(logits.masked_fill(hidden, -torch.inf), teacher.masked_fill(hidden, -torch.inf))
        for logits, teacher in pairs
    ]
    return (parts[0] + parts[1]) / 2


def _gathered(logits: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """Return the log-probabilities of the places `[B, K]`, and behind them that of all other tokens, `[B, K + 1]`."""
    logs, known = _log_probabilities(logits), places >= 0
    # What is behind the last place is put to a column of its own, so that it marks no token.
    marked = torch.zeros(logs.shape[0], logs.shape[1] + 1, dtype=torch.bool, device=logs.device)
    marked.scatter_(1, torch.where(known, places, logs.shape[1]), True)
    others = logs.masked_fill(marked[:, :-1], -torch.inf)
    any_other = others.isfinite().any(-1, keepdim=True)
    # logsumexp of nothing has a gradient of nan.
    rest = torch.where(any_other, others, torch.zeros_like(others)).logsumexp(-1, keepdim=True)
    rest = rest.masked_fill(~any_other, -torch.inf)
    chosen = logs.gather(1, places.clamp(min=0)).masked_fill(~known, -torch.inf)
    return torch.cat([chosen, rest], dim=-1)


def _log_probabilities(logits: torch.Tensor) -> torch.Tensor:
    return log_softmax(logits.to(torch.promote_types(logits.dtype, torch.float32)), dim=-1)
