"""The loss of every token of a text under a causal language model, whatever the batches and however long the text."""

from collections.abc import Iterator, Sequence
from textwrap import shorten
from typing import Any

import torch
from torch.nn.functional import cross_entropy
from tqdm import tqdm
from transformers import PreTrainedModel

from xlzoo.run_scripts.errors import UserError
from xlzoo.run_scripts.models.decoders import NONSENSE
from xlzoo.run_scripts.tasks.perplexity import Window, windows

LOGITS = 2**28
"""How many logits are held at a time: rows of a batch wait where theirs would not fit in."""


@torch.no_grad()
def token_losses(
    model: PreTrainedModel, rows: Sequence[Sequence[int]], max_length: int, stride: int, batch_size: int
) -> list[torch.Tensor]:
    """Return for each row of token ids the loss in nats, `[len(row) - 1]`, of every token after its first.

    Rows longer than `max_length` are read in windows (see `windows`). The model is put into evaluation mode meanwhile.
    Raises UserError for a model that sees the tokens it is to predict, or an id that it has no embedding for.
    """
    embeddings: Any = model.get_input_embeddings()
    most = embeddings.weight.shape[0]
    if (highest := max((max(row) for row in rows if row), default=0)) >= most:
        raise UserError(
            f"The tokenizer numbers a token {highest}, the model has {most}: give the model's own tokenizer."
        )
    losses = [torch.full((max(len(row) - 1, 0),), torch.nan) for row in rows]
    jobs = [(place, job) for place, row in enumerate(rows) for job in windows(len(row) - 1, max_length, stride)]
    was_training = model.training
    model.eval()
    try:
        require_causal(model)
        with tqdm(total=len(jobs), unit="rows", disable=None, leave=False) as bar:
            for batch in _batches(jobs, batch_size, most):
                parts = _window_losses(model, [rows[place] for place, _ in batch], [window for _, window in batch])
                for (place, window), part in zip(batch, parts, strict=True):
                    losses[place][window.first : window.stop] = part
                bar.update(len(batch))
    finally:
        model.train(was_training)
    return losses


def _batches(
    jobs: Sequence[tuple[int, Window]], batch_size: int, vocab_size: int
) -> Iterator[list[tuple[int, Window]]]:
    """Yield windows of like lengths together, the longest first: memory that is too small shows at once."""
    waiting = sorted(jobs, key=lambda job: (job[1].stop - job[1].start, job[1].first - job[1].start), reverse=True)
    while waiting:
        longest = waiting[0][1].stop - waiting[0][1].start
        size = max(1, min(batch_size, LOGITS // (longest * vocab_size)))
        yield waiting[:size]
        waiting = waiting[size:]


def _window_losses(
    model: PreTrainedModel, rows: Sequence[Sequence[int]], parts: Sequence[Window]
) -> tuple[torch.Tensor, ...]:
    """Return the losses of each window's predictions, in float32 on the CPU."""
    width = max(part.stop - part.start for part in parts)
    ids = torch.zeros(len(rows), width, dtype=torch.long)  # What stands in the padding is masked.
    mask = torch.zeros_like(ids)
    for place, (row, part) in enumerate(zip(rows, parts, strict=True)):
        length = part.stop - part.start
        ids[place, :length] = torch.tensor(row[part.start : part.stop])
        mask[place, :length] = 1
    logits = model(input_ids=ids.to(model.device), attention_mask=mask.to(model.device), use_cache=False).logits
    losses = []
    for row, part, made in zip(rows, parts, logits, strict=True):
        targets = torch.tensor(row[part.first + 1 : part.stop + 1], device=made.device)
        counted = made[part.first - part.start : part.stop - part.start]
        losses.append(cross_entropy(counted.float(), targets, reduction="none"))
    return torch.cat(losses).cpu().split([part.stop - part.first for part in parts])


@torch.no_grad()
def require_causal(model: PreTrainedModel) -> None:
    """Refuse a model, in evaluation mode, that cannot run at all, or whose predictions change with a later token.

    Such a model would read what it is to predict.
    """
    ids = torch.tensor([[0, 0, 0], [0, 0, 1]], device=model.device)
    try:
        logits = model(input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=False).logits
    except NONSENSE as error:
        reason = shorten(" ".join(str(error).split()), 300).rstrip(".")
        raise UserError(f"{type(model).__name__} cannot run ({reason}); correct its configuration.") from error
    one, other = logits[:, :2].float()
    room = 16 * torch.finfo(model.dtype).eps * one.abs().max()
    if (one - other).abs().max() > room:
        raise UserError(
            f"{type(model).__name__} sees the tokens after the one it predicts; expected a causal language model, "
            "whose perplexity means something."
        )
