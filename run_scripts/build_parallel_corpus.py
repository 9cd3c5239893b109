r"""Build a parallel corpus from OPUS, data sets of translations and files: read, clean, deduplicate, score, draw.

    python run_scripts/build_parallel_corpus.py --src eng --tgt swh --corpora QED TED2020 --hf_corpora allenai/nllb \
        --hf_out data/eng-swh --work_dir work/eng-swh --target_size 100000 --num_tasks 4
    python run_scripts/build_parallel_corpus.py --src en --tgt de --source_file train.en.gz --target_file train.de.gz \
        --language_id none --labse_threshold 0 --hf_out data/eng-deu --work_dir work/eng-deu
    python run_scripts/build_parallel_corpus.py recipes/parallel_corpus_seed.yaml --executor slurm --num_tasks 100 \
        --cluster_options '{"partition": "cpu", "time": "10:00:00"}'

The rows are {"translation": {"eng": ..., "swh": ...}}, which run_adaptation.py and run_xlm_align.py read. A run that
died goes on where it was; what is read and cleaned is used again by a run with other corpora or thresholds.
"""

import sys
from collections.abc import Sequence
from typing import Any

from xlzoo.hub_cards.markdown import table
from xlzoo.run_scripts.arguments import parse, run
from xlzoo.run_scripts.build_arguments import BuildArguments
from xlzoo.run_scripts.parallel_arguments import CorpusArguments, FilterArguments
from xlzoo.run_scripts.stages.corpus_report import corpus_table
from xlzoo.run_scripts.stages.parallel_corpus import build_corpus


def main(argv: Sequence[str] | None = None) -> dict[str, Any] | None:
    """Run with these arguments, by default the command line's; print a table and return the report it is of.

    None where a cluster was only told to.
    """
    sources, filters, build = parse(argv, CorpusArguments, FilterArguments, BuildArguments)
    build.start_logging()
    report = build_corpus(sources, filters, build)
    if report is not None:
        shown = corpus_table(report)
        sys.stdout.write(f"\n{table(shown.columns, shown.rows)}\n\n")
    return report


def cli() -> None:
    """Run as a program."""
    run(main)


if __name__ == "__main__":
    cli()
