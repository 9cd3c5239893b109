"""Damaged and hostile JSON files."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from cases import Case, edit_bytes

DEEP = 10_000
HUGE = 10**12


def edit_json(file: str, change: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        full = json.loads((folder / file).read_text(encoding="utf-8"))
        change(full)
        (folder / file).write_text(json.dumps(full), encoding="utf-8")

    return damage


def no_object(file: str) -> Iterator[Case]:
    """Texts that are no JSON object, or none that Python's reader survives."""
    texts = {
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
    for what, text in texts.items():
        raw = text if isinstance(text, bytes) else text.encode()
        yield Case(f"{file} is {what}", edit_bytes(file, lambda _, raw=raw: raw))


def with_values(file: str, keys: dict[str, list[Any]], inside: str | None = None) -> Iterator[Case]:
    """One key at a time, at the top or `inside` another, gets each of the values; all of these must be refused."""
    for key, values in keys.items():
        for value in values:

            def change(full: dict[str, Any], key: str = key, value: Any = value) -> None:
                (full[inside] if inside else full)[key] = value

            shown = repr(value) if len(repr(value)) < 40 else f"{type(value).__name__} {len(repr(value))}"
            yield Case(f"{file} {key}={shown}", edit_json(file, change))


def duplicated(file: str, key: str, value: Any) -> Case:
    """The key stands there twice; the last one counts for Python, the first for others."""
    first = f"{{{json.dumps(key)}: {json.dumps(value)}, ".encode()
    return Case(
        f"{file} {key} twice", edit_bytes(file, lambda raw: first + raw.lstrip().removeprefix(b"{")), may_load=True
    )
