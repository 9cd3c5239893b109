"""OpusFilter's filters, each a function that says which pairs stay; it names languages by their ISO 639-1 codes."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from xlzoo.run_scripts.corpora.languages import hub_tag
from xlzoo.run_scripts.errors import UserError

from .shards import Pair

Filter = Callable[[Sequence[Pair]], list[bool]]
IDENTIFIERS = {
    "langid": "LangidFilter",
    "lingua": "LinguaFilter",
    "cld2": "Cld2Filter",
    "heliport": "HeliportSimpleFilter",
}
"""Ways to tell languages, and OpusFilter's class of each."""


def language_filter(method: str, languages: Sequence[str | None]) -> Filter:
    """Return a filter that keeps pairs in these languages, in ISO 639-3; a side that is None is not looked at.

    OpusFilter's own would look at both.
    """
    sides = [side for side, language in enumerate(languages) if language is not None]
    made = _made(IDENTIFIERS[method], {"languages": [hub_tag(str(languages[side])) for side in sides]}, method)
    _require_runs(made, len(sides))

    def keeps(pairs: Sequence[Pair]) -> list[bool]:
        return _decisions(made, [tuple(pair[side] for side in sides) for pair in pairs])

    return keeps


def known_languages(method: str, languages: Sequence[str]) -> list[str]:
    """Return which of some languages, in ISO 639-3, the method can tell; UserError where it is not to be had."""
    made = _made(IDENTIFIERS[method], {"languages": []}, method)
    try:
        known = KNOWN[method](made)
    except ImportError as error:
        raise UserError(f"--language_id {method} needs the package {error.name}; install it.") from error
    return [language for language in languages if hub_tag(language) in known]


def opus_filter(name: str, settings: Mapping[str, Any]) -> Filter:
    """Return a filter by its class's name and settings; UserError where there is no such one."""
    made = _made(name, settings, "--opusfilter")
    _require_runs(made, 2)
    return partial(_decisions, made)


def _made(name: str, settings: Mapping[str, Any], asked: str) -> Any:
    try:
        from opusfilter import FilterABC, OpusFilterError, filters
    except ImportError as error:
        way_out = "leave it out" if asked.startswith("--") else "give --language_id none"
        raise UserError(f"{asked} needs OpusFilter; pip install 'xlzoo[corpus]', or {way_out}.") from error
    known = {key: value for key, value in vars(filters).items() if inspect.isclass(value)}
    known = {key: value for key, value in known.items() if issubclass(value, FilterABC) and value is not FilterABC}
    if name not in known:
        raise UserError(f"OpusFilter has no filter {name!r}; choose one of {', '.join(sorted(known))}.")
    if unknown := settings.keys() - _settings(known[name]):
        raise UserError(f"OpusFilter's {name} has no setting {min(unknown)!r}; see its documentation.")
    try:
        return known[name](**settings)
    except ImportError as error:
        raise UserError(f"OpusFilter's {name} needs the package {error.name}; install it.") from error
    except (OpusFilterError, AttributeError, LookupError, OSError, TypeError, ValueError) as error:
        raise UserError(f"OpusFilter's {name} cannot be made with {dict(settings)}: {error}.") from error


def _require_runs(made: Any, sides: int) -> None:
    """Raise UserError where a filter finds only at work that something is missing for it."""
    name = type(made).__name__
    try:
        _decisions(made, [("a",) * sides])
    except ImportError as error:
        raise UserError(f"OpusFilter's {name} needs the package {error.name}; install it.") from error
    except (AttributeError, LookupError, OSError, TypeError, ValueError) as error:
        raise UserError(f"OpusFilter's {name} does not work with these settings: {error}.") from error


def _settings(kind: type) -> set[str]:
    """Return the names of a filter's settings; it would only warn of others."""
    classes = [each for each in inspect.getmro(kind) if "__init__" in vars(each)]
    return {name for each in classes for name in inspect.signature(each).parameters} - {"kwargs"}


def _decisions(made: Any, pairs: Sequence[Sequence[str]]) -> list[bool]:
    return [bool(stays) for stays in made.decisions(pairs)]


def _of_langid(made: Any) -> set[str]:
    return set(made.identifier.nb_classes)


def _of_lingua(made: Any) -> set[str]:
    from lingua import IsoCode639_1

    return {name.lower() for name in dir(IsoCode639_1) if len(name) == 2}


def _of_cld2(made: Any) -> set[str]:
    from pycld2 import LANGUAGES

    return {code for _, code in LANGUAGES}


def _of_heliport(made: Any) -> set[str]:
    from iso639 import Lang

    told = made.identifier.identify_topk_with_score("a", k=10_000)
    # As the filter does, which takes those without a code of two letters for all alike.
    return {Lang(code).pt1 for code, _ in told if code not in ("und", "zxx")} - {""}


KNOWN: Mapping[str, Callable[[Any], set[str]]] = {
    "langid": _of_langid,
    "lingua": _of_lingua,
    "cld2": _of_cld2,
    "heliport": _of_heliport,
}
