"""Sampling sentences of more than one clause: relative, reported, because, when, and joined ones."""

from . import clauses
from .lexicon import Entry, adjective, noun, verb
from .meaning import Clause, Thing
from .things import Chooser

DESCRIBING = ("buy", "sell", "write", "read", "find", "build", "repair", "draw", "sing", "lose", "choose")
CONTRASTED = ("buy", "see", "read", "eat", "visit", "go", "travel", "live", "draw", "write")


def relative(c: Chooser) -> Clause:
    """A sentence about someone who ..., or about something that someone ..."""
    return _known_person(c) if c.chance(0.5) else _known_thing(c)


def _known_person(c: Chooser) -> Clause:
    while True:
        clause = clauses.event(c, ("tr",), c.human(0.6, 0.3))
        what = clause.object
        if what is not None and what.human and what.kind != "pronoun" and what.also is None:
            break
    people = [e for e in c.pool.entries("nouns", "person") if "kin" not in e.tags]
    person = c.noun(c.pick(people))
    while clauses.clashes(person, clause.subject):
        person = c.noun(c.pick(people))
    inner = clauses.event(c, ("tr", "in", "live", "from", "di"), person, bare=True)
    if clause.time is not None and clause.time["slot"] == "end":
        clause = clause._replace(tense="past" if clause.tense == "present" else clause.tense, time=None)
    if inner.tense != "present" and clause.tense in ("past", "future"):
        inner = inner._replace(tense="past")
    inner = inner._replace(gap="subject", spoken=clause.spoken)
    return clause._replace(object=person._replace(relative=inner), place=None)


def _known_thing(c: Chooser) -> Clause:
    verbs = [verb(id) for id in DESCRIBING if c.pool.allows(verb(id))]
    while True:
        inner = clauses.event(c, subject=c.human(0.7, 0.3), bare=True, only=c.pick(verbs))
        what = inner.object
        if what is None or what.kind != "noun" or what.human or what.is_a("animal", "mass"):
            continue
        fitting = c.pool.entries("adjectives", *sorted(what.noun.tags))
        if fitting:
            break
    thing = Thing("noun", what.head, plural=what.plural)
    inner = inner._replace(object=thing, gap="object", tense="past")
    return Clause(verb("be"), thing._replace(relative=inner), quality=c.pick(fitting))


def _deed(c: Chooser) -> Clause:
    return clauses.event(c, ("tr", "tr", "to", "at", "live"))


def reported(c: Chooser) -> Clause:
    """Someone says or thinks that ..."""
    inner = c.pick((_deed, clauses.quality, clauses.profession, clauses.having))(c)
    matrix = [v for v in c.pool.entries("verbs") if v["frame"] == "that"]
    who = c.human(0.7, 0.25)
    while clauses.clashes(who, inner.subject):
        who = c.name()
    return Clause(c.pick(matrix), who, content=inner)


def because(c: Chooser) -> Clause:
    """Something happened because someone felt some way."""
    chosen = c.pick([v for v in c.pool.entries("verbs") if _causes(c, v)])
    role, cause = c.pick(_causes(c, chosen))
    while True:
        clause = clauses.event(c, (chosen["frame"],), bare=True, only=chosen)
        about = clause.object if role == "o" else clause.subject
        if about is not None and clause.subject.human and (role != "o" or _can_be(about, adjective(cause))):
            break
    clause = clause._replace(tense="past", time=None, subject=_plain(clause.subject))
    if clause.object is not None:
        clause = clause._replace(object=_plain(clause.object))
    about = clause.object if role == "o" and clause.object is not None else clause.subject
    return clause._replace(reason=_reason(clause, about, role, cause))


def _plain(what: Thing) -> Thing:
    """Return a thing without an adjective that the reason might repeat or contradict."""
    return what._replace(adjective=None)


def _can_be(what: Thing, quality: Entry) -> bool:
    return (what.human and "person" in quality.tags) or (what.kind == "noun" and bool(what.noun.tags & quality.tags))


