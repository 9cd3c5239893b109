"""Who may import whom, and how large things may grow: read from the syntax trees."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODELING = sorted((ROOT / "modeling").glob("*.py"))
SCRIPTS = sorted((ROOT / "run_scripts").glob("run_*.py"))
FOLDERS = ("modeling", "hub_cards", "run_scripts")
PRODUCT = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]
LIBRARIES = {"datasets", "evaluate", "tokenizers", "peft", "accelerate", "transformers", "torch", "safetensors"}


def imports(path: Path) -> list[tuple[int, str]]:
    """Return (level, module) of every import statement, wherever it stands."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            found.append((node.level, node.module or ""))
        elif isinstance(node, ast.Import):
            found += [(0, alias.name) for alias in node.names]
    return found


def ours(path: Path) -> set[str]:
    """Return the rooms of ours that a file imports from."""
    return {name.removeprefix("xlzoo.") for level, name in imports(path) if level == 0 and name.startswith("xlzoo.")}


@pytest.mark.parametrize("path", MODELING, ids=lambda path: path.name)
def test_modeling_files_stand_alone(path):
    """What the Hub runs needs torch, transformers, safetensors and flat siblings."""
    allowed = {"torch", "transformers", "safetensors", *sys.stdlib_module_names}
    # The aligner's optimal matching asks for scipy when it is called, and says so where that is absent.
    allowed |= {"scipy"} if path.name == "optimal_transport.py" else set()
    for level, name in imports(path):
        assert level in (0, 1)
        if level == 1:
            assert "." not in name and (ROOT / "modeling" / f"{name}.py").is_file(), name
        else:
            assert name.split(".")[0] in allowed, name


def test_cards_need_only_the_hub_client():
    """In our own process; what compares outputs needs torch too, and what the fresh process shares with it."""
    for path in (ROOT / "hub_cards").glob("*.py"):
        asks = path.name in ("probes.py", "comparing.py")
        allowed = {"huggingface_hub", "jinja2", *sys.stdlib_module_names} | ({"torch"} if asks else set())
        for level, name in imports(path):
            assert level <= 1 and (name.split(".")[0] in allowed or name.startswith("xlzoo.hub_cards")), (path, name)
            assert asks or not name.startswith("xlzoo.hub_cards.fresh."), (path, name)


def test_programs_of_the_fresh_process_stand_alone():
    """What runs where nothing of ours can be imported needs the libraries and its own siblings."""
    allowed = (LIBRARIES - {"evaluate", "accelerate"}) | set(sys.stdlib_module_names)
    for path in (ROOT / "hub_cards" / "fresh").glob("*.py"):
        for level, name in imports(path):
            if level:
                assert level == 1 and path.with_name(f"{name}.py").is_file(), (path, name)
            else:
                assert name.split(".")[0] in allowed, (path, name)


def test_shared_rooms_do_not_import_scripts():
    for path in PRODUCT:
        assert not any("run_scripts.run_" in name for _, name in imports(path)), path


def test_lower_rooms_stay_below():
    """Corpora, merging and tasks know neither models nor training; modeling never imports upwards (tested above)."""
    for room in ("corpora", "merging", "tasks"):
        for path in (ROOT / "run_scripts" / room).rglob("*.py"):
            for name in ours(path):
                assert name.startswith((f"run_scripts.{room}", "run_scripts.errors")), (path, name)


def test_what_loads_measures_and_trains_models_stays_below_the_stages():
    for room in ("models", "measuring", "objectives"):
        for path in (ROOT / "run_scripts" / room).rglob("*.py"):
            assert not any(name.startswith(("run_scripts.stages", "hub_cards")) for name in ours(path)), path


def test_no_script_is_named_like_a_library():
    """`python run_scripts/run_x.py` puts that folder first on the path: `datasets.py` there would hide the library."""
    assert not {path.stem for path in (ROOT / "run_scripts").iterdir()} & (LIBRARIES | sys.stdlib_module_names)


def test_nothing_runs_at_import():
    """Top level holds imports, definitions, constants and the main guard only."""
    for path in PRODUCT:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            call = isinstance(node, ast.Expr) and not isinstance(node.value, ast.Constant)
            assert not call and not isinstance(node, (ast.For, ast.While, ast.With, ast.Try)), (path, node.lineno)


def test_files_and_functions_stay_small():
    for path in PRODUCT:
        source = path.read_text(encoding="utf-8")
        assert source.count("\n") <= 300, path
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.FunctionDef):
                assert node.end_lineno - node.lineno <= 60, (path, node.name)
    for path in SCRIPTS:
        assert path.read_text(encoding="utf-8").count("\n") <= 120, path


def test_only_xlzoo_becomes_importable():
    """The mapping in setup.py exposes the namespace package and nothing else, from any folder."""
    code = "import xlzoo.modeling, xlzoo.hub_cards, importlib.util as util; print(util.find_spec('modeling'))"
    done = subprocess.run([sys.executable, "-c", code], cwd="/", capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "None"


def test_recipes_name_what_exists():
    """Every `recipes/...` that README and scripts mention is there."""
    for path in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "Makefile", *SCRIPTS]:
        for name in re.findall(r"recipes/[\w.-]+\.yaml", path.read_text(encoding="utf-8")):
            assert (ROOT / "run_scripts" / name).is_file(), (path, name)
