r"""SENSIA's analyses of an adapted Backpack: did its senses cross over to the other language, and which of them count?

    python run_scripts/run_ablations.py --model_name_or_path runs/swahili --base_model runs/backpack \
        --src eng --tgt swh --dataset_name phrasebook --output_dir runs/ablations
    python run_scripts/run_ablations.py --model_name_or_path runs/german --src eng --tgt deu \
        --source_file test.en --target_file test.de --aligner_model microsoft/xlm-align-base --output_dir runs/deu

Four analyses of words that are linked (by an aligner, a file or the data) and of the sentences: topology (are a word's
senses as similar to each other as its translation's?), procrustes (does one rotation carry target words onto source
words?), mutual_information (how much do linked words tell about each other?) and mixing (perplexity without a sense,
with one alone, with uniform and with shuffled weights). Each writes a table, its numbers as JSON and a picture; one
that is there already is not done again.
"""

import sys
from collections.abc import Sequence
from typing import Any

from xlzoo.run_scripts.ablation_arguments import AblatedModels, Ablations, AblationText
from xlzoo.run_scripts.arguments import parse, run
from xlzoo.run_scripts.stages.ablations import ablate, describe


def main(argv: Sequence[str] | None = None) -> dict[str, dict[str, Any]]:
    """Run with these arguments, by default the command line's; print tables and return {analysis: {model: found}}."""
    results = ablate(*parse(argv, AblatedModels, AblationText, Ablations))
    sys.stdout.write(f"\n{describe(results)}\n\n")
    return results


def cli() -> None:
    """Run as a program."""
    run(main)


if __name__ == "__main__":
    cli()
