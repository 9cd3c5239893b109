r"""Look into a Backpack: what the senses of words stand for, which counted in a text, and what changes without them.

    python run_scripts/run_senses.py --model_name_or_path runs/backpack --word was her \
        --text "The radio was in the garden" --plot senses.png --prompt "The farmer was" --scale was:1=0
"""

import sys
from collections.abc import Sequence
from typing import Any

from xlzoo.run_scripts.arguments import parse, run
from xlzoo.run_scripts.stages.senses import SenseArguments, describe, show_senses


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Run with these arguments, by default the command line's; print what was found and return it."""
    (args,) = parse(argv, SenseArguments)
    found = show_senses(args)
    sys.stdout.write(f"{describe(found)}\n")
    return found


def cli() -> None:
    """Run as a program."""
    run(main)


if __name__ == "__main__":
    cli()
