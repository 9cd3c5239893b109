"""One language-adapter training step (forward and backward) beside adapters 1.3.0 and beside the unavoidable work.

    python benchmarks/bench_madx_step.py --rounds 5

XLM-R base shape, random weights, seq_bn_inv. Every contestant is a fresh process; their steps take turns.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import torch
from results import machine, write_section

WORKERS = Path(__file__).parent / "workers"
PEERS_PYTHON = Path(os.environ.get("XLZOO_PEERS_PYTHON", ".venv-peers/bin/python")).absolute()
CONTESTANTS = (
    ("adapters 1.3.0, stock head", "madx_step_adapters", str(PEERS_PYTHON)),
    ("xlzoo, `MadxForMaskedLM`", "madx_step_xlzoo", sys.executable),
    ("floor: frozen encoder, gradients to the embeddings, head on masked tokens", "madx_step_floor", sys.executable),
)
GOAL = "Goal: at least 2.9 times as fast as adapters with its stock head, in at most 0.42 of its peak."


@dataclass
class Contestant:
    """A running worker and what it has answered."""

    name: str
    process: subprocess.Popen[str]
    seconds: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)
    memory: dict[str, float] = field(default_factory=dict)

    def ask(self, word: str) -> dict[str, float]:
        """Send a request and wait for the answer."""
        assert self.process.stdin is not None and self.process.stdout is not None
        print(word, file=self.process.stdin, flush=True)
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name} ended early; its errors are above.")
        return json.loads(line)


def start(arguments: argparse.Namespace) -> list[Contestant]:
    """Start every worker."""
    shape = [f"--{key}={vars(arguments)[key]}" for key in ("batch", "length", "vocab", "threads")]
    environment = {**os.environ, "OMP_NUM_THREADS": str(arguments.threads), "OMP_WAIT_POLICY": "PASSIVE"}
    started = []
    for name, worker, python in CONTESTANTS:
        process = subprocess.Popen(
            [python, str(WORKERS / f"{worker}.py"), *shape],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        started.append(Contestant(name, process))
    return started


def measure(arguments: argparse.Namespace) -> list[Contestant]:
    """Take a first step that does not count, then `rounds` steps in turn, and ask for the peak memory."""
    contestants = start(arguments)
    for turn in range(arguments.rounds + 1):
        for contestant in contestants:
            step = contestant.ask("step")
            print(f"{turn} {contestant.name}: {step['seconds']:.2f} s", flush=True)
            if turn:
                contestant.seconds.append(step["seconds"])
                contestant.processor.append(step["processor"])
    for contestant in contestants:
        contestant.memory = contestant.ask("peak")
        contestant.process.communicate()
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
        median, spread = statistics.median(each.seconds), f"{min(each.seconds):.2f} to {max(each.seconds):.2f}"
        speed, used = statistics.median(first.seconds) / median, statistics.median(each.processor)
        added, share = each.memory["added"], each.memory["added"] / first.memory["added"]
        memory = f"{added / 1000:.2f} | {share:.2f} | {each.memory['peak'] / 1000:.2f}"
        work = f"{used:.2f} | {statistics.median(first.processor) / used:.2f}x"
        lines.append(f"| {each.name} | {median:.2f} ({spread}) | {speed:.2f}x | {work} | {memory} |")
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
