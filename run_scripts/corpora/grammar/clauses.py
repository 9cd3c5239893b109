"""Sampling clauses: a verb, arguments that fit it, and time and place adjuncts that suit both."""

from functools import cache

from .lexicon import Entry, Pool, table, verb
from .meaning import Clause, Place, Tense, Thing, pronoun
from .things import Chooser, settings

SURFACES = {"on": "table chair bed", "under": "table bed chair", "in": "bag box basket", "beside": "door window table"}
MODALS = ("can", "must", "want")


def event(
    c: Chooser,
    frames: tuple[str, ...] = ("tr",),
    subject: Thing | None = None,
    bare: bool = False,
    only: Entry | None = None,
) -> Clause:
    """Return a clause about what someone does, with a verb of one of the frames or exactly `only`.

    `bare` leaves out the time, and the place unless the verb needs one.
    """
    chosen = only or c.pick([v for v in _in_frames(c.pool, frames) if subject is None or _suits(v, subject)])
    who = subject or _subject(c, chosen)
    clause = Clause(chosen, who, spoken=c.chance(0.5))
    if chosen["object"]:
        clause = clause._replace(object=_object(c, chosen, who))
    if chosen["frame"] == "di":
        clause = clause._replace(recipient=_other(c, who))
    clause = timed(c, clause, bare)
    placeless = bare and chosen["frame"] in ("tr", "di", "in") and "needs_place" not in chosen.tags
    return clause if placeless else placed(c, clause)


@cache
def _in_frames(pool: Pool, frames: tuple[str, ...]) -> tuple[Entry, ...]:
    return tuple(v for frame in frames for v in pool.entries("verbs") if v["frame"] == frame)


def _suits(candidate: Entry, subject: Thing) -> bool:
    kinds = candidate["subject"].split()
    if subject.kind == "organisation":
        return "org" in kinds
    return subject.human and "person" in kinds and able(candidate, subject)


def able(chosen: Entry, subject: Thing) -> bool:
    """Whether the subject is old enough for what grown-ups do."""
    return "adult" not in chosen.tags or not subject.is_a("young")


def _subject(c: Chooser, chosen: Entry) -> Thing:
    kinds = chosen["subject"].split()
    if "org" in kinds and c.chance(0.25):
        return c.organisation()
    others = [kind for kind in kinds if kind not in ("person", "org")]
    if others and c.chance(0.25):
        return c.noun(c.pick(c.pool.entries("nouns", *others)))
    subject = c.human(0.6, 0.2)
    while not able(chosen, subject):
        subject = c.human(0.6, 0.2)
    if subject.kind == "person" and c.chance(0.1):
        return subject._replace(also=_different(c, subject))
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
    named_owner = chosen["frame"] != "di"
    while True:
        what = c.filler(chosen["object"], named_owner)
        unsaid = what.kind == "pronoun" and not subject.human
        odd = _odd(chosen, what)
        if not unsaid and not odd and not clashes(what, subject):
            break
    if what.plural and not what.number and "event" in chosen.tags and named_owner:
        what = what._replace(definite=True)
    if what.kind == "person" and c.chance(0.12) and "event" not in chosen.tags:
        other = _different(c, what)
        if not clashes(other, subject):
            return what._replace(also=other)
    return what


def _odd(chosen: Entry, what: Thing) -> bool:
    """Whether nobody would do it with such a thing: build Anna's house, or buy a dirty knife."""
    state = what.adjective is not None and what.adjective["kind"] == "state" and not what.human
    creates = "creates" in chosen.tags and what.kind == "noun" and not what.human
    return (creates and what.owner is not None) or (state and bool(chosen.tags & {"creates", "picky"}))


