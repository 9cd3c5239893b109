"""What the metadata and the heading of an existing README.md say, as facts.

The text below is not kept: a library's stock card is a form to fill in, and what somebody wrote of an earlier version
may not be true of this one. The receipt names it among what was left out.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from huggingface_hub.repocard import metadata_load, yaml
from huggingface_hub.repocard_data import model_index_to_eval_results

from xlzoo.hub_cards import Facts, Metric
from xlzoo.hub_cards.facts import Kind, Relation
from xlzoo.run_scripts.errors import UserError

ONE = ("pipeline_tag", "library_name", "base_model_relation")
"""Metadata keys that are called like the facts they become."""
SEVERAL = {
    "language": "languages",
    "language_bcp47": "languages",
    "datasets": "datasets",
    "tags": "tags",
    "task_categories": "task_categories",
}
"""Metadata keys with several values, and the facts they become; of two for one fact the latter counts."""


def facts_of_card(folder: Path, kind: Kind) -> Facts | None:
    """Read the README.md of a folder; None without one, UserError where its metadata cannot be read."""
    path = folder / "README.md"
    if not path.is_file():
        return None
    try:
        header = metadata_load(path) or {}
        return _read(header, path.read_text(encoding="utf-8"), kind)
    except (ValueError, KeyError, TypeError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(
            f"The metadata of {path} cannot be read ({reason}); correct it, or take the file away."
        ) from error


def _read(header: Mapping[str, Any], text: str, kind: Kind) -> Facts:
    found: dict[str, Any] = {field: _texts(header, key) for key, field in SEVERAL.items() if key in header}
    found |= {key: ", ".join(_texts(header, key)) for key in ONE}
    if found["base_model_relation"] not in get_args(Relation):
        raise ValueError(f"base_model_relation is {found['base_model_relation']!r}, which the Hub does not know")
    bases = _texts(header, "base_model")
    if len(bases) > 1:
        raise ValueError(f"base_model names {len(bases)} models, and a card of ours takes one")
    # PEFT writes the base model's path into a tag, and the Hub makes such tags itself of what else a header says.
    tags = found.get("tags", ())
    found["tags"] = tuple(tag for tag in tags if ":" not in tag)
    papers = [tag.removeprefix("arxiv:") for tag in tags if tag.startswith("arxiv:")]
    license_, own_name = ", ".join(_texts(header, "license")), "".join(_texts(header, "license_name"))
    heading = re.search(r"^# +(?!Model Card for Model ID)(.+?) *$", text, re.MULTILINE)
    return Facts(
        kind=kind,
        title=heading[1] if heading else "",
        license=own_name if license_ == "other" and own_name else license_,
        license_link="".join(_texts(header, "license_link")),
        base_model=bases[0] if bases else None,
        metrics=_metrics(header),
        paper=papers[0] if papers else "",
        **found,
    )


def _texts(header: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """Return the one or several texts under a key."""
    value = header.get(key)
    values = value if isinstance(value, list) else [] if value is None else [value]
    # YAML 1.1 reads the language no (Norwegian) as a truth value.
    values = ["no" if item is False and key == "language" else item for item in values]
    if not all(isinstance(item, str) for item in values):
        raise ValueError(f"{key} is {value!r}, and text was expected")
    return tuple(values)


def _metrics(header: Mapping[str, Any]) -> tuple[Metric, ...]:
    """Return the numbers of a model-index; what else it may hold, lists say, is not a number to compare."""
    if "model-index" not in header:
        return ()
    _, results = model_index_to_eval_results(header["model-index"])
    return tuple(
        Metric(
            task=found.task_type,
            dataset=found.dataset_type,
            split=found.dataset_split or "",
            language=found.dataset_config or "",
            name=found.metric_type,
            value=float(found.metric_value),
            detail=_detail(found.metric_type, found.metric_name),
        )
        for found in results
        if isinstance(found.metric_value, int | float)
    )


def _detail(metric: str, title: str | None) -> str:
    """Return what a metric's title says beside its name, in the form that cards of ours have: "f1 (detail)"."""
    return (
        title.removeprefix(f"{metric} (")[:-1] if title and re.fullmatch(rf"{re.escape(metric)} \(.+\)", title) else ""
    )
