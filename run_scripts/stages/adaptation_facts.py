"""What the cards of sense-adapted Backpacks say."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from xlzoo.hub_cards import Facts, Figure, Metric
from xlzoo.run_scripts.arguments import ModelArguments
from xlzoo.run_scripts.bitext_arguments import BitextArguments
from xlzoo.run_scripts.corpora.languages import display_name, hub_tag, iso639_3
from xlzoo.run_scripts.data_arguments import SourceArguments
from xlzoo.run_scripts.objectives.adaptation_config import SenseAdaptationConfig
from xlzoo.run_scripts.stages.facts import SPLITS, dataset_name, of_run, record_run
from xlzoo.run_scripts.stages.papers import SENSIA
from xlzoo.run_scripts.stages.snippets import generator_usage, opening

SCORES = ("ctx_recall", "sns_recall", "perplexity")


def adaptation_facts(
    start: str,
    data_args: BitextArguments,
    args: SenseAdaptationConfig,
    results: Mapping[str, Any],
    figures: tuple[Figure, ...],
    texts: Sequence[str],
) -> Facts:
    """Describe a Backpack that was adapted from `start`; its card continues the opening of one of the texts."""
    source, target = (display_name(language) for language in (data_args.src, data_args.tgt))
    given = SourceArguments(dataset_name=data_args.dataset_name, language=data_args.tgt)
    run = record_run((ModelArguments(model_name_or_path=start), given, args), results, "text-generation", figures)
    return Facts(
        title=f"Backpack language model for {target}, adapted from {source}",
        kind="model",
        summary=f"A Backpack language model of {source} that learned {target} from translations: contexts and senses "
        "of translations were pulled together while it learned to predict the new language.",
        tags=("causal-lm", "backpack", "sense-adaptation", "sensia"),
        pipeline_tag="text-generation",
        library_name="transformers",
        usage=generator_usage(opening(texts), own_code=True),
        **of_run(
            replace(run, metrics=_metrics(data_args, results)),
            SENSIA,
            [iso639_3(data_args.tgt), iso639_3(data_args.src)],
        ),
    )


def _metrics(data_args: BitextArguments, results: Mapping[str, Any]) -> tuple[Metric, ...]:
    """Return retrieval and perplexity on what was evaluated on."""
    trained_on = dataset_name(data_args.dataset_name)
    names = {
        "eval": dataset_name(data_args.evaluated_on) if data_args.evaluated_on else trained_on,
        "test": trained_on,
    }
    return tuple(
        Metric("text-generation", names[prefix], split, hub_tag(data_args.tgt), score, float(results[key]))
        for prefix, split in SPLITS.items()
        for score in SCORES
        if (key := f"{prefix}_{score}") in results
    )
