"""Evaluation data in local folders: JSON lines by language and split, and some sets in the files that they come in."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datasets import Dataset, DatasetDict

from xlzoo.run_scripts.errors import UserError

from .alignments import read_gold
from .hub import LOCAL_WAY_OUT, config_names
from .raw_files import require_plain
from .readers import read_file, read_lines, read_text
from .sources import SPLIT_NAMES, Source, load
from .squad import read_squad

JSON_ENDINGS = (".jsonl", ".jsonl.gz", ".json", ".json.gz")
TABLE_ENDINGS = (".tsv", ".tsv.gz")
PIVOT = "eng"


@dataclass(frozen=True)
class LocalTask:
    """A task's data in a folder: the languages as its files name them, and how one is read."""

    folder: Path
    codes: tuple[str, ...]
    load: Callable[[str], DatasetDict]


def open_local(data_dir: str, task: str) -> LocalTask:
    """Find a task's languages in `data_dir/task`, or in `data_dir` where there is no such folder.

    Raises UserError where there are none.
    """
    root = Path(data_dir).expanduser()
    folder = root / task if (root / task).is_dir() else root
    if not folder.is_dir():
        raise UserError(f"--data_dir {data_dir} is no folder; expected one with the data of {task}.")
    find, read, expected = OWN_FILES.get(task, (_split_files, _read_splits, "sw/test.jsonl"))
    files = find(folder)
    if not files:
        raise UserError(f"--data_dir: {folder} holds no data that the task knows; expected files such as {expected}.")
    return LocalTask(folder, tuple(files), lambda code: read(files[code], folder))


def hub_data(name: str, config: str | None) -> DatasetDict:
    """Load a data set of the Hub; UserError, which tells of --data_dir, where it cannot be had."""
    with _data_dir_told():
        return load(Source(name=name, config=config))


def hub_configs(name: str) -> list[str]:
    """Name the configurations of a data set of the Hub; UserError as in `hub_data`."""
    with _data_dir_told():
        return config_names(name)


@contextmanager
def _data_dir_told() -> Iterator[None]:
    try:
        yield
    except UserError as error:
        raise UserError(str(error).replace(LOCAL_WAY_OUT, "give a folder with the data with --data_dir")) from error


def _stem(path: Path) -> str:
    return path.name.partition(".")[0]


def _pair_files(folder: Path) -> dict[str, Path]:
    paths = (path for path in sorted(folder.glob(f"*-{PIVOT}.*")) if path.suffix != f".{PIVOT}")
    return {_stem(path).partition("-")[0]: path for path in paths}


def _tables(folder: Path) -> dict[str, Path]:
    return {_stem(path): path for ending in TABLE_ENDINGS for path in sorted(folder.glob(f"*{ending}"))}


def _squad_files(folder: Path) -> dict[str, Path]:
    """Find `de.json`, or `xquad.de.json` as it was released."""
    paths = (path for ending in (".json", ".json.gz") for path in sorted(folder.glob(f"*{ending}")))
    return {_stem(Path(path.name.removeprefix("xquad."))): path for path in paths}


def _aligned_folders(folder: Path) -> dict[str, Path]:
    """Find `de-en/gold.tsv` and the like, by the language that is not English where one is."""
    pairs = {path.parent.name: path.parent for path in sorted(folder.glob("*-*/gold.*"))}
    others = {pair: [code for code in pair.split("-") if code not in ("en", PIVOT)] for pair in pairs}
    names = {pair: codes[0] if len(codes) == 1 else pair for pair, codes in others.items()}
    return {name if list(names.values()).count(name) == 1 else pair: pairs[pair] for pair, name in names.items()}


def _split_files(folder: Path) -> dict[str, dict[str, Path]]:
    """Find `sw/test.jsonl` and the like: code to split to file."""
    files: dict[str, dict[str, Path]] = {}
    for path in sorted(folder.glob("*/*")):
        if path.name.endswith(JSON_ENDINGS):
            split = _stem(path)
            files.setdefault(path.parent.name, {})[SPLIT_NAMES.get(split, split)] = path
    return files


