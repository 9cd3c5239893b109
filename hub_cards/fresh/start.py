"""The first lines of a fresh process: this project and the network are taken away, then one program runs.

    python -I start.py NEEDS usage SCRIPT           runs a script
    python -I start.py NEEDS ask_model REQUEST      runs `ask_model.py` beside this file, or another of its siblings

NEEDS are modules of this project, with commas between, that may be imported all the same.
"""

import errno
import runpy
import socket
import sys
import traceback
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

PROJECT = "xlzoo"
# The name of this folder as a package of its own.
ALONE = "xlzoo_fresh"
LOOKUPS = frozenset({"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"})
LONGEST_REASON = 500


class WithoutProject(MetaPathFinder):
    """A finder that is asked first and refuses the project, however it was installed, save the modules in `needs`."""

    def __init__(self, needs: Sequence[str]) -> None:
        self.needs = needs

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> None:
        """Raise ModuleNotFoundError for the project, and leave every other module to the finders behind this one."""
        if name.partition(".")[0] == PROJECT and not any(self._belongs(name, need) for need in self.needs):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    @staticmethod
    def _belongs(name: str, need: str) -> bool:
        """Say whether a module is the needed one, lies inside it, or around it."""
        return f"{name}.".startswith(f"{need}.") or f"{need}.".startswith(f"{name}.")


def refuse_network(event: str, details: tuple[object, ...]) -> None:
    """Be an audit hook that raises OSError where a connection to another machine would begin."""
    connects = event in ("socket.connect", "socket.sendto") and isinstance(details[0], socket.socket)
    if event in LOOKUPS or (connects and details[0].family in (socket.AF_INET, socket.AF_INET6)):  # type: ignore[attr-defined]
        raise OSError(errno.ENETUNREACH, "the network is off in this process")


def main() -> None:
    """Run the program that the arguments name; the last line on stderr is the reason where it fails."""
    needs, program, file = sys.argv[1:]
    sys.meta_path.insert(0, WithoutProject([need for need in needs.split(",") if need]))
    sys.addaudithook(refuse_network)
    try:
        if program == "usage":
            sys.argv = [file]
            runpy.run_path(file, run_name="__main__")
        else:
            _run_sibling(program)
    except Exception as error:
        traceback.print_exc()
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        sys.stderr.write(f"\n{reason[:LONGEST_REASON]}\n")
        sys.exit(1)


def _run_sibling(program: str) -> None:
    """Run a module of this folder, whose siblings it can import by `from .x` although the project is not there."""
    spec = spec_from_file_location(ALONE, Path(__file__).with_name("__init__.py"))
    if spec is None or spec.loader is None:
        raise ImportError(f"The folder of {__file__} is incomplete.")
    sys.modules[ALONE] = module_from_spec(spec)
    spec.loader.exec_module(sys.modules[ALONE])
    runpy.run_module(f"{ALONE}.{program}", run_name="__main__")


if __name__ == "__main__":
    main()
