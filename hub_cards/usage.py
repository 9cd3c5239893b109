"""Running the usage code of a card as a reader would: in a fresh process where nothing of ours can be imported."""

import os
import subprocess
import sys
from pathlib import Path

from xlzoo.hub_cards.checks import PublishError

CHILD = Path(__file__).with_name("usage_child.py")
TIMEOUT_SECONDS = 300.0
HUB_VARIABLES = ("HF_", "HUGGING_FACE_", "TRANSFORMERS_")


def run_usage(code: str, working_folder: Path, scratch: Path) -> str:
    """Run code offline with empty caches and return what it prints; PublishError with its last line if it fails.

    A repository id in the code is found because `working_folder` holds the staged tree under that very path.
    """
    script = scratch / "usage.py"
    script.write_text(code, encoding="utf-8")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(HUB_VARIABLES)}
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-B", "-X", "utf8", str(CHILD.resolve()), str(script.resolve())],
            cwd=working_folder,
            env={**kept, "HF_HOME": str(scratch.resolve()), "HF_HUB_OFFLINE": "1"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=TIMEOUT_SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        raise PublishError(f"The usage code of README.md did not end within {TIMEOUT_SECONDS:g} seconds.") from error
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise PublishError(f"The usage code of README.md fails in a fresh process: {lines[-1]}")
    return done.stdout
