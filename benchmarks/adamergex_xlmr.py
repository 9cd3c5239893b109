"""AdaMergeX on a tiny XLM-R: named entities learned in English, merged into Swahili on the phrasebook, six seeds.

    python benchmarks/adamergex_xlmr.py

Trains one small encoder, then four LoRA adapters a seed: masked LM in both languages, and the task twice, from nothing
and starting from the English reference. Keeps all under runs/ and goes on where an earlier call stopped; writes
RESULTS.md.
"""

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from statistics import mean
from typing import Any

from adamergex_real import THIRD, cell, once
from results import machine, write_section

from xlzoo.run_scripts.arguments import recipe_flags
from xlzoo.run_scripts.corpora.phrasebook import load_phrasebook
from xlzoo.run_scripts.run_merge import main as run_merge
from xlzoo.run_scripts.run_mlm import main as run_mlm
from xlzoo.run_scripts.run_ner import main as run_ner
from xlzoo.run_scripts.runs import read_results

RUNS = Path(__file__).parents[1] / "runs" / "adamergex_xlmr"
SEEDS = tuple(range(6))
SOURCE, TARGET = "eng", "swh"
READ = {"eng": 4000, "deu": 4000, "spa": 4000, "swh": 400}
"""Sentences of each language that the encoder has read."""
SHAPE = "hidden_size=64,num_hidden_layers=2,num_attention_heads=4,intermediate_size=128,max_position_embeddings=66"
COMMON = {
    "max_seq_length": 64,
    "per_device_train_batch_size": 32,
    "per_device_eval_batch_size": 64,
    "save_strategy": "no",
    "report_to": "none",
    "do_train": True,
}
MASKED = {"line_by_line": True, "mlm_probability": 0.25}
BASE = {
    "model_type": "xlm-roberta",
    "config_overrides": SHAPE,
    "tokenizer_vocab_size": 600,
    "learning_rate": 2e-3,
    "warmup_steps": 50,
    "max_steps": 900,
    "seed": 7,
}
LORA = {
    "use_peft": True,
    "lora_r": 8,
    "lora_alpha": 16,
    "lora_dropout": 0,
    "target_modules": [
        *("query", "key", "value", "attention.output.dense", "intermediate.dense"),
        *(f"layer.{layer}.output.dense" for layer in range(2)),
    ],
}
STEPS = {"lr_scheduler_type": "cosine", "dataset_name": "phrasebook"}
REFERENCE = {"learning_rate": 5e-4, "max_steps": 150, "max_train_samples": 4000}
TASK = {"task_name": "ner", "learning_rate": 2e-3, "max_steps": 250, "max_train_samples": 2000}
STRENGTHS = (0.25, 0.5, 1.0)
STARTS = {"task": "the task adapter learned from nothing", "continued": "it started from the English reference"}
"""The runs of the task adapter."""
MERGES: dict[str, dict[str, Any]] = {
    "plain average of the three": {"rule": "linear", "weights": [THIRD] * 3},
    **{f"merged factors, t = {t:g}": {"t": t} for t in STRENGTHS},
    **{f"merged products, t = {t:g}": {"t": t, "lora_merge": "product"} for t in STRENGTHS},
}
ROWS = ("English task adapter", *MERGES)


@cache
def base() -> Path:
    """Return the encoder, which has read four languages, of the target only little."""
    folder, text = RUNS / "base", RUNS / "text.jsonl"
    RUNS.mkdir(parents=True, exist_ok=True)
    parts = [load_phrasebook(name, seed=7, sizes={"train": size})["train"]["text"] for name, size in READ.items()]
    text.write_text("".join(json.dumps({"text": line}) + "\n" for part in parts for line in part), encoding="utf-8")
    flags = {**COMMON, **MASKED, **BASE, "train_file": str(text), "output_dir": str(folder)}
    once(run_mlm, folder, recipe_flags(flags))
    return folder


def reference(seed: int, language: str) -> Path:
    """Return the adapter that learned a language by masked LM."""
    folder = RUNS / f"{language}-{seed}"
    data = {"dataset_config_name": language, "phrasebook_seed": seed + 100}
    flags = {**COMMON, **MASKED, **LORA, **STEPS, **REFERENCE, **data, "model_name_or_path": str(base())}
    once(run_mlm, folder, recipe_flags({**flags, "seed": seed, "output_dir": str(folder)}))
    return folder


def task_flags(seed: int, language: str) -> dict[str, Any]:
    """Return flags that name the task in a language; the test's names and words are in no other split."""
    data = {"dataset_config_name": language, "phrasebook_seed": seed + 200}
    return {**COMMON, **STEPS, **TASK, **data, "model_name_or_path": str(base()), "seed": seed}


