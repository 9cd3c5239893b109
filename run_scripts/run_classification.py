r"""Classification of sentence pairs (XNLI, PAWS-X): full fine-tuning, a MAD-X task adapter, or LoRA or IA3.

    python run_scripts/run_classification.py --model_name_or_path xlm-roberta-base --use_peft --dataset_name xnli \
        --dataset_config_name en --test_config_name sw de --do_train --do_eval --do_predict --output_dir runs/xnli

A task adapter on a language adapter, and on another language's:

    python run_scripts/run_classification.py --model_name_or_path xlm-roberta-base --train_adapter \
        --load_lang_adapter runs/en/eng --dataset_name xnli --dataset_config_name en --output_dir runs/nli
    python run_scripts/run_classification.py --model_name_or_path xlm-roberta-base --do_predict --dataset_name xnli \
        --dataset_config_name sw --load_adapter runs/sw/swh runs/nli/xnli --output_dir runs/nli-swahili
"""

from collections.abc import Sequence
from typing import Any

from xlzoo.run_scripts.arguments import ModelArguments, parse, run
from xlzoo.run_scripts.encoder_adapters import EncoderAdapterArguments
from xlzoo.run_scripts.objectives.classification import ClassificationConfig
from xlzoo.run_scripts.pair_arguments import PairArguments
from xlzoo.run_scripts.stages.classification import train_classifier


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Run with these arguments, by default the command line's, and return the metrics."""
    return train_classifier(*parse(argv, ModelArguments, PairArguments, EncoderAdapterArguments, ClassificationConfig))


def cli() -> None:
    """Run as a program."""
    run(main)


if __name__ == "__main__":
    cli()
