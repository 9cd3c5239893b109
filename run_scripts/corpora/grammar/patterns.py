"""Sampling whole sentences: the patterns, and how often each is drawn."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from . import clauses
from .denial import deniable
from .lexicon import Entry, Pool, adjective, noun, verb
from .meaning import Clause, Place, Thing, pronoun
from .questions import ask, askable, open_points, statement
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
            return replace(clause, companion=other)
    return clause


def motion(c: Chooser) -> Clause:
    """Someone goes somewhere, comes from somewhere or arrives, perhaps with someone."""
    clause = clauses.event(c, ("to", "from", "at", "stay"))
    if clause.subject.human and c.chance(0.2):
        other = c.name()
        if not clauses.clashes(other, clause.subject):
            return replace(clause, companion=other)
    return clause


def living(c: Chooser) -> Clause:
    """Someone lives, studies or works somewhere."""
    frame = "live" if c.chance(0.7) else "in"
    clause = clauses.event(c, (frame,))
    if clause.verb["frame"] == "in":
        work = Clause(verb("work"), clause.subject if clause.subject.human else c.name())
        return replace(work, place=Place("at", c.organisation()))
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
    return replace(clause, negative=True)


def polar(c: Chooser) -> Clause:
    """A yes/no question."""
    make = c.pick((transitive, ditransitive, motion, living, clauses.quality, clauses.profession, clauses.location))
    return replace(make(c), mood="polar")


def wh_question(c: Chooser) -> Clause:
    """A question with who, what, where or when."""
    make = c.pick((transitive, ditransitive, motion, living, clauses.location))
    clause = make(c)
    while not askable(clause):
        clause = make(c)
    return replace(clause, mood="wh", query=c.pick(askable(clause)))


def relative(c: Chooser) -> Clause:
    """A sentence about someone who ..., or about something that someone ..."""
    if c.chance(0.5):
        clause = clauses.event(c, ("tr",), c.human(0.6, 0.3))
        while clause.object is None or not clause.object.human or clause.object.kind == "pronoun" or clause.object.also:
            clause = clauses.event(c, ("tr",), c.human(0.6, 0.3))
        person = c.noun(c.pick([e for e in c.pool.entries("nouns", "person") if "kin" not in e.tags]))
        while clauses.clashes(person, clause.subject):
            person = c.noun(c.pick([e for e in c.pool.entries("nouns", "person") if "kin" not in e.tags]))
        inner = clauses.event(c, ("tr", "in", "live", "from", "di"), person, bare=True)
        return replace(clause, object=replace(person, relative=replace(inner, gap="subject")), place=None)
    inner = clauses.event(c, ("tr",), c.human(0.7, 0.3), bare=True)
    while not _describes(inner):
        inner = clauses.event(c, ("tr",), c.human(0.7, 0.3), bare=True)
    assert inner.object is not None and inner.object.head is not None
    thing = Thing("noun", inner.object.head, plural=inner.object.plural)
    inner = replace(inner, object=thing, gap="object")
    outer = clauses.quality(c, None)
    fitting = [a for a in c.pool.entries("adjectives", *sorted(thing.noun.tags))]
    if not fitting:
        return outer
    return Clause(verb("be"), replace(thing, relative=inner), quality=c.pick(fitting))


def _describes(clause: Clause) -> bool:
    what = clause.object
    if what is None or what.kind != "noun" or what.human or what.is_a("animal", "mass", "language"):
        return False
    return clause.verb.id in ("buy", "sell", "write", "read", "find", "build", "repair", "draw", "sing", "lose", "choose")


def reported(c: Chooser) -> Clause:
    """Someone says or thinks that ..."""
    make = c.pick((transitive, motion, living, clauses.quality, clauses.profession, clauses.having))
    inner = make(c)
    matrix = [v for v in c.pool.entries("verbs") if v["frame"] == "that"]
    who = c.human(0.7, 0.25)
    while clauses.clashes(who, inner.subject):
        who = c.name()
    return Clause(c.pick(matrix), who, content=inner)


def because(c: Chooser) -> Clause:
    """Something happened because someone felt some way."""
    verbs = [v for v in c.pool.entries("verbs") if _causes(c, v)]
    chosen = c.pick(verbs)
    clause = clauses.event(c, (chosen["frame"],))
    while clause.verb is not chosen or not clause.subject.human:
        clause = clauses.event(c, (chosen["frame"],))
    clause = replace(clause, tense="past", time=None, place=clause.place if chosen["frame"] != "tr" else None)
    role, cause = c.pick(_causes(c, chosen))
    about = clause.subject if role == "s" else clause.object
    if about is None or (role == "o" and not (about.human or about.kind == "noun")):
        about = clause.subject
    return replace(clause, reason=_reason(clause, about, role, cause))


def _causes(c: Chooser, chosen: Entry) -> list[tuple[str, str]]:
    pairs = [tuple(item.split(":")) for item in chosen["because"].split()]
    known = [(role, cause) for role, cause in pairs if role == "n" or c.pool.allows(adjective(cause))]
    return [(role, cause) for role, cause in known if cause != "need"]


def _reason(clause: Clause, about: Thing, role: str, cause: str) -> Clause:
    if role == "n":
        money = Thing("noun", noun(cause), definite=False)
        return Clause(verb("need"), clauses.echo(clause.subject), "past", object=money)
    subject = clauses.echo(about) if about is clause.subject else _again(about)
    return Clause(verb("be"), subject, "past", quality=adjective(cause))


def _again(what: Thing) -> Thing:
    """Return a later mention of an object: its name alone, or the definite noun."""
    if what.kind != "noun":
        return what
    return replace(what, definite=True, adjective=None, count=0, relative=None)


def when_clause(c: Chooser) -> Clause:
    """Something happened when someone arrived or left."""
    name = c.name()
    inner = clauses.event(c, ("at", "in"), name)
    while inner.verb.id not in ("arrive", "leave", "return", "get_up"):
        inner = clauses.event(c, ("at", "in", "to"), name)
    inner = replace(inner, tense="past", time=None, place=inner.place if inner.verb.id != "get_up" else None)
    outer = clauses.event(c, ("tr", "di", "in"), bare=True)
    while "event" not in outer.verb.tags or not outer.subject.human or clauses.clashes(outer.subject, name):
        outer = clauses.event(c, ("tr", "di", "in"), bare=True)
    outer = replace(outer, tense="past", time=None, when=inner)
    return replace(outer, lead="when") if c.chance(0.5) else outer


def joined(c: Chooser) -> Clause:
    """Two clauses joined by and, or a contrast joined by but."""
    if c.chance(0.35):
        first = clauses.event(c, ("tr", "di", "to", "in"), c.name())
        while not deniable(first):
            first = clauses.event(c, ("tr", "di", "to", "in"), c.name())
        other = c.name()
        while clauses.clashes(other, first.subject):
            other = c.name()
        again = replace(first, subject=other, negative=True, time=None)
        return replace(first, joined=again, contrast=True)
    first = clauses.event(c, ("tr", "in"), c.name(), bare=True)
    second = clauses.event(c, ("tr", "in"), c.name(), bare=True)
    while first.tense != second.tense or clauses.clashes(second.subject, first.subject):
        second = clauses.event(c, ("tr", "in"), c.name(), bare=True)
    return replace(first, joined=replace(second, spoken=first.spoken))


def imperative(c: Chooser) -> Clause:
    """A polite request."""
    clause = clauses.event(c, ("tr", "di"), pronoun(2), bare=True)
    while not _requestable(clause):
        clause = clauses.event(c, ("tr", "di"), pronoun(2), bare=True)
    return replace(clause, mood="imperative", tense="present", time=None)


def _requestable(clause: Clause) -> bool:
    pronouns = any(t is not None and t.kind == "pronoun" for t in (clause.object, clause.recipient))
    return not pronouns and not clause.verb.tags & {"stat", "past"}


def modal(c: Chooser) -> Clause:
    """Someone can, must or wants to do something."""
    clause = clauses.event(c, ("tr", "di", "to", "in"), bare=True)
    while "stat" in clause.verb.tags or not clause.subject.human or "past" in clause.verb.tags:
        clause = clauses.event(c, ("tr", "di", "to", "in"), bare=True)
    chosen = c.pick([v for v in c.pool.entries("verbs") if v["frame"] == "modal"])
    past = chosen.id == "want" and c.chance(0.4)
    time = clauses.time_for(c, "past") if past and c.chance(0.5) else None
    clause = replace(clause, modal=chosen, tense="past" if past else "present", time=time)
    return replace(clause, negative=True) if deniable(clause) and chosen.id != "must" and c.chance(0.2) else clause


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
    (relative, 2),
    (reported, 2),
    (because, 1.5),
    (when_clause, 1.5),
    (joined, 1.5),
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
        clause = replace(clause, lead="time")
    said = ask(clause, clause.query) if clause.mood == "wh" else clause
    return Meaning(said, statement(clause))


def chooser(seed: int, split: str, index: int) -> Chooser:
    """Return the chooser of one row; the same numbers give the same row on every machine."""
    return Chooser(f"phrasebook/{seed}/{split}/{index}", Pool(split))