def timed(c: Chooser, clause: Clause, bare: bool = False) -> Clause:
    """Give the clause a tense its verb allows, and often a time that suits the tense."""
    tags, frame = clause.verb.tags, clause.verb["frame"]
    if "timeless" in tags:
        return clause._replace(tense="past" if "lasting" in tags and c.chance(0.2) else "present")
    if frame == "live":
        past = c.chance(0.3)
        time = table("times")["last_year"] if past and c.chance(0.5) else None
        return clause._replace(tense="past" if past else "present", time=time)
    tense: Tense = c.weighted((("past", 5.0), ("future", 1.5), ("progressive", 2.0), ("present", 2.0)))
    if tense == "progressive" and ("dyn" not in tags or frame in ("to", "from", "at", "stay")):
        tense = "past"
    if tense == "present" and (bare or not _repeatable(clause)):
        tense = "past"
    if tense == "future" and "past" in tags:
        tense = "past"
    wanted = tense == "present" or (not bare and c.chance(0.5))
    time = time_for(c, tense, clause.verb) if wanted else None
    if time is not None and time.id == "every_year" and frame != "to" and clause.verb.id != "visit":
        time = table("times")["every_day"]
    return clause._replace(tense=tense, time=time)


def _repeatable(clause: Clause) -> bool:
    """Whether one can do it every day: eat bread or help Anna, but not eat the two old cakes."""
    what = clause.object
    if clause.verb.id == "arrive" and clause.subject.is_a("transport"):
        return True
    if "habit" not in clause.verb.tags:
        return False
    if what is None or what.human or what.kind == "place":
        return True
    if what.number or what.adjective or (what.is_a("sendable", "tellable") and what.definite):
        return False
    if "creates" in clause.verb.tags:
        return what.plural and not what.definite
    return what.is_a("mass") or not what.is_a("food")


def time_for(c: Chooser, tense: str, chosen: Entry) -> Entry:
    """Return a time that goes with the tense; weighty deeds are dated to years and months, slow ones only so."""
    fitting = [t for t in table("times").values() if tense in t["tense"].split()]
    if "slow" in chosen.tags and tense in ("past", "future"):
        return c.pick([t for t in fitting if "far" in t.tags])
    return c.pick([t for t in fitting if "far" in chosen.tags or "far" not in t.tags])


def placed(c: Chooser, clause: Clause) -> Clause:
    """Give the clause the place its verb needs, or sometimes one that suits it."""
    frame, where = clause.verb["frame"], clause.verb["where"]
    near = settings(c.pool, where)
    if frame in ("to", "from", "at", "live", "stay"):
        relation = frame if frame in ("to", "from") else "in"
        if clause.verb.id == "study" or (clause.verb.id == "live" and not near):
            return clause._replace(place=Place("at", campus(c)) if c.chance(0.6) else Place("in", c.place_name()))
        if near and c.chance(0.45):
            entry = table("nouns")["station"] if clause.subject.is_a("transport") else c.pick(near)
            at = "at" if clause.verb.id == "arrive" and entry.id != "village" else relation
            return clause._replace(place=Place(at, Thing("noun", entry)))
        if frame == "to" and clause.tense == "present":
            return clause._replace(place=Place(relation, c.place_name("city")))
        return clause._replace(place=Place(relation, c.place_name("city") if frame == "at" else c.place_name()))
    if clause.verb.id == "work" and c.chance(0.6):
        return clause._replace(place=Place("at", c.organisation()))
    must = "needs_place" in clause.verb.tags
    if not must and (not c.chance(0.35) or "stat" in clause.verb.tags or _at_place(clause)):
        return clause
    if near and (must or c.chance(0.7)):
        return clause._replace(place=Place("in", Thing("noun", c.pick(near))))
    if where and clause.object is None:
        return clause._replace(place=Place("in", c.place_name()))
    return clause


