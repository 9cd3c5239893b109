"""A process like a reader's: fresh, offline, with empty caches, and with nothing of ours to import."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal

from xlzoo.hub_cards.errors import PublishError

START = Path(__file__).parent / "fresh" / "start.py"
Program = Literal["usage", "ask_adapter", "ask_dataset", "ask_model", "ask_peft"]
HUB_VARIABLES = ("HF_", "HUGGING_FACE_", "HUGGINGFACE_", "TRANSFORMERS_")


def run_fresh(
    program: Program,
    file: Path,
    *,
    what: str,
    working_folder: Path,
    scratch: Path,
    seconds: float,
    needs: Sequence[str] = (),
) -> str:
    """Run a program of `fresh/` on a file and return what it prints.

    Caches go to `scratch`. PublishError, in which `what` is the subject, if it fails or takes longer than `seconds`.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith(HUB_VARIABLES)}
    process = subprocess.Popen(
        [
            sys.executable,
            "-I",
            "-B",
            "-X",
            "utf8",
            str(START.resolve()),
            ",".join(needs),
            program,
            str(file.resolve()),
        ],
        cwd=working_folder,
        env={**kept, "HF_HOME": str(scratch.resolve()), "HF_HUB_OFFLINE": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
        # A process group of its own: what the program starts ends with it.
        start_new_session=True,
    )
    try:
        printed, complaints = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired as error:
        _end(process)
        raise PublishError(f"{what} did not end within {seconds:g} seconds in a fresh process.") from error
    except BaseException:
        _end(process)
        raise
    if process.returncode != 0:
        raise PublishError(f"{what} fails in a fresh process: {_reason(process.returncode, complaints)}")
    return printed


def _reason(code: int, complaints: str) -> str:
    """Return the last line that a failed process wrote, unless it was killed and had no time to say why."""
    if code < 0:
        return f"the system ended it with signal {-code}, as for want of memory"
    lines = complaints.strip().splitlines() or [f"exit code {code}"]
    return "".join(letter for letter in lines[-1] if letter.isprintable())


def _end(process: subprocess.Popen[str]) -> None:
    """Kill the process and all that it started, and wait for nothing that got away."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for pipe in (process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()
