r"""Align the words of translated sentences with XLM-R, XLM-Align or InfoXLM, and score the links against gold.

    python run_scripts/run_word_align.py --model_name_or_path microsoft/xlm-align-base --source_file news.de \
        --target_file news.en --output_file news.links

Links are written as they are found, a line per pair, `0-0 1-2`; a run that died goes on where it stopped if it is
started again. Scores for every layer in one run of the encoder, and a drawing of two pairs:

    python run_scripts/run_word_align.py --model_name_or_path microsoft/xlm-align-base --parallel_file test.de-en \
        --gold_file test.gold --layer all
    python run_scripts/run_word_align.py --model_name_or_path microsoft/xlm-align-base --parallel_file test.de-en \
        --plot links.pdf --plot_sentences 3 17

Pairs are shared between processes by `accelerate launch` or `torchrun`. recipes/word_align_gold.yaml is XLM-Align's
own evaluation.
"""

import sys
from collections.abc import Sequence
from typing import Any

from xlzoo.run_scripts.arguments import parse, run
from xlzoo.run_scripts.stages.word_alignment import align_bitext
from xlzoo.run_scripts.tasks.word_alignment import alignment_table
from xlzoo.run_scripts.word_align_arguments import AlignerArguments, BitextArguments


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Run with these arguments, by default the command line's; print scores and return them with the pairs' number."""
    results = align_bitext(*parse(argv, AlignerArguments, BitextArguments))
    if "layers" in results:
        sys.stdout.write(f"\n{alignment_table(results['layers'])}\n\n")
    return results


def cli() -> None:
    """Run as a program."""
    run(main)


if __name__ == "__main__":
    cli()