def _causes(c: Chooser, chosen: Entry) -> list[tuple[str, str]]:
    pairs = [item.split(":") for item in chosen["because"].split()]
    return [(role, cause) for role, cause in pairs if role == "n" or c.pool.allows(adjective(cause))]


def _reason(clause: Clause, about: Thing, role: str, cause: str) -> Clause:
    if role == "n":
        money = Thing("noun", noun(cause), definite=False)
        return Clause(verb("need"), clauses.echo(clause.subject), "past", object=money, spoken=clause.spoken)
    subject = clauses.echo(about) if about is clause.subject else _again(about)
    return Clause(verb("be"), subject, "past", quality=adjective(cause))


def _again(what: Thing) -> Thing:
    """Return a later mention of an object: its name alone, or the definite noun."""
    if what.kind != "noun":
        return what._replace(last=None)
    return what._replace(definite=True, adjective=None, number=0, relative=None)


def when_clause(c: Chooser) -> Clause:
    """Someone reacted when someone arrived, left or returned."""
    name = c.name()
    arrivals = [verb(id) for id in ("arrive", "leave", "return")]
    inner = clauses.event(c, subject=name, bare=True, only=c.pick(arrivals))._replace(tense="past", time=None)
    reactions = [v for v in c.pool.entries("verbs") if "react" in v.tags]
    while True:
        outer = clauses.event(c, bare=True, only=c.pick(reactions))
        what = outer.object
        plain = what is None or (what.definite and not what.number and not clauses.clashes(what, name))
        if plain and outer.subject.human and not clauses.clashes(outer.subject, name):
            break
    inner = inner._replace(spoken=outer.spoken)
    outer = outer._replace(tense="past", time=None, when=inner)
    return outer._replace(lead="when") if c.chance(0.5) else outer


def joined(c: Chooser) -> Clause:
    """Two clauses joined by and, or a contrast joined by but."""
    if c.chance(0.4):
        return _contrast(c)
    first = clauses.event(c, ("tr", "in"), c.name(), bare=True)
    second = clauses.event(c, ("tr", "in"), c.name(), bare=True)
    while first.tense != second.tense or _related(second, first) or first.verb is second.verb or _long(first):
        first = clauses.event(c, ("tr", "in"), c.name(), bare=True)
        second = clauses.event(c, ("tr", "in"), c.name(), bare=True)
    return first._replace(joined=second._replace(spoken=first.spoken))


def _long(clause: Clause) -> bool:
    """Whether the clause holds an `and` of its own."""
    return clause.object is not None and clause.object.also is not None


def _related(second: Clause, first: Clause) -> bool:
    return clauses.clashes(second.subject, first.subject)


def _contrast(c: Chooser) -> Clause:
    """Someone did one thing but someone else another; or someone wanted to buy something but had no money."""
    name = c.name()
    if c.chance(0.3):
        wish = clauses.event(c, bare=True, subject=name, only=verb("buy"))
        wish = wish._replace(tense="past", time=None, modal=verb("want"))
        money = Thing("noun", noun("money"), definite=False)
        lack = Clause(verb("have"), clauses.echo(name), "past", object=money, negative=True, spoken=wish.spoken)
        return wish._replace(joined=lack, contrast=True)
    chosen = c.pick([verb(id) for id in CONTRASTED if c.pool.allows(verb(id))])
    first = clauses.event(c, bare=True, subject=name, only=chosen)
    while True:
        second = clauses.event(c, bare=True, subject=c.name(), only=chosen)
        if not _related(second, first) and _target(second) is not _target(first):
            break
    second = second._replace(tense=first.tense, time=None, spoken=first.spoken)
    return first._replace(joined=second, contrast=True, time=None)


def _target(clause: Clause) -> Entry | None:
    what = clause.object or (clause.place.thing if clause.place else None)
    return what.head if what else None
