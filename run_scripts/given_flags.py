"""The flags that a run was given, as a recipe that another machine can run."""

import os
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path
from typing import Any

WHERE = frozenset(
    {
        "output_dir",
        "overwrite_output_dir",
        "resume_from_checkpoint",
        "push_to_hub",
        "dry_run",
        "report_to",
        "run_name",
        "project",
        "disable_tqdm",
    }
)
"""Flags that say where a run writes, reports and goes on, but not what it computes."""


def given_flags(parser: ArgumentParser, arguments: Sequence[str]) -> dict[str, Any]:
    """Return flag -> value wherever it is not the default, in the parser's order.

    Left out are `WHERE` and all that has to do with the Hub; of a path only the last part stays.
    """
    values, defaults = (vars(parser.parse_known_args(given)[0]) for given in (list(arguments), []))
    return {
        name: _portable(value)
        for name, value in values.items()
        if value != defaults[name] and name not in WHERE and not name.startswith(("hub_", "trackio_"))
    }


def is_local(name: str) -> bool:
    """Say whether a name is, or could only be, a path on this machine: not every path that is named exists."""
    return os.path.isabs(name) or name.startswith(("~", ".")) or "\\" in name or os.path.exists(name)


def _portable(value: Any) -> Any:
    if isinstance(value, list):
        return [_portable(item) for item in value]
    return last_part(value) if isinstance(value, str) and is_local(value) else value


def last_part(path: str) -> str:
    """Return a file's or folder's own name, also of `.` and of what ends in a slash."""
    return Path(os.path.abspath(Path(path).expanduser())).name
