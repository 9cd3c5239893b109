"""Arguments that say where the rows come from, shared by the scripts."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import chain

from datasets import Dataset, DatasetDict, concatenate_datasets

from xlzoo.run_scripts.corpora.languages import iso639_3
from xlzoo.run_scripts.corpora.sources import Source, load, require_columns
from xlzoo.run_scripts.errors import UserError

REPEATABLE = {"action": "extend", "nargs": "+"}


@dataclass
class SourceArguments:
    """Where the rows come from."""

    dataset_name: str | None = field(default=None, metadata={"help": "Hub id, folder, or 'phrasebook'."})
    dataset_config_name: list[str] = field(
        default_factory=list, metadata={"help": "Hub config(s); the phrasebook's languages or pairs.", **REPEATABLE}
    )
    train_file: list[str] = field(default_factory=list, metadata={"help": "Training file(s).", **REPEATABLE})
    validation_file: str | None = field(default=None, metadata={"help": "Validation file."})
    test_file: str | None = field(default=None, metadata={"help": "Test file, for --do_predict."})
    language: str | None = field(default=None, metadata={"help": "The data's language, any spelling; also for cards."})
    max_train_samples: int | None = field(default=None, metadata={"help": "Train on the first rows only."})
    max_eval_samples: int | None = field(default=None, metadata={"help": "Evaluate and test on the first rows only."})
    phrasebook_seed: int = field(default=0, metadata={"help": "Seed of the phrasebook's sentences."})
    text_column_name: str | None = field(default=None, metadata={"help": "Column with the text, or the words."})

    def __post_init__(self) -> None:
        if self.language is not None:
            iso639_3(self.language)
        require_at_least(1, self, "max_train_samples", "max_eval_samples")
        require_at_least(0, self, "phrasebook_seed")

    def load(self, kind: str, *choices: dict[str, str]) -> DatasetDict:
        """Load the rows, cut to the limits, with only the columns of one choice, {wanted name: name in the data}.

        The first choice counts of which the data have every column; UserError where there is none, and where one of
        several configurations has rows to train on and another has not.
        """
        parts = [load(source) for source in self.sources(kind)]
        columns = first_present(choices, next(iter(parts[0].values())).column_names)
        for source, part in zip(self.sources(kind), parts, strict=True):
            require_columns(part, list(columns.values()), source)
        whole = joined_parts(parts)
        renames = {theirs: ours for ours, theirs in columns.items() if ours != theirs}
        kept = self.chosen(whole, kind).select_columns(list(columns.values())).rename_columns(renames)
        return DatasetDict(
            {split: first_rows(rows, self.limits.get(split.partition(".")[0])) for split, rows in kept.items()}
        )

    def chosen(self, loaded: DatasetDict, kind: str) -> DatasetDict:
        """Return what is wanted of the rows of this kind, before they are cut to the limits: here all."""
        return loaded

    def _configs(self) -> Sequence[str | None]:
        return self.dataset_config_name or [None]

    @property
    def limits(self) -> dict[str, int]:
        """The most rows of a split, where that was asked for."""
        most = {"train": self.max_train_samples, "validation": self.max_eval_samples, "test": self.max_eval_samples}
        return {split: limit for split, limit in most.items() if limit}

    def sources(self, kind: str) -> list[Source]:
        """Return one source per configuration, whose rows are to be read one after the other."""
        named = {
            "train": self.train_file,
            "validation": [self.validation_file] if self.validation_file else [],
            "test": [self.test_file] if self.test_file else [],
        }
        source = Source(
            name=self.dataset_name,
            files={split: paths for split, paths in named.items() if paths},
            kind=kind,
            language=self.language,
            seed=self.phrasebook_seed,
            sizes=self.limits,
        )
        return [replace(source, config=config) for config in self._configs()]

    def language_code(self) -> str | None:
        """Return the ISO 639-3 code of `--language`, or of the phrasebook's configuration."""
        if self.language is None and self.dataset_name != "phrasebook":
            return None
        return iso639_3(self.language or next(iter(self.dataset_config_name), "eng"))


@dataclass
class DataArguments(SourceArguments):
    """Where the rows of an encoder come from, and how long they may be."""

    max_seq_length: int = field(default=128, metadata={"help": "Longest input in pieces; longer ones are split."})
    label_column_name: str | None = field(default=None, metadata={"help": "Column with the words' labels."})


def joined_parts(parts: Sequence[DatasetDict]) -> DatasetDict:
    """Return the rows of every split one part after the other; UserError where only some have rows to train on."""
    splits = list(dict.fromkeys(chain(*parts)))
    if "train" in splits and not all("train" in part for part in parts):
        raise UserError("A --dataset_config_name has no train split and another one has; name those that have one.")
    return DatasetDict(
        {split: concatenate_datasets([part[split] for part in parts if split in part]) for split in splits}
    )


def first_present(choices: Sequence[dict[str, str]], columns: Sequence[str]) -> dict[str, str]:
    """Return the first choice whose columns are all there, else the last, of which an error will speak."""
    return next((choice for choice in choices if set(choice.values()) <= set(columns)), choices[-1])


def first_rows(rows: Dataset, limit: int | None) -> Dataset:
    """Return the first `limit` rows, or all."""
    return rows if limit is None else rows.select(range(min(limit, len(rows))))


def require_at_least(lowest: int, holder: object, *names: str) -> None:
    """Raise UserError where one of these flags of a dataclass was given and is lower, or is no number at all."""
    for name in names:
        value = vars(holder)[name]
        if value is not None and not value >= lowest:  # NaN is none of these.
            raise UserError(f"--{name} is {value}; expected at least {lowest}.")
