"""Hypotheses about a statement, made by changing its meaning: what follows, what may be, what cannot be."""

from typing import NamedTuple

from .clauses import clashes, time_for
from .denial import deniable
from .lexicon import adjective, table
from .meaning import Clause, Place, Thing, first_member
from .things import Chooser, settings

LABELS = ("entailment", "neutral", "contradiction")
WEIGHTS = {"entailment": 1.3, "neutral": 1.5, "contradiction": 0.8}
EVENTS = ("tr", "di", "in", "to", "from", "at")


class Hypothesis(NamedTuple):
    """A statement and how it stands to the premise."""

    clause: Clause
    label: str


def hypothesis(c: Chooser, fact: Clause) -> Hypothesis:
    """Draw a label among those that some change of the fact gives, then one such change."""
    options = {"entailment": following(fact), "neutral": possible(c, fact), "contradiction": denying(c, fact)}
    plain = fact._replace(lead="")
    kept = {label: [h for h in made if h != plain] for label, made in options.items()}
    label = c.weighted([(name, WEIGHTS[name]) for name in LABELS if kept[name]])
    return Hypothesis(c.pick(kept[label]), label)


def following(fact: Clause) -> list[Clause]:
    """Return statements that must be true if the fact is."""
    fact = fact._replace(lead="")
    if fact.negative:
        return _narrowed(fact)
    made = [*_parts(fact), *_without_adjuncts(fact), *_vaguer(fact)]
    inner = fact.object.relative if fact.object is not None else None
    if inner is not None and inner.gap == "subject":
        assert fact.object is not None
        made.append(inner._replace(gap="", subject=fact.object._replace(relative=None)))
    return made


def _narrowed(fact: Clause) -> list[Clause]:
    """Whoever does not do something at all does not do it somewhere special either."""
    if fact.place is not None or fact.verb["frame"] not in ("tr", "di", "in") or "stat" in fact.verb.tags:
        return []
    return [
        fact._replace(place=Place("in", Thing("place", table("places")[id]))) for id in ("berlin", "kenya", "spain")
    ]


def _parts(fact: Clause) -> list[Clause]:
    """Return the clauses that a complex statement asserts, each alone."""
    main = fact._replace(reason=None, when=None, joined=None)
    made = []
    if fact.joined is not None:
        made += [main, fact.joined]
    if fact.reason is not None:
        told = fact.reason.subject.kind == "pronoun"
        made += [main, fact.reason._replace(subject=fact.subject) if told else fact.reason]
    if fact.when is not None:
        made += [main, fact.when]
    if fact.content is not None and fact.verb.id == "know":
        made.append(fact.content)
    return made


def _without_adjuncts(fact: Clause) -> list[Clause]:
    made = []
    if fact.time is not None and fact.joined is None:
        made.append(fact._replace(time=None))
    if fact.place is not None and fact.verb["frame"] in ("tr", "di", "in"):
        made.append(fact._replace(place=None))
    if fact.companion is not None:
        made.append(fact._replace(companion=None))
    return made


def _vaguer(fact: Clause) -> list[Clause]:
    """Return the fact with less said about who or what."""
    made = []
    if fact.subject.also is not None:
        made += [fact._replace(subject=first_member(fact.subject)), fact._replace(subject=fact.subject.also)]
        if fact.copula:
            made = []
    elif fact.subject.human and fact.subject.kind != "pronoun" and not fact.copula and fact.joined is None:
        made.append(fact._replace(subject=Thing("someone"), reason=None))
    what = fact.object
    if what is not None and what.adjective is not None:
        made.append(fact._replace(object=what._replace(adjective=None)))
    if what is not None and what.origin is not None:
        made.append(fact._replace(object=what._replace(origin=None)))
    if what is not None and what.also is not None:
        made += [fact._replace(object=first_member(what)), fact._replace(object=what.also)]
    if fact.subject.adjective is not None:
        made.append(fact._replace(subject=fact.subject._replace(adjective=None)))
    return made