def _read_splits(files: dict[str, Path], folder: Path) -> DatasetDict:
    for path in files.values():
        require_plain(path, folder)
    return DatasetDict({split: read_file(path, "text") for split, path in files.items()})


def _read_mgsm(path: Path, folder: Path) -> DatasetDict:
    """Read `question TAB answer` as the columns that MGSM has on the Hub, all of it the test split."""
    require_plain(path, folder)
    rows = []
    for number, line in read_lines(path):
        question, tab, answer = line.partition("\t")
        digits = answer.strip().replace(",", "")
        if not (tab and question.strip() and digits.removeprefix("-").isdecimal()):
            raise UserError(f"{path}, line {number}: expected a question, a tab and a whole number.")
        rows.append({"question": question, "answer": None, "answer_number": int(digits), "equation_solution": None})
    if not rows:
        raise UserError(f"{path} holds no line; expected a question, a tab and a whole number in each.")
    return DatasetDict({"test": Dataset.from_list(rows)})


def _read_pair(path: Path, folder: Path) -> DatasetDict:
    """Read two files whose lines are translations as `sentence1` and, in English, `sentence2`."""
    other = path.with_name(f"{_stem(path)}.{PIVOT}")
    if not other.is_file():
        raise UserError(f"{path} has no {other.name} beside it; expected the same sentences in English.")
    sides = []
    for file in (path, other):
        require_plain(file, folder)
        sides.append(read_text(file, skip_blank=False)["text"][:])
    if len(sides[0]) != len(sides[1]):
        raise UserError(f"{path} has {len(sides[0])} lines, {other.name} {len(sides[1])}; expected as many.")
    return DatasetDict({"test": Dataset.from_dict({"sentence1": sides[0], "sentence2": sides[1]})})


def _read_squad(path: Path, folder: Path) -> DatasetDict:
    require_plain(path, folder)
    return DatasetDict({"validation": read_squad(path)})


def _read_aligned(pair: Path, folder: Path) -> DatasetDict:
    """Read `src.txt`, `tgt.txt` and `gold.*` as words and links, all of them the test split."""
    golds, sides = sorted(pair.glob("gold.*")), []
    for path in (pair / "src.txt", pair / "tgt.txt", *golds):
        require_plain(path, folder)
    for name in ("src.txt", "tgt.txt"):
        sides.append([line.split() for line in read_text(pair / name, skip_blank=False)["text"]])
    gold = read_gold(golds[0])
    if len(sides[0]) != len(sides[1]):
        raise UserError(f"{pair} has {len(sides[0])} lines in src.txt, {len(sides[1])} in tgt.txt; expected as many.")
    gold.check_length(len(sides[0]), is_whole=True)
    rows = []
    for number, (source, target) in enumerate(zip(*sides, strict=True)):
        links = gold[number]
        links.check(f"{gold.path}, sentence {number}", len(source), len(target))
        rows.append(
            {"source": source, "target": target, "sure": sorted(links.sure), "possible": sorted(links.possible)}
        )
    return DatasetDict({"test": Dataset.from_list(rows)})


OWN_FILES: dict[str, tuple[Callable[[Path], Mapping[str, Any]], Callable[[Any, Path], DatasetDict], str]] = {
    "tatoeba": (_pair_files, _read_pair, "swh-eng.swh and swh-eng.eng"),
    "mgsm": (_tables, _read_mgsm, "sw.tsv"),
    "xquad": (_squad_files, _read_squad, "de.json"),
    "word_alignment": (_aligned_folders, _read_aligned, "de-en/src.txt, tgt.txt and gold.tsv"),
}
"""Tasks whose files are no JSON lines by language and split: how they are found and read, and what they are called."""
