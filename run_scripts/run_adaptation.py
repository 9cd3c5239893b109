r"""SENSIA: a Backpack of one language learns another from translations, sense by sense.

    python run_scripts/run_adaptation.py --model_id runs/backpack --dataset_name phrasebook --src eng --tgt swh \
        --max_length 64 --train_batch_size 32 --max_steps 400 --eval_every_n_steps 100 --save_dir runs/swahili
    python run_scripts/run_adaptation.py recipes/sensia_seed.yaml --model_id BACKPACK --dataset_name BITEXT
"""

from collections.abc import Sequence
from typing import Any

from xlzoo.run_scripts.arguments import parse, run
from xlzoo.run_scripts.bitext_arguments import BitextArguments
from xlzoo.run_scripts.objectives.adaptation_config import SenseAdaptationConfig
from xlzoo.run_scripts.stages.adaptation import BackpackArguments, adapt_senses


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Run with these arguments, by default the command line's, and return the metrics."""
    return adapt_senses(*parse(argv, BackpackArguments, BitextArguments, SenseAdaptationConfig))


def cli() -> None:
    """Run as a program."""
    run(main)


if __name__ == "__main__":
    cli()
