"""Sentences for the bench of xTune's speed: a treebank's with a tokenizer of their own, and batches of all lengths."""

import json
from collections.abc import Sequence
from pathlib import Path

import torch
from datasets import Dataset, concatenate_datasets
from transformers import PreTrainedTokenizerBase

from xlzoo.run_scripts.corpora.phrasebook import UPOS, load_phrasebook
from xlzoo.run_scripts.corpora.readers import read_tagged
from xlzoo.run_scripts.corpora.sources import as_strings
from xlzoo.run_scripts.corpora.tagged_views import as_word_windows
from xlzoo.run_scripts.corpora.view_rows import ViewRows
from xlzoo.run_scripts.models.new_tokenizers import train_tokenizer
from xlzoo.run_scripts.objectives.grouped_rows import GroupedRows

ROWS, LENGTH, PIECES = 8, 128, 12_000
RANDOM = "1-random"
"""Stage 1 without grouping by length."""
Batches = list[list[int]]


def read_rows(data: Path | None) -> tuple[Dataset, PreTrainedTokenizerBase]:
    """Return English sentences of a treebank, without data of the phrasebook, and a tokenizer of their pieces."""
    if data is not None:
        sentences = concatenate_datasets([read_tagged(path) for path in sorted((data / "udpos/en_ewt").iterdir())])
    else:
        sentences = as_strings(load_phrasebook("eng"), "pos_tags")["train"]
    sentences = sentences.select_columns(["tokens", "pos_tags"])
    tokenizer = train_tokenizer((" ".join(words) for words in sentences["tokens"]), PIECES)
    return as_word_windows(sentences, tokenizer, UPOS, "pos_tags", LENGTH), tokenizer


def batches_of(lengths: Sequence[int], order: Sequence[int], number: int) -> Batches:
    """Return so many of the batches of an order, at even steps from the narrowest to the widest.

    Their mean is that of an epoch but for the draw.
    """
    whole = [order[start : start + ROWS] for start in range(0, len(order) - ROWS + 1, ROWS)]
    whole.sort(key=lambda batch: max(lengths[row] for row in batch))
    return [whole[int((place + 0.5) * len(whole) / number)] for place in range(number)]


def write_input(
    folder: Path, rows: Dataset, tokenizer: PreTrainedTokenizerBase, number: int, seed: int
) -> dict[str, Batches]:
    """Write batches for the workers, their rows alone, and return the batches of `rows`.

    There are so many of either stage in the order of `GroupedRows`, and of stage 1 in random order.
    """
    views = {"1": ViewRows(rows, doubled=False), "2": ViewRows(rows, doubled=True)}
    found = {
        stage: batches_of(each.lengths, list(GroupedRows(each, ROWS, seed)), number) for stage, each in views.items()
    }
    order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(seed)).tolist()
    found[RANDOM] = batches_of(views["1"].lengths, order, number)
    # In stage 2 the copies stand behind all rows.
    used = sorted({index % len(rows) for batches in found.values() for batch in batches for index in batch})
    place = {index: at for at, index in enumerate(used)}
    renamed = {
        stage: [[place[i % len(rows)] + len(used) * (i >= len(rows)) for i in batch] for batch in batches]
        for stage, batches in found.items()
    }
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save_pretrained(folder / "tokenizer")
    rows.select(used).to_json(folder / "rows.jsonl")
    (folder / "batches.json").write_text(json.dumps(renamed), encoding="utf-8")
    return found
