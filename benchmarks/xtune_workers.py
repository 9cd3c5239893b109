"""How fast views are made: by one process, and by a data loader with its workers."""

import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from torch.utils.data import DataLoader
from transformers import PreTrainedTokenizerBase
from xtune_input import LENGTH, ROWS

from xlzoo.run_scripts.corpora.dictionaries import read_dictionaries
from xlzoo.run_scripts.corpora.phrasebook import UPOS
from xlzoo.run_scripts.corpora.tagged_views import TaggedViewCollator
from xlzoo.run_scripts.corpora.unigram import sampler_of
from xlzoo.run_scripts.corpora.view_rows import ViewRows
from xlzoo.run_scripts.corpora.views import Augmentation
from xlzoo.run_scripts.objectives.teacher import Recollection, TeacherFiles

Speed = tuple[str, float, float]
"""What is drawn, and examples per second in the first epoch and in the second."""


def augmentation(tokenizer: PreTrainedTokenizerBase, data: Path | None, *kinds: str) -> Augmentation:
    """Return views at the published rates for parts of speech."""
    words = read_dictionaries(str(data / "dictionaries"), "eng") if data and "code_switch" in kinds else {}
    return Augmentation(frozenset(kinds), 0.5, 0.3, sampler=sampler_of(tokenizer, 0.3), dictionaries=words)


def speeds(rows: Dataset, tokenizer: PreTrainedTokenizerBase, data: Path | None, folder: Path) -> list[Speed]:
    """Time two epochs of every kind of views in this process, and of stage 2 with none, one and two workers."""
    found: list[Speed] = []
    kinds = {"other pieces": ("subword",)}
    if data is not None:
        kinds |= {"words from 7 dictionaries": ("code_switch",), "both": ("code_switch", "subword")}
    for name, chosen in kinds.items():
        single = ViewRows(rows, doubled=False)
        collator = TaggedViewCollator(tokenizer, augmentation(tokenizer, data, *chosen), None, LENGTH, 0)
        found.append((f"one process, stage 1, {name}", *epochs(single, collator, 0)))
    drawn = augmentation(tokenizer, data, *chosen)
    doubled, files = ViewRows(rows, doubled=True), TeacherFiles(folder / "recalled", 1, "bench")
    for epoch in (0, 1):
        remember(files, doubled, TaggedViewCollator(tokenizer, drawn, drawn, LENGTH, 0), epoch)
    for workers in (0, 1, 2):
        where = f"data loader, {workers} worker{'s' * (workers > 1)}" if workers else "one process"
        collator = TaggedViewCollator(tokenizer, drawn, drawn, LENGTH, 0, Recollection(files))
        found.append(
            (f"{where}, stage 2, {name}, copies and the teacher's answers", *epochs(doubled, collator, workers))
        )
    return found


def epochs(rows: ViewRows, collator: TaggedViewCollator, workers: int) -> tuple[float, float]:
    """Return examples per second in each of two epochs; workers start anew with each, as in training."""
    loader: DataLoader[Any] = DataLoader(
        rows,
        ROWS,
        shuffle=True,
        collate_fn=collator,
        num_workers=workers,
        generator=torch.Generator().manual_seed(0),
        persistent_workers=workers > 0,
    )
    seconds = []
    for epoch in (0, 1):
        rows.start(epoch)
        begin = time.perf_counter()
        drain(loader)
        seconds.append(time.perf_counter() - begin)
    return len(rows) / seconds[0], len(rows) / seconds[1]


def drain(batches: Iterable[Any]) -> None:
    """Take all batches."""
    for _ in batches:
        pass


def remember(files: TeacherFiles, rows: ViewRows, collator: TaggedViewCollator, epoch: int) -> None:
    """Write answers of a teacher that says nothing, of as many words as each copy has."""
    rows.start(epoch)
    number = len(rows) // 2
    answers = [torch.zeros(int(size), len(UPOS)) for size in sizes(rows, collator, range(number, 2 * number))]
    files.write(epoch, 0, answers)


def sizes(rows: ViewRows, collator: TaggedViewCollator, indices: Sequence[int]) -> Iterator[int]:
    """Yield how many words of each row are taught."""
    for index in indices:
        yield int(collator.copies([rows[index]])["sizes"][0])
