"""What is known about a thing to publish, and the JSON in which a finished run keeps it beside its results."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from numbers import Integral, Real
from typing import Literal

from xlzoo.hub_cards.errors import PublishError

Kind = Literal["adapter", "peft", "model", "dataset"]
Relation = Literal["", "adapter", "finetune", "merge", "quantized"]


@dataclass(frozen=True)
class Metric:
    """One measured number, such as "f1" of "token-classification" on the split of a dataset in one language.

    `dataset` is a Hub id, or the plain name of data that is not on the Hub, such as "phrasebook"; never a path.
    `detail` says in a few words how it was measured, where the name leaves that open: "by likelihood, 500 examples".
    """

    task: str
    dataset: str
    split: str
    language: str
    name: str
    value: float
    detail: str = ""


@dataclass(frozen=True)
class Figure:
    """A picture for the card: the name of a .png file inside the published folder, and what it shows."""

    file: str
    caption: str


@dataclass(frozen=True)
class Table:
    """A table for the card of a dataset: its heading, its columns, and rows of as many cells, all plain text."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True)
class Facts:
    """What is known about a thing to publish; every field may be left out, and then the card leaves its line out.

    `title`, `summary`, `base_note`, `data_note` and captions are plain text, not Markdown: the card shows them as they
    are written.
    `languages` are BCP-47 tags, `base_model` and `datasets` are Hub ids, `paper` is an arXiv id, `citation` is BibTeX.
    `license` is an identifier of the Hub, several with commas between, or the name of another license;
    `license_link` leads to its text. `base_model_relation` is by default the usual one of the kind, `base_note` is
    what else there is to say about the base, and `library_name` is needed for models only. `data_note` says what the
    data is like, and `script` which program of this project the `recipe` is for.
    `usage` is Python code in which `{repo_id}` stands for the repository; `publish` runs it and puts what it prints in
    `usage_output`, unless `usage_is_executable` is off because it needs more than the reader has to hand. The modules
    of this project in `usage_needs` are there while it runs. `other_usage` is further code, shown but not run.
    Of a dataset a card says `task_categories`, `splits` (rows by split) and `tables`, and no base model, pipeline or
    library. `config_name` is the one configuration of a dataset whose files lie in a folder of that name.
    """

    title: str = ""
    kind: Kind = "model"
    summary: str = ""
    languages: tuple[str, ...] = ()
    license: str = ""
    license_link: str = ""
    base_model: str | None = None
    base_model_relation: Relation = ""
    base_note: str = ""
    datasets: tuple[str, ...] = ()
    data_note: str = ""
    tags: tuple[str, ...] = ()
    pipeline_tag: str = ""
    task_categories: tuple[str, ...] = ()
    splits: Mapping[str, int] = field(default_factory=dict)
    tables: tuple[Table, ...] = ()
    config_name: str = ""
    library_name: str = ""
    metrics: tuple[Metric, ...] = ()
    script: str = ""
    recipe: Mapping[str, object] | str = field(default_factory=dict)
    figures: tuple[Figure, ...] = ()
    usage: str = ""
    usage_output: str = ""
    usage_is_executable: bool = True
    usage_needs: tuple[str, ...] = ()
    other_usage: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    citation: str = ""
    paper: str = ""


def facts_to_json(facts: Facts) -> str:
    """Return the facts that are known as JSON text, which `facts_from_json` turns into equal facts.

    A recipe comes back in JSON's terms: tuples as lists, paths as text. Raises PublishError for a metric of nan or
    inf.
    """
    for number, metric in enumerate(facts.metrics):
        if not math.isfinite(metric.value):
            raise PublishError(f"metrics[{number}].value, the {metric.name}, is {metric.value}: leave the metric out.")
    unknown = vars(Facts())
    known = {item.name: getattr(facts, item.name) for item in fields(facts)}
    told = {name: value for name, value in known.items() if name == "kind" or value != unknown[name]}
    return json.dumps(told, default=as_plain, indent=2, ensure_ascii=False) + "\n"


def as_plain(value: object) -> object:
    """Return what JSON cannot write as something that it can: for `json.dumps(..., default=as_plain)`."""
    if isinstance(value, Metric | Figure | Table):
        return vars(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Integral):
        return int(value)
    return float(value) if isinstance(value, Real) else str(value)
