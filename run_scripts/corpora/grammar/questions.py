"""Questions about a statement whose answer is one of its own constituents."""

from typing import NamedTuple

from .lexicon import verb
from .meaning import Clause, Place, Thing

PATHS = {"subject": "subj", "object": "obj", "recipient": "rec", "place": "place", "time": "time"}


class Point(NamedTuple):
    """Something a question can ask about a statement: where its answer stands, in which clause, in which role."""

    path: str
    clause: Clause
    role: str

    @property
    def answer(self) -> str:
        """The path of the constituent that answers it."""
        return f"{self.path}.{PATHS[self.role]}"


def open_points(fact: Clause) -> list[Point]:
    """Return everything that can be asked about a statement, in its main, reported and joined clause.

    The reason is left out of a question, for it would often give the answer away.
    """
    found = [Point("s", fact._replace(joined=None, reason=None), role) for role in askable(fact)]
    for path, inner in (("s.that", fact.content), ("s.and", fact.joined)):
        found += [Point(path, inner, role) for role in askable(inner)] if inner else []
    return found


def askable(clause: Clause) -> list[str]:
    """Return the roles a question can ask for; pronouns and predicates are no answers, and a denial has few."""
    roles = [role for role in ("subject", "object", "recipient") if _answers(clause, role)]
    if clause.negative:
        return [role for role in roles if role != "recipient"]
    if clause.place is not None:
        roles.append("place")
    if clause.time is not None and clause.time["tense"] not in ("present", "progressive"):
        roles.append("time")
    return roles


def _answers(clause: Clause, role: str) -> bool:
    """Whether the subject, object or recipient is a natural answer, in one piece in every language."""
    what = {"subject": clause.subject, "object": clause.object, "recipient": clause.recipient}[role]
    if what is None or what.kind == "pronoun":
        return False
    if role == "object":
        plain = what.relative is None and not clause.copula and not (clause.verb.id == "have" and what.human)
        return plain and (what.specific or not clause.negative)
    return role == "recipient" or what.human or not clause.copula or clause.place is None


def ask(clause: Clause, role: str) -> Clause:
    """Return the wh-question that asks for a role of the clause."""
    asked = clause._replace(lead="", mood="wh", query=role, spoken=True)
    if role == "place":
        assert clause.place is not None
        return asked._replace(place=Place(clause.place.relation, None))
    if role == "time":
        return asked._replace(time=None)
    if role == "subject":
        several = clause.copula and clause.object is not None and clause.subject.many
        query = Thing("who") if clause.subject.is_a("animal") else _query(clause.subject)
        return asked._replace(subject=query._replace(plural=several))
    if role == "recipient":
        return asked._replace(recipient=_query(clause.recipient))
    return asked._replace(object=_query(clause.object))


def _query(what: Thing | None) -> Thing:
    assert what is not None
    return Thing("who" if what.human or what.kind == "organisation" else "what")


def statement(clause: Clause) -> Clause:
    """Return the statement behind a question or request: `Open the door` becomes `You must open the door`."""
    if clause.mood == "imperative":
        return clause._replace(mood="statement", modal=verb("must"))
    return clause._replace(mood="statement", query="")


def turned(clause: Clause) -> Clause:
    """Return the clause as the other speaker says it: I and you change places."""
    return clause._replace(
        subject=turn(clause.subject),
        object=clause.object and turn(clause.object),
        recipient=clause.recipient and turn(clause.recipient),
        companion=clause.companion and turn(clause.companion),
        content=clause.content and turned(clause.content),
        reason=clause.reason and turned(clause.reason),
        when=clause.when and turned(clause.when),
        joined=clause.joined and turned(clause.joined),
    )


def turn(what: Thing) -> Thing:
    """Return a thing with first and second person exchanged, in its owner and relative clause too."""
    return what._replace(
        person={1: 2, 2: 1, 3: 3}[what.person],
        owner=what.owner and turn(what.owner),
        relative=what.relative and turned(what.relative),
        also=what.also and turn(what.also),
    )


def question(point: Point) -> Clause:
    """Return the question for a point, as a listener would ask it back."""
    return turned(ask(point.clause, point.role))
