r"""Merge three adapters into a fourth: a task adapter for a language without task data (AdaMergeX).

    python run_scripts/run_merge.py --task_adapter runs/gsm_en --target_reference runs/wiki_sw \
        --source_reference runs/wiki_en --t 1.0 --output_dir runs/gsm_sw

The task adapter, and t times what separates the two reference adapters, are put together as the adapters' structure
asks: LoRA's factors by addition (or their products, --lora_merge product), (IA)3 by multiplication, prefixes by matrix
products. Only the adapters' files are read, not the base model. Several values of t, one folder each; the t that is
best on a development set; the whole model with the adapter in its weights:

    python run_scripts/run_merge.py ... --t 0 0.5 1 --output_dir runs/sweep
    python run_scripts/run_merge.py ... --tune --task xcopa --lang sw --data_dir data --output_dir runs/tuned
    python run_scripts/run_merge.py ... --merge_into_base --base_model gpt2 --output_dir runs/gsm_sw_model
"""

from collections.abc import Sequence
from typing import Any

from xlzoo.run_scripts.arguments import parse, run
from xlzoo.run_scripts.merge_arguments import HubArguments, MergeArguments, TuneArguments
from xlzoo.run_scripts.stages.merge import merge_adapters


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Run with these arguments, by default the command line's; return what is known of each merged adapter."""
    return merge_adapters(*parse(argv, MergeArguments, TuneArguments, HubArguments))


def cli() -> None:
    """Run as a program."""
    run(main)


if __name__ == "__main__":
    cli()