def _at_place(clause: Clause) -> bool:
    return clause.object is not None and clause.object.kind == "place"


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
            subject = subject._replace(plural=False)
        elif c.chance(0.35) and (not subject.is_a("building") or entry.id in ("house", "shop")):
            subject = subject._replace(owner=c.name() if c.chance(0.7) else c.owner())
    chosen = c.pick(fitting)
    past = chosen["kind"] == "state" and c.chance(0.5)
    time = time_for(c, "past", verb("be")) if past and subject.human and c.chance(0.6) else None
    return Clause(verb("be"), subject, "past" if past else "present", quality=chosen, time=time)


def _adjectives(c: Chooser, entry: Entry) -> tuple[Entry, ...]:
    return c.pool.entries("adjectives", *sorted(entry.tags)) if entry.tags else ()


def profession(c: Chooser) -> Clause:
    """Return `X is a <profession>`."""
    who = c.human(0.8, 0.2)
    if who.kind == "person" and c.chance(0.15):
        who = who._replace(also=_different(c, who))
    jobs = [e for e in c.pool.entries("nouns", "job") if not ("male" in e.tags and who.female)]
    what = c.noun(c.pick(jobs), who.everyone_female)._replace(definite=False, plural=who.many)
    if not who.many and c.chance(0.2):
        traits = [a for a in c.pool.entries("adjectives", "person") if a["kind"] == "trait"]
        what = what._replace(adjective=c.pick(traits))
    if what.adjective is None and c.chance(0.2):
        what = what._replace(origin=c.place_name("country"))
    tense: Tense = "past" if c.chance(0.2) else "present"
    return Clause(verb("be"), who, tense, object=what)


def location(c: Chooser) -> Clause:
    """Return `X is <somewhere>`: a thing on furniture, or a person in a place."""
    if c.chance(0.5):
        who = c.human(0.7, 0.15)
        place = Place("in", c.place_name()) if c.chance(0.5) else Place("in", Thing("noun", c.pick(_rooms(c))))
        tense: Tense = c.pick(("present", "past", "future"))
        time = time_for(c, tense, verb("live")) if tense != "present" and c.chance(0.6) else None
        return Clause(verb("be"), who, tense, place=place, time=time)
    what = Thing("noun", c.pick(c.pool.entries("nouns", "portable")))
    if "mass" not in what.noun.tags and c.chance(0.5):
        what = what._replace(owner=c.name() if c.chance(0.6) else c.owner())
    relation = c.pick(tuple(SURFACES))
    where = [e for e in settings(c.pool, SURFACES[relation]) if e is not what.head]
    return Clause(verb("be"), what, c.pick(("present", "past")), place=Place(relation, Thing("noun", c.pick(where))))


def _rooms(c: Chooser) -> list[Entry]:
    ids = [id for id in table("settings") if id not in ("field", "house")]
    return settings(c.pool, " ".join(ids))


def having(c: Chooser) -> Clause:
    """Return `X has a car` or `X has two brothers`."""
    who = c.human(0.6, 0.2)
    while not able(verb("have"), who):
        who = c.human(0.6, 0.2)
    if c.chance(0.4):
        family = [e for e in c.pool.entries("nouns", "kin") if "only" not in e.tags and e.id != "neighbour"]
        what = Thing("noun", c.pick(family), definite=False)
        count = c.pick((0, 2, 3, 4))
        female = "female" in what.noun.tags
        return Clause(verb("have"), who, object=what._replace(number=count, plural=count > 0, female=female))
    owned = [e for e in c.pool.entries("nouns", "buyable") if not e.tags & {"food", "drink"}]
    entry = c.pick(owned)
    what = Thing("noun", entry, definite=False, adjective=c.adjective(entry, 0.4))
    if c.chance(0.25):
        what = what._replace(adjective=None, plural=True, number=c.pick((2, 3, 4, 5)))
    return Clause(verb("have"), who, "past" if c.chance(0.2) else "present", object=what)


def echo(subject: Thing) -> Thing:
    """Return the pronoun that takes up a subject."""
    if subject.kind == "pronoun":
        return subject
    return pronoun(3, subject.many, subject.female)
