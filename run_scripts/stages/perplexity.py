"""Perplexity of a causal language model per language or file, each result written down as soon as it is known."""

import logging
from pathlib import Path
from typing import Any

from transformers import PreTrainedModel

from xlzoo.run_scripts.corpora.flores import ALL, open_flores
from xlzoo.run_scripts.corpora.plain_texts import read_texts
from xlzoo.run_scripts.measuring.text_perplexity import Reading, text_perplexity
from xlzoo.run_scripts.models.decoders import load_decoder, load_decoder_tokenizer
from xlzoo.run_scripts.models.peft_adapters import load_peft
from xlzoo.run_scripts.perplexity_arguments import FLORES_PLUS, MeasuredModel, MeasuredText
from xlzoo.run_scripts.stages.perplexity_report import Metrics, PerplexityReport

logger = logging.getLogger(__name__)


def measure_perplexity(model_args: MeasuredModel, text_args: MeasuredText, reading: Reading) -> dict[str, Metrics]:
    """Measure what the arguments name and return the metrics of `text_perplexity` per language or file.

    Results that `output_file` holds already are taken from there, unless they are to be overwritten.
    """
    settings = {**model_args.settings, **text_args.settings, **reading.settings}
    report = PerplexityReport(text_args.output_file, settings, text_args.overwrite)
    device = model_args.place()
    texts = _texts(text_args, report)
    if waiting := {name: documents for name, documents in texts.items() if documents is not None}:
        tokenizer = load_decoder_tokenizer(
            model_args.tokenizer_name or model_args.model_path, model_args.trust_remote_code
        )
        model = _load(model_args).to(device)
        report.write()
        for number, (name, documents) in enumerate(waiting.items(), start=1):
            report.add(name, metrics := text_perplexity(model, tokenizer, documents, reading))
            logger.info("%s (%d of %d): perplexity %.2f", name, number, len(waiting), metrics["perplexity"])
            if metrics["unknown_tokens"]:
                share = 100 * metrics["unknown_tokens"] / metrics["tokens"]
                logger.warning("%s: %.1f %% unknown tokens, which are easier to predict than the text", name, share)
    return {name: report.results[name] for name in texts}


def _load(args: MeasuredModel) -> Any:
    model: PreTrainedModel = load_decoder(
        args.model_path,
        trust_remote_code=args.trust_remote_code,
        dtype=None if args.dtype == "auto" else args.dtype,
    )
    return load_peft(model, args.load_adapter) if args.load_adapter else model


def _texts(args: MeasuredText, report: PerplexityReport) -> dict[str, list[str] | None]:
    """Return the documents of each language or file, None for those that the report knows already."""
    if args.text_file:
        names = list(dict.fromkeys(args.text_file))
    else:
        flores = open_flores(args.dataset_name or FLORES_PLUS)
        asked = flores.codes if args.lang == [ALL] else map(flores.code_of, args.lang)
        names = list(dict.fromkeys(asked))
    texts: dict[str, list[str] | None] = {}
    for name in names:
        if name in report.results:
            logger.info("%s is in %s already", name, report.path)
            texts[name] = None
        elif args.text_file:
            texts[name] = _documents(
                read_texts(Path(name), args.text_column_name, skip_blank=not args.join_lines), args
            )
        else:
            texts[name] = _documents(flores.texts(name, args.split, args.text_column_name), args)
    return texts


def _documents(lines: list[str], args: MeasuredText) -> list[str]:
    lines = lines[: args.max_samples]
    return ["\n".join(lines)] if args.join_lines else lines
