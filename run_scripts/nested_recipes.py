"""Recipes whose values are mappings of flags: read, overridden by flags, and checked against a dataclass."""

import difflib
import sys
from collections.abc import Iterator, Sequence
from dataclasses import MISSING, fields
from inspect import formatannotation
from itertools import pairwise
from types import UnionType
from typing import Any, get_args, get_origin

import yaml

from xlzoo.run_scripts.arguments import HELP, read_recipe
from xlzoo.run_scripts.errors import UserError


def read_nested_recipe(cls: type, arguments: Sequence[str]) -> Any:
    """Fill a dataclass from a recipe and flags that override it; `--task.max_steps 5` reaches into a mapping."""
    if HELP & set(arguments):
        sys.stdout.write(_describe(cls))
        sys.exit()
    if not arguments or arguments[0].startswith("-"):
        raise UserError("Expected a recipe first: a .yaml or .json file, recipes/madx_phrasebook.yaml say.")
    recipe = read_recipe(arguments[0])
    for flag, values in _flag_values(arguments[1:]):
        _override(recipe, flag, [_plain(flag, value) for value in values] or [True])
    known = {entry.name: entry for entry in fields(cls)}
    for key in recipe.keys() - known:
        near = difflib.get_close_matches(str(key), known, n=1)
        expected = f"did you mean {near[0]}?" if near else f"expected some of {', '.join(sorted(known))}."
        raise UserError(f"Unknown key {key!r} in the recipe; {expected}")
    for name, entry in known.items():
        if name not in recipe:
            if entry.default is MISSING and entry.default_factory is MISSING:
                raise UserError(f"The recipe lacks the key {name!r}; add it or give --{name}.")
            continue
        if get_origin(entry.type) is list and not isinstance(recipe[name], list):
            recipe[name] = [recipe[name]]
        if not _fits(recipe[name], entry.type):
            expected = formatannotation(entry.type).replace("typing.", "")
            raise UserError(f"The recipe's {name} is {recipe[name]!r}; expected {expected}, text in quotes.")
    return cls(**recipe)


def _describe(cls: type) -> str:
    """Name the keys of a recipe with their types and defaults."""
    lines = ["usage: a recipe, then any of its keys as flags:"]
    for entry in fields(cls):
        made = entry.default if entry.default_factory is MISSING else entry.default_factory()
        default = "needed" if made is MISSING else f"default: {made!r}"
        lines.append(f"  --{entry.name}: {formatannotation(entry.type)} ({default})")
    return "\n".join([*lines, ""])


def _override(recipe: dict[str, Any], flag: str, values: list[Any]) -> None:
    *path, last = flag.split(".")
    place = recipe
    for key in path:
        place = place.setdefault(key, {})
        if not isinstance(place, dict):
            raise UserError(f"--{flag} reaches into {key}, which is no mapping in the recipe.")
    place[last] = values if len(values) > 1 or isinstance(place.get(last), list) else values[0]


def _plain(flag: str, value: str) -> Any:
    try:
        return yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise UserError(f"--{flag} {value!r} cannot be read; expected a plain value, quoted if need be.") from error


def _fits(value: Any, kind: Any) -> bool:
    """Say whether a value read from YAML is of an annotated type, such as `dict[str, list[int]] | None`."""
    if isinstance(kind, UnionType):
        return any(_fits(value, one) for one in get_args(kind))
    origin, inner = get_origin(kind), get_args(kind)
    if origin is list:
        return isinstance(value, list) and all(_fits(item, inner[0]) for item in value)
    if origin is dict:
        return isinstance(value, dict) and all(_fits(k, inner[0]) and _fits(v, inner[1]) for k, v in value.items())
    return kind is Any or type(value) is kind


def _flag_values(arguments: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """Yield (flag without dashes, its values)."""
    starts = [i for i, argument in enumerate(arguments) if argument.startswith("--")]
    if starts[:1] != [0] and arguments:
        raise UserError(f"Expected a flag, found {arguments[0]!r}.")
    for start, stop in pairwise([*starts, len(arguments)]):
        flag, _, value = arguments[start][2:].partition("=")
        yield flag, [value] if value else list(arguments[start + 1 : stop])
