"""English word forms: verbs, nouns, pronouns and articles."""

import re
from functools import cache

from .lexicon import Entry, options
from .meaning import Thing

NUMERALS = {2: "two", 3: "three", 4: "four", 5: "five", 6: "six", 7: "seven", 8: "eight", 10: "ten"}
SUBJECT = {"1": "I", "2": "you", "3m": "he", "3f": "she", "1p": "we", "2p": "you", "3p": "they"}
OBJECT = {"1": "me", "2": "you", "3m": "him", "3f": "her", "1p": "us", "2p": "you", "3p": "them"}
OWNER = {"1": "my", "2": "your", "3m": "his", "3f": "her", "1p": "our", "2p": "your", "3p": "their"}
PRESENT_BE = {"1": "am", "2": "are", "3": "is"}


def key(thing: Thing) -> str:
    """Return the row of the pronoun tables: 1, 2, 3m, 3f, 1p, 2p or 3p."""
    if thing.many:
        return f"{thing.person}p"
    return f"3{'f' if thing.female else 'm'}" if thing.person == 3 else str(thing.person)


@cache
def verb_forms(verb: Entry) -> tuple[str, str]:
    """Return base and past of a verb."""
    forms, _ = options(verb["eng"])
    return forms[0], forms[-1]


def particle(verb: Entry) -> tuple[str, bool]:
    """Return the verb's particle ("" for none) and whether a pronoun stands before it."""
    _, extra = options(verb["eng"])
    return extra.get("part", extra.get("sep", "")), "sep" in extra


def third_person(base: str) -> str:
    """Return the third person singular present: go -> goes, carry -> carries."""
    if base == "have":
        return "has"
    if re.search(r"(s|sh|ch|x|z|o)$", base):
        return f"{base}es"
    return f"{base[:-1]}ies" if re.search(r"[^aeiou]y$", base) else f"{base}s"


@cache
def ing(verb: Entry) -> str:
    """Return the present participle: write -> writing, run -> running."""
    base, _ = verb_forms(verb)
    given = options(verb["eng"])[1].get("ing")
    if given:
        return given
    if re.search(r"[^e]e$", base):
        return f"{base[:-1]}ing"
    return f"{base}{base[-1]}ing" if re.search(r"^[^aeiou]*[aeiou][bdgklmnprt]$", base) else f"{base}ing"


def be(thing: Thing, past: bool) -> str:
    """Return the finite form of `be` that agrees with the subject."""
    if past:
        return "were" if thing.many or thing.person == 2 else "was"
    return "are" if thing.many else PRESENT_BE[str(thing.person)]


def third_singular(thing: Thing) -> bool:
    """Whether the subject takes the -s form."""
    return thing.person == 3 and not thing.many


def noun_form(noun: Entry, plural: bool) -> str:
    """Return the singular or plural; a mass noun has one form."""
    forms = noun["eng"].split()
    return forms[-1] if plural else forms[0]


def article(following: str) -> str:
    """Return `a` or `an` before the following word."""
    silent = following.startswith(("honest", "hour"))
    sounded = following.startswith(("univ", "use", "uni"))
    return "an" if silent or (following[0] in "aeiouAEIOU" and not sounded) else "a"
