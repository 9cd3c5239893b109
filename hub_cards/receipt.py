"""What a publication did, or would do, for the person at the terminal."""

from dataclasses import dataclass
from pathlib import Path

UNITS = ("bytes", "kB", "MB", "GB")


@dataclass(frozen=True)
class Receipt:
    """What was published, or with `dry_run` would be.

    `where` is a URL, or the path of a local folder. `files` are the names inside it with their sizes in bytes, and
    `left_out` are the names in the source that stayed behind; a folder's name ends in "/".
    """

    where: str
    files: tuple[tuple[str, int], ...]
    left_out: tuple[str, ...] = ()
    dry_run: bool = False

    def describe(self) -> str:
        """Return a small table: one line per file with its size, the sum, and what was left out."""
        rows = [*self.files, (_count(len(self.files), "file"), sum(size for _, size in self.files))]
        name_width = max(len(name) for name, _ in rows)
        size_width = max(len(_readable(size)) for _, size in rows)
        table = [f"  {name:<{name_width}}  {_readable(size):>{size_width}}" for name, size in rows]
        table.insert(-1, f"  {'-' * (name_width + 2 + size_width)}")
        verb = "Would publish" if self.dry_run else "Published"
        left = [f"Left out: {', '.join(self.left_out)}"] if self.left_out else []
        return "\n".join([f"{verb} to {self.where}", *table, *left])


def files_and_sizes(tree: Path) -> tuple[tuple[str, int], ...]:
    """List the files of a staged tree with their sizes in bytes."""
    files = sorted(path for path in tree.rglob("*") if path.is_file())
    return tuple((path.relative_to(tree).as_posix(), path.stat().st_size) for path in files)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"


def _readable(size: float) -> str:
    """Return a size as the Hub shows it, in powers of 1000."""
    for unit in UNITS[:-1]:
        if size < 999.5:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} {UNITS[-1]}"
