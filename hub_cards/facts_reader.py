"""Reading facts from JSON strictly: what a hand has mistyped is an error and not a line that the card lacks."""

import json
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import MISSING, fields, is_dataclass
from difflib import get_close_matches
from typing import Any, Literal, NoReturn, get_args, get_origin, get_type_hints

from xlzoo.hub_cards.errors import PublishError
from xlzoo.hub_cards.facts import Facts

CALLED = {str: "text", bool: "true or false", int: "a whole number", float: "a finite number", type(None): "null"}


def facts_from_json(text: str) -> Facts:
    """Return the facts that `facts_to_json` wrote.

    Raises PublishError, naming the field, for text that is not JSON, a field that facts do not have, or a value of
    another type.
    """
    try:
        found = json.loads(text)
        json.dumps(found, ensure_ascii=False).encode()  # half a surrogate pair is no text that a card can hold
    except (ValueError, RecursionError) as error:
        raise PublishError(f"The facts are not valid JSON in UTF-8: {error}.") from error
    return _read(found, Facts, "")


def _read(value: object, wanted: Any, where: str) -> Any:
    """Return a JSON value as the type a field is annotated with."""
    options = get_args(wanted)
    if is_dataclass(wanted):
        return _read_fields(value, wanted, where)
    if get_origin(wanted) is tuple and isinstance(value, list):
        return tuple(_read(item, options[0], f"{where}[{number}]") for number, item in enumerate(value))
    if get_origin(wanted) is Mapping and isinstance(value, dict):
        return {key: _read(item, options[1], f"{where}[{key!r}]") for key, item in value.items()}
    if get_origin(wanted) is None and _is_plain(value, wanted):
        return value
    if get_origin(wanted) is Literal and value in options:
        return value
    if get_origin(wanted) not in (None, tuple, Mapping, Literal):
        for option in options:
            with suppress(PublishError):
                return _read(value, option, where)
    _refuse(f"{where} must be {_called(wanted)}.")


def _read_fields(value: object, wanted: Any, where: str) -> Any:
    """Return a JSON object as a dataclass."""
    if not isinstance(value, dict):
        _refuse(f"{where or 'the whole'} must be an object with named fields.")
    prefix = f"{where}." if where else ""
    hints = get_type_hints(wanted)
    for key in value:
        if key not in hints:
            near = get_close_matches(key, hints, n=1)
            _refuse(f"there is no field {prefix}{key}{f', did you mean {near[0]}' if near else ''}.")
    for item in fields(wanted):
        if item.default is MISSING and item.default_factory is MISSING and item.name not in value:
            _refuse(f"{prefix}{item.name} is missing.")
    return wanted(**{key: _read(item, hints[key], f"{prefix}{key}") for key, item in value.items()})


def _is_plain(value: object, wanted: type) -> bool:
    """Say whether a value is of a type without parts; true and false are no numbers, nor are nan and inf."""
    if isinstance(value, bool):
        return wanted in (bool, object)
    if wanted is float:
        return isinstance(value, int | float) and abs(value) <= sys.float_info.max
    return isinstance(value, wanted)


def _called(wanted: Any) -> str:
    """Return what a type is called in an error."""
    origin, options = get_origin(wanted), get_args(wanted)
    if origin is None:
        return CALLED[wanted]
    if origin is Literal:
        return "one of " + ", ".join(repr(option) for option in options)
    if origin in (tuple, Mapping):
        return "a list" if origin is tuple else "an object"
    return " or ".join(_called(option) for option in options)


def _refuse(reason: str) -> NoReturn:
    raise PublishError(f"The facts cannot be used: {reason}")
