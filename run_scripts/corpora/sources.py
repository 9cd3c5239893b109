"""One loader for all scripts: rows from the Hub, a folder, files or the phrasebook, and checks of what came."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from textwrap import shorten

import datasets

from xlzoo.run_scripts.errors import UserError

from .hub import load_repository
from .languages import iso639_3
from .raw_files import require_plain
from .readers import ending, is_readable, read_file
from .saved import is_saved, load_saved
from .squad import read_squad
from .xtreme_rows import read_xtreme

PHRASEBOOK = "phrasebook"
SPLIT_NAMES = {"dev": "validation", "val": "validation", "valid": "validation"}
SPLIT_ORDER = ("train", "validation", "test")
SPLIT_IN_STEM = re.compile(r"(?:^|[-_.])(train|dev|val|valid|validation|test)$")
TAG_WITH_REGION = re.compile(r"[a-z]{2,3}-([A-Z]{2}|[A-Z][a-z]{3})")


@dataclass(frozen=True)
class Source:
    """Where rows come from: a Hub id, a folder, files, or the phrasebook."""

    name: str | None = None
    """Hub id, local folder, or "phrasebook"."""
    config: str | None = None
    """The Hub's configuration, or the phrasebook's language or pair (`swh`, `en-sw`) in any spelling."""
    files: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Split to its paths, where files are named one by one."""
    kind: str = "text"
    """What files hold: lines of "text", tagged words, "tokens", or "questions", in SQuAD's form if `.json`."""
    language: str | None = None
    """The rows' language; the phrasebook's where `config` is not given."""
    seed: int = 0
    """The phrasebook's seed."""
    sizes: Mapping[str, int] = field(default_factory=dict)
    """The phrasebook's rows per split, where they are not the usual number."""

    def __str__(self) -> str:
        """Name the source for messages."""
        named = " ".join(part for part in (self.name, self.config) if part)
        return ", ".join(chain.from_iterable(self.files.values())) or named


def load(source: Source) -> datasets.DatasetDict:
    """Load every split of a source; `dev`, `val` and `valid` become `validation`.

    Raises UserError if the source is not exactly one of name and files, or cannot be found, reached or read.
    """
    if bool(source.name) == bool(source.files):
        raise UserError("expected one source of data: give either --dataset_name or files such as --train_file")
    if source.files:
        return _in_order({split: _read_files(paths, source.kind) for split, paths in source.files.items()})
    if source.name == PHRASEBOOK:
        from .phrasebook import SIZES, load_phrasebook

        config = phrasebook_config(source.config or source.language or "eng")
        return load_phrasebook(config, seed=source.seed, sizes={**SIZES, **source.sizes})
    name = str(source.name)
    folder = Path(name).expanduser()
    return _in_order(_load_folder(folder, source) if folder.is_dir() else load_repository(name, source.config))


def _read_files(paths: Sequence[str], kind: str) -> datasets.Dataset:
    """Read files one after the other; they must have the same columns."""
    parts = [_read(Path(path), kind) for path in paths]
    for path, part in zip(paths, parts, strict=True):
        if part.column_names != parts[0].column_names:
            raise UserError(
                f"{path} has the columns {', '.join(part.column_names)}, {paths[0]} has "
                f"{', '.join(parts[0].column_names)}: give files of one kind"
            )
    return datasets.concatenate_datasets(parts)


def _read(path: Path, kind: str) -> datasets.Dataset:
    if kind == "questions" and ending(path) == ".json":
        return read_squad(path)
    found = read_xtreme(path, kind)
    return read_file(path, kind) if found is None else found


def phrasebook_config(config: str) -> str:
    """Normalise a language or a pair: `Swahili` is `swh`, `en-sw` is `eng-swh`, but `pt-BR` is one language, `por`."""
    halves = config.split("-")
    if len(halves) != 2 or TAG_WITH_REGION.fullmatch(config):
        return iso639_3(config)
    return "-".join(iso639_3(half) for half in halves)


def _load_folder(folder: Path, source: Source) -> Mapping[str, datasets.Dataset]:
    if is_saved(folder):
        return load_saved(folder)
    files = {} if source.config else split_files(folder)
    if files:
        return {split: _read(path, source.kind) for split, path in files.items()}
    return load_repository(str(folder), source.config)


