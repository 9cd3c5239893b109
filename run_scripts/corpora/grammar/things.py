"""Sampling noun phrases: names, people, animals and objects that fit a verb's semantic slots."""

from collections.abc import Sequence
from random import Random
from typing import TypeVar

from .lexicon import Entry, Pool, table
from .meaning import Thing, pronoun

T = TypeVar("T")
NAMED = ("person", "LOC", "org")
PRONOUNS = (
    (1, False, False),
    (2, False, False),
    (3, False, False),
    (3, False, True),
    (1, True, False),
    (3, True, False),
)


class Chooser:
    """Draws from one split's pool; only `Random.random` is used, whose sequence is the same everywhere."""

    def __init__(self, seed: str, pool: Pool) -> None:
        self._random = Random(seed)
        self.pool = pool

    def chance(self, probability: float) -> bool:
        """Return True with this probability."""
        return self._random.random() < probability

    def pick(self, items: Sequence[T]) -> T:
        """Return one item, each as likely as the others."""
        return items[int(self._random.random() * len(items))]

    def weighted(self, items: Sequence[tuple[T, float]]) -> T:
        """Return one item in proportion to its weight."""
        left = self._random.random() * sum(weight for _, weight in items)
        for item, weight in items:
            left -= weight
            if left < 0:
                return item
        return items[-1][0]

    def name(self) -> Thing:
        """Return a person: a first name, two in five times with a last name."""
        first = self.pick(self.pool.names("people", kind="first"))
        last = self.pick(self.pool.names("people", kind="last")) if self.chance(0.4) else None
        return Thing("person", first, last, female=first["gender"] == "f")

    def place_name(self, *kinds: str) -> Thing:
        """Return a city or country; half of those in test rows are held out."""
        entries = self.pool.entries("places")
        if self.pool.split == "test" and self.chance(0.5):
            entries = self.pool.names("places")
        entry = self.pick([e for e in entries if not kinds or e["kind"] in kinds])
        return Thing("place", entry)

    def organisation(self) -> Thing:
        """Return an organisation or a university."""
        return Thing("organisation", self.pick(self.pool.names("organisations")))

    def pronoun(self) -> Thing:
        """Return a personal pronoun."""
        return pronoun(*self.pick(PRONOUNS))

    def noun(self, entry: Entry, female: bool | None = None) -> Thing:
        """Return a bare definite singular of the noun, with its own or a drawn gender."""
        if "female" in entry.tags or "male" in entry.tags or "person" not in entry.tags:
            return Thing("noun", entry, female="female" in entry.tags)
        return Thing("noun", entry, female=self.chance(0.5) if female is None else female)

    def someone(self) -> Thing:
        """Return a person known to speaker and hearer: `the teacher`, `my brother`, `Anna's neighbour`."""
        what = self.noun(self.pick(self.pool.entries("nouns", "person")))
        if "kin" not in what.noun.tags:
            described = what._replace(adjective=self.adjective(what.noun, 0.25))
            return described._replace(plural=self.chance(0.15))
        owner = self.name() if self.chance(0.35) else self.pronoun()
        return what._replace(owner=owner)

    def human(self, name: float = 0.6, weak: float = 0.2) -> Thing:
        """Return a name, a pronoun, or a person noun."""
        kind = self.weighted((("name", name), ("pronoun", weak), ("noun", 1 - name - weak)))
        return self.name() if kind == "name" else self.pronoun() if kind == "pronoun" else self.someone()

    def adjective(self, noun: Entry, probability: float) -> Entry | None:
        """Return an adjective that suits the noun, or None."""
        if not self.chance(probability):
            return None
        fitting = [a for a in self.pool.entries("adjectives", *sorted(noun.tags)) if "pred" not in a.tags]
        return self.pick(fitting) if fitting else None

    def filler(self, slots: str, named_owner: bool = True) -> Thing:
        """Return something for a verb's slot, given as semantic tags with person, LOC and org among them."""
        tags = slots.split()
        named = [tag for tag in tags if tag in NAMED]
        other = [tag for tag in tags if tag not in NAMED]
        weights = [(tag, {"person": 5.0, "LOC": 2.0, "org": 1.5}[tag]) for tag in named]
        tag = self.weighted([*weights, ("", 4.0)] if other else weights)
        if tag == "LOC":
            return self.place_name()
        if tag == "org":
            return self.organisation()
        if tag == "person":
            return self.human(0.55, 0.12)
        return self.object(self.pick(self.pool.entries("nouns", *other)), named_owner)

    def object(self, entry: Entry, named_owner: bool = True) -> Thing:
        """Return an object or animal with article, owner (a name if allowed), adjective or number."""
        what = Thing("noun", entry)
        if not entry.tags.isdisjoint(("language",)):
            return what
        if "mass" in entry.tags:
            return what._replace(definite=self.chance(0.3))
        style = self.weighted((("definite", 4.0), ("indefinite", 3.5), ("owned", 1.8), ("counted", 1.5)))
        if style == "counted":
            return what._replace(definite=False, plural=True, number=self.pick((2, 3, 4, 5, 6, 10)))
        what = what._replace(
            adjective=self.adjective(entry, 0.4), plural="single" not in entry.tags and self.chance(0.2)
        )
        if style == "owned" and "wild" not in entry.tags and ("building" not in entry.tags or entry.id == "house"):
            return what._replace(owner=self.name() if named_owner and self.chance(0.5) else self.owner())
        return what._replace(definite=style != "indefinite")

    def owner(self) -> Thing:
        """Return a possessor: a pronoun or `the teacher`."""
        if self.chance(0.6):
            return self.pronoun()
        people = [e for e in self.pool.entries("nouns", "person") if "kin" not in e.tags]
        return self.noun(self.pick(people))


def settings(pool: Pool, ids: str) -> list[Entry]:
    """Return those of the place nouns, given by id, that the split may use."""
    return [table("nouns")[id] for id in ids.split() if pool.allows(table("nouns")[id])]
