"""Parts of English data for training and validation, so that no document or article is in two of them."""

import gzip
import zlib
from pathlib import Path

TAGGED = {"pos": "udpos/en_ewt/dev.conllu.gz", "ner": "ner/uner/en_ewt/dev.iob2.gz"}


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
