"""Damaged and hostile JSON files."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from cases import Case, edit_bytes, put

DEEP = 10_000
HUGE = 10**12
NO_OBJECTS: dict[str, str | bytes] = {
    "null": "null",
    "a list": "[1]",
    "a string": '"config"',
    "a number": "3",
    "NaN": "NaN",
    "deep lists": "[" * DEEP + "]" * DEEP,
    "deep objects": '{"a":' * DEEP + "1" + "}" * DEEP,
    "10000 digits": '{"a": ' + "9" * 10_000 + "}",
    "two objects": "{}{}",
    "a comment": "{} // all",
    "UTF-16": "{}".encode("utf-16"),
    "Latin-1": '{"name": "é"}'.encode("latin-1"),
    "zeros": b"\0" * 100,
    "HTML": "<html>404</html>",
    "a Git LFS pointer": "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 3\n",
    "a conflict": '<<<<<<< HEAD\n{"a": 1}\n=======\n{"a": 2}\n>>>>>>> x\n',
}
"""Texts that are no JSON object, or none that Python's reader survives."""


def edit_json(file: str, change: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        full = json.loads((folder / file).read_text(encoding="utf-8"))
        change(full)
        (folder / file).write_text(json.dumps(full), encoding="utf-8")

    return damage


def no_object(file: str) -> Iterator[Case]:
    return (Case(f"{file} is {what}", put(file, text)) for what, text in NO_OBJECTS.items())


def with_values(file: str, values: dict[str, list[Any]], inside: tuple[str, ...] = ()) -> Iterator[Case]:
    """One key at a time, at the top or `inside` others, gets each of its values; all of them must be refused."""
    for key, choices in values.items():
        for value in choices:
            yield Case(
                f"{file} {key}={shown(value)}",
                edit_json(file, lambda full, k=key, v=value: put_in(full, inside, k, v)),
            )


def put_in(full: Any, inside: tuple[str, ...], key: str, value: Any) -> None:
    for step in inside:
        full = full[step]
    full[key] = value


def shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) < 60 else f"{text[:20]}... ({len(text)})"


def twice(file: str, key: str, value: Any) -> Case:
    """The key stands there twice; the last one counts for Python, the first for others."""
    first = f"{{{json.dumps(key)}: {json.dumps(value)}, ".encode()
    damage = edit_bytes(file, lambda raw: first + raw.lstrip().removeprefix(b"{"))
    return Case(f"{file} {key} twice", damage, may_load=True)


def nested(depth: int) -> list[Any]:
    """Lists within lists, of a depth that Python's JSON reader takes and recursive code does not."""
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value
