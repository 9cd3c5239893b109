"""Running the usage code of a card as a reader would, before anyone reads it."""

from pathlib import Path

from xlzoo.hub_cards.fresh_process import run_fresh

TIMEOUT_SECONDS = 300.0


def run_usage(code: str, working_folder: Path, scratch: Path, needs: tuple[str, ...] = ()) -> str:
    """Run code offline with empty caches and return what it prints; PublishError with its last line if it fails.

    A repository id in the code is found because `working_folder` holds the staged tree under that very path. Of this
    project only the modules in `needs` can be imported, such as "xlzoo" where readers are told to install it.
    """
    script = scratch / "usage.py"
    script.write_text(code, encoding="utf-8")
    return run_fresh(
        "usage",
        script,
        what="The usage code of README.md",
        working_folder=working_folder,
        scratch=scratch,
        seconds=TIMEOUT_SECONDS,
        needs=needs,
    )
