"""Sampling clauses: a verb, arguments that fit it, and time and place adjuncts that suit both."""

from dataclasses import replace

from .lexicon import Entry, table, verb
from .meaning import Clause, Place, Tense, Thing, pronoun
from .things import Chooser, settings

SURFACES = {"on": "table chair bed", "under": "table bed chair", "in": "bag box basket", "beside": "door window table"}
MODALS = ("can", "must", "want")


def event(c: Chooser, frames: tuple[str, ...] = ("tr",), subject: Thing | None = None, bare: bool = False) -> Clause:
    """Return a clause about what someone does; `bare` leaves out time and place."""
    verbs = [v for frame in frames for v in _framed(c, frame) if subject is None or _suits(v, subject)]
    chosen = c.pick(verbs)
    who = subject or _subject(c, chosen)
    clause = Clause(chosen, who, spoken=c.chance(0.5))
    if chosen["object"]:
        clause = replace(clause, object=_object(c, chosen, who))
    if chosen["frame"] == "di":
        clause = replace(clause, recipient=_other(c, who))
    clause = timed(c, clause, bare)
    return clause if bare and chosen["frame"] in ("tr", "di", "in") else placed(c, clause)


def _framed(c: Chooser, frame: str) -> list[Entry]:
    return [v for v in c.pool.entries("verbs") if v["frame"] == frame]


def _suits(candidate: Entry, subject: Thing) -> bool:
    kinds = candidate["subject"].split()
    if subject.kind == "organisation":
        return "org" in kinds
    return subject.human and "person" in kinds


def _subject(c: Chooser, chosen: Entry) -> Thing:
    kinds = chosen["subject"].split()
    if "org" in kinds and c.chance(0.25):
        return c.organisation()
    others = [kind for kind in kinds if kind not in ("person", "org")]
    if others and c.chance(0.25):
        return c.noun(c.pick(c.pool.entries("nouns", *others)))
    subject = c.human(0.6, 0.2)
    if subject.kind == "person" and c.chance(0.1):
        return replace(subject, also=_different(c, subject))
    return subject


def _different(c: Chooser, than: Thing) -> Thing:
    other = c.name()
    while other.head is than.head or (other.last and other.last is than.last):
        other = c.name()
    return other


def _other(c: Chooser, than: Thing) -> Thing:
    """Return a person who is certainly not the subject; only third persons that differ by name or noun."""
    other = c.human(0.6, 0.2)
    while clashes(other, than):
        other = c.human(0.6, 0.1)
    return other


def clashes(other: Thing, subject: Thing) -> bool:
    """Whether two people in one clause could be the same, so that a language would need a reflexive."""
    if other.kind == "pronoun" and subject.kind == "pronoun":
        return other.person == subject.person or {other.person, subject.person} == {1} or other.many != subject.many
    names = [t.head for t in (subject, subject.also, subject.owner) if t is not None and t.head is not None]
    return other.head is not None and (other.head in names or bool(other.owner and other.owner.head in names))


def _object(c: Chooser, chosen: Entry, subject: Thing) -> Thing:
    what = c.filler(chosen["object"], subject)
    while clashes(what, subject) or (what.kind == "pronoun" and subject.kind == "noun" and not subject.human):
        what = c.filler(chosen["object"], subject)
    if what.human and what.kind == "person" and c.chance(0.12) and "event" not in chosen.tags:
        other = _different(c, what)
        if not clashes(other, subject):
            return replace(what, also=other)
    return what


def timed(c: Chooser, clause: Clause, bare: bool = False) -> Clause:
    """Give the clause a tense its verb allows, and often a time that suits the tense."""
    tags = clause.verb.tags
    tense: Tense
    if "timeless" in tags or "matrix" in tags:
        return replace(clause, tense="past" if "timeless" in tags and c.chance(0.2) else "present")
    if clause.verb["frame"] == "live":
        tense = "past" if c.chance(0.3) else "present"
        return replace(clause, tense=tense, time=table("times")["last_year"] if tense == "past" and c.chance(0.5) else None)
    tense = c.weighted((("past", 5.0), ("future", 1.5), ("progressive", 2.0), ("present", 2.0)))
    moving = clause.verb["frame"] in ("to", "from", "at", "stay")
    if tense == "progressive" and ("dyn" not in tags or moving):
        tense = "past"
    if tense == "present" and ("past" in tags or not _repeatable(clause)):
        tense = "past"
    if bare and tense == "present":
        tense = "past"
    wanted = tense == "present" or (not bare and c.chance(0.5))
    return replace(clause, tense=tense, time=time_for(c, tense) if wanted else None)


def _repeatable(clause: Clause) -> bool:
    """Whether one can do it every day: not with one particular or counted thing."""
    what = clause.object
    if clause.verb.id in ("buy", "sell", "build", "write", "give", "repair", "choose", "invite", "break", "hide", "plant"):
        return False
    return what is None or what.human or what.kind == "place" or not (what.count or what.adjective)


def time_for(c: Chooser, tense: str) -> Entry:
    """Return a time phrase that goes with the tense."""
    return c.pick([t for t in table("times").values() if tense in t["tense"].split()])


