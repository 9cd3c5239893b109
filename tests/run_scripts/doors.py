"""A door that only looks at what is carried through it, for tests of what the scripts publish."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xlzoo.hub_cards import Facts, PublishError, Receipt


@dataclass(frozen=True)
class Parcel:
    folder: Path
    repo_id: str
    facts: Facts
    files: set[str]
    probe: Any
    asked: dict[str, Any]
    """The other arguments."""


class Door:
    """Stands in for `publish`: keeps a record, and puts a plain copy of the folder into a `hub_dir`."""

    def __init__(self) -> None:
        self.parcels: list[Parcel] = []
        self.error: str | None = None

    def __call__(self, folder, repo_id, facts, *, probe, hub_dir, dry_run, **others) -> Receipt:
        if self.error:
            raise PublishError(self.error)
        files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
        asked = {"hub_dir": hub_dir, "dry_run": dry_run, **others}
        self.parcels.append(Parcel(folder, repo_id, facts, files, probe, asked))
        assert all((folder / figure.file).is_file() for figure in facts.figures)
        assert probe.answer.is_dir(), "the probe is there while the door looks at it"
        if hub_dir and not dry_run:
            shutil.copytree(folder, hub_dir / repo_id, dirs_exist_ok=True)
        return Receipt(where=f"the door of {repo_id}", files=(("README.md", 1),), dry_run=dry_run)

    @property
    def only(self) -> Parcel:
        (parcel,) = self.parcels
        return parcel
