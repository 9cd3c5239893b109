"""Swahili word forms: noun-class concords, verb prefixes and infixes."""

from functools import cache
from typing import NamedTuple

from .lexicon import Entry, options
from .meaning import Thing

PLURAL_CLASS = {1: 2, 3: 4, 5: 6, 6: 6, 7: 8, 9: 10, 10: 10, 11: 10}
SUBJECT = {1: "a", 2: "wa", 3: "u", 4: "i", 5: "li", 6: "ya", 7: "ki", 8: "vi", 9: "i", 10: "zi", 11: "u"}
RELATIVE = {1: "ye", 2: "o", 3: "o", 4: "yo", 5: "lo", 6: "yo", 7: "cho", 8: "vyo", 9: "yo", 10: "zo", 11: "o"}
POSSESSIVE = {1: "w", 2: "w", 3: "w", 4: "y", 5: "l", 6: "y", 7: "ch", 8: "vy", 9: "y", 10: "z", 11: "w"}
ADJECTIVE = {1: "m", 2: "wa", 3: "m", 4: "mi", 5: "", 6: "ma", 7: "ki", 8: "vi", 9: "n", 10: "n", 11: "m"}
BEFORE_VOWEL = {1: "mw", 2: "w", 3: "mw", 4: "my", 5: "j", 6: "m", 7: "ch", 8: "vy", 9: "ny", 10: "ny", 11: "mw"}
ENYE = {1: "mwenye", **{c: f"{POSSESSIVE[c]}enye" for c in range(2, 12)}}
PERSON_SUBJECT = {"1": "ni", "2": "u", "1p": "tu", "2p": "m"}
NEGATIVE = {"ni": "si", "u": "hu", "a": "ha"}
PERSON_OBJECT = {"1": "ni", "2": "ku", "1p": "tu", "2p": "wa"}
PRONOUNS = {"1": "mimi", "2": "wewe", "3": "yeye", "1p": "sisi", "2p": "ninyi", "3p": "wao"}
OWNERS = {"1": "angu", "2": "ako", "3": "ake", "1p": "etu", "2p": "enu", "3p": "ao"}
NUMERALS = {2: "wili", 3: "tatu", 4: "nne", 5: "tano", 6: "sita", 7: "saba", 8: "nane", 10: "kumi"}
UNCHANGING = (6, 7, 10)
NASAL = {"refu": "ndefu", "pya": "mpya", "wili": "mbili", "zuri": "nzuri", "zito": "nzito", "dogo": "ndogo"}
NASAL |= {"gumu": "ngumu", "gonjwa": "ngonjwa"}
MARKERS = {"past": "li", "present": "na", "progressive": "na", "future": "ta"}


class NounParts(NamedTuple):
    """A noun's forms, its singular class, and whether possessives treat it as class 9/10 (rafiki yangu)."""

    noun_class: int
    singular: str
    plural: str
    kin: bool


@cache
def noun_parts(noun: Entry) -> NounParts:
    """Read a noun's cell: `7 kitabu vitabu`, `1k rafiki marafiki`, `1a mbwa mbwa`."""
    mark, singular, plural = noun["swh"].split()
    return NounParts(int(mark.rstrip("ak")), singular, plural, mark.endswith("k"))


def key(thing: Thing) -> str:
    """Return the row of the pronoun tables: 1, 2, 3, 1p, 2p or 3p."""
    return f"{thing.person}{'p' if thing.many else ''}"


def concord(thing: Thing) -> int:
    """Return the class that agrees with the thing: people and animals take 1/2 whatever their noun's own class."""
    if thing.kind == "what":
        return 7
    if thing.kind == "place":
        return 9
    if thing.kind == "organisation":
        return 7 if thing.campus else 9
    single = noun_parts(thing.noun).noun_class if thing.kind == "noun" else 1
    return PLURAL_CLASS[single] if thing.many else single


def subject_prefix(thing: Thing) -> str:
    """Return the subject prefix: ni-, a-, ki- ..."""
    return PERSON_SUBJECT[key(thing)] if thing.person != 3 else SUBJECT[concord(thing)]


def negative_prefix(thing: Thing) -> str:
    """Return the negative subject prefix: si-, ha-, hawa-, haki- ..."""
    prefix = subject_prefix(thing)
    if thing.person == 3 and concord(thing) != 1:
        return f"ha{prefix}"
    return NEGATIVE.get(prefix, f"ha{prefix}")


def object_prefix(thing: Thing, following: str) -> str:
    """Return the object prefix for people and animals before the stem: ni-, ku-, m-/mw-/mu-, wa-."""
    if thing.person != 3:
        return PERSON_OBJECT[key(thing)]
    if thing.many:
        return "wa"
    if following.startswith("u"):
        return "mu"
    return "mw" if following[0] in "aeio" else "m"


