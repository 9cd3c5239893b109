"""The card of a thing to publish: a header for the Hub, and a page for the reader from the template of its kind."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from huggingface_hub.utils import yaml_dump
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from xlzoo.hub_cards.facts import Facts, Figure, Kind, Metric, Table, as_plain, facts_to_json
from xlzoo.hub_cards.facts_reader import facts_from_json
from xlzoo.hub_cards.markdown import fenced, line, link, one_line, prose, table
from xlzoo.hub_cards.metadata import ARXIV, card_header

__all__ = ["Facts", "Figure", "Kind", "Metric", "facts_from_json", "facts_to_json", "render_card"]

COLUMNS = ("task", "dataset", "split", "language", "name", "detail")


def render_card(facts: Facts) -> str:
    """Return the text of README.md: a YAML header that the Hub accepts, then the body from the kind's template."""
    known = _each_text(facts, lambda text: text if one_line(text) else "")
    template = _templates().get_template(f"{facts.kind}_card.md")
    body = template.render(
        facts=known,
        columns=[column for column in COLUMNS if any(vars(metric)[column] for metric in known.metrics)],
        recipe=_as_yaml(known.recipe),
        figures=[figure for figure in known.figures if figure.file],
        is_on_arxiv=bool(ARXIV.fullmatch(known.paper)),
    )
    header = card_header(_each_text(facts, one_line))
    front = f"---\n{header}\n---\n\n" if header else ""
    return f"{front}{body.strip()}\n"


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(line=line, prose=prose, fenced=fenced, link=link, table=table)
    environment.filters["model_link"] = lambda name: link(name, f"https://huggingface.co/{name}")
    environment.filters["dataset_link"] = lambda name: link(name, f"https://huggingface.co/datasets/{name}")
    return environment


def _each_text(value: Any, change: Callable[[str], str]) -> Any:
    """Return facts, or a part of them, with each text changed, and without those in lists that are then empty."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, tuple):
        return tuple(part for part in (_each_text(part, change) for part in value) if part != "")
    if isinstance(value, Table):
        # A cell that is left out would move those after it.
        shown = {"columns": value.columns, "rows": value.rows}
        cells = {name: _each_text(part, lambda text: change(text) or "-") for name, part in shown.items()}
        return replace(value, title=change(value.title), **cells)
    if isinstance(value, Facts | Metric | Figure):
        return replace(value, **{name: _each_text(part, change) for name, part in vars(value).items()})
    return value


def _as_yaml(recipe: Mapping[str, object] | str) -> str:
    """Return a recipe as YAML text; a recipe that is text already is reprinted as it is."""
    if isinstance(recipe, str):
        return recipe.strip()
    # Through JSON, because YAML would write paths and tuples as Python objects that no other program reads.
    plain = json.loads(json.dumps(dict(recipe), default=as_plain))
    return yaml_dump(plain, sort_keys=False).strip() if plain else ""
