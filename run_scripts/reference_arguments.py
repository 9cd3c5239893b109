"""Arguments that say what a reference task is made of, and where it goes."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

from datasets import IterableDataset

from xlzoo.run_scripts.corpora.hub import config_names
from xlzoo.run_scripts.corpora.languages import iso639_3
from xlzoo.run_scripts.corpora.reference_rows import usual_unit
from xlzoo.run_scripts.corpora.sources import PHRASEBOOK, Source
from xlzoo.run_scripts.corpora.streams import first_row, open_rows
from xlzoo.run_scripts.data_arguments import SourceArguments, require_at_least
from xlzoo.run_scripts.errors import UserError

UNITS = ("words", "characters", "tokens")
FORMATS = ("json", "jsonl")
WHERE = ("output_dir", "overwrite", "trust_remote_code")
"""What the rows do not depend on."""


@dataclass
class ReferenceArguments(SourceArguments):
    """Which text becomes prompts with completions, and of which shape; the limits on samples count documents."""

    output_dir: str | None = field(default=None, metadata={"help": "Folder for train, validation and test rows."})
    rows: int = field(default=10_000, metadata={"help": "Training rows."})
    eval_rows: int = field(
        default=500,
        metadata={"help": "Validation and test rows; without a validation split, the first documents give them."},
    )
    unit: str | None = field(
        default=None,
        metadata={
            "help": "What is counted; by default words, or characters where the language has no spaces.",
            "choices": list(UNITS),
        },
    )
    prompt_units: int = field(default=511, metadata={"help": "Units of a prompt: 511 -> 1, or 1 -> 511."})
    completion_units: int = field(default=1, metadata={"help": "Units of its completion."})
    whole_documents: bool = field(
        default=False,
        metadata={"help": "A row per document, completed by its last units; otherwise pieces of the running text."},
    )
    tokenizer_name: str | None = field(default=None, metadata={"help": "Hub id or folder, for --unit tokens."})
    trust_remote_code: bool = field(default=False, metadata={"help": "Run code from the tokenizer's repository."})
    seed: int | None = field(default=None, metadata={"help": "Shuffle the documents by this seed; else in order."})
    shuffle_buffer_size: int = field(default=10_000, metadata={"help": "Documents that are shuffled at a time."})
    output_format: str = field(
        default="json", metadata={"help": "json: one list, as published. jsonl: lines.", "choices": list(FORMATS)}
    )
    overwrite: bool = field(default=False, metadata={"help": "Write over the reference task that is there."})

    def __post_init__(self) -> None:
        super().__post_init__()
        require_at_least(1, self, "rows", "prompt_units", "completion_units", "shuffle_buffer_size")
        require_at_least(0, self, "eval_rows", "seed")
        if self.output_dir is None:
            raise UserError("Name the folder for the rows with --output_dir.")
        if (self.unit == "tokens") != (self.tokenizer_name is not None):
            raise UserError("--unit tokens and --tokenizer_name go together; give both or neither.")
        named = (_language_of(config) for config in self.dataset_config_name)
        self.unit = self.unit or usual_unit(self.language_code() or next(filter(None, named), None))

    @property
    def settings(self) -> dict[str, Any]:
        """What the rows depend on."""
        return {name: value for name, value in asdict(self).items() if name not in WHERE}

    def documents(self) -> dict[str, Iterator[str]]:
        """Return the text of every split, read as it is needed, in order or shuffled."""
        column = self.text_column_name or "text"
        parts = [open_rows(source) for source in self._of_the_language()]
        return {
            split: chain.from_iterable([self._texts(part[split], split, column) for part in parts])
            for split in parts[0]
            if all(split in part for part in parts)
        }

    def _texts(self, rows: IterableDataset, split: str, column: str) -> Iterator[str]:
        names = list(first_row(rows, split))
        if column not in names:
            raise UserError(
                f"The {split} rows have no column {column}, only {', '.join(names)}; name it with --text_column_name."
            )
        limit = self.limits.get(split)
        rows = rows if limit is None else rows.take(limit)
        if self.seed is not None:
            rows = rows.shuffle(seed=self.seed, buffer_size=self.shuffle_buffer_size)
        return (_text(row[column], place, split) for place, row in enumerate(rows))

    def _of_the_language(self) -> list[Source]:
        """Return the sources; where `--language` is given and no configuration, that of the language, the newest."""
        sources = self.sources("text")
        name = str(self.dataset_name)
        if self.language is None or self.dataset_config_name or self.dataset_name in (None, PHRASEBOOK):
            return sources
        if Path(name).expanduser().is_dir():
            return sources
        names = config_names(name)
        if len(names) < 2:
            return sources
        self.dataset_config_name = [newest_config(names, self.language, name)]
        return self.sources("text")


def newest_config(names: list[str], language: str, whose: str) -> str:
    """Return the last of the configurations that end in this language, such as `20231101.sw`."""
    wanted = iso639_3(language)
    found = [name for name in names if _language_of(name) == wanted]
    if not found:
        raise UserError(
            f"{whose} has no configuration for {language}, only {', '.join(names[:10])}"
            f"{', ...' * (len(names) > 10)}; name one with --dataset_config_name."
        )
    return max(found)


def _language_of(config: str) -> str | None:
    try:
        return iso639_3(config.rpartition(".")[2])
    except UserError:
        return None


def _text(value: object, place: int, split: str) -> str:
    if not isinstance(value, str):
        raise UserError(f"Document {place} of the {split} split is {str(value)[:40]!r}; expected a text, correct it.")
    return value
