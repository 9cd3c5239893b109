"""German noun phrases and place phrases."""

from . import german_forms as forms
from .lexicon import table
from .meaning import Clause, Place, Thing
from .words import Word, comma, organisation_name, person_name, phrase, place_name

SIMPLE = {
    "nom": {"someone": "jemand", "who": "wer", "what": "was"},
    "acc": {"someone": "jemanden", "who": "wen", "what": "was"},
    "dat": {"someone": "jemandem", "who": "wem", "what": "was"},
}


def thing(what: Thing, path: str, case: str, negated: bool = False) -> list[Word]:
    """Return a noun phrase in a case; `negated` turns an indefinite one into `kein ...`."""
    words = _alone(what, path, case, negated)
    if what.also:
        words.append(Word("und", "CCONJ", (f"{path}.and",), (), path))
        words += thing(what.also, f"{path}.also", case)
    return words


def _alone(what: Thing, path: str, case: str, negated: bool) -> list[Word]:
    if what.kind == "person":
        return person_name(what.noun, what.last, path)
    if what.kind == "place":
        return place_name(what.noun, "deu", path)
    if what.kind == "organisation":
        the = [Word(forms.DEFINITE[case]["f"], "DET", (f"{path}.det",), (), path)] if what.campus else []
        return [*the, *organisation_name(what.noun, what.campus, "deu", path)]
    if what.kind == "noun":
        return _noun(what, path, case, negated)
    form = forms.PRONOUNS[case][forms.key(what)] if what.kind == "pronoun" else SIMPLE[case][what.kind]
    return [Word(form, "PRON", (f"{path}.1",), (), path)]


def slot(what: Thing) -> str:
    """Return the column of the declension tables: m, f, n, or p for the plural."""
    if what.plural:
        return "p"
    return forms.declension(what.noun, what.female).gender


def _noun(what: Thing, path: str, case: str, negated: bool) -> list[Word]:
    noun = forms.declension(what.noun, what.female)
    determiner, kind = _determiner(what, path, case, negated)
    words = list(determiner)
    if what.count:
        words.append(Word(forms.NUMERALS[what.count], "NUM", (f"{path}.num",), (), path))
    if what.adjective:
        form = forms.adjective_form(what.adjective["deu"], kind, slot(what), case)
        words.append(Word(form, "ADJ", (f"{path}.adj",), (), path))
    loose = () if determiner else (f"{path}.det",)
    words.append(Word(forms.noun_form(noun, what.plural, case), "NOUN", (f"{path}.1",), loose, path))
    if what.owner and what.owner.kind == "noun":
        genitive = _role(thing(what.owner, f"{path}.owner", "gen"), path)
        genitive[0] = genitive[0]._replace(possible=(*genitive[0].possible, f"{path}.of"))
        words += genitive
    if what.origin:
        words.append(Word("aus", "ADP", (f"{path}.from",), (), path))
        words += _role(thing(what.origin, f"{path}.origin", "dat"), path)
    if what.relative:
        words += _role(_relative(what, what.relative, path), path)
    return words


def _role(words: list[Word], path: str) -> list[Word]:
    return [word if word.role.startswith(path) else word._replace(role=path) for word in words]


def _determiner(what: Thing, path: str, case: str, negated: bool) -> tuple[list[Word], str]:
    """Return the determiner and the adjective declension it calls for."""
    place, owner = slot(what), what.owner
    if owner and owner.kind == "pronoun":
        form = forms.ein_word(forms.OWNERS[forms.key(owner)], place, case)
        return [Word(form, "DET", (f"{path}.owner.1",), (), path)], "ein"
    if owner and owner.kind == "person":
        name = _role(person_name(owner.noun, owner.last, f"{path}.owner"), path)
        last = name[-1]
        name[-1] = last._replace(form=forms.genitive_name(last.form), sure=(*last.sure, f"{path}.of"))
        name[-1] = name[-1]._replace(possible=(*last.possible, f"{path}.det"))
        return name, ""
    if what.definite:
        if what.is_a("language"):
            return [], ""
        return [Word(forms.DEFINITE[case][place], "DET", (f"{path}.det",), (), path)], "def"
    if what.count:
        return [], ""
    if negated:
        neg = f"{path.rpartition('.')[0]}.neg"
        return [Word(forms.ein_word("kein", place, case), "DET", (f"{path}.det", neg), (), path)], "ein"
    if what.plural or what.is_a("mass"):
        return [], ""
    return [Word(forms.ein_word("ein", place, case), "DET", (f"{path}.det",), (), path)], "ein"


def _relative(what: Thing, clause: Clause, path: str) -> list[Word]:
    from .german import subordinate

    below = f"{path}.rel"
    case = "nom" if clause.gap == "subject" else forms.principal_parts(clause.verb).extra.get("case", "acc")
    pronoun = Word(forms.RELATIVE[case][slot(what)], "PRON", (f"{path}.that",), (), path)
    return [comma(below), pronoun, *subordinate(clause, below), comma(f"{below}.end")]


def place(where: Place, path: str, verb: str) -> list[Word]:
    """Return a place phrase, with the preposition and case that verb and place ask for."""
    assert where.thing is not None
    forms_, case = _preposition(where, verb)
    preposition = [word._replace(role=path) for word in phrase(forms_, f"{path}.rel")]
    words = thing(where.thing, path, case)
    joined = forms.CONTRACTIONS.get((preposition[-1].form, words[0].form))
    if joined and words[0].pos == "DET":
        core = (*preposition[-1].sure, *words[0].sure)
        return [*preposition[:-1], words[0]._replace(form=joined, pos="ADP", sure=core), *words[1:]]
    return [*preposition, *words]


def _preposition(where: Place, verb: str) -> tuple[str, str]:
    """Return the preposition as a stored phrase, and its case."""
    relation, thing_ = where.relation, where.thing
    assert thing_ is not None
    fixed = {"on": "auf/ADP/1", "under": "unter/ADP/1", "beside": "neben/ADP/1"}
    if relation in fixed:
        return fixed[relation], "dat"
    if thing_.kind == "organisation":
        return ("an/ADP/1" if thing_.campus else "bei/ADP/1"), "dat"
    if thing_.kind == "place":
        return {"to": "nach/ADP/1", "from": "aus/ADP/1"}.get(relation, "in/ADP/1"), "dat"
    setting = table("settings").get(thing_.noun.id)
    here, there = setting["deu"].split() if setting else ("in", "in")
    if relation == "to":
        if verb == "return":
            there = "zu" if there == "zu" else there
        return f"{there}/ADP/1", "dat" if there == "zu" else "acc"
    if relation == "from":
        return ("aus/ADP/1" if here == "in" else "von/ADP/1"), "dat"
    return f"{here}/ADP/1", "dat"
