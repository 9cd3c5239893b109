"""The German verb group: which form is finite, and what waits at the end of the clause."""

from typing import NamedTuple

from . import german_forms as forms
from .meaning import Clause
from .words import Word


class VerbGroup(NamedTuple):
    """The finite word, and the particle, participle or infinitive that closes the clause."""

    finite: Word
    final: list[Word]


def verb_group(clause: Clause, path: str, final: bool = False) -> VerbGroup:
    """Return the verb group; `final` joins a separable prefix to a finite verb at the end of its clause."""
    node = f"{path}.v"
    parts = forms.principal_parts(clause.verb)
    column = forms.person(clause.subject)
    main = "AUX" if clause.copula else "VERB"
    if clause.modal:
        present, past = forms.MODALS[clause.modal["deu"]]
        form = (forms.past(past) if clause.tense == "past" else present)[column]
        finite = Word(form, "AUX", (f"{path}.modal",))
        return VerbGroup(finite, [Word(parts.prefix + parts.infinitive, main, (node,))])
    if clause.tense == "future":
        finite = Word(forms.WERDEN[column], "AUX", (f"{path}.fut",))
        return VerbGroup(finite, [Word(parts.prefix + parts.infinitive, main, (node,))])
    if clause.tense == "past" and _takes_perfect(clause):
        auxiliary = forms.SEIN if parts.extra.get("aux") == "sein" else forms.HABEN
        return VerbGroup(Word(auxiliary[column], "AUX", (), (node,)), [Word(parts.participle, "VERB", (node,))])
    form = (forms.past(parts.preterite) if clause.tense == "past" else forms.present(clause.verb))[column]
    if final or not parts.prefix:
        return VerbGroup(Word((parts.prefix if final else "") + form, main, (node,)), [])
    return VerbGroup(Word(form, main, (node,)), [Word(parts.prefix, "ADP", (node,))])


def _takes_perfect(clause: Clause) -> bool:
    """Spoken German tells events in the perfect, lasting states in the preterite, which has no living du-form."""
    if clause.verb.id in ("be", "have") or ("timeless" in clause.verb.tags and clause.subject.person != 2):
        return False
    return clause.spoken or clause.subject.person == 2
