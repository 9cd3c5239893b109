"""Tiny data sets in every layout that `--dataset_name` takes, and how the scripts load them."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import datasets

from xlzoo.run_scripts.arguments import DataArguments

TRAIN = ["one cat", "two dogs", "drei Vögel", "ndege nne", "пять рыб", "六只鸟"]
VALIDATION = ["a last one", "nyingine"]
Rows = dict[str, list[str]]
EXPECTED: Rows = {"train": TRAIN, "validation": VALIDATION}
CARD = """---
configs:
- config_name: default
  data_files:
  - split: train
    path: data/train.jsonl
  - split: validation
    path: data/more.jsonl
dataset_info:
  features:
  - name: text
    dtype: string
---
# Birds
"""


def load(folder: Path) -> Rows:
    """Load the rows as the scripts do, and read all of them."""
    loaded = DataArguments(dataset_name=str(folder)).load("text", {"text": "text"})
    return {split: list(rows["text"]) for split, rows in loaded.items()}


def _lines(texts: list[str]) -> str:
    return "".join(json.dumps({"text": text}, ensure_ascii=False) + "\n" for text in texts)


def write_files(folder: Path, write: Callable[[Path, list[str]], object], ending: str) -> Rows:
    """Write one file per split, named after it."""
    folder.mkdir()
    write(folder / f"train{ending}", TRAIN)
    write(folder / f"dev{ending}", VALIDATION)
    return EXPECTED


def write_jsonl(folder: Path) -> Rows:
    return write_files(folder, lambda path, texts: path.write_text(_lines(texts), encoding="utf-8"), ".jsonl")


def write_gzip(folder: Path) -> Rows:
    return write_files(
        folder, lambda path, texts: path.write_bytes(gzip.compress("\n".join(texts).encode())), ".txt.gz"
    )


def write_csv(folder: Path) -> Rows:
    return write_files(folder, lambda path, texts: _table(texts).to_csv(str(path)), ".csv")


def write_parquet(folder: Path) -> Rows:
    return write_files(folder, lambda path, texts: _table(texts).to_parquet(str(path)), ".parquet")


def _table(texts: list[str]) -> datasets.Dataset:
    return datasets.Dataset.from_dict({"text": texts})


def write_card(folder: Path) -> Rows:
    """Write a folder in the Hub's layout: a README whose metadata name the files."""
    (folder / "data").mkdir(parents=True)
    (folder / "README.md").write_text(CARD, encoding="utf-8")
    (folder / "data" / "train.jsonl").write_text(_lines(TRAIN), encoding="utf-8")
    (folder / "data" / "more.jsonl").write_text(_lines(VALIDATION), encoding="utf-8")
    return EXPECTED


def write_pushed(folder: Path) -> Rows:
    """Write what `push_to_hub` would: Parquet files whose names tell the split."""
    (folder / "data").mkdir(parents=True)
    _table(TRAIN).to_parquet(str(folder / "data" / "train-00000-of-00001.parquet"))
    _table(VALIDATION).to_parquet(str(folder / "data" / "validation-00000-of-00001.parquet"))
    return EXPECTED


def write_saved(folder: Path) -> Rows:
    """Write what `save_to_disk` does."""
    datasets.DatasetDict({"train": _table(TRAIN), "validation": _table(VALIDATION)}).save_to_disk(str(folder))
    return EXPECTED


def write_arrow(folder: Path) -> Rows:
    """Write Arrow files in the Hub's layout."""
    saved = folder.parent / "saved"
    write_saved(saved)
    (folder / "data").mkdir(parents=True)
    for split in EXPECTED:
        (saved / split / "data-00000-of-00001.arrow").rename(folder / "data" / f"{split}-00000-of-00001.arrow")
    return EXPECTED
