"""Spanish word forms: conjugation, agreement, articles and clitics."""

import re
from functools import cache

from .lexicon import Entry, options
from .meaning import Thing

NUMERALS = {2: "dos", 3: "tres", 4: "cuatro", 5: "cinco", 6: "seis", 7: "siete", 8: "ocho", 10: "diez"}
PERSONS = {"1": 0, "2": 1, "3": 2, "1p": 3, "2p": 4, "3p": 5}
ACCUSATIVE = {"1": "me", "2": "te", "3m": "lo", "3f": "la", "1p": "nos", "2p": "os", "3pm": "los", "3pf": "las"}
REFLEXIVE = ("me", "te", "se", "nos", "os", "se")
OWNERS = {"1": "mi", "2": "tu", "3": "su", "1p": "nuestro", "2p": "vuestro", "3p": "su"}
DEFINITE = {"ms": "el", "fs": "la", "mp": "los", "fp": "las"}
ENDINGS = {
    "present": {
        "a": ("o", "as", "a", "amos", "áis", "an"),
        "e": ("o", "es", "e", "emos", "éis", "en"),
        "i": ("o", "es", "e", "imos", "ís", "en"),
    },
    "preterite": {
        "a": ("é", "aste", "ó", "amos", "asteis", "aron"),
        "e": ("í", "iste", "ió", "imos", "isteis", "ieron"),
        "i": ("í", "iste", "ió", "imos", "isteis", "ieron"),
    },
    "imperfect": {
        "a": ("aba", "abas", "aba", "ábamos", "abais", "aban"),
        "e": ("ía", "ías", "ía", "íamos", "íais", "ían"),
        "i": ("ía", "ías", "ía", "íamos", "íais", "ían"),
    },
}
FUTURE = ("é", "ás", "á", "emos", "éis", "án")
COPULAS = {
    "ser": {
        "present": ("soy", "eres", "es", "somos", "sois", "son"),
        "imperfect": ("era", "eras", "era", "éramos", "erais", "eran"),
        "future": tuple(f"ser{ending}" for ending in FUTURE),
    },
    "estar": {
        "present": ("estoy", "estás", "está", "estamos", "estáis", "están"),
        "imperfect": ("estaba", "estabas", "estaba", "estábamos", "estabais", "estaban"),
        "future": tuple(f"estar{ending}" for ending in FUTURE),
    },
}
MODALS = {
    "poder": {"present": ("puedo", "puedes", "puede", "podemos", "podéis", "pueden")},
    "tener": {"present": ("tengo", "tienes", "tiene", "tenemos", "tenéis", "tienen")},
    "querer": {
        "present": ("quiero", "quieres", "quiere", "queremos", "queréis", "quieren"),
        "imperfect": ("quería", "querías", "quería", "queríamos", "queríais", "querían"),
    },
}
IMPERFECT = {
    "ir": ("iba", "ibas", "iba", "íbamos", "ibais", "iban"),
    "ver": ("veía", "veías", "veía", "veíamos", "veíais", "veían"),
}
ACCENTS = str.maketrans("aeiou", "áéíóú")


def person(thing: Thing) -> int:
    """Return the column of the conjugation tables (0 yo ... 5 ellos)."""
    return PERSONS[f"{thing.person}{'p' if thing.many else ''}"]


def _spell_first(stem: str) -> str:
    """Respell a stem before é: buscar -> busqué, llegar -> llegué, lanzar -> lancé."""
    for letter, written in (("c", "qu"), ("g", "gu"), ("z", "c")):
        if stem.endswith(letter):
            return stem.removesuffix(letter) + written
    return stem


def _change_stem(stem: str, change: str) -> str:
    vowel = {"ie": "e", "ue": "o", "i": "e"}[change]
    vowel = vowel if vowel in stem else "u"
    head, _, tail = stem.rpartition(vowel)
    return head + change + tail


