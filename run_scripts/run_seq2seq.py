r"""Sequence-to-sequence models (T5, mT5): prompts with completions, or sentence pairs as questions; whole or adapted.

    python run_scripts/run_seq2seq.py --model_name_or_path google/mt5-base --use_peft --task_name xnli \
        --dataset_name xnli --dataset_config_name en --test_config_name sw de --do_train --do_eval --do_predict \
        --output_dir runs/mt5-xnli

Prompts with completions are those of `build_reference_task.py`, say. LoRA, IA3 and prefix tuning with `--peft_type`.
"""

from collections.abc import Sequence
from typing import Any

from xlzoo.run_scripts.arguments import parse, run
from xlzoo.run_scripts.models.decoders import DecoderArguments
from xlzoo.run_scripts.objectives.seq2seq import Seq2SeqConfig
from xlzoo.run_scripts.peft_arguments import PeftArguments
from xlzoo.run_scripts.seq2seq_arguments import Seq2SeqArguments
from xlzoo.run_scripts.stages.seq2seq import train_seq2seq


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Run with these arguments, by default the command line's, and return the metrics."""
    return train_seq2seq(*parse(argv, DecoderArguments, Seq2SeqArguments, PeftArguments, Seq2SeqConfig))


def cli() -> None:
    """Run as a program."""
    run(main)


if __name__ == "__main__":
    cli()
