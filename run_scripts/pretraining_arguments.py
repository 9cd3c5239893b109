"""Arguments that say which text and which translations a model is pre-trained on, and the rows themselves."""

from dataclasses import dataclass, field
from pathlib import Path

from datasets import DatasetDict, concatenate_datasets

from xlzoo.run_scripts.corpora.bitext import chosen_languages, two_files
from xlzoo.run_scripts.corpora.checks import require_text
from xlzoo.run_scripts.corpora.pair_rows import read_bitext, translations
from xlzoo.run_scripts.corpora.readers import ending, is_text
from xlzoo.run_scripts.corpora.sources import PHRASEBOOK, Source, load
from xlzoo.run_scripts.data_arguments import REPEATABLE, SourceArguments, first_rows
from xlzoo.run_scripts.errors import UserError


@dataclass
class PreTrainingArguments(SourceArguments):
    """Where text and translations come from, and how long a row may be; the limits hold for each of the two."""

    max_seq_length: int = field(
        default=128, metadata={"help": "Longest row in pieces; longer text is split, longer pairs are left out."}
    )
    tlm_data: str | None = field(
        default=None, metadata={"help": "Translations: Hub id or folder with a column translation, or 'phrasebook'."}
    )
    tlm_config_name: list[str] = field(
        default_factory=list, metadata={"help": "Hub config(s); the phrasebook's pairs: eng-deu, ...", **REPEATABLE}
    )
    source_language: str | None = field(default=None, metadata={"help": "Of --tlm_data, if not its first."})
    target_language: str | None = field(default=None, metadata={"help": "Of --tlm_data, if not its second."})
    source_file: list[str] = field(
        default_factory=list, metadata={"help": "Instead of --tlm_data: text(s), a sentence a line.", **REPEATABLE}
    )
    target_file: list[str] = field(
        default_factory=list, metadata={"help": "The translation of each, line by line.", **REPEATABLE}
    )
    validation_source_file: list[str] = field(
        default_factory=list, metadata={"help": "The same as --source_file, to evaluate on.", **REPEATABLE}
    )
    validation_target_file: list[str] = field(
        default_factory=list, metadata={"help": "The same as --target_file, to evaluate on.", **REPEATABLE}
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        for one, other in (("source_file", "target_file"), ("validation_source_file", "validation_target_file")):
            sources, targets = len(vars(self)[one]), len(vars(self)[other])
            if sources != targets:
                raise UserError(
                    f"--{one} and --{other} name {sources} and {targets} files; expected a translation of each file."
                )
        if self.tlm_data and (self.source_file or self.validation_source_file):
            raise UserError("Give --tlm_data, or --source_file with --target_file, but not both.")
        if bool(self.source_language) != bool(self.target_language):
            raise UserError("Give both --source_language and --target_language, or none of them.")
        of_data = ("tlm_config_name", "source_language")
        if not self.tlm_data and (given := [name for name in of_data if vars(self)[name]]):
            raise UserError(f"--{given[0]} goes with --tlm_data; files need none.")

    def text(self) -> DatasetDict | None:
        """Return the text by split, `{"text"}`; None where none was named."""
        if not (self.dataset_name or self.train_file or self.validation_file or self.test_file):
            return None
        loaded = self.load("text", {"text": self.text_column_name or "text"})
        require_text(loaded, "text")
        return loaded

    def pairs(self) -> "PairRows | None":
        """Return the translations; None where none were named."""
        parts = self._of_data() if self.tlm_data else self._of_files()
        if not parts:
            return None
        missing = [split for part in parts for split in parts[0].splits if split not in part.splits]
        if missing:
            raise UserError(f"A --tlm_config_name has no {missing[0]} split and another one has; name one of them.")
        joined = {split: concatenate_datasets([part.splits[split] for part in parts]) for split in parts[0].splits}
        cut = {split: first_rows(rows, self.limits.get(split)) for split, rows in joined.items()}
        return PairRows(DatasetDict(cut), [code for part in parts for code in part.languages])

    def _of_data(self) -> "list[PairRows]":
        sides = [code for code in (self.source_language, self.target_language) if code]
        parts = []
        configs: list[str | None] = [*self.tlm_config_name] or [None]
        for config in configs:
            source = Source(self.tlm_data, config, seed=self.phrasebook_seed, sizes=self.limits)
            loaded = load(source)
            chosen = chosen_languages(next(iter(loaded.values())), sides, source)
            splits = {split: translations(rows, sides, source) for split, rows in loaded.items()}
            parts.append(PairRows(DatasetDict(splits), list(chosen)))
        return parts

    def _of_files(self) -> "list[PairRows]":
        """Return one part with the rows of all files of a split, one after the other."""
        named = {
            "train": list(zip(self.source_file, self.target_file, strict=True)),
            "validation": list(zip(self.validation_source_file, self.validation_target_file, strict=True)),
        }
        splits = {
            split: concatenate_datasets([read_bitext(two_files(Path(one), Path(other))) for one, other in files])
            for split, files in named.items()
            if files
        }
        languages = [language for file in (*self.source_file, *self.target_file) for language in language_of(file)]
        return [PairRows(DatasetDict(splits), languages)] if splits else []

    def text_languages(self) -> list[str]:
        """Return the languages of the text where they are known, in any spelling."""
        of_files = [language for file in self.train_file for language in language_of(file)]
        of_phrasebook = self.dataset_config_name if self.dataset_name == PHRASEBOOK else []
        return [self.language] if self.language else [*of_phrasebook, *of_files]


@dataclass
class PairRows:
    """Translations `{"source", "target"}` by split, and their languages where these are known, in any spelling."""

    splits: DatasetDict
    languages: list[str]


def language_of(file: str) -> list[str]:
    """Return the language that a file is named after, `de` of `train.de.gz`; none where it is named otherwise."""
    path = Path(file)
    return [ending(path)[1:]] if is_text(path) and ending(path) != ".txt" else []
