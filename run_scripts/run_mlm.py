r"""Masked LM on text: an encoder from scratch or further trained, or an adapter (MAD-X, LoRA, IA3) on a frozen one.

    python run_scripts/run_mlm.py --model_name_or_path xlm-roberta-base --train_adapter --adapter_config pfeiffer+inv \
        --dataset_name wikitext --dataset_config_name wikitext-2-raw-v1 --learning_rate 1e-4 --num_train_epochs 3 \
        --language en --output_dir runs/en
"""

from collections.abc import Sequence
from typing import Any

from xlzoo.run_scripts.arguments import ModelArguments, parse, run
from xlzoo.run_scripts.data_arguments import DataArguments
from xlzoo.run_scripts.encoder_adapters import EncoderAdapterArguments
from xlzoo.run_scripts.objectives.masked_lm import MaskedLMConfig
from xlzoo.run_scripts.stages.masked_lm import train_masked_lm


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Run with these arguments, by default the command line's, and return the metrics."""
    return train_masked_lm(*parse(argv, ModelArguments, DataArguments, EncoderAdapterArguments, MaskedLMConfig))


def cli() -> None:
    """Run as a program."""
    run(main)


if __name__ == "__main__":
    cli()
