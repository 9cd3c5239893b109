"""German word forms: articles, adjective endings, declension and conjugation."""

import re
from functools import cache
from typing import NamedTuple

from .lexicon import Entry, options
from .meaning import Thing

NUMERALS = {2: "zwei", 3: "drei", 4: "vier", 5: "fünf", 6: "sechs", 7: "sieben", 8: "acht", 10: "zehn"}
PERSONS = {"1": 0, "2": 1, "3": 2, "1p": 3, "2p": 4, "3p": 5}
PRONOUNS = {
    "nom": {"1": "ich", "2": "du", "3m": "er", "3f": "sie", "1p": "wir", "2p": "ihr", "3p": "sie"},
    "acc": {"1": "mich", "2": "dich", "3m": "ihn", "3f": "sie", "1p": "uns", "2p": "euch", "3p": "sie"},
    "dat": {"1": "mir", "2": "dir", "3m": "ihm", "3f": "ihr", "1p": "uns", "2p": "euch", "3p": "ihnen"},
}
REFLEXIVES = ("mich", "dich", "sich", "uns", "euch", "sich")
OWNERS = {"1": "mein", "2": "dein", "3m": "sein", "3f": "ihr", "1p": "unser", "2p": "euer", "3p": "ihr"}
DEFINITE = {
    "nom": {"m": "der", "f": "die", "n": "das", "p": "die"},
    "acc": {"m": "den", "f": "die", "n": "das", "p": "die"},
    "dat": {"m": "dem", "f": "der", "n": "dem", "p": "den"},
    "gen": {"m": "des", "f": "der", "n": "des", "p": "der"},
}
RELATIVE = {case: {**row, "p": "denen"} if case == "dat" else row for case, row in DEFINITE.items()}
EIN_ENDINGS = {
    "nom": {"m": "", "f": "e", "n": "", "p": "e"},
    "acc": {"m": "en", "f": "e", "n": "", "p": "e"},
    "dat": {"m": "em", "f": "er", "n": "em", "p": "en"},
    "gen": {"m": "es", "f": "er", "n": "es", "p": "er"},
}
STRONG = {
    "nom": {"m": "er", "f": "e", "n": "es", "p": "e"},
    "acc": {"m": "en", "f": "e", "n": "es", "p": "e"},
    "dat": {"m": "em", "f": "er", "n": "em", "p": "en"},
    "gen": {"m": "en", "f": "er", "n": "en", "p": "er"},
}
MODALS = {
    "können": (("kann", "kannst", "kann", "können", "könnt", "können"), "konnte"),
    "müssen": (("muss", "musst", "muss", "müssen", "müsst", "müssen"), "musste"),
    "wollen": (("will", "willst", "will", "wollen", "wollt", "wollen"), "wollte"),
}
WERDEN = ("werde", "wirst", "wird", "werden", "werdet", "werden")
HABEN = ("habe", "hast", "hat", "haben", "habt", "haben")
SEIN = ("bin", "bist", "ist", "sind", "seid", "sind")
CONTRACTIONS = {
    ("in", "dem"): "im",
    ("in", "das"): "ins",
    ("an", "dem"): "am",
    ("an", "das"): "ans",
    ("zu", "dem"): "zum",
    ("zu", "der"): "zur",
    ("von", "dem"): "vom",
    ("bei", "dem"): "beim",
}


def key(thing: Thing) -> str:
    """Return the row of the pronoun tables: 1, 2, 3m, 3f, 1p, 2p or 3p."""
    if thing.many:
        return f"{thing.person}p"
    return f"3{'f' if thing.female else 'm'}" if thing.person == 3 else str(thing.person)


def person(thing: Thing) -> int:
    """Return the column of the conjugation tables (0 ich ... 5 sie)."""
    return PERSONS[f"{thing.person}{'p' if thing.many else ''}"]


class Declension(NamedTuple):
    """A noun's gender, its forms, and whether it takes -(e)n outside the nominative singular."""

    gender: str
    singular: str
    plural: str
    genitive: str
    weak: bool


