r"""xTune: fine-tuning that is consistent between examples and views of them, in two stages, on XTREME's tasks.

    python run_scripts/run_xtune.py --model_name_or_path xlm-roberta-base --task_name ner \
        --dataset_name unimelb-nlp/wikiann --dataset_config_name en --test_config_name de sw --do_train --do_eval \
        --do_predict --output_dir runs/xtune

What is not given is as published for the task and `--setting`. Other views, here words from dictionaries:

    python run_scripts/run_xtune.py --model_name_or_path xlm-roberta-base --task_name pos --augmentation code_switch \
        --dictionaries dicts --train_file en.conllu --test_language_file de=de.conllu --do_train --do_predict \
        --output_dir runs/xtune-pos

Sentence pairs (XNLI, PAWS-X) in the same way, here with machine translations:

    python run_scripts/run_xtune.py --model_name_or_path xlm-roberta-base --task_name xnli \
        --setting translate-train-all --translations translations.tsv --dataset_name facebook/xnli \
        --dataset_config_name en --test_config_name de sw --do_train --do_eval --do_predict \
        --output_dir runs/xtune-xnli

And questions that a span of a passage answers (XQuAD, MLQA, TyDiQA-GoldP), in SQuAD's form; without `--do_train` their
models are tested:

    python run_scripts/run_xtune.py --model_name_or_path xlm-roberta-base --task_name xquad --dictionaries dicts \
        --train_file train-v1.1.json --test_file xquad.en.json --test_language_file de=xquad.de.json --language en \
        --do_train --do_predict --output_dir runs/xtune-xquad
"""

from collections.abc import Sequence
from typing import Any

from xlzoo.run_scripts.arguments import ModelArguments, parse, run
from xlzoo.run_scripts.encoder_adapters import EncoderAdapterArguments
from xlzoo.run_scripts.objectives.consistency_config import ConsistencyConfig
from xlzoo.run_scripts.stages.xtune import run_stages
from xlzoo.run_scripts.xtune_arguments import TaskData, ViewArguments


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Run with these arguments, by default the command line's, and return the metrics of the last stage."""
    return run_stages(
        *parse(argv, ModelArguments, TaskData, ViewArguments, EncoderAdapterArguments, ConsistencyConfig)
    )


def cli() -> None:
    """Run as a program."""
    run(main)


if __name__ == "__main__":
    cli()