def placed(c: Chooser, clause: Clause) -> Clause:
    """Give the clause the place its verb needs, or sometimes one that suits it."""
    frame, where = clause.verb["frame"], clause.verb["where"]
    near = settings(c.pool, where)
    if frame in ("to", "from", "at", "live", "stay"):
        relation = frame if frame in ("to", "from") else "in"
        if clause.verb.id == "study" or (clause.verb.id == "live" and not near):
            return replace(clause, place=Place("at", campus(c)) if c.chance(0.6) else Place("in", c.place_name()))
        if near and c.chance(0.45):
            entry = c.pick(near)
            at = "at" if clause.verb.id == "arrive" and entry.id != "village" else relation
            return replace(clause, place=Place(at, Thing("noun", entry)))
        return replace(clause, place=Place(relation, c.place_name("city") if frame == "at" else c.place_name()))
    if clause.verb.id == "work" and c.chance(0.6):
        return replace(clause, place=Place("at", c.organisation()))
    if not c.chance(0.35) or "stat" in clause.verb.tags or (clause.object and clause.object.kind == "place"):
        return clause
    if near and c.chance(0.7):
        return replace(clause, place=Place("in", Thing("noun", c.pick(near))))
    if where and clause.object is None:
        return replace(clause, place=Place("in", c.place_name()))
    return clause


def campus(c: Chooser) -> Thing:
    """Return a university."""
    return Thing("organisation", c.pick([e for e in c.pool.names("organisations") if e["university_of"] != "-"]))


def quality(c: Chooser, subject: Thing | None = None) -> Clause:
    """Return `X is <adjective>`."""
    if subject is None and c.chance(0.4):
        subject = c.human(0.7, 0.1)
    if subject is not None and subject.human:
        fitting = c.pool.entries("adjectives", "person")
    elif c.chance(0.25):
        subject, fitting = c.place_name(), c.pool.entries("adjectives", "LOC")
    else:
        nouns = [e for e in c.pool.entries("nouns") if "person" not in e.tags and _adjectives(c, e)]
        entry = c.pick(nouns)
        subject, fitting = Thing("noun", entry, plural=c.chance(0.15)), _adjectives(c, entry)
        if "mass" in entry.tags or "language" in entry.tags:
            subject = replace(subject, plural=False)
        elif c.chance(0.35):
            subject = replace(subject, owner=c.name() if c.chance(0.7) else c.owner())
    chosen = c.pick(fitting)
    past = chosen["kind"] == "state" and c.chance(0.5)
    time = time_for(c, "past") if past and subject.human and c.chance(0.6) else None
    if time and time.id in ("two_years_ago", "last_year", "last_week", "last_month"):
        time = table("times")["yesterday"]
    return Clause(verb("be"), subject, "past" if past else "present", quality=chosen, time=time)


def _adjectives(c: Chooser, entry: Entry) -> tuple[Entry, ...]:
    return c.pool.entries("adjectives", *sorted(entry.tags)) if entry.tags else ()


def profession(c: Chooser) -> Clause:
    """Return `X is a <profession>`."""
    who = c.human(0.8, 0.2)
    if who.kind == "person" and c.chance(0.15):
        who = replace(who, also=_different(c, who))
    jobs = [e for e in c.pool.entries("nouns", "job") if not ("male" in e.tags and who.female)]
    what = replace(c.noun(c.pick(jobs), who.everyone_female), definite=False, plural=who.many)
    if not who.many and c.chance(0.35):
        what = replace(what, adjective=c.adjective(what.noun, 0.5))
    if what.adjective is None and c.chance(0.2):
        what = replace(what, origin=c.place_name("country"))
    tense: Tense = "past" if c.chance(0.2) else "present"
    return Clause(verb("be"), who, tense, object=what)


def location(c: Chooser) -> Clause:
    """Return `X is <somewhere>`: a thing on furniture, or a person in a place."""
    if c.chance(0.5):
        who = c.human(0.7, 0.15)
        place = Place("in", c.place_name()) if c.chance(0.5) else Place("in", Thing("noun", c.pick(_rooms(c))))
        tense: Tense = c.pick(("present", "past", "future"))
        time = time_for(c, tense) if tense != "present" and c.chance(0.6) else None
        return Clause(verb("be"), who, tense, place=place, time=time)
    what = replace(Thing("noun", c.pick(c.pool.entries("nouns", "portable"))))
    if "mass" not in what.noun.tags and c.chance(0.5):
        what = replace(what, owner=c.name() if c.chance(0.6) else c.owner())
    relation = c.pick(tuple(SURFACES))
    where = [e for e in settings(c.pool, SURFACES[relation]) if e is not what.head]
    return Clause(verb("be"), what, c.pick(("present", "past")), place=Place(relation, Thing("noun", c.pick(where))))


def _rooms(c: Chooser) -> list[Entry]:
    ids = [id for id in table("settings") if id not in ("field", "house")]
    return settings(c.pool, " ".join(ids))


def having(c: Chooser, subject: Thing | None = None) -> Clause:
    """Return `X has a car` or `X has two brothers`."""
    who = subject or c.human(0.6, 0.2)
    if c.chance(0.4):
        family = [e for e in c.pool.entries("nouns", "kin") if "only" not in e.tags and e.id != "neighbour"]
        what = Thing("noun", c.pick(family), definite=False)
        count = c.pick((0, 2, 3, 4))
        female = "female" in what.noun.tags
        return Clause(verb("have"), who, object=replace(what, count=count, plural=count > 0, female=female))
    owned = [e for e in c.pool.entries("nouns", "buyable") if not e.tags & {"food", "drink"}]
    entry = c.pick(owned)
    what = Thing("noun", entry, definite=False, adjective=c.adjective(entry, 0.4))
    if c.chance(0.25):
        what = replace(what, adjective=None, plural=True, count=c.pick((2, 3, 4, 5)))
    return Clause(verb("have"), who, "past" if c.chance(0.2) else "present", object=what)


def echo(subject: Thing) -> Thing:
    """Return the pronoun that takes up a subject."""
    if subject.kind == "pronoun":
        return subject
    return pronoun(3, subject.many, subject.female)
