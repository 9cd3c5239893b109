"""Sense pooling, and whole steps of sense adaptation, beside the same formulas written out.

    python benchmarks/bench_sense_pooling.py --rounds 5

Random values; forward and backward pass. Every contestant is a fresh process; they take turns.
"""

import argparse

import torch
from contest import OUR_PYTHON, Contestant, finish, start, take_turns
from results import machine, write_section

POOLINGS = (("the formula", "pooling_plain", OUR_PYTHON), ("xlzoo, `pool_senses`", "pooling_xlzoo", OUR_PYTHON))
STEPS = (
    ("plain formulation, our modules", "adaptation_step_plain", OUR_PYTHON),
    ("xlzoo, as `run_adaptation.py`", "adaptation_step_xlzoo", OUR_PYTHON),
)
GOALS = (
    "Goals: pooling in at most 0.40 of the time and 0.36 of the added peak of the formula, whole steps in at most 0.8 "
    "of the time and 0.6 of the peak of the plain formulation."
)


def table(contestants: list[Contestant], rounds: int, what: str) -> str:
    """Measure a forward and a backward pass of each, and the memory that they take."""
    take_turns(contestants, ["step"], rounds)
    for contestant in contestants:
        contestant.ask("peak")
    finish(contestants)
    lines = [
        f"| {what} | s | processor s | of its time | peak added, GB | of its peak |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    first = contestants[0]
    for each in contestants:
        used, added = each.median("step", "processor"), each.median("peak", "added")
        lines.append(
            f"| {each.name} | {each.spread('step', 'seconds')} | {each.spread('step', 'processor')} | "
            f"{used / first.median('step', 'processor'):.2f} | {added / 1000:.2f} | "
            f"{added / first.median('peak', 'added'):.2f} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Measure and write the section."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, default in (("rounds", 5), ("batch", 8), ("length", 128), ("pairs", 4), ("threads", 2)):
        parser.add_argument(f"--{name}", type=int, default=default)
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    shape = {"batch": chosen.batch, "senses": 16, "length": chosen.length, "width": 768, "threads": chosen.threads}
    pooled = table(
        start(POOLINGS, shape, chosen.threads), chosen.rounds, f"pooling, {chosen.batch} x 16 x {chosen.length} x 768"
    )
    pairs = {"pairs": chosen.pairs, "length": chosen.length, "threads": chosen.threads}
    steps = table(
        start(STEPS, pairs, chosen.threads),
        chosen.rounds,
        f"whole step, GPT-2 small with 16 senses, {chosen.pairs} pairs of {chosen.length} tokens",
    )
    described = (
        f"Medians (and extremes) of {chosen.rounds} rounds of interleaved calls in one run; shares of processor time."
    )
    parts = ["## Sense adaptation (`bench_sense_pooling.py`)", described, f"{machine()}.", pooled, steps, GOALS]
    section = "\n\n".join(parts)
    print(section)
    write_section("bench_sense_pooling", section)


if __name__ == "__main__":
    main()