def possible(c: Chooser, fact: Clause) -> list[Clause]:
    """Return statements that the fact leaves open."""
    fact = fact._replace(lead="")
    made = []
    if fact.content is not None and fact.verb.id != "know":
        made.append(fact.content)
    single = fact.joined is None and fact.reason is None and fact.when is None and fact.content is None
    if fact.subject.human and single and not (fact.copula and fact.object):
        made.append(fact._replace(subject=_someone_else(c, fact)))
    if not single or fact.negative:
        return made if made else _weaker(fact)
    if fact.tense != "progressive" and fact.verb["frame"] in EVENTS and not fact.modal:
        time = time_for(c, fact.tense, fact.verb)
        timeless = "timeless" in fact.verb.tags or (fact.tense == "present" and fact.time is None)
        made += [] if timeless or time is fact.time else [fact._replace(time=time)]
    near = settings(c.pool, fact.verb["where"])
    described = fact.object is not None and fact.object.relative is not None
    if fact.place is None and near and fact.verb["frame"] in ("tr", "di", "in") and not described:
        made.append(fact._replace(place=Place("in", Thing("noun", c.pick(near)))))
    if fact.modal is not None:
        made.append(fact._replace(modal=None, tense="future" if fact.tense == "present" else "past"))
    return made + _other_objects(c, fact)


def _weaker(fact: Clause) -> list[Clause]:
    """A denial with an adjunct leaves open what happens without it."""
    return [fact._replace(place=None)] if fact.place is not None and fact.verb["frame"] in ("tr", "di", "in") else []


def _someone_else(c: Chooser, fact: Clause) -> Thing:
    other = c.name()
    taken = [
        t for t in (fact.subject, fact.subject.also, fact.object, fact.recipient, fact.companion) if t is not None
    ]
    while any(clashes(other, thing) or clashes(thing, other) for thing in taken):
        other = c.name()
    return other


def _other_objects(c: Chooser, fact: Clause) -> list[Clause]:
    what = fact.object
    if what is None or fact.copula or fact.verb["frame"] not in ("tr", "di") or what.relative is not None:
        return []
    other = c.filler(fact.verb["object"], named_owner=fact.recipient is None)
    differs = other.kind != "pronoun" and other.head is not what.head and not clashes(other, fact.subject)
    made = [fact._replace(object=other)] if differs else []
    if what.kind == "noun" and what.adjective is None and not what.number:
        described = c.adjective(what.noun, 1.0)
        made += [fact._replace(object=what._replace(adjective=described))] if described else []
    return made


def denying(c: Chooser, fact: Clause) -> list[Clause]:
    """Return statements that cannot be true together with the fact."""
    fact = fact._replace(lead="")
    if fact.negative:
        return [fact._replace(negative=False)]
    made = []
    main = fact._replace(reason=None, when=None, joined=None)
    if deniable(main):
        made.append(main._replace(negative=True))
    if fact.content is not None and fact.verb.id == "know" and deniable(fact.content):
        made.append(fact.content._replace(negative=True))
    if fact.quality is not None and fact.quality["opposite"]:
        opposite = adjective(fact.quality["opposite"])
        made += [fact._replace(quality=opposite)] if c.pool.allows(opposite) else []
    return made + _elsewhere(c, fact)


def _elsewhere(c: Chooser, fact: Clause) -> list[Clause]:
    """Return the fact with another place, where one cannot be in two."""
    where = fact.place
    if where is None or where.thing is None or fact.verb.id not in ("be", "live") or fact.tense != "present":
        return []
    if where.relation in ("on", "under"):
        return [fact._replace(place=where._replace(relation="under" if where.relation == "on" else "on"))]
    if where.thing.kind != "place":
        return []
    kind = where.thing.noun["kind"]
    other = c.place_name(kind)
    while other.head is where.thing.head:
        other = c.place_name(kind)
    return [fact._replace(place=where._replace(thing=other))]