def split_files(folder: Path) -> dict[str, Path]:
    """Find the files named after a split: `train.txt.gz`, `dev.conllu`, `en_ewt-ud-test.iob2`."""
    files: dict[str, Path] = {}
    for path in sorted(path for path in folder.iterdir() if path.is_file() and is_readable(path)):
        stem = path.name.removesuffix(".gz")[: -len(ending(path))]
        if found := SPLIT_IN_STEM.search(stem):
            split = SPLIT_NAMES.get(found[1], found[1])
            if split in files:
                raise UserError(f"{folder} has two files for {split}, {files[split].name} and {path.name}: remove one")
            require_plain(path, folder)
            files[split] = path
    return files


def _in_order(splits: Mapping[str, datasets.Dataset]) -> datasets.DatasetDict:
    """Give splits their usual names, unless taken, in their usual order, the others after them."""
    named: dict[str, datasets.Dataset] = {}
    for split, rows in splits.items():
        usual = SPLIT_NAMES.get(split, split)
        named[split if usual in splits or usual in named else usual] = rows
    order = {split: place for place, split in enumerate(SPLIT_ORDER)}
    return datasets.DatasetDict(sorted(named.items(), key=lambda item: order.get(item[0], len(order))))


def require_columns(dataset: datasets.DatasetDict, columns: Sequence[str], source: Source) -> None:
    """Raise UserError unless every split has the columns."""
    for split, rows in dataset.items():
        if missing := [column for column in columns if column not in rows.column_names]:
            raise UserError(
                f"{source} has no column {' or '.join(missing)} in its {split} split, only "
                f"{', '.join(rows.column_names)}: name the right one with --text_column_name or --label_column_name"
            )


def label_names(dataset: datasets.DatasetDict, column: str) -> list[str]:
    """Name the labels: a ClassLabel's in their order, or the train split's strings sorted, "O" first.

    Raises UserError if there is no train split, or the labels are numbers without names.
    """
    if "train" not in dataset:
        raise UserError(f"the labels of {column} come from a train split, found only {', '.join(dataset)}: add one")
    if label := _class_label(dataset["train"], column):
        return list(label.names)
    found = {name for names in _labels(dataset["train"], column) for name in names}
    return sorted(found, key=lambda name: (name != "O", name))


def as_strings(dataset: datasets.DatasetDict, column: str) -> datasets.DatasetDict:
    """Replace the ClassLabel numbers of a column, one or a list of them per row, by the labels' names."""
    return datasets.DatasetDict({split: _named(rows, column) for split, rows in dataset.items()})


def require_known_labels(dataset: datasets.DatasetDict, column: str, labels: Sequence[str]) -> None:
    """Raise UserError if a split has labels other than these, naming them, the split and the first such row."""
    for split, rows in dataset.items():
        unknown = [set(names) - set(labels) for names in _labels(rows, column)]
        if found := sorted(set().union(*unknown)):
            place = next(index for index, names in enumerate(unknown) if names)
            raise UserError(
                f"{column} of the {split} split holds {', '.join(found)}, unseen in training, first in row {place} "
                f"({_sentence(rows[place], column)}): expected {', '.join(labels)}, correct the split or leave it out"
            )


def _class_label(rows: datasets.Dataset, column: str) -> datasets.ClassLabel | None:
    feature = rows.features[column]
    single = feature.feature if isinstance(feature, datasets.List) else feature
    return single if isinstance(single, datasets.ClassLabel) else None


def _labels(rows: datasets.Dataset, column: str) -> Iterator[list[str]]:
    """Yield each row's label names, one or several."""
    for value in _named(rows, column)[column]:
        names = value if isinstance(value, list) else [value]
        if not all(isinstance(name, str) for name in names):
            raise UserError(
                f"{column} holds {names[:3]}, not label names: expected strings, or numbers of a ClassLabel"
            )
        yield names


def _named(rows: datasets.Dataset, column: str) -> datasets.Dataset:
    label = _class_label(rows, column)
    if label is None:
        return rows
    text = datasets.Value("string")
    shape = datasets.List(text) if isinstance(rows.features[column], datasets.List) else text
    features = datasets.Features({**rows.features, column: shape})
    try:
        return rows.map(lambda row: {column: label.int2str(row[column])}, features=features)
    except ValueError as error:
        raise UserError(
            f"{column} has numbers outside its {len(label.names)} names ({error}): correct the data"
        ) from error


def _sentence(row: Mapping[str, object], column: str) -> str:
    """Quote the beginning of a row's first text or words besides the labels."""
    others = (value for name, value in row.items() if name != column)
    texts = (" ".join(map(str, value)) if isinstance(value, list) else value for value in others)
    return repr(shorten(next((text for text in texts if isinstance(text, str)), ""), width=60))
