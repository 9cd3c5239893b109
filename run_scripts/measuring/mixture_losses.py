"""Losses of texts under every mixture of a Backpack's senses, from one pass of its contextualiser."""

from collections.abc import Sequence

import torch
from tqdm import tqdm

from xlzoo.modeling.chunked_loss import head_scores
from xlzoo.modeling.modeling_backpack import BackpackGPT2LMHeadModel
from xlzoo.run_scripts.corpora.collators import padded
from xlzoo.run_scripts.corpora.pieces import IGNORED
from xlzoo.run_scripts.tasks.perplexity import Window, windows
from xlzoo.run_scripts.tasks.senses.mixing import mixtures

NUMBERS = 2**26
"""Numbers of a batch's sense vectors, or of its weights, that are held at a time."""


@torch.no_grad()
def mixture_losses(
    model: BackpackGPT2LMHeadModel,
    rows: Sequence[Sequence[int]],
    window: tuple[int, int],
    batch_size: int,
    permutations: Sequence[Sequence[int]],
) -> dict[str, float]:
    """Return, by the name of the mixture, the loss in nats summed over every token of the rows but their first.

    `window` is the length and the stride in which longer rows are read (see `windows`).
    """
    jobs = [(row, job) for row in rows for job in windows(len(row) - 1, *window)]
    jobs.sort(key=lambda job: job[1].stop - job[1].start, reverse=True)
    nats: dict[str, float] = {}
    with tqdm(total=len(jobs), unit="rows", disable=None, leave=False) as bar:
        while done := jobs[: _rows(model, jobs, batch_size)]:
            for name, loss in _losses(model, done, permutations).items():
                nats[name] = nats.get(name, 0.0) + loss
            jobs = jobs[len(done) :]
            bar.update(len(done))
    return nats


def _rows(model: BackpackGPT2LMHeadModel, jobs: Sequence[tuple[Sequence[int], Window]], batch_size: int) -> int:
    """Return how many of the jobs, the longest of which is the first, may be read at once."""
    longest = jobs[0][1].stop - jobs[0][1].start if jobs else 1
    numbers = model.config.num_senses * longest * max(longest, model.config.n_embd)
    return max(1, min(batch_size, NUMBERS // numbers))


def _losses(
    model: BackpackGPT2LMHeadModel,
    jobs: Sequence[tuple[Sequence[int], Window]],
    permutations: Sequence[Sequence[int]],
) -> dict[str, float]:
    """Return the summed loss of a batch's counted predictions under every mixture."""
    inputs = padded([row[part.start : part.stop] for row, part in jobs], 0, multiple=1)
    targets = torch.full_like(inputs["input_ids"], IGNORED)
    for place, (row, part) in enumerate(jobs):
        read = slice(part.first - part.start, part.stop - part.start)
        targets[place, read] = torch.tensor(row[part.first + 1 : part.stop + 1])
    inputs, targets = {name: value.to(model.device) for name, value in inputs.items()}, targets.to(model.device)
    outputs = model.backpack(**inputs, use_cache=False, output_senses=True, output_contextualization=True)
    counted = targets != IGNORED
    losses = {}
    for name, mixed in mixtures(outputs.contextualization, outputs.senses, permutations):
        found, _ = head_scores(model.lm_head, mixed[counted].to(model.dtype), targets[counted])
        losses[name] = found.cpu().double().sum().item()
    return losses
