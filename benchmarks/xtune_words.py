"""How many words of a language a tagger gets right, apart by what of them its training could show."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from transformers import AutoTokenizer

from xlzoo.modeling.modeling_madx import MadxForTokenClassification
from xlzoo.run_scripts.corpora.collators import TaggingCollator
from xlzoo.run_scripts.corpora.pieces import IGNORED, as_windows
from xlzoo.run_scripts.corpora.readers import read_tagged

BATCH = 64


def rights(folder: Path, file: Path, length: int) -> list[bool]:
    """Say of every word of a file of parts of speech whether a tagger gets it right; kept in the tagger's folder."""
    kept = folder / f"rights-{file.parent.name}.json"
    if not kept.is_file():
        kept.write_text(json.dumps(_rights(folder, file, length)), encoding="utf-8")
    return list(json.loads(kept.read_text(encoding="utf-8")))


@torch.no_grad()
def _rights(folder: Path, file: Path, length: int) -> list[bool]:
    model, tokenizer = MadxForTokenClassification.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)
    labels = [model.config.id2label[number] for number in range(model.config.num_labels)]
    rows = list(as_windows(read_tagged(file), tokenizer, labels, "pos_tags", length))
    found: dict[tuple[int, int], list[bool]] = {}
    ordered = sorted(rows, key=lambda row: len(row["input_ids"]))
    collate = TaggingCollator(tokenizer)
    for start in range(0, len(ordered), BATCH):
        batch = collate(ordered[start : start + BATCH])
        logits = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits
        for place, gold, best in zip(batch["place"].tolist(), batch["labels"], logits.argmax(-1), strict=True):
            found[place[0], place[1]] = (gold == best)[gold != IGNORED].tolist()
    return [right for place in sorted(found) for right in found[place]]


def by_group(right: Sequence[bool], words: Sequence[str], groups: Mapping[str, set[str]]) -> dict[str, list[bool]]:
    """Part what was right by the first group that has the word, in lower case, and what no group has."""
    parts: dict[str, list[bool]] = {name: [] for name in (*groups, "others")}
    for word, one in zip(words, right, strict=True):
        parts[next((name for name, known in groups.items() if word.lower() in known), "others")].append(one)
    return parts
