"""The header of a card: facts under the names that the Hub gives them.

Source: https://github.com/huggingface/hub-docs, modelcard.md and datasetcard.md. What is empty becomes None, which the
Hub's own classes do not write.
"""

import re
from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from huggingface_hub import DatasetCardData, EvalResult, ModelCardData
from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils import validate_repo_id

from xlzoo.hub_cards.facts import Facts, Metric
from xlzoo.hub_cards.licenses import license_metadata

# The Hub knows AdapterHub's library by the name that it had first.
LIBRARIES = {"adapter": "adapter-transformers", "peft": "peft"}
RELATIONS = {"adapter": "adapter", "peft": "adapter", "model": "finetune"}
ORDER = ["pretty_name", "language", "language_bcp47", "license", "license_name", "license_link", "library_name"]
ORDER += ["pipeline_tag", "task_categories", "base_model", "base_model_relation", "datasets", "source_datasets"]
ORDER += ["configs"]
STEPS = ("1K", "10K", "100K", "1M", "10M", "100M", "1B", "10B", "100B", "1T")
SIZES = ("n<1K", *(f"{least}<n<{most}" for least, most in pairwise(STEPS)), "n>1T")
ARXIV = re.compile(r"\d{4}\.\d{4,5}(v\d+)?|[a-z-]+(\.[A-Z]{2})?/\d{7}(v\d+)?")


def card_header(facts: Facts) -> str:
    """Return the YAML that stands between the two `---` of a card, and "" if there is nothing to say."""
    data = _dataset_data(facts) if facts.kind == "dataset" else _model_data(facts)
    return data.to_yaml(original_order=ORDER) if data.to_dict() else ""


def size_category(rows: int) -> str:
    """Return the Hub's name for the size of a dataset of so many rows."""
    return SIZES[bisect_right([10**power for power in range(3, 13)], rows)]


def _model_data(facts: Facts) -> ModelCardData:
    """Describe an adapter or a model; the Hub indexes a metric only with its task, dataset and name."""
    metrics = [metric for metric in facts.metrics if metric.task and metric.dataset and metric.name]
    return ModelCardData(
        base_model=facts.base_model or None,
        base_model_relation=(facts.base_model_relation or RELATIONS[facts.kind]) if facts.base_model else None,
        datasets=list(facts.datasets) or None,
        library_name=facts.library_name or LIBRARIES.get(facts.kind),
        pipeline_tag=facts.pipeline_tag or None,
        eval_results=[_eval_result(metric) for metric in metrics] or None,
        model_name=(facts.title or facts.kind) if metrics else None,
        **_common(facts),
    )


def _dataset_data(facts: Facts) -> DatasetCardData:
    return DatasetCardData(
        pretty_name=facts.title or None,
        task_categories=list(facts.task_categories) or None,
        size_categories=[size_category(sum(facts.splits.values()))] if facts.splits else None,
        source_datasets=list(facts.datasets) or None,
        configs=_configs(facts),
        **_common(facts),
    )


def _configs(facts: Facts) -> list[dict[str, Any]] | None:
    """Say which files are the splits of the one configuration, where it has a name."""
    if not facts.config_name:
        return None
    files = [{"split": split, "path": f"{facts.config_name}/{split}-*"} for split in facts.splits]
    return [{"config_name": facts.config_name, "data_files": files}]


def _common(facts: Facts) -> dict[str, Any]:
    codes = _iso_codes(facts.languages)
    paper = {f"arxiv:{facts.paper}"} if ARXIV.fullmatch(facts.paper) else set()
    return {
        "language": codes or None,
        "language_bcp47": list(facts.languages) if codes != list(facts.languages) else None,
        "tags": sorted({*facts.tags, *paper}) or None,
        **license_metadata(facts.license, facts.license_link),
    }


def _iso_codes(tags: Sequence[str]) -> list[str]:
    """Return the bare ISO 639 codes, all that the Hub takes as `language`: whole tags have a field of their own."""
    codes = (re.match(r"[a-z]{2,3}(?=-|$)|code$|multilingual$", tag.lower()) for tag in tags)
    return list(dict.fromkeys(code[0] for code in codes if code))


def _eval_result(metric: Metric) -> EvalResult:
    """Describe a measurement; its dataset's name holds the language, which the Hub would not show otherwise.

    Metrics of one name tell each other apart by `metric_name`, which then holds the detail.
    """
    return EvalResult(
        task_type=metric.task,
        dataset_type=_identifier(metric.dataset),
        dataset_name=f"{metric.dataset} ({metric.language})" if metric.language else metric.dataset,
        dataset_config=metric.language or None,
        dataset_split=metric.split or None,
        metric_type=metric.name,
        metric_value=float(metric.value),
        metric_name=f"{metric.name} ({metric.detail})" if metric.detail else None,
    )


def _identifier(dataset: str) -> str:
    """Return a Hub id as it is, and a plain name in the form of one."""
    try:
        validate_repo_id(dataset)
    except HFValidationError:
        return re.sub(r"[^a-z0-9]+", "-", dataset.lower()).strip("-") or "local"
    return dataset
