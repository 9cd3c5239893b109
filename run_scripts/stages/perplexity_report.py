"""The file with the perplexities that are known already, so that a run that died goes on where it stopped."""

import json
from pathlib import Path
from typing import Any

from xlzoo.run_scripts.errors import UserError

Metrics = dict[str, Any]


class PerplexityReport:
    """Metrics per language or file, in memory and, where a path is given, in a JSON file with the run's settings."""

    def __init__(
        self, path: str | None, settings: dict[str, Any], overwrite: bool = False, flag: str = "--output_file"
    ) -> None:
        """Read what the file holds, unless it is to be overwritten; `flag` names it in errors.

        Raises UserError where it is not such a file, or holds results of other settings.
        """
        self.path = None if path is None else Path(path)
        self.settings, self.flag = settings, flag
        self.results: dict[str, Metrics] = {}
        if self.path is None or not self.path.exists():
            return
        known = _read(self.path, flag)
        if overwrite or not known["results"]:
            return
        for name, value in settings.items():
            if known["settings"].get(name) != value:
                raise UserError(
                    f"{flag} {path} holds results of another run ({name} was {known['settings'].get(name)}, "
                    f"now {value}); name another, or give --overwrite."
                )
        self.results = known["results"]

    def add(self, name: str, metrics: Metrics) -> None:
        """Note the metrics of a language or file, and write the file."""
        self.results[name] = metrics
        self.write()

    def write(self) -> None:
        """Write the file as a whole or not at all; `UserError` where that is impossible."""
        if self.path is None:
            return
        part = self.path.with_name(f"{self.path.name}.part")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            content = {"settings": self.settings, "results": self.results}
            part.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
            part.replace(self.path)
        except OSError as error:
            raise UserError(f"{self.flag} {self.path} cannot be written: {error.strerror}; name another.") from error


def _read(path: Path, flag: str) -> dict[str, Any]:
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        known = None
    parts = [known.get(name) for name in ("settings", "results")] if isinstance(known, dict) else [None]
    if not all(isinstance(part, dict) for part in parts):
        raise UserError(f"{flag} {path} exists and was not written by this script; name another.")
    return known
