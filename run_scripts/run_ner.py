r"""Token classification (NER, POS): all weights, a task adapter on a frozen language adapter, or LoRA or IA3.

    python run_scripts/run_ner.py --model_name_or_path xlm-roberta-base --train_adapter --adapter_config pfeiffer \
        --load_lang_adapter runs/en/eng --dataset_name conll2003 --learning_rate 1e-4 --num_train_epochs 3 \
        --output_dir runs/ner

Zero-shot: the same task adapter on another language's adapter.

    python run_scripts/run_ner.py --model_name_or_path xlm-roberta-base --do_predict --load_adapter runs/sw/swh \
        runs/ner/ner --test_file swahili/test.txt --output_dir runs/ner-swahili
"""

from collections.abc import Sequence
from typing import Any

from xlzoo.run_scripts.arguments import ModelArguments, parse, run
from xlzoo.run_scripts.data_arguments import DataArguments
from xlzoo.run_scripts.encoder_adapters import EncoderAdapterArguments
from xlzoo.run_scripts.objectives.tagging import TaggingConfig
from xlzoo.run_scripts.stages.tagging import train_tagger


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Run with these arguments, by default the command line's, and return the metrics."""
    return train_tagger(*parse(argv, ModelArguments, DataArguments, EncoderAdapterArguments, TaggingConfig))


def cli() -> None:
    """Run as a program."""
    run(main)


if __name__ == "__main__":
    cli()
