"""What both ways of taking a step of xTune share: rows and what is drawn of them, models, and how they answer."""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from datasets import Dataset
from step_server import xlm_r_base
from torch import nn
from transformers import AutoTokenizer, XLMRobertaConfig, XLMRobertaForTokenClassification

from xlzoo.run_scripts.corpora.phrasebook import UPOS
from xlzoo.run_scripts.corpora.unigram import sampler_of
from xlzoo.run_scripts.corpora.view_rows import ViewRows
from xlzoo.run_scripts.corpora.views import Augmentation

LENGTH = 128
"""The longest input in pieces."""
R1, R2, LEARNING_RATE = 5.0, 0.3, 2e-5
Parts = tuple[float, float, float]
"""A batch's loss of the task, its R1 and its R2, each without its weight."""

parser = argparse.ArgumentParser()
parser.add_argument("--folder", type=Path, required=True)
for name in ("threads", "layers", "seed"):
    parser.add_argument(f"--{name}", type=int, required=True)
chosen = parser.parse_args()
torch.set_num_threads(chosen.threads)

tokenizer = AutoTokenizer.from_pretrained(chosen.folder / "tokenizer")
data = Dataset.from_json(str(chosen.folder / "rows.jsonl"), cache_dir=str(chosen.folder / "cache"))
rows = {"1": ViewRows(data, doubled=False), "2": ViewRows(data, doubled=True)}
batches: dict[str, list[list[int]]] = json.loads((chosen.folder / "batches.json").read_text(encoding="utf-8"))
view = Augmentation(frozenset({"subword"}), subword_rate=0.5, sampler=sampler_of(tokenizer, 0.3))


def tagger(seed: int) -> XLMRobertaForTokenClassification:
    """Return a tagger with random weights, whose predictions are sharp enough for R1 and R2 to count."""
    torch.manual_seed(seed)
    shape = {**xlm_r_base(len(tokenizer)), "num_hidden_layers": chosen.layers}
    model = XLMRobertaForTokenClassification(XLMRobertaConfig(**shape, num_labels=len(UPOS)))
    with torch.no_grad():
        model.classifier.weight *= 10
    return model


@contextmanager
def without_dropout(model: nn.Module) -> Iterator[None]:
    """Turn dropout off for the time of the context, so that losses can be compared."""
    dropouts = [(module, module.p) for module in model.modules() if isinstance(module, nn.Dropout)]
    for module, _ in dropouts:
        module.p = 0.0
    try:
        yield
    finally:
        for module, rate in dropouts:
            module.p = rate


def serve(model: nn.Module, step: Callable[[str, int], Parts], teach: Callable[[], int] | None = None) -> None:
    """Answer `1/3` with the seconds of a step on the third batch of stage 1, `check 1/3` with what it computes.

    `step` runs forward and backward; clipping and the optimizer are added here. `teacher` is answered with the seconds
    that the teacher takes for each of the copies that `teach` asks it about.
    """
    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE)
    for line in sys.stdin:
        *checked, asked = line.split()
        begin, used = time.perf_counter(), time.process_time()
        if asked == "teacher" and teach is not None:
            number = teach()
            seconds, processor = time.perf_counter() - begin, time.process_time() - used
            answer = {"seconds": seconds / number, "processor": processor / number}
        elif checked:
            stage, number = asked.split("/")
            with without_dropout(model):
                parts = step(stage, int(number))
            norm = nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            answer = dict(zip(("task", "r1", "r2"), parts, strict=True)) | {"gradient": norm.item()}
            optimizer.zero_grad()
        else:
            stage, number = asked.split("/")
            step(stage, int(number))
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
            answer = {"seconds": time.perf_counter() - begin, "processor": time.process_time() - used}
        print(json.dumps(answer), flush=True)
