"""The Spanish verb group: negation, clitics, finite verb, and what follows it."""

from typing import NamedTuple

from . import spanish_forms as forms
from .lexicon import options
from .meaning import Clause, Thing
from .words import Word

MOTION = ("to", "from", "at")


class VerbGroup(NamedTuple):
    """Everything up to the finite verb, and the infinitive or gerund after it."""

    finite: list[Word]
    rest: list[Word]


def verb_group(clause: Clause, path: str) -> VerbGroup:
    """Return the verb group with its clitics, before a finite verb or attached to an infinitive."""
    node = f"{path}.v"
    column = forms.person(clause.subject)
    negation = [Word("no", "ADV", (f"{path}.neg",))] if clause.negative else []
    dropped = (f"{path}.subj.1",) if clause.subject.kind == "pronoun" and not clause.gap == "subject" else ()
    clitics = clitic_words(clause, path)
    if clause.mood == "imperative":
        return VerbGroup([_attach(forms.imperative(clause.verb, _form(clitics)), node, clitics)], [])
    if clause.modal:
        finite = Word(_modal(clause)[column], "AUX", (f"{path}.modal",), dropped)
        que = [Word("que", "SCONJ", (f"{path}.modal",))] if clause.modal.id == "must" else []
        infinitive = _attach(forms.infinitive(clause.verb) + _form(clitics), node, clitics)
        return VerbGroup([*negation, finite], [*que, infinitive])
    if clause.tense == "progressive" and clause.verb["frame"] not in MOTION:
        estar = Word(forms.COPULAS["estar"]["present"][column], "AUX", (), (node, *dropped))
        gerund = Word(forms.gerund(clause.verb), "VERB", (node,))
        return VerbGroup([*negation, *clitics, estar], [gerund])
    future = (f"{path}.fut",) if clause.tense == "future" else ()
    if clause.copula:
        finite = Word(_copula(clause)[column], *_copula_pos(clause), (node,), (*future, *dropped))
    else:
        finite = Word(forms.conjugate(clause.verb, _tense(clause))[column], "VERB", (node,), (*future, *dropped))
    return VerbGroup([*negation, *clitics, finite], [])


def _attach(form: str, node: str, clitics: list[Word]) -> Word:
    sure = tuple(n for word in clitics for n in word.sure if n != node)
    return Word(form, "VERB", (node, *sure), tuple(n for word in clitics for n in word.possible))


def _form(clitics: list[Word]) -> str:
    return "".join(word.form for word in clitics)


def _modal(clause: Clause) -> tuple[str, ...]:
    assert clause.modal is not None
    return forms.MODALS[clause.modal["spa"].split()[0]]["imperfect" if clause.tense == "past" else "present"]


def _tense(clause: Clause) -> str:
    if clause.tense == "past":
        return "imperfect" if "lasting" in clause.verb.tags else "preterite"
    return "future" if clause.tense == "future" else "present"


def _copula(clause: Clause) -> tuple[str, ...]:
    tense = {"past": "imperfect", "future": "future"}.get(clause.tense, "present")
    if clause.quality and clause.quality["spa"].startswith("ten:"):
        from .lexicon import verb

        return forms.conjugate(verb("have"), tense)
    state = clause.place is not None or (clause.quality is not None and clause.quality["kind"] == "state")
    return forms.COPULAS["estar" if state else "ser"][tense]


def _copula_pos(clause: Clause) -> tuple[str]:
    return ("VERB",) if clause.quality and clause.quality["spa"].startswith("ten:") else ("AUX",)


def takes_dative(clause: Clause) -> bool:
    """Whether the verb's only object is an indirect one in Spanish (preguntar a)."""
    return options(clause.verb["spa"])[1].get("case") == "dat"


def clitic_words(clause: Clause, path: str) -> list[Word]:
    """Return the unstressed pronouns: reflexive, object, recipient, or the double of an indirect object."""
    words: list[Word] = []
    if "refl" in options(clause.verb["spa"])[1]:
        words.append(Word(forms.REFLEXIVE[forms.person(clause.subject)], "PRON", (f"{path}.v",)))
    if clause.object and clause.gap != "object":
        words += _object_clitic(clause.object, f"{path}.obj", takes_dative(clause), False)
    if clause.recipient:
        words += _object_clitic(clause.recipient, f"{path}.rec", True, True)
    return words


def _object_clitic(what: Thing, path: str, dative: bool, case: bool) -> list[Word]:
    loose = (f"{path}.case",) if case and what.kind == "pronoun" else ()
    if what.kind == "pronoun":
        return [Word(forms.clitic(what, dative), "PRON", (f"{path}.1",), loose, path)]
    return [Word(forms.clitic(what, True), "PRON", (), (f"{path}.1",), "")] if dative else []