@cache
def conjugate(verb: Entry, tense: str) -> tuple[str, ...]:
    """Return the six forms of a verb in the present, preterite, imperfect or future."""
    (infinitive,), extra = options(verb["spa"])
    short = {"present": "pres", "preterite": "pret"}.get(tense, "")
    if short in extra:
        return tuple(extra[short].split(","))
    if tense == "future":
        return tuple(extra.get("fut", infinitive) + ending for ending in FUTURE)
    stem, vowel = infinitive[:-2], infinitive[-2]
    if tense == "imperfect" and infinitive in IMPERFECT:
        return IMPERFECT[infinitive]
    forms = [stem + ending for ending in ENDINGS[tense][vowel]]
    change = extra.get("stem")
    if tense == "present" and change:
        for column in (0, 1, 2, 5):
            forms[column] = _change_stem(stem, change) + ENDINGS[tense][vowel][column]
    if tense == "preterite":
        forms = _preterite(stem, vowel, change, forms)
    return tuple(forms)


def _preterite(stem: str, vowel: str, change: str | None, forms: list[str]) -> list[str]:
    if vowel == "a":
        return [f"{_spell_first(stem)}é", *forms[1:]]
    if change == "i":
        changed = _change_stem(stem, "i")
        return [*forms[:2], f"{changed}ió", *forms[3:5], f"{changed}ieron"]
    if stem.endswith(("e", "a", "o")):
        return [f"{stem}í", f"{stem}íste", f"{stem}yó", f"{stem}ímos", f"{stem}ísteis", f"{stem}yeron"]
    if stem.endswith("u") and not stem.endswith(("gu", "qu")):
        return [*forms[:2], f"{stem}yó", *forms[3:5], f"{stem}yeron"]
    return forms


@cache
def gerund(verb: Entry) -> str:
    """Return the gerund: comprando, leyendo."""
    (infinitive,), extra = options(verb["spa"])
    return extra.get("ger", infinitive[:-2] + ("ando" if infinitive[-2] == "a" else "iendo"))


def infinitive(verb: Entry) -> str:
    """Return the infinitive."""
    return options(verb["spa"])[0][0]


def imperative(verb: Entry, clitic: str) -> str:
    """Return the familiar imperative with an attached clitic: abre, dale, pregúntale."""
    form = options(verb["spa"])[1].get("imp", conjugate(verb, "present")[2])
    if not clitic or re.search("[áéíóú]", form):
        return form + clitic
    strong = [match.start() for match in re.finditer("[aeo]|[iu](?![aeo])", form)]
    if len(strong) < 2:
        return form + clitic
    stressed = strong[-2]
    return form[:stressed] + form[stressed].translate(ACCENTS) + form[stressed + 1 :] + clitic


def noun_parts(noun: Entry, female: bool) -> tuple[str, str, str]:
    """Return gender (m, f, or fe for feminine with `el`), singular and plural."""
    gender, singular, plural = noun["spa"].split("; ")[-1 if female else 0].split()
    return gender, singular, plural


def gender(thing: Thing) -> str:
    """Return m or f as adjectives agree with the thing; a group is feminine only if all its members are."""
    if thing.kind == "noun":
        own = noun_parts(thing.noun, thing.female)[0][0]
    elif thing.kind == "place":
        own = thing.noun["spa_gender"]
    elif thing.kind == "organisation":
        own = "f"
    else:
        own = "f" if thing.female else "m"
    return "m" if thing.also and gender(thing.also) == "m" else own


def adjective_form(base: str, feminine: bool, plural: bool) -> str:
    """Make an adjective agree: rojas, grandes, azules."""
    form = f"{base[:-1]}a" if feminine and base.endswith("o") else base
    if not plural:
        return form
    return f"{form}s" if form[-1] in "aeo" else f"{form}es"


def owner_form(owner: Thing, feminine: bool, plural: bool) -> str:
    """Return mi, mis, nuestra, sus ..."""
    form = OWNERS[f"{owner.person}{'p' if owner.many else ''}"]
    return adjective_form(form, feminine, False) + ("s" if plural else "")


def clitic(thing: Thing, dative: bool) -> str:
    """Return the unstressed object pronoun: lo, las, le, nos ..."""
    if thing.person == 3 and dative:
        return "les" if thing.many else "le"
    if thing.person == 3:
        return ACCUSATIVE[f"3{'p' if thing.many else ''}{gender(thing)}"]
    return ACCUSATIVE[f"{thing.person}{'p' if thing.many else ''}"]