@cache
def stem_of(verb: Entry) -> tuple[str, str, bool]:
    """Return stem, second word ("" for none) and whether the stem is monosyllabic (keeps ku-)."""
    forms, _ = options(verb["swh"])
    monosyllabic = forms[-1] == "mono"
    second = forms[1] if len(forms) > 1 and not monosyllabic else ""
    return forms[0], second, monosyllabic


def negated_stem(stem: str) -> str:
    """Return the stem of the negative present: -soma -> -somi; loans such as -subiri stay."""
    return f"{stem[:-1]}i" if stem.endswith("a") else stem


def finite(verb: Entry, tense: str, subject: Thing, negative: bool, marker: str, relative: str = "") -> str:
    """Return the finite verb; `marker` is the object prefix, `relative` the infix of a relative or when-clause."""
    stem, _, monosyllabic = stem_of(verb)
    ku = "ku" if monosyllabic and not marker else ""
    if negative:
        prefix = negative_prefix(subject)
        if tense == "past":
            return f"{prefix}ku{marker}{stem}"
        if tense == "future":
            return f"{prefix}ta{ku}{marker}{stem}"
        return f"{prefix}{marker}{negated_stem(stem)}"
    infix = "taka" if tense == "future" and relative else MARKERS[tense]
    return f"{subject_prefix(subject)}{infix}{relative}{ku}{marker}{stem}"


def infinitive(verb: Entry, marker: str) -> str:
    """Return the infinitive: kununua, kumwona, kula, kwenda."""
    stem = stem_of(verb)[0]
    return f"kw{stem}" if stem == "enda" else f"ku{marker}{stem}"


def imperative(verb: Entry, marker: str) -> str:
    """Return the singular imperative; with an object prefix it ends in -e: soma, kula, njoo, mpe."""
    stem, _, monosyllabic = stem_of(verb)
    irregular = {"ja": "njoo", "enda": "nenda"}
    if marker:
        return marker + (f"{stem[:-1]}e" if stem.endswith("a") else stem)
    return irregular.get(stem, f"ku{stem}" if monosyllabic else stem)


def state(stem: str, subject: Thing, negative: bool) -> str:
    """Return a state that a verb expresses: amechoka, hajachoka."""
    return f"{negative_prefix(subject)}ja{stem}" if negative else f"{subject_prefix(subject)}me{stem}"


def being(subject: Thing, tense: str, negative: bool) -> str:
    """Return past or future of `kuwa`: alikuwa, hatakuwa."""
    if tense == "past":
        return f"{negative_prefix(subject)}kuwa" if negative else f"{subject_prefix(subject)}likuwa"
    return f"{negative_prefix(subject)}takuwa" if negative else f"{subject_prefix(subject)}takuwa"


def locative_copula(subject: Thing, negative: bool) -> str:
    """Return `is somewhere`: yuko, kiko, hayuko."""
    third = subject.person == 3 and concord(subject) == 1
    if negative:
        return "hayuko" if third else f"{negative_prefix(subject)}ko"
    return "yuko" if third else f"{subject_prefix(subject)}ko"


def having(subject: Thing, negative: bool) -> str:
    """Return the present of `have`: ana, hana, ina."""
    return f"{negative_prefix(subject) if negative else subject_prefix(subject)}na"


def adjective_form(stem: str, noun_class: int) -> str:
    """Make an inflecting adjective agree: mzuri, kizuri, nzuri, cheupe, jipya."""
    if noun_class in (9, 10) and stem in NASAL:
        return NASAL[stem]
    if stem == "pya" and noun_class == 5:
        return "jipya"
    if stem[0] in "aeiou":
        return BEFORE_VOWEL[noun_class] + stem
    if noun_class in (9, 10):
        nasal = {"b": "m", "v": "m", "d": "n", "g": "n", "z": "n"}.get(stem[0], "")
        return ("" if stem.startswith("dh") else nasal) + stem
    return ADJECTIVE[noun_class] + stem


def numeral_form(count: int, noun_class: int) -> str:
    """Return a numeral; 2-5 and 8 agree: watu wawili, vitabu viwili, nyumba mbili."""
    stem = NUMERALS[count]
    if count in UNCHANGING:
        return stem
    return NASAL.get(stem, stem) if noun_class in (9, 10) else ADJECTIVE[noun_class] + stem


def connective(noun_class: int) -> str:
    """Return `of`: wa, la, cha, ya ..."""
    return f"{POSSESSIVE[noun_class]}a"
