"""Tiny data sets in every layout that `--dataset_name` takes, and how the scripts load them."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import datasets

from xlzoo.run_scripts.data_arguments import DataArguments

Rows = dict[str, list[str]]
EXPECTED: Rows = {
    "train": ["one cat", "two dogs", "drei Vögel", "ndege nne", "пять рыб", "六只鸟"],
    "validation": ["a last one", "nyingine"],
}
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


def per_split(ending: str, write: Callable[[Path, list[str]], object]) -> Callable[[Path], Rows]:
    """One file per split, named after it."""

    def write_folder(folder: Path) -> Rows:
        folder.mkdir()
        write(folder / f"train{ending}", EXPECTED["train"])
        write(folder / f"dev{ending}", EXPECTED["validation"])
        return EXPECTED

    return write_folder


def _lines(path: Path, texts: list[str]) -> None:
    path.write_text("".join(json.dumps({"text": text}, ensure_ascii=False) + "\n" for text in texts), encoding="utf-8")


def _table(texts: list[str]) -> datasets.Dataset:
    return datasets.Dataset.from_dict({"text": texts})


write_jsonl = per_split(".jsonl", _lines)
write_gzip = per_split(".txt.gz", lambda path, texts: path.write_bytes(gzip.compress("\n".join(texts).encode())))
write_csv = per_split(".csv", lambda path, texts: _table(texts).to_csv(str(path)))
write_parquet = per_split(".parquet", lambda path, texts: _table(texts).to_parquet(str(path)))


def write_card(folder: Path) -> Rows:
    """Write a folder in the Hub's layout: a README whose metadata name the files."""
    (folder / "data").mkdir(parents=True)
    (folder / "README.md").write_text(CARD, encoding="utf-8")
    _lines(folder / "data" / "train.jsonl", EXPECTED["train"])
    _lines(folder / "data" / "more.jsonl", EXPECTED["validation"])
    return EXPECTED


def write_pushed(folder: Path) -> Rows:
    """Write what `push_to_hub` would: Parquet files whose names tell the split."""
    (folder / "data").mkdir(parents=True)
    for split, texts in EXPECTED.items():
        _table(texts).to_parquet(str(folder / "data" / f"{split}-00000-of-00001.parquet"))
    return EXPECTED


def write_saved(folder: Path) -> Rows:
    """Write what `save_to_disk` does."""
    datasets.DatasetDict({split: _table(texts) for split, texts in EXPECTED.items()}).save_to_disk(str(folder))
    return EXPECTED


def write_arrow(folder: Path) -> Rows:
    """Write Arrow files in the Hub's layout."""
    saved = folder.parent / "saved"
    write_saved(saved)
    (folder / "data").mkdir(parents=True)
    for split in EXPECTED:
        (saved / split / "data-00000-of-00001.arrow").rename(folder / "data" / f"{split}-00000-of-00001.arrow")
    return EXPECTED
