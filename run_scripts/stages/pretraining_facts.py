"""What the cards of encoders say that were pre-trained on text and translations."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from xlzoo.hub_cards import Facts, Figure, Metric
from xlzoo.run_scripts.arguments import ModelArguments
from xlzoo.run_scripts.corpora.languages import display_name, iso639_3
from xlzoo.run_scripts.errors import UserError
from xlzoo.run_scripts.objectives.word_alignment import WordAlignmentConfig
from xlzoo.run_scripts.pretraining_arguments import PreTrainingArguments
from xlzoo.run_scripts.stages.facts import DATA_NOTES, PLAIN_NAMES, SPLITS, dataset_name, of_run, record_run
from xlzoo.run_scripts.stages.papers import INFOXLM, XLM, XLM_ALIGN, XLM_R, Paper

METHODS: dict[str, tuple[str, Paper]] = {
    "mlm": ("masked language modelling", XLM_R),
    "tlm": ("masked language modelling on text and on translations (TLM)", XLM),
    "xlm_align": ("masked language modelling on text and on translations, and denoising word alignment", XLM_ALIGN),
    "infoxlm": ("masked language modelling on text and on translations, and cross-lingual contrast", INFOXLM),
}
NAMES = {"tlm": "TLM", "xlm_align": "XLM-Align", "infoxlm": "InfoXLM"}
SCORES = ("perplexity", "accuracy", "dwa_accuracy", "loss")


def pretraining_facts(
    arguments: tuple[ModelArguments, PreTrainingArguments, WordAlignmentConfig],
    results: Mapping[str, Any],
    languages: Sequence[str],
    figures: tuple[Figure, ...],
    usage: str,
) -> Facts:
    """Describe an encoder; `languages`, in any spelling, are those of all its data, as far as they are known."""
    _, data_args, args = arguments
    names = {"text": dataset_name(data_args.dataset_name), "pairs": dataset_name(data_args.tlm_data)}
    used = [name for name in dict.fromkeys(names.values()) if name not in PLAIN_NAMES]
    run = replace(
        record_run(arguments, results, "fill-mask", figures),
        datasets=tuple(used),
        metrics=_metrics(results, names),
        data_note=" ".join(dict.fromkeys(DATA_NOTES[name] for name in names.values() if name in DATA_NOTES)),
    )
    how, paper = METHODS[args.objective]
    codes = known_codes(languages)
    names_ = list(map(display_name, codes))
    spoken = " and ".join([", ".join(names_[:-1]), *names_[-1:]][-2:] if len(codes) > 1 else names_)
    return Facts(
        title=f"{NAMES.get(args.objective, 'XLM-R')} encoder{' for ' * bool(codes)}{spoken if codes else ''}",
        kind="model",
        summary=f"An XLM-R encoder, pre-trained with {how}. It takes the place of any XLM-R model.",
        tags=("xlm-roberta", *(args.objective.replace("_", "-"),) * (args.objective in NAMES)),
        pipeline_tag="fill-mask",
        library_name="transformers",
        usage=usage,
        **of_run(run, paper, codes),
    )


def known_codes(languages: Sequence[str]) -> list[str]:
    """Return the ISO 639-3 codes of languages in any spelling, each once, those that are none left out."""
    found = []
    for language in languages:
        try:
            found.append(iso639_3(language))
        except UserError:  # The keys of a data set may be called otherwise.
            continue
    return list(dict.fromkeys(found))


def _metrics(results: Mapping[str, Any], names: Mapping[str, str]) -> tuple[Metric, ...]:
    """Return what was scored on text and on pairs."""
    return tuple(
        Metric("fill-mask", names[part], f"{split}, {part}", "", score, float(results[f"{prefix}_{part}_{score}"]))
        for prefix, split in SPLITS.items()
        for part in names
        for score in SCORES
        if math.isfinite(results.get(f"{prefix}_{part}_{score}", math.nan))
    )
