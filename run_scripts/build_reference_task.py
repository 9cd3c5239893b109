r"""Reference data for AdaMergeX: causal LM as prompts with completions, from any text or a Wikipedia dump of the Hub.

    python run_scripts/build_reference_task.py --dataset_name wikimedia/wikipedia --language Swahili --rows 10000 \
        --output_dir runs/reference/swh
    python run_scripts/run_clm.py --dataset_name runs/reference/swh --completion_separator " " --use_peft ...

The published shapes are 511 words and the next one, `--prompt_units 1 --completion_units 511`, and for T5 the last
words of a document, `--whole_documents --completion_units 20`. Without network: `--dataset_name phrasebook`.
"""

from collections.abc import Sequence

from xlzoo.run_scripts.arguments import parse, run
from xlzoo.run_scripts.reference_arguments import ReferenceArguments
from xlzoo.run_scripts.stages.reference_task import build_reference_task


def main(argv: Sequence[str] | None = None) -> dict[str, int]:
    """Run with these arguments, by default the command line's, and return the number of rows by split."""
    return build_reference_task(*parse(argv, ReferenceArguments))


def cli() -> None:
    """Run as a program."""
    run(main)


if __name__ == "__main__":
    cli()
