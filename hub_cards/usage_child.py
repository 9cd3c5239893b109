"""The fresh process of `usage.py`: run one script as if this project were not installed."""

import runpy
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from types import ModuleType


class WithoutXlzoo(MetaPathFinder):
    """A finder that is asked first and refuses the project, however it was installed."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> None:
        """Raise ModuleNotFoundError for the project, and leave every other module to the finders behind this one."""
        if name.partition(".")[0] == "xlzoo":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def main() -> None:
    """Run the script whose path is the one argument."""
    sys.meta_path.insert(0, WithoutXlzoo())
    runpy.run_path(sys.argv[1], run_name="__main__")


if __name__ == "__main__":
    main()
