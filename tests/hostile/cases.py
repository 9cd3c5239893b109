"""Hostile folders as data: a good folder of some kind, and what is done to a copy of it. All chance is seeded."""

import os
import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Case:
    """A hostile folder: what is done to a copy of a good one, and how loading it may end."""

    name: str
    damage: Callable[[Path], object]
    may_load: bool = False
    """Whether loading it is right as well; otherwise it must be refused."""
    words: tuple[str, ...] = ()
    """What the sentence that refuses it must say."""


@dataclass(frozen=True)
class Kind:
    """A kind of folder that users download."""

    name: str
    write: Callable[[Path], Any]
    """Writes a good folder and returns what loading it gives, had without the loader under test."""
    load: Callable[[Path], Any]
    cases: Callable[[], Iterator[Case]]
    refusals: tuple[type[Exception], ...]
    """The exceptions that say no to the user."""


def harmless(cases: Iterable[Case]) -> Iterator[Case]:
    """The same cases, all of which may load as well: the file is one that can be done without."""
    return (replace(case, may_load=True) for case in cases)


def executed(folder: Path) -> Path:
    """The path that hostile code in this folder would create."""
    return folder.parent / "executed"


def plant(folder: Path, *names: str) -> None:
    """Put code into the folder that leaves a trace when it runs."""
    for name in names:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(f"open({str(executed(folder))!r}, 'w')\n", encoding="utf-8")


def put(file: str, content: str | bytes) -> Callable[[Path], object]:
    """Write the file, over what is there."""
    raw = content.encode() if isinstance(content, str) else content
    return lambda folder: (folder / file).write_bytes(raw)


def edit_bytes(file: str, change: Callable[[bytes], bytes]) -> Callable[[Path], object]:
    return lambda folder: (folder / file).write_bytes(change((folder / file).read_bytes()))


def missing(file: str) -> Case:
    return Case(f"no {file}", lambda folder: (folder / file).unlink())


def truncated(file: str) -> Iterator[Case]:
    for part in (0, 0.01, 0.3, 0.7, 0.99):
        yield Case(f"{file} cut to {part:.0%}", edit_bytes(file, lambda raw, p=part: raw[: int(p * len(raw))]))


def replaced(file: str, make: Callable[[Path], object]) -> Callable[[Path], None]:
    """Put something else in the file's place; the file itself is `../good` then."""

    def damage(folder: Path) -> None:
        (folder / file).rename(folder.parent / "good")
        make(folder / file)

    return damage


def no_plain_file(file: str) -> Iterator[Case]:
    """What stands in the file's place is no file, leads nowhere, cannot be read, or is endless."""
    makers: dict[str, Callable[[Path], object]] = {
        "a folder": Path.mkdir,
        "a fifo": os.mkfifo,
        "a link to nothing": lambda path: path.symlink_to("nothing"),
        "a link to itself": lambda path: path.symlink_to(path.name),
        "a link to zeros": lambda path: path.symlink_to("/dev/zero"),
        "unreadable": lambda path: path.symlink_to("/proc/self/mem"),
        "3 GB of zeros": lambda path: (path.touch(), os.truncate(path, 3 * 10**9)),
    }
    for what, make in makers.items():
        yield Case(f"{file} is {what}", replaced(file, make))


def flipped(file: str, number: int, part: slice = slice(None)) -> Iterator[Case]:
    """Copies with 1, 3 or 20 wrong bits in a part of the file; by luck they may be as good as before."""
    for seed in range(number):
        damage = edit_bytes(file, lambda raw, seed=seed: _flip(raw, seed, part))
        yield Case(f"{file} with wrong bits {seed} {_span(part)}".rstrip(), damage, may_load=True)


def _span(part: slice) -> str:
    return "" if part == slice(None) else f"in {part.start or ''}:{part.stop or ''}"


def _flip(raw: bytes, seed: int, part: slice) -> bytes:
    dice, damaged = random.Random(seed), bytearray(raw)
    for place in dice.choices(range(len(raw))[part], k=dice.choice([1, 3, 20])):
        damaged[place] ^= 1 << dice.randrange(8)
    return bytes(damaged)


def linked(file: str) -> Case:
    """The file is a link to a good one elsewhere, as in the Hub's cache."""
    return Case(
        f"{file} linked from elsewhere", replaced(file, lambda path: path.symlink_to("../good")), may_load=True
    )
