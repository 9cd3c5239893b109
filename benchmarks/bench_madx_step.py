"""One language-adapter training step (forward and backward) beside adapters 1.3.0 and beside the unavoidable work.

    python benchmarks/bench_madx_step.py --rounds 5

XLM-R base shape, random weights, seq_bn_inv. Every contestant is a fresh process; their steps take turns.
"""

import argparse

import torch
from contest import OUR_PYTHON, PEERS_PYTHON, Contestant, finish, start, take_turns
from results import machine, write_section

CONTESTANTS = (
    ("adapters 1.3.0, stock head", "madx_step_adapters", PEERS_PYTHON),
    ("xlzoo, `MadxForMaskedLM`", "madx_step_xlzoo", OUR_PYTHON),
    ("floor: frozen encoder, gradients to the embeddings, head on masked tokens", "madx_step_floor", OUR_PYTHON),
)
GOAL = "Goal: at least 2.9 times as fast as adapters with its stock head, in at most 0.42 of its peak."


def measure(arguments: argparse.Namespace) -> list[Contestant]:
    """Take a first step that does not count, then `rounds` steps in turn, and ask for the peak memory."""
    shape = {key: vars(arguments)[key] for key in ("batch", "length", "vocab", "threads")}
    contestants = start(CONTESTANTS, shape, arguments.threads)
    take_turns(contestants, ["step"], arguments.rounds)
    for contestant in contestants:
        contestant.ask("peak")
    finish(contestants)
    return contestants


def table(arguments: argparse.Namespace, contestants: list[Contestant]) -> str:
    """Lay the medians and their ratios to the first contestant's out as Markdown."""
    lines = [
        "## MAD-X: one language-adapter step (`bench_madx_step.py`)",
        "",
        f"XLM-R base shape, vocabulary {arguments.vocab}, {arguments.batch} x {arguments.length} tokens, 15 % masked, "
        f"seq_bn_inv, forward and backward; medians of {arguments.rounds} rounds of interleaved steps in one run. "
        "Where other programs use the machine, processor time is the fairer measure.",
        "",
        f"{machine()}.",
        "",
        "| | s (min to max) | speed | processor s | speed by it | peak added, GB | of its peak | process, GB |",
        "|---|---|---|---|---|---|---|---|",
    ]
    first = contestants[0]
    for each in contestants:
        median, used = each.median("step", "seconds"), each.median("step", "processor")
        speed, by_work = first.median("step", "seconds") / median, first.median("step", "processor") / used
        added, peak = each.median("peak", "added"), each.median("peak", "peak")
        memory = f"{added / 1000:.2f} | {added / first.median('peak', 'added'):.2f} | {peak / 1000:.2f}"
        times = f"{each.spread('step', 'seconds')} | {speed:.2f}x | {used:.2f} | {by_work:.2f}x"
        lines.append(f"| {each.name} | {times} | {memory} |")
    return "\n".join([*lines, "", GOAL])


def main() -> None:
    """Measure and write the section."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, default in (("rounds", 5), ("batch", 16), ("length", 128), ("vocab", 250002), ("threads", 2)):
        parser.add_argument(f"--{name}", type=int, default=default)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    section = table(arguments, measure(arguments))
    print(section)
    write_section("bench_madx_step", section)


if __name__ == "__main__":
    main()
