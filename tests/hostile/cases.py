"""Damage that any file of a downloaded folder may come with, as `Case`s; everything random is seeded."""

import os
import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Case:
    """A hostile folder: what is done to a copy of a good one, and how loading it may end."""

    name: str
    damage: Callable[[Path], object]
    may_load: bool = False
    """Whether loading it is right as well; otherwise it must be refused."""
    words: tuple[str, ...] = ()
    """What the sentence that refuses it must say."""


def executed(folder: Path) -> Path:
    """The file that hostile code in this folder would create."""
    return folder.parent / "executed"


def edit_bytes(file: str, change: Callable[[bytes], bytes]) -> Callable[[Path], object]:
    return lambda folder: (folder / file).write_bytes(change((folder / file).read_bytes()))


def replaced(file: str, make: Callable[[Path], object]) -> Callable[[Path], None]:
    """Put something else in the file's place."""

    def damage(folder: Path) -> None:
        (folder / file).rename(folder.parent / "good")
        make(folder / file)

    return damage


def truncated(file: str) -> Iterator[Case]:
    for part in (0, 0.01, 0.3, 0.7, 0.99):
        yield Case(f"{file} cut to {part:.0%}", edit_bytes(file, lambda raw, p=part: raw[: int(p * len(raw))]))


def no_plain_file(file: str) -> Iterator[Case]:
    """What stands in the file's place is no file, leads nowhere, cannot be read, or never ends."""
    makers: dict[str, Callable[[Path], object]] = {
        "folder": Path.mkdir,
        "fifo": os.mkfifo,
        "link to nothing": lambda path: path.symlink_to("nothing"),
        "link to itself": lambda path: path.symlink_to(path.name),
        "link to zeros": lambda path: path.symlink_to("/dev/zero"),
        "unreadable": lambda path: path.symlink_to("/proc/self/mem"),
        "3 GB of zeros": lambda path: (path.touch(), os.truncate(path, 3 * 10**9)),
    }
    for what, make in makers.items():
        yield Case(f"{file} is {what}", replaced(file, make))


def flipped(file: str, seeds: Iterable[int], start: int = 10**9) -> Iterator[Case]:
    """Copies with 1 to 20 wrong bytes, half of them among the first `start`."""
    for seed in seeds:
        yield Case(f"{file} flipped {seed}", edit_bytes(file, lambda raw, s=seed: _flip(raw, s, start)), may_load=True)


def _flip(raw: bytes, seed: int, start: int) -> bytes:
    dice, damaged = random.Random(seed), bytearray(raw)
    for _ in range(dice.choice([1, 3, 20])):
        end = min(len(damaged), dice.choice([start, len(damaged)]))
        damaged[dice.randrange(end)] ^= 1 << dice.randrange(8)
    return bytes(damaged)


def missing(file: str) -> Case:
    return Case(f"no {file}", lambda folder: (folder / file).unlink())