@cache
def declension(noun: Entry, female: bool) -> Declension:
    """Read a noun's cell; person nouns with two forms have the feminine second."""
    variants = noun["deu"].split("; ")
    gender, singular, plural, *genitive = variants[-1 if female else 0].split()
    weak = gender == "mw"
    default = plural if weak else singular
    return Declension(gender[0], singular, plural, genitive[0] if genitive else default, weak)


def noun_form(noun: Declension, plural: bool, case: str) -> str:
    """Decline a noun: den Kindern, des Lehrers, den Studenten."""
    if plural:
        ends_well = case != "dat" or noun.plural.endswith(("n", "s"))
        return noun.plural if ends_well else f"{noun.plural}n"
    if case == "gen" or (noun.weak and case != "nom"):
        return noun.genitive
    return noun.singular


def adjective_form(base: str, determiner: str, slot: str, case: str) -> str:
    """Inflect an adjective after an article (`def`), an ein-word (`ein`) or nothing (""); slot is m, f, n or p."""
    stem = "teur" if base == "teuer" else base.removesuffix("e")
    if determiner == "def":
        nominative = case == "nom" or (case == "acc" and slot in "fn")
        return stem + ("e" if slot != "p" and nominative else "en")
    if determiner == "ein" and (slot == "p" or case in ("dat", "gen")):
        return f"{stem}en"
    return stem + STRONG[case][slot]


def ein_word(base: str, slot: str, case: str) -> str:
    """Inflect ein, kein or a possessive; euer loses its second e before an ending."""
    ending = EIN_ENDINGS[case][slot]
    return f"eur{ending}" if base == "euer" and ending else base + ending


def genitive_name(name: str) -> str:
    """Return a name's genitive: Annas, Thomas'."""
    return f"{name}'" if name.endswith(("s", "ß", "x", "z")) else f"{name}s"


class Verb(NamedTuple):
    """A verb's principal parts, without the separable prefix except in the participle."""

    prefix: str
    infinitive: str
    preterite: str
    participle: str
    extra: dict[str, str]


@cache
def principal_parts(verb: Entry) -> Verb:
    """Read a verb's cell: `an+rufen rief angerufen key=value`."""
    (infinitive, preterite, participle), extra = options(verb["deu"])
    prefix, _, bare = infinitive.rpartition("+")
    return Verb(prefix, bare, preterite, participle, dict(extra))


def _stem(infinitive: str) -> str:
    return infinitive.removesuffix("en") if infinitive.endswith("en") else infinitive.removesuffix("n")


@cache
def present(verb: Entry) -> tuple[str, ...]:
    """Return the six present forms without the separable prefix."""
    parts = principal_parts(verb)
    if "pres" in parts.extra:
        return tuple(parts.extra["pres"].split(","))
    stem = _stem(parts.infinitive)
    link = "e" if stem.endswith(("t", "d")) else ""
    second = f"{stem}{link}{'t' if stem.endswith(('s', 'ß', 'z')) else 'st'}"
    third = parts.extra.get("3", f"{stem}{link}t")
    if "3" in parts.extra:
        changed = third.removesuffix("t")
        second = third if changed.endswith(("s", "ß")) else f"{changed}st"
    second = parts.extra.get("2", second)
    return (f"{stem}e", second, third, parts.infinitive, f"{stem}{link}t", parts.infinitive)


def past(third: str) -> tuple[str, ...]:
    """Return the six preterite forms from the third person singular."""
    if third.endswith("te"):
        return (third, f"{third}st", third, f"{third}n", f"{third}t", f"{third}n")
    link = "e" if third.endswith(("t", "d", "s", "ß")) else ""
    you_all = f"{third}{'e' if third.endswith(('t', 'd')) else ''}t"
    return (third, f"{third}{link}st", third, f"{third}en", you_all, f"{third}en")


@cache
def imperative(verb: Entry) -> str:
    """Return the singular imperative without the prefix: gib, lies, mach, warte."""
    parts = principal_parts(verb)
    stem = _stem(parts.infinitive)
    third = parts.extra.get("3", "")
    if "imp" in parts.extra:
        return parts.extra["imp"]
    if re.search(r"i", third) and third != "hat":
        return third.removesuffix("t")
    return f"{stem}e" if stem.endswith(("t", "d", "er")) else stem
