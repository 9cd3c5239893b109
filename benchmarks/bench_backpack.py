"""Backpack generation beside GPT-2 and the public implementation, and training steps beside the plain formulation.

    python benchmarks/bench_backpack.py --rounds 3

GPT-2-small shape, 16 senses, random weights. Every contestant is a fresh process; they take turns.
"""

import argparse

import torch
from contest import OUR_PYTHON, PEERS_PYTHON, Contestant, finish, start, take_turns
from results import machine, write_section

GENERATORS = (
    ("GPT-2, cached", "generate_gpt2", OUR_PYTHON),
    ("xlzoo, `generate()`", "generate_backpack", OUR_PYTHON),
    ("pyvene 0.1.8, without a cache", "generate_public", PEERS_PYTHON),
)
LEARNERS = (
    ("plain formulation, our modules", "backpack_step_plain", OUR_PYTHON),
    ("pyvene 0.1.8", "backpack_step_public", PEERS_PYTHON),
    ("xlzoo, `BackpackGPT2LMHeadModel`", "backpack_step_xlzoo", OUR_PYTHON),
)
SHORT, LONG = "128", "256"
GOALS = (
    "Goals: generation at most 1.4 times GPT-2's time, flat per token, and at least 8 times as fast as pyvene's model "
    "at 256 tokens; training in at most half the plain formulation's peak at its speed or better."
)


def generation(arguments: argparse.Namespace) -> list[str]:
    """Measure greedy generation behind the prompt."""
    contestants = start(GENERATORS, {"prompt": 16, "threads": arguments.threads}, arguments.threads)
    take_turns(contestants[:2], [SHORT, LONG], arguments.rounds)
    contestants[2].ask("2", counts=False)
    take_turns(contestants[2:], [SHORT, LONG], 1, warm_up=False)
    finish(contestants)
    lines = [
        f"| greedy, 16 prompt tokens | s for {SHORT} tokens | of GPT-2's | s for {LONG} tokens | of GPT-2's | later "
        "tokens against earlier ones |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for each in contestants:
        cells = []
        for word in (SHORT, LONG):
            ratio = each.median(word, "seconds") / contestants[0].median(word, "seconds")
            cells += [each.spread(word, "seconds"), f"{ratio:.2f}x"]
        early = each.median(SHORT, "seconds")
        cells.append(f"{(each.median(LONG, 'seconds') - early) / early:.2f}x")
        lines.append(f"| {each.name} | {' | '.join(cells)} |")
    times = [each.median(LONG, "seconds") for each in contestants]
    fast = f"xlzoo is {times[2] / times[1]:.1f} times as fast as pyvene's model at {LONG} tokens"
    return [*lines, "", f"{fast}, which had one turn at each length after a short one."]


def training(arguments: argparse.Namespace) -> list[str]:
    """Measure a forward and a backward pass, and the memory that they take."""
    shape = {"batch": arguments.batch, "length": arguments.length, "threads": arguments.threads}
    contestants = start(LEARNERS, shape, arguments.threads)
    take_turns(contestants, ["step"], arguments.rounds)
    for contestant in contestants:
        contestant.ask("peak")
    finish(contestants)
    lines = [
        f"| training, {arguments.batch} x {arguments.length} tokens | s a step | speed | peak added, GB | "
        "of the plain peak |",
        "|---|---:|---:|---:|---:|",
    ]
    return [*lines, *(learner_row(each, contestants[0]) for each in contestants)]


def learner_row(each: Contestant, first: Contestant) -> str:
    """Compare a learner with the first one."""
    speed = first.median("step", "seconds") / each.median("step", "seconds")
    added = each.median("peak", "added")
    share = added / first.median("peak", "added")
    return f"| {each.name} | {each.spread('step', 'seconds')} | {speed:.2f}x | {added / 1000:.2f} | {share:.2f} |"


def main() -> None:
    """Measure and write the section."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, default in (("rounds", 3), ("batch", 8), ("length", 256), ("threads", 2)):
        parser.add_argument(f"--{name}", type=int, default=default)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    described = (
        f"GPT-2-small shape, 16 senses, random weights; medians (and extremes) of {arguments.rounds} rounds of "
        "interleaved calls in one run; dropout on in training."
    )
    parts = [described, f"{machine()}.", "\n".join(generation(arguments)), "\n".join(training(arguments)), GOALS]
    section = "\n\n".join(["## Backpack: generation and training (`bench_backpack.py`)", *parts])
    print(section)
    write_section("bench_backpack", section)


if __name__ == "__main__":
    main()
