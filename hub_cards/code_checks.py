"""Whether the modeling code of a folder is all there, as `trust_remote_code` will look for it."""

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from xlzoo.hub_cards.errors import PublishError
from xlzoo.hub_cards.file_checks import read_object

# transformers finds the files to fetch by such lines, wherever they stand, in a docstring too.
RELATIVE = re.compile(r"^[ \t]*from[ \t]+\.(\S+)[ \t]+import|^[ \t]*import[ \t]+\.(\S+)[ \t]*$", re.MULTILINE)


def check_code(folder: Path, files: Iterable[Path]) -> None:
    """Raise PublishError if a class of an auto_map, or a file that the code imports by `from .x`, is missing."""
    listed = sorted(files)
    defined = {file: _names(folder, file) for file in listed if file.suffix == ".py"}
    for file in listed:
        if file.name.endswith("config.json"):
            _check_auto_map(file, read_object(folder, file), defined)


def _names(folder: Path, file: Path) -> set[str]:
    """Return the classes and imported names of a Python file, all of whose relative imports are there."""
    text = (folder / file).read_text(encoding="utf-8")
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError) as error:
        raise PublishError(f"{file} is not valid Python, so it cannot be published: {error}.") from error
    wanted = {first or second for first, second in RELATIVE.findall(text)}
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.ImportFrom):
            names |= {alias.asname or alias.name for alias in node.names}
            if node.level:
                wanted |= {"." * (node.level - 1) + (node.module or alias.name) for alias in node.names}
    for module in sorted(wanted):
        if not (module.isidentifier() and (folder / file).with_name(f"{module}.py").is_file()):
            raise PublishError(
                f"{file} imports from .{module}, but no file {module}.py lies beside it, where alone it is looked for."
            )
    return names


def _check_auto_map(file: Path, config: dict[str, object], defined: dict[Path, set[str]]) -> None:
    auto_map = config.get("auto_map")
    if auto_map is None:
        return
    for reference in _references(auto_map):
        module, _, name = reference.rpartition(".")
        code = file.parent / f"{module}.py"
        if code not in defined:
            raise PublishError(f"{file} names {reference!r} in its auto_map, but the folder holds no file {code}.")
        if name not in defined[code]:
            raise PublishError(f"{file} names {reference!r} in its auto_map, but {code} holds no class {name}.")
    if isinstance(auto_map, dict):
        _check_architectures(file, config.get("architectures"), auto_map)


def _check_architectures(file: Path, architectures: object, auto_map: dict[str, object]) -> None:
    """Require an Auto class for the model itself where the folder has code for models."""
    models = [reference for auto, reference in auto_map.items() if auto.startswith(("AutoModel", "TFAutoModel"))]
    classes = {reference.rpartition(".")[2] for reference in _references(models)}
    for name in architectures if isinstance(architectures, list) and classes else []:
        if name not in classes:
            raise PublishError(
                f"{file} says that the model is a {name}, but no Auto class of its auto_map leads there."
            )


def _references(auto_map: object) -> Iterator[str]:
    """Yield every "module.Class" of an auto_map, in which a tokenizer has a list of two, one of them perhaps null."""
    if isinstance(auto_map, dict):
        for value in auto_map.values():
            yield from _references(value)
    elif isinstance(auto_map, list):
        for value in auto_map:
            yield from _references(value)
    elif isinstance(auto_map, str):
        yield auto_map
