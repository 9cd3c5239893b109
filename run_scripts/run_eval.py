"""Evaluate causal language models on lm-eval's tasks, and any model of ours on translations and their word links.

    python run_scripts/run_eval.py --model_path runs/backpack --task xcopa xnli --lang sw tr --output_file e.json
    python run_scripts/run_eval.py --model_path gpt2 --task xcopa mgsm tatoeba --lang sw --data_dir data

XCOPA, Belebele, XStoryCloze, XNLI, MGSM, XQuAD and whatever else lm-eval has, and XL-Sum, from the Hub or from files;
Tatoeba both ways; word alignment. Choices are scored by likelihood, per character, by mutual information with a prior
that does not hold the premise, and by letter. A run that died goes on where it stopped if it is given the same
--output_file; --overwrite measures anew. `accelerate launch` or `torchrun` share the work between processes.
"""

import sys
from collections.abc import Sequence
from typing import Any

from accelerate import PartialState

from xlzoo.run_scripts.arguments import parse, run
from xlzoo.run_scripts.eval_arguments import EvalArguments
from xlzoo.run_scripts.perplexity_arguments import MeasuredModel
from xlzoo.run_scripts.stages.evaluation import evaluate_model
from xlzoo.run_scripts.tasks.eval_table import eval_table


def main(argv: Sequence[str] | None = None) -> dict[str, dict[str, Any]]:
    """Run with these arguments, by default the command line's; print a table and return its results by name."""
    results = evaluate_model(*parse(argv, MeasuredModel, EvalArguments))
    if PartialState().is_main_process:
        sys.stdout.write(f"\n{eval_table(results)}\n\n")
    return results


def cli() -> None:
    """Run as a program."""
    run(main)


if __name__ == "__main__":
    cli()
