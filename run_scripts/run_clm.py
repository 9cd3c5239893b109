r"""Causal LM: a Backpack or any other decoder from scratch, trained further, or with a LoRA or IA3 adapter.

    python run_scripts/run_clm.py --model_type backpack --tokenizer_vocab_size 8000 --dataset_name phrasebook \
        --dataset_config_name eng --block_size 128 --do_train --do_eval --output_dir runs/backpack
"""

from collections.abc import Sequence
from typing import Any

from xlzoo.run_scripts.arguments import parse, run
from xlzoo.run_scripts.models.decoders import DecoderArguments
from xlzoo.run_scripts.objectives.causal_lm import CausalLMConfig
from xlzoo.run_scripts.peft_arguments import PeftArguments
from xlzoo.run_scripts.stages.causal_lm import train_causal_lm
from xlzoo.run_scripts.text_arguments import TextArguments


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Run with these arguments, by default the command line's, and return the metrics."""
    return train_causal_lm(*parse(argv, DecoderArguments, TextArguments, PeftArguments, CausalLMConfig))


def cli() -> None:
    """Run as a program."""
    run(main)


if __name__ == "__main__":
    cli()
