"""Contestants of a benchmark: processes that answer one line with one line of JSON, taking turns in one run."""

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

WORKERS = Path(__file__).parent / "workers"
PEERS_PYTHON = os.environ.get("XLZOO_PEERS_PYTHON", str(Path(".venv-peers/bin/python").absolute()))
OUR_PYTHON = sys.executable


@dataclass
class Contestant:
    """A running worker and what it has answered: numbers by what was asked and by their name."""

    name: str
    process: subprocess.Popen[str]
    answers: dict[str, list[dict[str, float]]] = field(default_factory=dict)

    def ask(self, word: str, counts: bool = True) -> dict[str, float]:
        """Send a request, wait for the answer, and keep it if it counts."""
        assert self.process.stdin is not None and self.process.stdout is not None
        print(word, file=self.process.stdin, flush=True)
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name} ended early; its errors are above.")
        answer: dict[str, float] = json.loads(line)
        if counts:
            self.answers.setdefault(word, []).append(answer)
        return answer

    def median(self, word: str, key: str) -> float:
        """Return the median of a number over the answers to a request."""
        return statistics.median(answer[key] for answer in self.answers[word])

    def spread(self, word: str, key: str) -> str:
        """Return the median and the extremes of a number."""
        values = [answer[key] for answer in self.answers[word]]
        return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def start(
    contestants: Iterable[tuple[str, str, str]], options: Mapping[str, object], threads: int
) -> list[Contestant]:
    """Start (name, worker, python) each with the options as flags and so many threads."""
    flags = [f"--{key}={value}" for key, value in options.items()]
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "OMP_WAIT_POLICY": "PASSIVE"}
    return [
        Contestant(
            name,
            subprocess.Popen(
                [python, str(WORKERS / f"{worker}.py"), *flags],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env=environment,
            ),
        )
        for name, worker, python in contestants
    ]


def take_turns(contestants: list[Contestant], words: Iterable[str], rounds: int, warm_up: bool = True) -> None:
    """Ask every contestant for every word in turn, once for warming up and then `rounds` times."""
    asked = list(words)
    for turn in range(0 if warm_up else 1, rounds + 1):
        for word in asked:
            for contestant in contestants:
                answer = contestant.ask(word, counts=turn > 0)
                print(f"{turn} {contestant.name}, {word}: {answer['seconds']:.2f} s", flush=True)


def finish(contestants: list[Contestant]) -> None:
    """End every process."""
    for contestant in contestants:
        contestant.process.communicate()
