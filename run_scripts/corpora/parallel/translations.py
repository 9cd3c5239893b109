"""Data sets whose rows hold translations, under any usual names of their languages, as streams of pairs."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from datasets.exceptions import DatasetsError
from huggingface_hub import DatasetCard
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, HTTPError

from xlzoo.run_scripts.corpora.hub import config_names
from xlzoo.run_scripts.corpora.languages import hub_tag, iso639_3
from xlzoo.run_scripts.corpora.raw_files import NONSENSE, printable
from xlzoo.run_scripts.corpora.saved import is_saved, load_saved
from xlzoo.run_scripts.corpora.sources import PHRASEBOOK, SPLIT_NAMES, Source, split_files
from xlzoo.run_scripts.corpora.streams import stream
from xlzoo.run_scripts.errors import UserError

from .shards import Pair

COLUMN = "translation"


@dataclass(frozen=True)
class Translations:
    """A data set of the Hub or in a folder, or the phrasebook, with a column translation, or one for each language."""

    dataset: str
    """Hub id, folder or "phrasebook"; after a colon the configuration, where there are several that fit."""
    split: str
    source: str
    target: str
    limit: int = 0
    """The most rows that are read, 0 for all."""

    @property
    def name(self) -> str:
        """What the data set is called: of a folder its last part."""
        name, config = self._place()
        shown = Path(name).absolute().name if Path(name).expanduser().is_dir() else name
        return f"{shown}:{config}" if config else shown

    def identity(self) -> dict[str, Any]:
        """Return what its pairs depend on."""
        return {"dataset": vars(self), "files": _stamps(Path(self._place()[0]).expanduser())}

    def pairs(self) -> Iterator[Pair]:
        """Read the pairs; UserError where the data set is not to be had, or has no such languages."""
        try:
            yield from self._read()
        except (DatasetsError, HTTPError, OSError, ValueError, *NONSENSE) as error:
            # Of a stream what is wrong shows when it is read.
            reason = printable(error.__cause__ or error)
            raise UserError(f"cannot read {self.dataset} to its end: {reason}, give whole data") from error

    def _read(self) -> Iterator[Pair]:
        rows = iter(self._rows())
        first = next(rows, None)
        if first is None:
            raise UserError(f"{self.dataset} holds no rows in its {self.split} split; give another.")
        keys = [_key(first, language, self.dataset) for language in (self.source, self.target)]
        yield self._pair(first, keys)
        for row in islice(rows, self.limit - 1 if self.limit else None):
            yield self._pair(row, keys)

    def licence(self) -> str:
        """Return what the data set's card says."""
        name, _ = self._place()
        if name == PHRASEBOOK:
            return "apache-2.0"
        local = Path(name).expanduser()
        place = str(local / "README.md") if local.is_dir() else name
        with suppress(OSError, ValueError, HfHubHTTPError, HFValidationError):
            found = DatasetCard.load(place).data.to_dict().get("license")
            return ", ".join(map(str, found)) if isinstance(found, list) else str(found or "")
        return ""

    def _rows(self) -> Any:
        name, config = self._place()
        folder = Path(name).expanduser()
        if folder.is_dir() and is_saved(folder):
            splits: Mapping[str, Any] = load_saved(folder)
        else:
            sizes = {self.split: self.limit} if name == PHRASEBOOK and self.limit else {}
            splits = stream(Source(name, config or self._config(name), sizes=sizes))
        split = next((split for split in (self.split, SPLIT_NAMES.get(self.split)) if split in splits), None)
        if split is None:
            raise UserError(
                f"{self.dataset} has no {self.split} split, only {', '.join(splits)}; choose one of these."
            )
        return splits[split]

    def _place(self) -> tuple[str, str | None]:
        """Return the name, and the configuration if one is given."""
        name, colon, config = self.dataset.rpartition(":")
        return (name, config) if colon and not Path(self.dataset).exists() else (self.dataset, None)

    def _config(self, name: str) -> str | None:
        """Choose the configuration of the two languages, or the only one; UserError where there are only others."""
        if name == PHRASEBOOK:
            return f"{self.source}-{self.target}"
        folder = Path(name).expanduser()
        if folder.is_dir() and split_files(folder):
            return None
        names = config_names(name)
        fitting = [config for config in names if {self.source, self.target} in _pairs_in(config)]
        if len(fitting) == 1 or (not fitting and len(names) == 1):
            return (fitting or names)[0]
        if not fitting and "default" in names:
            return "default"
        several = f"several configurations of {self.source} and {self.target}" if fitting else "no such configuration"
        shown = ", ".join((fitting or names)[:20])
        raise UserError(f"{name} has {several}; give one of {shown} as {name}:CONFIGURATION.")

    def _pair(self, row: Mapping[str, Any], keys: Sequence[str]) -> Pair:
        texts = row[COLUMN] if COLUMN in row else row
        source, target = ((texts or {}).get(key) for key in keys)
        return (source if isinstance(source, str) else "", target if isinstance(target, str) else "")


def _key(row: Mapping[str, Any], language: str, name: str) -> str:
    """Return under which key a row has a language: `swh`, `sw`, `swh_Latn`, `Swahili`, the shortest of several."""
    texts = row[COLUMN] if COLUMN in row else row
    if not isinstance(texts, Mapping):
        raise UserError(f"{name} holds {str(texts)[:60]!r} as {COLUMN}; expected a text for each language.")
    found = [key for key in texts if isinstance(key, str) and _code(key) == language]
    usual = (language, hub_tag(language))
    if not found:
        raise UserError(f"{name} has no text in {language}, only {', '.join(map(str, texts))}; give other data.")
    return min(found, key=lambda key: (key not in usual, len(key), key))


def _pairs_in(config: str) -> list[set[str]]:
    """Return the pairs of languages that a name may mean: of `eng_Latn-swh_Latn`, `en-sw`, `sw_en` say."""
    places = [found.start() for found in re.finditer("[-_]", config)]
    return [{_code(config[:place]), _code(config[place + 1 :])} for place in places]


def _code(language: str) -> str:
    try:
        return iso639_3(language)
    except UserError:
        return language


def _stamps(folder: Path) -> list[list[Any]]:
    """Return name, size and time of each file in a folder, nothing where there is no such folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else []
    return [[path.relative_to(folder).as_posix(), path.stat().st_size, path.stat().st_mtime_ns] for path in files]
