"""Sense pooling, and whole steps of sense adaptation, beside the same formulas written out.

    python benchmarks/bench_sense_pooling.py --rounds 5

Random values; forward and backward pass, from an empty gradient. Every contestant is a fresh process; they take turns.
"""

import argparse

import torch
from contest import OUR_PYTHON, Contestant, finish, start, take_turns
from results import machine, write_section

POOLINGS = (("the formula", "pooling_plain", OUR_PYTHON), ("xlzoo, `pool_senses`", "pooling_xlzoo", OUR_PYTHON))
STEPS = (
    ("plain formulation, transformers' GPT-2", "adaptation_step_stock", OUR_PYTHON),
    ("plain formulation, our modules", "adaptation_step_plain", OUR_PYTHON),
    ("xlzoo, as `run_adaptation.py`", "adaptation_step_xlzoo", OUR_PYTHON),
)
GOALS = {"Pooling": (0.40, 0.36), "A whole step": (0.8, 0.6)}
"""At most so much of the time and of the added peak of the plain formulation."""


def shares(ours: Contestant, theirs: Contestant) -> tuple[float, float]:
    """Return what share we take of their processor time, and of their peak."""
    asked = (("step", "processor"), ("peak", "added"))
    time, peak = (ours.median(*what) / theirs.median(*what) for what in asked)
    return time, peak


def verdict(name: str, contestants: list[Contestant]) -> str:
    """Say what share the last contestant takes of each of the others, beside the goals."""
    *others, ours = contestants
    lines = []
    for other in others:
        time, peak = shares(ours, other)
        lines.append(
            f"{name}, of {other.name}: {time:.2f} of the time (goal {GOALS[name][0]:.2f}), {peak:.2f} of the peak "
            f"(goal {GOALS[name][1]:.2f})."
        )
    return "\n".join(f"- {line}" for line in lines)


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
        time, peak = shares(each, first)
        lines.append(
            f"| {each.name} | {each.spread('step', 'seconds')} | {each.spread('step', 'processor')} | "
            f"{time:.2f} | {each.median('peak', 'added') / 1000:.2f} | {peak:.2f} |"
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
    poolings = start(POOLINGS, shape, chosen.threads)
    pooled = table(poolings, chosen.rounds, f"pooling, {chosen.batch} x 16 x {chosen.length} x 768")
    whole = start(STEPS, {"pairs": chosen.pairs, "length": chosen.length, "threads": chosen.threads}, chosen.threads)
    what = f"whole step, GPT-2 small with 16 senses, {chosen.pairs} pairs of {chosen.length} tokens"
    steps = table(whole, chosen.rounds, what)
    described = (
        f"Medians (and extremes) of {chosen.rounds} rounds of interleaved calls in one run; shares of processor time."
    )
    goals = "\n".join([verdict("Pooling", poolings), verdict("A whole step", whole)])
    parts = ["## Sense adaptation (`bench_sense_pooling.py`)", described, f"{machine()}.", pooled, steps, goals]
    section = "\n\n".join(parts)
    print(section)
    write_section("bench_sense_pooling", section)


if __name__ == "__main__":
    main()
