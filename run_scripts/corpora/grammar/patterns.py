"""Sampling whole sentences: the patterns, and how often each is drawn."""

from collections.abc import Callable
from dataclasses import dataclass

from . import clauses, compound
from .denial import deniable
from .lexicon import Pool, table, verb
from .meaning import Clause, Place, pronoun
from .questions import ask, askable, open_points, statement, turned
from .things import Chooser

Pattern = Callable[[Chooser], Clause]


def transitive(c: Chooser) -> Clause:
    """Someone does something to something."""
    return clauses.event(c, ("tr",))


def ditransitive(c: Chooser) -> Clause:
    """Someone gives someone something."""
    return clauses.event(c, ("di",))


def intransitive(c: Chooser) -> Clause:
    """Someone does something, perhaps with someone."""
    clause = clauses.event(c, ("in",))
    if clause.subject.human and clause.verb.id in ("work", "play", "run", "rest") and c.chance(0.4):
        other = c.name()
        if not clauses.clashes(other, clause.subject):
            return clause._replace(companion=other)
    return clause


def motion(c: Chooser) -> Clause:
    """Someone goes somewhere, comes from somewhere or arrives, perhaps with someone."""
    clause = clauses.event(c, ("to", "from", "at", "stay"))
    if clause.subject.human and c.chance(0.2):
        other = c.name()
        if not clauses.clashes(other, clause.subject):
            return clause._replace(companion=other)
    return clause


def living(c: Chooser) -> Clause:
    """Someone lives, studies or works somewhere."""
    frame = "live" if c.chance(0.7) else "in"
    clause = clauses.event(c, (frame,))
    if clause.verb["frame"] == "in":
        work = Clause(verb("work"), clause.subject if clause.subject.human else c.name())
        return work._replace(place=Place("at", c.organisation()))
    return clause


def negated(c: Chooser) -> Clause:
    """A denial."""
    make = c.pick((transitive, transitive, ditransitive, motion, clauses.quality, clauses.profession, clauses.having))
    return deny(c, make)


def deny(c: Chooser, make: Pattern) -> Clause:
    """Return a clause of that kind that can be denied without ambiguity, denied."""
    clause = make(c)
    while not deniable(clause):
        clause = make(c)
    return clause._replace(negative=True)


def polar(c: Chooser) -> Clause:
    """A yes/no question."""
    make = c.pick((transitive, ditransitive, motion, living, clauses.quality, clauses.profession, clauses.location))
    return _addressed(make(c))._replace(mood="polar", spoken=True)


def wh_question(c: Chooser) -> Clause:
    """A question with who, what, where or when."""
    make = c.pick((transitive, ditransitive, motion, living, clauses.location))
    clause = make(c)
    while not askable(clause):
        clause = make(c)
    return _addressed(clause)._replace(mood="wh", query=c.pick(askable(clause)))


def _addressed(clause: Clause) -> Clause:
    """Return the clause about `you` instead of `me`: people seldom ask about themselves."""
    return turned(clause) if clause.subject.kind == "pronoun" and clause.subject.person == 1 else clause


def imperative(c: Chooser) -> Clause:
    """A polite request."""
    clause = clauses.event(c, ("tr", "di"), pronoun(2), bare=True)
    while not _requestable(clause):
        clause = clauses.event(c, ("tr", "di"), pronoun(2), bare=True)
    return clause._replace(mood="imperative", tense="present", time=None)


def _requestable(clause: Clause) -> bool:
    pronouns = any(t is not None and t.kind == "pronoun" for t in (clause.object, clause.recipient))
    what = clause.object
    loose = what is not None and what.plural and not what.definite and not what.number
    return not pronouns and not loose and clause.verb.id != "build" and not clause.verb.tags & {"stat", "past"}


def modal(c: Chooser) -> Clause:
    """Someone can, must or wants to do something."""
    clause = clauses.event(c, ("tr", "di", "to", "in"), bare=True)
    while "stat" in clause.verb.tags or not clause.subject.human or "past" in clause.verb.tags:
        clause = clauses.event(c, ("tr", "di", "to", "in"), bare=True)
    chosen = c.pick([v for v in c.pool.entries("verbs") if v["frame"] == "modal"])
    past = chosen.id == "want" and c.chance(0.4)
    time = table("times")[c.pick(("yesterday", "this_morning", "on_saturday"))] if past and c.chance(0.5) else None
    clause = clause._replace(modal=chosen, tense="past" if past else "present", time=time)
    return clause._replace(negative=True) if deniable(clause) and chosen.id != "must" and c.chance(0.2) else clause


PATTERNS: tuple[tuple[Pattern, float], ...] = (
    (transitive, 4),
    (ditransitive, 2.5),
    (intransitive, 1.5),
    (motion, 2.5),
    (living, 2),
    (clauses.quality, 2),
    (clauses.profession, 2),
    (clauses.location, 1.5),
    (clauses.having, 1.5),
    (negated, 2),
    (polar, 1.5),
    (wh_question, 1.5),
    (compound.relative, 2),
    (compound.reported, 2),
    (compound.because, 1.5),
    (compound.when_clause, 1.5),
    (compound.joined, 1.5),
    (imperative, 1),
    (modal, 1.5),
)


@dataclass(frozen=True, slots=True)
class Meaning:
    """What one row says (`said`: a statement, question or request), and the statement that goes with it (`fact`)."""

    said: Clause
    fact: Clause


def draw(c: Chooser) -> Meaning:
    """Return the meaning of one row, about whose fact at least one question can be asked."""
    make = c.weighted(PATTERNS)
    clause = make(c)
    while not open_points(statement(clause)):
        clause = make(c)
    frontable = clause.mood == "statement" and not clause.lead and clause.time and clause.time["slot"] == "end"
    if frontable and c.chance(0.3):
        clause = clause._replace(lead="time")
    said = ask(clause, clause.query) if clause.mood == "wh" else clause
    return Meaning(said, statement(clause))


def chooser(seed: int, split: str, index: int) -> Chooser:
    """Return the chooser of one row; the same numbers give the same row on every machine."""
    return Chooser(f"phrasebook/{seed}/{split}/{index}", Pool(split))
