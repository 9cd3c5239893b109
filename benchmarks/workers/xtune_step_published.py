"""A step of xTune as published: passes for examples, views and the teacher, each padded to the longest input."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch.nn.functional import cross_entropy, kl_div, log_softmax, softmax
from xtune_step import LENGTH, R1, R2, Parts, batches, chosen, rows, serve, tagger, tokenizer, view

from xlzoo.run_scripts.corpora.collators import padded
from xlzoo.run_scripts.corpora.tagged_views import Drawn, TaggedViewCollator

Places = tuple[torch.Tensor, torch.Tensor]
"""Rows and columns."""


@dataclass(frozen=True)
class Padded:
    """A batch of examples and one of their views, and where the words of both are."""

    own: dict[str, torch.Tensor]
    view: dict[str, torch.Tensor]
    labels: torch.Tensor
    compared: Places
    with_views: Places
    taught: Places


def padded_batch(drawn: Sequence[Drawn], copies: Sequence[bool]) -> Padded:
    """Pad both sides of rows to the longest input."""
    labels = torch.full((len(drawn), LENGTH), -100)
    for row, each in enumerate(drawn):
        labels[row, each.own.places] = torch.tensor(each.tags)
    sides = {
        name: padded([getattr(each, name).ids for each in drawn], tokenizer.pad_token_id, LENGTH)
        for name in ("own", "view")
    }
    pairs = [(row, first, second) for row, each in enumerate(drawn) for first, second in each.pairs]
    return Padded(
        own=sides["own"],
        view=sides["view"],
        labels=labels,
        compared=places([(row, drawn[row].own.places[first]) for row, first, _ in pairs]),
        with_views=places([(row, drawn[row].view.places[second]) for row, _, second in pairs]),
        taught=places([(row, place) for row, each in enumerate(drawn) if copies[row] for place in each.own.places]),
    )


def places(found: Sequence[tuple[int, int]]) -> Places:
    """Return places as an index."""
    rows_of, columns = torch.tensor(found, dtype=torch.int64).reshape(-1, 2).unbind(1)
    return rows_of, columns


def divergence(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Return KL(target || logits) as the published code has it, a mean over predictions and labels."""
    return kl_div(log_softmax(logits, -1), softmax(target.detach(), -1), reduction="mean")


def step(stage: str, number: int) -> Parts:
    """Run two passes of the student, in stage 2 one of the teacher, and back."""
    batch = made[stage][number]
    own, other = model(**batch.own).logits, model(**batch.view).logits
    task = cross_entropy(own.flatten(0, 1), batch.labels.flatten())
    compared, with_views = own[batch.compared], other[batch.with_views]
    first = divergence(with_views, compared) + divergence(compared, with_views)
    second = own.new_zeros(())
    if stage == "2":
        with torch.no_grad():
            said = teacher(**batch.own).logits
        second = divergence(own[batch.taught], said[batch.taught])
    (task + R1 * first + R2 * second).backward()
    return task.item(), first.item(), second.item()


model, teacher = tagger(0).train(), tagger(1).eval()
collators = {
    stage: TaggedViewCollator(tokenizer, view, view if stage == "2" else None, LENGTH, chosen.seed)
    for stage in batches
}
made: dict[str, list[Padded]] = {}
for at, taken in batches.items():
    given = [[rows[at[0]][index] for index in batch] for batch in taken]
    made[at] = [
        padded_batch([collators[at].draw(row) for row in batch], [row["is_copy"] for row in batch]) for batch in given
    ]

serve(model, step)
