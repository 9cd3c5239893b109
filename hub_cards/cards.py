"""What is known about a thing to publish, and the model card that says so."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from huggingface_hub import EvalResult, ModelCardData
from huggingface_hub.utils import yaml_dump
from jinja2 import Environment, FileSystemLoader, StrictUndefined

TEMPLATES = {"adapter": "adapter_card.md", "model": "model_card.md"}
RELATIONS = {"adapter": "adapter", "model": "finetune"}


@dataclass(frozen=True)
class Metric:
    """One measured number, such as "f1" of "token-classification" on the split of a dataset in one language."""

    task: str
    dataset: str
    split: str
    language: str
    name: str
    value: float


@dataclass(frozen=True)
class Facts:
    """What is known about a thing to publish; every field may be left out, and then the card leaves its line out.

    `languages` are BCP-47 tags, `base_model` and `datasets` are Hub ids, `paper` is an arXiv id, `citation` is BibTeX.
    `usage` is Python code in which `{repo_id}` stands for the repository; `publish` runs it and puts what it prints in
    `usage_output`, unless `usage_is_executable` is off because it needs more than the folder (say, a base model).
    """

    title: str = ""
    kind: Literal["adapter", "model"] = "model"
    summary: str = ""
    languages: tuple[str, ...] = ()
    license: str = ""
    base_model: str | None = None
    datasets: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    pipeline_tag: str = ""
    library_name: str = ""
    metrics: tuple[Metric, ...] = ()
    recipe: Mapping[str, object] | str = field(default_factory=dict)
    usage: str = ""
    usage_output: str = ""
    usage_is_executable: bool = True
    versions: Mapping[str, str] = field(default_factory=dict)
    citation: str = ""
    paper: str = ""


def render_card(facts: Facts) -> str:
    """Return the text of README.md: a YAML header that the Hub accepts, then the body from the kind's template."""
    folder = Path(__file__).parent
    environment = Environment(
        loader=FileSystemLoader(folder),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["fenced"] = _fenced
    body = environment.get_template(TEMPLATES[facts.kind]).render(facts=facts, recipe=_as_yaml(facts.recipe))
    header = _metadata(facts)
    front = f"---\n{header.to_yaml()}\n---\n\n" if header.to_dict() else ""
    return f"{front}{body.strip()}\n"


def _metadata(facts: Facts) -> ModelCardData:
    """Put the facts under the Hub's names; what is empty becomes None, which is not written."""
    # The Hub takes bare ISO 639 codes as `language`; tags with a script or a region have a field of their own.
    codes = list(dict.fromkeys(tag.partition("-")[0].lower() for tag in facts.languages))
    return ModelCardData(
        base_model=facts.base_model or None,
        base_model_relation=RELATIONS[facts.kind] if facts.base_model else None,
        datasets=list(facts.datasets) or None,
        language=codes or None,
        language_bcp47=list(facts.languages) if codes != list(facts.languages) else None,
        library_name=facts.library_name or None,
        license=facts.license or None,
        pipeline_tag=facts.pipeline_tag or None,
        tags=sorted(set(facts.tags)) or None,
        eval_results=[_eval_result(metric) for metric in facts.metrics] or None,
        model_name=(facts.title or facts.kind) if facts.metrics else None,
    )


def _eval_result(metric: Metric) -> EvalResult:
    return EvalResult(
        task_type=metric.task,
        dataset_type=metric.dataset,
        dataset_name=metric.dataset,
        dataset_config=metric.language or None,
        dataset_split=metric.split or None,
        metric_type=metric.name,
        metric_value=float(metric.value),
    )


def _as_yaml(recipe: Mapping[str, object] | str) -> str:
    """Return a recipe as YAML text; a recipe that is text already is reprinted as it is."""
    if isinstance(recipe, str):
        return recipe.strip()
    # Through JSON, because YAML would write paths and tuples as Python objects that no other program reads.
    plain = json.loads(json.dumps(dict(recipe), default=str))
    return yaml_dump(plain, sort_keys=False).strip() if plain else ""


def _fenced(text: str, language: str = "") -> str:
    """Return text as a Markdown code block whose fence is longer than any run of backticks inside."""
    longest = max((len(run) for run in re.findall("`{3,}", text)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}{language}\n{text.strip(chr(10))}\n{fence}"
