"""The dictionary: concepts with one cell per language, read from the tab-separated tables beside this file."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

LANGUAGES = ("eng", "deu", "spa", "swh")
CONTENT_TABLES = ("nouns", "verbs", "adjectives")


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """One concept: its table's cells by column, and the semantic tags that say what it combines with."""

    id: str
    cells: Mapping[str, str]
    tags: frozenset[str]

    def __getitem__(self, column: str) -> str:
        return self.cells[column]

    def __repr__(self) -> str:
        return self.id

    @property
    def held_out(self) -> bool:
        """Whether the concept is kept out of train and validation."""
        return self.cells.get("split") == "test"

    def words(self, column: str) -> frozenset[str]:
        """The space-separated words of a cell."""
        return frozenset(self.cells[column].split())


@cache
def table(name: str) -> Mapping[str, Entry]:
    """Return the entries of `<name>.tsv` by id (the first column)."""
    text = files(__package__).joinpath(f"{name}.tsv").read_text(encoding="utf-8")
    header, *rows = [line.split("\t") for line in text.splitlines()]
    entries = {}
    for row in rows:
        cells = dict(zip(header, row, strict=True))
        entries[row[0]] = Entry(row[0], cells, frozenset(cells.get("tags", "").split()))
    return entries


def noun(id: str) -> Entry:
    """Return the noun with this id."""
    return table("nouns")[id]


def verb(id: str) -> Entry:
    """Return the verb or modal with this id."""
    return table("verbs")[id]


def adjective(id: str) -> Entry:
    """Return the adjective with this id."""
    return table("adjectives")[id]


@cache
def options(cell: str) -> tuple[tuple[str, ...], Mapping[str, str]]:
    """Split a cell `form form key=value` into its forms and its options."""
    words = cell.split()
    forms = tuple(word for word in words if "=" not in word)
    return forms, dict(word.split("=", 1) for word in words if "=" in word)


@dataclass(frozen=True, slots=True)
class Pool:
    """What one split may draw from: every entry, or only those that are not held out."""

    split: str

    def allows(self, entry: Entry) -> bool:
        """Whether the split may use an ordinary word or a place."""
        return self.split == "test" or not entry.held_out

    def entries(self, name: str, *tags: str) -> tuple[Entry, ...]:
        """The split's entries of a table that carry any of the tags (all entries when no tag is given)."""
        return _entries(self.split, name, tags)

    def names(self, name: str, **cells: str) -> tuple[Entry, ...]:
        """The person or organisation names of exactly this split whose cells have these values."""
        return _names(self.split, name, tuple(sorted(cells.items())))


@cache
def _entries(split: str, name: str, tags: tuple[str, ...]) -> tuple[Entry, ...]:
    pool, wanted = Pool(split), frozenset(tags)
    return tuple(e for e in table(name).values() if pool.allows(e) and (not wanted or e.tags & wanted))


@cache
def _names(split: str, name: str, cells: tuple[tuple[str, str], ...]) -> tuple[Entry, ...]:
    own = "test" if split == "test" else "train"
    return tuple(e for e in table(name).values() if e["split"] == own and all(e[k] == v for k, v in cells))
