"""The one-step arrival of a finished tree in a local folder."""

import ctypes
import os
import shutil
import sys
import tempfile
from pathlib import Path


def place(tree: Path, destination: Path) -> None:
    """Move a finished tree to its destination on the same disk; an older tree there is replaced whole or stays."""
    if not destination.exists():
        tree.rename(destination)
    elif not exchange(tree, destination):
        _replace(tree, destination)


def exchange(one: Path, other: Path) -> bool:
    """Let two folders swap their names in one step and say whether the system could; the step has no middle."""
    if sys.platform != "linux":
        return False
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "renameat2"):
        return False
    at_working_folder, swap = -100, 2
    return libc.renameat2(at_working_folder, os.fsencode(one), at_working_folder, os.fsencode(other), swap) == 0


def _replace(tree: Path, destination: Path) -> None:
    """Put the older tree aside, the new one in its place, and the older one back if that fails."""
    aside = Path(tempfile.mkdtemp(prefix=f".{destination.name}-", dir=destination.parent))
    destination.rename(aside / destination.name)
    try:
        tree.rename(destination)
    finally:
        if not destination.exists():
            (aside / destination.name).rename(destination)
    shutil.rmtree(aside)
