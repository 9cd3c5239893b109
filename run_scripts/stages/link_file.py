"""A file of links that grows line by line, and from which a run that died goes on."""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from xlzoo.run_scripts.corpora.alignments import Link, pharaoh
from xlzoo.run_scripts.errors import UserError

BLOCK = 2**20


class LinkFile:
    """Links in Pharaoh's format, one line for each pair; beside it lies `<name>.run.json` with the run's settings."""

    def __init__(self, path: Path, settings: dict[str, Any], overwrite: bool = False) -> None:
        """Look at what is there; nothing is written yet.

        Raises UserError where it is not such a file, or holds links of other settings, unless it is to be overwritten.
        """
        if path.is_dir():
            raise UserError(f"--output_file {path} is a folder; name a file in it.")
        self.path, self.settings = path, settings
        self.notes = path.with_name(f"{path.name}.run.json")
        self.lines = self.size = 0
        if path.exists() and not overwrite:
            self._check_settings()
            self.lines, self.size = _whole_lines(path)

    def _check_settings(self) -> None:
        try:
            known = json.loads(self.notes.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            known = None
        if not isinstance(known, dict):
            raise UserError(
                f"--output_file {self.path} exists and was not written by this script; name another file, or give "
                "--overwrite."
            )
        for name, value in self.settings.items():
            if known.get(name) != value:
                raise UserError(
                    f"--output_file {self.path} holds links of another run ({name} was {known.get(name)}, now "
                    f"{value}); name another file, or give --overwrite."
                )

    def begin(self) -> None:
        """Make the file, or cut a line off that was not written to its end."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.notes.write_text(json.dumps(self.settings, indent=2) + "\n", encoding="utf-8")
            with self.path.open("ab") as file:
                file.truncate(self.size)
        except OSError as error:
            raise UserError(f"--output_file {self.path} cannot be written: {error.strerror}; name another.") from error

    def append(self, sentences: Iterable[Iterable[Link]]) -> None:
        """Write the links of the next pairs, so that they are on the disk."""
        with self.path.open("a", encoding="ascii", newline="\n") as file:
            file.writelines(f"{pharaoh(links)}\n" for links in sentences)
            file.flush()
            os.fsync(file.fileno())


def _whole_lines(path: Path) -> tuple[int, int]:
    """Count the lines that end, and their bytes, in little memory."""
    lines = size = read = 0
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            lines += block.count(b"\n")
            last = block.rfind(b"\n")
            size = read + last + 1 if last >= 0 else size
            read += len(block)
    return lines, size
