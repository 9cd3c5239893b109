"""The Swahili verb group: one word that carries subject, tense, negation, relative and object."""

from . import swahili_forms as forms
from .lexicon import Entry
from .meaning import Clause, Thing
from .words import Word


def marked_object(clause: Clause) -> tuple[Thing, str] | None:
    """Return the person or known animal that the verb's object prefix stands for, and its role."""
    if clause.recipient:
        return clause.recipient, "rec"
    what = clause.object
    if what is None or clause.copula or clause.verb.id == "have" or clause.gap == "object":
        return None
    return (what, "obj") if what.human or (what.is_a("animal") and what.definite) else None


def object_marker(clause: Clause, path: str) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """Return the object prefix with the nodes it expresses: a pronoun for sure, a named object not at all."""
    marked = marked_object(clause)
    if marked is None:
        return "", (), ()
    what, role = marked
    prefix = forms.object_prefix(what, forms.stem_of(clause.verb)[0])
    if what.kind != "pronoun":
        return prefix, (), ()
    return prefix, (f"{path}.{role}.1",), (f"{path}.{role}.case",) if role == "rec" else ()


def verb_group(clause: Clause, path: str, relative: str = "", extra: tuple[str, ...] = ()) -> list[Word]:
    """Return the verb; `relative` is its relative infix, `extra` the nodes that infix expresses."""
    node, subject = f"{path}.v", clause.subject
    marker, core, loose = object_marker(clause, path)
    second = forms.stem_of(clause.verb)[1]
    after = [Word(second, "NOUN", (node,))] if second else []
    if clause.mood == "imperative":
        return [Word(forms.imperative(clause.verb, marker), "VERB", (node, *core), loose), *after]
    head = _agreement(clause, path)
    future = (f"{path}.fut",) if clause.tense == "future" else ()
    if clause.modal:
        modal = forms.finite(clause.modal, clause.tense, subject, clause.negative, "")
        infinitive = forms.infinitive(clause.verb, marker)
        first = Word(modal, "AUX", (f"{path}.modal", *head))
        return [first, Word(infinitive, "VERB", (node, *core), loose), *after]
    if clause.verb.id == "have":
        return _having(clause, (node, *head), future)
    form = forms.finite(clause.verb, clause.tense, subject, clause.negative, marker, relative)
    return [Word(form, "VERB", (node, *head, *core, *extra), (*future, *loose)), *after]


def _agreement(clause: Clause, path: str) -> tuple[str, ...]:
    """Return the nodes in the subject prefix: negation, and a subject that is nothing but its prefix."""
    negation = (f"{path}.neg",) if clause.negative else ()
    bare = clause.subject.kind == "pronoun" and clause.gap != "subject"
    return (*negation, f"{path}.subj.1") if bare else negation


def _having(clause: Clause, sure: tuple[str, ...], possible: tuple[str, ...]) -> list[Word]:
    if clause.tense in ("past", "future"):
        being = forms.being(clause.subject, clause.tense, clause.negative)
        return [Word(being, "VERB", sure, possible), Word("na", "ADP", (sure[0],))]
    return [Word(forms.having(clause.subject, clause.negative), "VERB", sure, possible)]


def copula(clause: Clause, path: str) -> list[Word]:
    """Return `be` with its adjective: ni mkubwa, alikuwa mkubwa, amechoka, ana njaa, yuko."""
    subject = clause.subject
    kind, _, stem = clause.quality["swh"].rpartition(":") if clause.quality else ("", "", "")
    agreement = _agreement(clause, path)
    future = (f"{path}.fut",) if clause.tense == "future" else ()
    sure, predicate = (f"{path}.v", *agreement), f"{path}.pred"
    if clause.tense in ("past", "future"):
        words = [Word(forms.being(subject, clause.tense, clause.negative), "AUX", sure, future)]
        if kind == "me":
            return [*words, Word(forms.state(stem, subject, False), "VERB", (predicate,))]
        if kind in ("na", "enye"):
            return [*words, Word("na", "ADP", (f"{path}.v",)), Word(stem, "NOUN", (predicate,))]
        return words + _adjective(clause, predicate)
    if kind == "me":
        return [Word(forms.state(stem, subject, clause.negative), "VERB", (*sure, predicate))]
    if kind in ("na", "enye"):
        return [Word(forms.having(subject, clause.negative), "VERB", sure), Word(stem, "NOUN", (predicate,))]
    if clause.place:
        return [Word(forms.locative_copula(subject, clause.negative), "VERB", sure)]
    pronoun = [Word(forms.PRONOUNS[forms.key(subject)], "PRON", (f"{path}.subj.1",), (), f"{path}.subj")]
    linking = tuple(node for node in sure if node != f"{path}.subj.1")
    words = [Word("si" if clause.negative else "ni", "AUX", linking)]
    return (pronoun if subject.kind == "pronoun" else []) + words + _adjective(clause, predicate)


def _adjective(clause: Clause, node: str) -> list[Word]:
    return adjective(clause.quality, forms.concord(clause.subject), node, "") if clause.quality else []


def adjective(quality: Entry, noun_class: int, node: str, role: str) -> list[Word]:
    """Return an adjective in agreement: kizuri, ghali, cha kisasa, mwenye nguvu."""
    kind, _, stem = quality["swh"].rpartition(":")
    if kind == "a":
        return [
            Word(forms.connective(noun_class), "ADP", (node,), (), role),
            Word(stem, "NOUN", (node,), (), role),
        ]
    if kind == "enye":
        return [Word(forms.ENYE[noun_class], "ADJ", (node,), (), role), Word(stem, "NOUN", (node,), (), role)]
    form = stem[1:] if stem.startswith("=") else forms.adjective_form(stem, noun_class)
    return [Word(form, "ADJ", (node,), (), role)]
