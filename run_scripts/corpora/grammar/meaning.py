"""What a sentence says, in no language: things (noun phrases), places and clauses."""

from typing import Literal, NamedTuple

from .lexicon import Entry, table

Kind = Literal["noun", "person", "place", "organisation", "pronoun", "someone", "who", "what"]
Tense = Literal["past", "present", "future", "progressive"]
Mood = Literal["statement", "polar", "wh", "imperative"]


class Thing(NamedTuple):
    """A noun phrase: a common noun with its modifiers, a name, a pronoun, or a question word."""

    kind: Kind
    head: Entry | None = None
    last: Entry | None = None
    person: int = 3
    plural: bool = False
    female: bool = False
    definite: bool = True
    number: int = 0
    adjective: Entry | None = None
    owner: "Thing | None" = None
    origin: "Thing | None" = None
    relative: "Clause | None" = None
    also: "Thing | None" = None

    @property
    def noun(self) -> Entry:
        """The entry of its noun or name."""
        assert self.head is not None
        return self.head

    @property
    def human(self) -> bool:
        """Whether it is a person or several."""
        return self.kind in ("person", "pronoun", "someone", "who") or self.is_a("person")

    @property
    def many(self) -> bool:
        """Whether a verb agrees with it in the plural."""
        return self.plural or self.also is not None

    @property
    def specific(self) -> bool:
        """Whether it points at something known, so that denying a sentence about it contradicts the sentence."""
        return self.definite and self.kind not in ("someone", "who", "what")

    @property
    def everyone_female(self) -> bool:
        """Whether all its members are female."""
        return self.female and (self.also is None or self.also.everyone_female)

    @property
    def campus(self) -> Entry | None:
        """The place of a university, None for everything else."""
        if self.kind != "organisation" or self.noun["university_of"] == "-":
            return None
        return table("places")[self.noun["university_of"]]

    def is_a(self, *tags: str) -> bool:
        """Whether it is a common noun with one of the semantic tags."""
        return self.kind == "noun" and self.head is not None and not self.head.tags.isdisjoint(tags)


class Place(NamedTuple):
    """Where something is or goes: a relation (in, at, to, from, on, under, beside) to a thing; None asks for it."""

    relation: str
    thing: Thing | None


class Clause(NamedTuple):
    """A verb with its arguments, adjuncts and dependent clauses; `query` is the role that a wh-question asks for."""

    verb: Entry
    subject: Thing
    tense: Tense = "present"
    object: Thing | None = None
    recipient: Thing | None = None
    companion: Thing | None = None
    place: Place | None = None
    time: Entry | None = None
    quality: Entry | None = None
    modal: Entry | None = None
    negative: bool = False
    content: "Clause | None" = None
    reason: "Clause | None" = None
    when: "Clause | None" = None
    joined: "Clause | None" = None
    contrast: bool = False
    mood: Mood = "statement"
    query: str = ""
    gap: Literal["", "subject", "object"] = ""
    lead: Literal["", "time", "when"] = ""
    spoken: bool = True

    @property
    def copula(self) -> bool:
        """Whether the verb is `be`."""
        return self.verb.id == "be"


def first_member(thing: Thing) -> Thing:
    """Return the thing without what is coordinated with it."""
    return thing._replace(also=None)


def pronoun(person: int, plural: bool = False, female: bool = False) -> Thing:
    """Return a personal pronoun; it stands for people only."""
    return Thing("pronoun", person=person, plural=plural, female=female)