def task_adapter(seed: int, start: str) -> Path:
    """Return the adapter that learned the task in English, from one of the starts."""
    folder = RUNS / f"{start}-{seed}"
    new = LORA if start == "task" else {"use_peft": True, "load_adapter": str(reference(seed, SOURCE))}
    once(run_ner, folder, recipe_flags({**task_flags(seed, SOURCE), **new, "output_dir": str(folder)}))
    return folder


def adapter(seed: int, start: str, row: str) -> Path:
    """Return the adapter of a row of the table."""
    if row not in MERGES:
        return task_adapter(seed, start)
    folder = RUNS / f"{start}-{seed}-merged-{list(MERGES).index(row)}"
    parents = {
        "task_adapter": str(task_adapter(seed, start)),
        "target_reference": str(reference(seed, TARGET)),
        "source_reference": str(reference(seed, SOURCE)),
    }
    if read_results(folder) is None:
        run_merge(recipe_flags({**parents, **MERGES[row], "output_dir": str(folder)}))
    return folder


def measure(seed: int, start: str, row: str, language: str) -> float:
    """Return the F1 of an adapter of the table on a language's test split."""
    made = adapter(seed, start, row)
    folder = made.with_name(f"{made.name}-on-{language}")
    flags = {**task_flags(seed, language), "do_train": False, "do_predict": True, "load_adapter": str(made)}
    once(run_ner, folder, recipe_flags({**flags, "output_dir": str(folder)}))
    found = read_results(folder)
    assert found is not None
    return float(found["test_f1"])


def section(scores: dict[tuple[str, str, str], list[float]]) -> str:
    """Return what was measured, and how, in Markdown."""
    tables = []
    for start, what in STARTS.items():
        table = [f"| {what} | Swahili | above the task adapter | on | English |", "|---|---:|---:|---:|---:|"]
        for row in ROWS:
            target, source = (scores[start, row, language] for language in (TARGET, SOURCE))
            table.append(
                f"| {row} | {cell(target)} | {above(target, scores[start, ROWS[0], TARGET])} | {cell(source)} |"
            )
        tables.append("\n".join(table))
    lines = [
        "## AdaMergeX on a tiny XLM-R (`adamergex_xlmr.py`)",
        f"{machine()}.",
        f"F1 of named entities in %, on 500 sentences of the phrasebook whose names and words no run has seen, seeds "
        f"{', '.join(map(str, SEEDS))} (mean ± standard deviation; the mean of the paired differences, and the seeds "
        f"on which they are above 0). An encoder from scratch (2 layers, 64 wide, 600 pieces; one for all seeds) that "
        f"has read {BASE['max_steps']} batches of {COMMON['per_device_train_batch_size']} sentences in English, "
        f"German and Spanish, and of {READ[TARGET]} in Swahili. LoRA of rank {LORA['lora_r']} on all linear layers, "
        f"begun alike; references by {REFERENCE['max_steps']} steps of masked LM, the task by {TASK['max_steps']}, "
        "learned in English. The settings were looked for on another encoder. Where English gains as well, the gain "
        "is not all the language's.",
        *tables,
        verdict(scores),
    ]
    return "\n\n".join(lines)


def above(scores: Sequence[float], others: Sequence[float]) -> str:
    """Return two cells: the mean paired difference in points, and on how many seeds it is above 0."""
    gaps = [100 * (one - other) for one, other in zip(scores, others, strict=True)]
    return f"{mean(gaps):+.1f} | {sum(gap > 0 for gap in gaps)} of {len(gaps)}"


def verdict(scores: dict[tuple[str, str, str], list[float]]) -> str:
    """Say which merges are above the task adapter, and above the average, on every seed."""
    told = []
    for other in ROWS[:2]:
        for start, what in STARTS.items():
            rivals = scores[start, other, TARGET]
            rows = [
                row
                for row in MERGES
                if row.startswith("merged")
                and all(one > rival for one, rival in zip(scores[start, row, TARGET], rivals, strict=True))
            ]
            told.append(f"Above the {other}, where {what}, on every seed: {'; '.join(rows) or 'none'}.")
    return " ".join(told)


def main() -> None:
    """Train what is missing, measure, and write one section."""
    scores: dict[tuple[str, str, str], list[float]] = {}
    for seed in SEEDS:
        for start in STARTS:
            for row in ROWS:
                for language in (TARGET, SOURCE):
                    scores.setdefault((start, row, language), []).append(measure(seed, start, row, language))
                print(seed, start, row, scores[start, row, TARGET][-1], flush=True)
    write_section("adamergex_xlmr", section(scores))


if __name__ == "__main__":
    main()
