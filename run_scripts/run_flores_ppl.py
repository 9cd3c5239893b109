r"""Perplexity, bits per byte and bits per character of a causal language model on FLORES-200 or text files.

    python run_scripts/run_flores_ppl.py --model_path gpt2 --lang eng_Latn swh_Latn --split devtest \
        --output_file ppl.json
    python run_scripts/run_flores_ppl.py --model_path runs/backpack --text_file news.txt wiki.txt --join_lines

Every token of a text counts once and is predicted, the first from the start token. Models with different tokenizers
are compared by bits per byte or character, not by perplexity. A run that died goes on where it stopped if it is given
the same --output_file; --overwrite measures anew.
"""

import sys
from collections.abc import Sequence
from typing import Any

from xlzoo.run_scripts.arguments import parse, run
from xlzoo.run_scripts.measuring.text_perplexity import Reading
from xlzoo.run_scripts.perplexity_arguments import MeasuredModel, MeasuredText
from xlzoo.run_scripts.stages.perplexity import measure_perplexity
from xlzoo.run_scripts.tasks.perplexity import perplexity_table


def main(argv: Sequence[str] | None = None) -> dict[str, dict[str, Any]]:
    """Run with these arguments, by default the command line's; print a table and return metrics per language."""
    results = measure_perplexity(*parse(argv, MeasuredModel, MeasuredText, Reading))
    sys.stdout.write(f"\n{perplexity_table(results)}\n\n")
    return results


def cli() -> None:
    """Run as a program."""
    run(main)


if __name__ == "__main__":
    cli()
