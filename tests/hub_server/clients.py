"""Child processes whose Hub is the test server: their surroundings, and questions and answers over pipes."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

OURS = ("HF_", "HUGGING_FACE_", "TRANSFORMERS_")
TESTS = Path(__file__).parents[1]
# A child that waits longer than this is killed: nothing that it is asked may take for ever.
LONGEST_ANSWER_SECONDS = 240.0


def environment(url: str, home: Path, token: str | None = None, xet: bool = True) -> dict[str, str]:
    """Return variables that lead huggingface_hub to the server, with an empty cache and at most this token.

    They must be there when huggingface_hub is imported. Without `xet` large files go through LFS, which is all that
    the server knows; publishing is to choose that by itself.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    off = {f"HF_HUB_DISABLE_{what}": "1" for what in ("TELEMETRY", "PROGRESS_BARS", *("XET",) * (not xet))}
    return {
        **kept,
        **off,
        "HF_ENDPOINT": url,
        "HF_HOME": str(home),
        "PYTHONPATH": str(TESTS),
        **({"HF_TOKEN": token} if token else {}),
    }


class Child:
    """A program that answers questions, one JSON line each, so that its imports are paid for once."""

    def __init__(self, program: Path, variables: dict[str, str], folder: Path):
        folder.mkdir(parents=True, exist_ok=True)
        self.errors = folder / "stderr.txt"
        with self.errors.open("wb") as errors:
            command = [sys.executable, str(program)]
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": errors}
            self.process = subprocess.Popen(command, env=variables, cwd=folder, text=True, **pipes)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.process.stdin.close()
        self.process.wait(timeout=60)
        self.process.stdout.close()

    def ask(self, **question: object) -> dict:
        """Send one question and return the answer; the child's last words if it has died."""
        self.process.stdin.write(json.dumps(question, default=str) + "\n")
        self.process.stdin.flush()
        watch = threading.Timer(LONGEST_ANSWER_SECONDS, self.process.kill)
        watch.start()
        line = self.process.stdout.readline()
        watch.cancel()
        assert line, f"The child has died: {self.errors.read_text()[-2000:]}"
        return json.loads(line)

    def said(self) -> str:
        """Return all that the child has written to its terminal so far."""
        return self.errors.read_text(encoding="utf-8", errors="replace")


def answer_questions(answer: Callable[[dict], dict]) -> None:
    """Answer questions from the standard input until it ends; what is printed meanwhile goes to the error output."""
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as answers:
        os.dup2(2, 1)
        for line in sys.stdin:
            answers.write(json.dumps(answer(json.loads(line)), default=str) + "\n")
            answers.flush()
