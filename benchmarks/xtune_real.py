"""xTune on real data beside plain fine-tuning, three seeds: tags and answers in languages that were not learned.

    python benchmarks/xtune_real.py --data FOLDER

FOLDER holds udpos, ner/uner, xquad and dictionaries, and parallel/multi30k for the encoders, which are those of
xlm_align_real.py. Trains what is not complete under runs/, and writes RESULTS.md.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from results import machine, write_section
from xtune_parts import TAGGED, cut_questions, cut_sentences
from xtune_runs import LONGER, METRICS, RATES, ROOT, SEEDS, SHARED, Bench, Scores
from xtune_tables import part

RUNS = ROOT / "runs" / "xtune_real"
Measured = list[tuple[Bench, dict[str, list[Scores]]]]
"""Each task's scores by row of its table, one of every seed."""


def main() -> None:
    """Train what is missing, measure, and write one section."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(SHARED), help="the folder with the data sets")
    parser.add_argument("--task", nargs="+", default=list(METRICS), choices=list(METRICS), help="only these")
    parser.add_argument("--try_out", action="store_true", help="a few steps of each, one seed, nothing is written")
    chosen = parser.parse_args()
    runs, seeds = (RUNS.with_name("xtune_try"), SEEDS[:1]) if chosen.try_out else (RUNS, SEEDS)
    cut_sentences(chosen.data, runs / "data")
    cut_questions(chosen.data, runs / "data")
    benches = [Bench(name, chosen.data, runs, smaller(name) if chosen.try_out else {}) for name in chosen.task]
    parts = [part(bench, found, seeds) for bench, found in measure(benches, seeds)]
    section = "\n\n".join([*introduction(runs, seeds), *parts])
    print(section)
    if not chosen.try_out:
        write_section("xtune_real", section)


def smaller(name: str) -> dict[str, Any]:
    """Return flags for a try; tags need all labels among their rows."""
    return {"max_train_samples": 600 if name in TAGGED else 40, "max_eval_samples": 50, "num_train_epochs": 1}


def measure(benches: Sequence[Bench], seeds: Sequence[int]) -> Measured:
    """Train and test everything; what matters least comes last."""
    measured: Measured = [(bench, {row: [] for row in bench.rows}) for bench in benches]
    for late in (False, True):
        for bench, found in measured:
            for seed in seeds:
                for row in (row for row in bench.rows if late == (row == LONGER)):
                    found[row].append(bench.scores(row, seed, bench.metric))
                    print(bench.name, seed, row, found[row][-1], flush=True)
    return measured


def introduction(runs: Path, seeds: Sequence[int]) -> list[str]:
    """Say what all tables have in common."""
    seconds = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(runs.glob("*/*/seconds.json"))]
    return [
        "## xTune on real data (`xtune_real.py`)",
        f"{machine()}; {sum(seconds) / 60:.0f} minutes of one processor for all runs.",
        "Small encoders from scratch, those of XLM-Align on real text above: they have read captions in English, "
        f"German and French, and no other language. Seeds {', '.join(map(str, seeds))}, each with its own encoder "
        "(mean ± standard deviation). English trains. Learning rates are the best on other English documents of "
        f"{', '.join(f'{rate:g}' for rate in RATES)}, for plain fine-tuning with the first seed, and serve all rows "
        "of a table. Plain fine-tuning makes as many updates as stage 1; stage 2, whose data are doubled, makes twice "
        "as many, and so does one row of plain fine-tuning. The last column is the mean of all languages but English "
        "less plain fine-tuning's with the same seed.",
    ]


if __name__ == "__main__":
    main()
