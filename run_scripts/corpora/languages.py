"""One language, one code: any usual spelling becomes ISO 639-3, a model-card tag or an English name."""

from collections import defaultdict
from collections.abc import Mapping
from difflib import get_close_matches
from functools import lru_cache

from langcodes import Language
from langcodes.data_dicts import LANGUAGE_ALPHA3, NORMALIZED_MACROLANGUAGES
from langcodes.tag_parser import LanguageTagError
from language_data.names import get_trie_value, load_trie, normalize_name
from language_data.registry_parser import parse_registry
from language_data.util import data_filename

from xlzoo.run_scripts.errors import UserError


def iso639_3(language: str) -> str:
    """Give the ISO 639-3 code of a language: `sw`, `swa`, `swh_Latn` and `Swahili` are all `swh`.

    A tag is read before a name, and script and region are dropped. Where a macrolanguage has one standard member that
    member stands for it (`swa` is `swh`, `zho` is `cmn`, `est` is `ekk`); other macrolanguages keep their own code
    (`nor`). Two languages have a region in their standard tag: `sw-CD` is `swc`, `fa-AF` is `prs`. Raises UserError
    for what is neither a tag nor a name of a single language.
    """
    parsed = _parse(language)
    code = LANGUAGE_ALPHA3.get(f"{parsed.language}-{parsed.territory}", parsed.to_alpha3())
    return _members().get(code, code)


def hub_tag(language: str) -> str:
    """Give the shortest tag a model card takes: `sw` for any spelling of Swahili, `hau` becomes `ha`."""
    code = iso639_3(language)
    whole = {member: macro for macro, member in _members().items()}
    standard = Language.get(whole.get(code, code))
    return code if standard.territory else standard.language or code


def display_name(language: str) -> str:
    """Give the English name: `Swahili` for any spelling of it."""
    return Language.make(language=hub_tag(language)).language_name()


def _parse(language: str) -> Language:
    """Read a tag, or else the tag of a name: some names, such as Thai and Odia, look like tags without a language."""
    for tag in (language.strip(), _tag_of_name(language)):
        try:
            parsed = Language.get(tag)
        except LanguageTagError:
            continue
        if parsed.is_valid() and parsed.language in _single_languages():
            return parsed
    hint = " or ".join(_similar_names(language))
    raise UserError(
        f"unknown language {language[:40]!r}: give a code such as sw, swh or swh_Latn, or an English name"
        + (f", did you mean {hint}?" if hint else "")
    )


def _tag_of_name(name: str) -> str:
    """Find the tag of a language name, English first, and an empty tag where there is none.

    `langcodes.find` also takes a name with anything after it, so that "Arabic Egyptian" would silently be Arabic.
    """
    key = normalize_name(name)
    return next((get_trie_value(names, key) for names in (_names("en"), _names("und")) if key in names), "")


def _similar_names(name: str) -> list[str]:
    """English names that a misspelt name may have meant; three letters resemble too many names to say."""
    key = normalize_name(name)
    return [near.title() for near in get_close_matches(key, _names("en").keys(), n=2, cutoff=0.75) if len(key) > 3]


@lru_cache
def _names(language: str) -> Mapping[str, list[bytes]]:
    """Language names in one language, or in all (`und`), with the tags they stand for."""
    return load_trie(data_filename(f"trie/{language}/name_to_language.marisa"))


@lru_cache
def _single_languages() -> frozenset[str]:
    """Subtags that name one language: no collections, no private use, no `mul` or `und`."""
    entries = (entry for entry in parse_registry() if entry["Type"] == "language")
    return frozenset(entry["Subtag"] for entry in entries if entry.get("Scope") in (None, "macrolanguage"))


@lru_cache
def _members() -> dict[str, str]:
    """Map each macrolanguage with exactly one standard member to that member, both in three letters."""
    members = defaultdict(list)
    for member, macro in NORMALIZED_MACROLANGUAGES.items():
        members[LANGUAGE_ALPHA3.get(macro, macro)].append(member)
    return {macro: found[0] for macro, found in members.items() if len(found) == 1 and found[0] in _single_languages()}
