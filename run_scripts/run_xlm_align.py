r"""Pre-train XLM-R on text and translations: XLM-Align, InfoXLM, TLM, or MLM alone; from a checkpoint or from scratch.

    python run_scripts/run_xlm_align.py --objective xlm_align --model_name_or_path xlm-roberta-base \
        --dataset_name wikimedia/wikipedia --dataset_config_name 20231101.de \
        --source_file train.en.gz --target_file train.de.gz --output_dir runs/xlm_align

Each step reads as many rows of text as pairs. What it writes is an XLM-R checkpoint like any other: give its folder as
`--model_name_or_path` to the other scripts.
"""

from collections.abc import Sequence
from typing import Any

from xlzoo.run_scripts.arguments import ModelArguments, parse, run
from xlzoo.run_scripts.objectives.word_alignment import WordAlignmentConfig
from xlzoo.run_scripts.pretraining_arguments import PreTrainingArguments
from xlzoo.run_scripts.stages.pretraining import pre_train


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Run with these arguments, by default the command line's, and return the metrics."""
    return pre_train(*parse(argv, ModelArguments, PreTrainingArguments, WordAlignmentConfig))


def cli() -> None:
    """Run as a program."""
    run(main)


if __name__ == "__main__":
    cli()
