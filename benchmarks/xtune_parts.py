"""Parts of data to train, validate and test on, so that no document or article is in two of them."""

import gzip
import json
import zlib
from pathlib import Path
from statistics import mean
from typing import Any

from xlzoo.run_scripts.corpora.squad import read_squad
from xlzoo.run_scripts.tasks.spans import answer_scores

TAGGED = {"pos": "udpos/en_ewt/dev.conllu.gz", "ner": "ner/uner/en_ewt/dev.iob2.gz"}
ASKED = {"train": 1, "validation": 5, "test": 1}
"""How many questions on a passage are used."""


def cut_sentences(data: Path, folder: Path) -> None:
    """Cut the English development sets, for there are no larger ones, by document, in both tasks alike."""
    for task, name in TAGGED.items():
        with gzip.open(data / name, "rt", encoding="utf-8") as file:
            blocks = file.read().strip("\n").split("\n\n")
        parts: dict[str, list[str]] = {"train": [], "validation": []}
        for block in blocks:
            [named] = [line for line in block.split("\n") if line.startswith("# sent_id = ")]
            document = named.removeprefix("# sent_id = ").rpartition("-")[0]
            parts["validation" if zlib.crc32(document.encode()) % 7 == 0 else "train"].append(block)
        for split, chosen in parts.items():
            path = folder / task / f"{split}{Path(name).with_suffix('').suffix}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("".join(f"{block}\n\n" for block in chosen), encoding="utf-8")


def cut_questions(data: Path, folder: Path) -> None:
    """Cut XQuAD by article: 32 to train on and 4 to validate on in English, and 12 to test on in all languages."""
    for path in sorted((data / "xquad").glob("*.json.gz")):
        language = path.name.partition(".")[0]
        with gzip.open(path, "rt", encoding="utf-8") as file:
            articles = json.load(file)["data"]
        parts: dict[str, list[Any]] = {"train": [], "validation": [], "test": []}
        for number, article in enumerate(articles):
            split = "test" if number % 4 == 3 else "validation" if number % 12 == 1 else "train"
            passages = [{**passage, "qas": passage["qas"][: ASKED[split]]} for passage in article["paragraphs"]]
            parts[split].append({**article, "paragraphs": passages})
        for split in parts if language == "en" else ("test",):
            made = folder / "xquad" / f"{split}.{language}.json"
            made.parent.mkdir(parents=True, exist_ok=True)
            made.write_text(json.dumps({"data": parts[split]}, ensure_ascii=False), encoding="utf-8")


def whole_passages(path: Path) -> float:
    """Return the F1 of giving every question its whole passage for an answer."""
    rows = read_squad(path)
    return mean(answer_scores(row["context"], row["answers"]["text"], None)["f1"] for row in rows)
