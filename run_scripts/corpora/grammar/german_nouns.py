"""Parts of German noun and place phrases: determiners, prepositions and their contraction."""

from . import german_forms as forms
from .lexicon import table
from .meaning import Place, Thing
from .words import Word, person_name

SIMPLE = {
    "nom": {"someone": "jemand", "who": "wer", "what": "was"},
    "acc": {"someone": "jemanden", "who": "wen", "what": "was"},
    "dat": {"someone": "jemandem", "who": "wem", "what": "was"},
}
FIXED = {"on": "auf/ADP/1", "under": "unter/ADP/1", "beside": "neben/ADP/1"}


def slot(what: Thing) -> str:
    """Return the column of the declension tables: m, f, n, or p for the plural."""
    if what.plural:
        return "p"
    return forms.declension(what.noun, what.female).gender


def takes_kein(what: Thing | None) -> bool:
    """Whether denying an object makes it `kein ...`."""
    return bool(what and what.kind == "noun" and not what.definite and not what.owner and not what.number)


def determiner(what: Thing, path: str, case: str, negated: bool, predicate: bool) -> tuple[list[Word], str]:
    """Return the determiner (a bare `predicate` noun has none) and the adjective declension it calls for."""
    place, owner = slot(what), what.owner
    if owner and owner.kind == "pronoun":
        form = forms.ein_word(forms.OWNERS[forms.key(owner)], place, case)
        return [Word(form, "DET", (f"{path}.owner.1",), (), path)], "ein"
    if owner and owner.kind == "person":
        return _named_owner(owner, path), ""
    bare = predicate and not (what.adjective or what.origin or what.relative or negated)
    if what.definite and not what.is_a("language"):
        return [Word(forms.DEFINITE[case][place], "DET", (f"{path}.det",), (), path)], "def"
    if what.definite or what.number or bare:
        return [], ""
    if negated:
        neg = f"{path.rpartition('.')[0]}.neg"
        return [Word(forms.ein_word("kein", place, case), "DET", (f"{path}.det", neg), (), path)], "ein"
    if what.plural or what.is_a("mass"):
        return [], ""
    return [Word(forms.ein_word("ein", place, case), "DET", (f"{path}.det",), (), path)], "ein"


def _named_owner(owner: Thing, path: str) -> list[Word]:
    """Return a name in the genitive, which stands in for the article: Annas Buch."""
    name = [word._replace(role=path) for word in person_name(owner.noun, owner.last, f"{path}.owner")]
    last = name[-1]
    form, sure = forms.genitive_name(last.form), (*last.sure, f"{path}.of")
    name[-1] = last._replace(form=form, sure=sure, possible=(f"{path}.det",))
    return name


def contract(preposition: list[Word], words: list[Word]) -> list[Word]:
    """Put a preposition before a noun phrase, joining in + dem to im."""
    joined = forms.CONTRACTIONS.get((preposition[-1].form, words[0].form))
    if joined is None or words[0].pos != "DET":
        return [*preposition, *words]
    core = (*preposition[-1].sure, *words[0].sure)
    return [*preposition[:-1], words[0]._replace(form=joined, pos="ADP", sure=core), *words[1:]]


def preposition(where: Place) -> tuple[str, str]:
    """Return the preposition of a place as a stored phrase, and its case."""
    relation, what = where.relation, where.thing
    assert what is not None
    if relation in FIXED:
        return FIXED[relation], "dat"
    if what.kind == "organisation":
        return ("an/ADP/1" if what.campus else "bei/ADP/1"), "dat"
    if what.kind == "place":
        return {"to": "nach/ADP/1", "from": "aus/ADP/1"}.get(relation, "in/ADP/1"), "dat"
    setting = table("settings").get(what.noun.id)
    here, there = setting["deu"].split() if setting else ("in", "in")
    if relation == "to":
        return f"{there}/ADP/1", "dat" if there == "zu" else "acc"
    if relation == "from":
        return ("aus/ADP/1" if here == "in" else "von/ADP/1"), "dat"
    return f"{here}/ADP/1", "dat"
