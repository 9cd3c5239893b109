"""Questions about a statement whose answer is one of its own constituents."""

from dataclasses import replace
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
    """Return everything that can be asked about a statement, in its main, reported and joined clause."""
    found = [Point("s", replace(fact, joined=None), role) for role in askable(fact)]
    for path, inner in (("s.that", fact.content), ("s.and", fact.joined)):
        found += [Point(path, inner, role) for role in askable(inner)] if inner else []
    return found


def askable(clause: Clause) -> list[str]:
    """Return the roles a question can ask for; pronouns and predicates are no answers, and a denial has few."""
    roles = []
    for role, what in (("subject", clause.subject), ("object", clause.object), ("recipient", clause.recipient)):
        predicate = role == "object" and clause.copula
        denied = role == "object" and clause.negative and what is not None and not what.specific
        if what is not None and what.kind != "pronoun" and not predicate and not denied:
            roles.append(role)
    if clause.negative:
        return [role for role in roles if role != "recipient"]
    if clause.place is not None:
        roles.append("place")
    if clause.time is not None and clause.time["tense"] not in ("present", "progressive"):
        roles.append("time")
    return roles


def ask(clause: Clause, role: str) -> Clause:
    """Return the wh-question that asks for a role of the clause."""
    asked = replace(clause, lead="", mood="wh", query=role)
    if role == "place":
        assert clause.place is not None
        return replace(asked, place=Place(clause.place.relation, None))
    if role == "time":
        return replace(asked, time=None)
    if role == "subject":
        return replace(asked, subject=_query(clause.subject))
    if role == "recipient":
        return replace(asked, recipient=_query(clause.recipient))
    return replace(asked, object=_query(clause.object))


def _query(what: Thing | None) -> Thing:
    assert what is not None
    return Thing("who" if what.human or what.kind == "organisation" else "what")


def statement(clause: Clause) -> Clause:
    """Return the statement behind a question or request: `Open the door` becomes `You must open the door`."""
    if clause.mood == "imperative":
        return replace(clause, mood="statement", modal=verb("must"))
    return replace(clause, mood="statement", query="")


def turned(clause: Clause | None) -> Clause | None:
    """Return the clause as the other speaker says it: I and you change places."""
    if clause is None:
        return None
    subject = turn(clause.subject)
    assert subject is not None
    return replace(
        clause,
        subject=subject,
        object=turn(clause.object),
        recipient=turn(clause.recipient),
        companion=turn(clause.companion),
        content=turned(clause.content),
        reason=turned(clause.reason),
        when=turned(clause.when),
        joined=turned(clause.joined),
    )


def turn(what: Thing | None) -> Thing | None:
    """Return a thing with first and second person exchanged, in its owner and relative clause too."""
    if what is None:
        return None
    swapped = {1: 2, 2: 1, 3: 3}[what.person]
    return replace(what, person=swapped, owner=turn(what.owner), relative=turned(what.relative), also=turn(what.also))


def question(point: Point) -> Clause:
    """Return the question for a point, as a listener would ask it back."""
    asked = turned(ask(point.clause, point.role))
    assert asked is not None
    return asked
