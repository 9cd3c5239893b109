"""Arguments that say which sentence pairs a Backpack is adapted with, and on which ones it is evaluated."""

from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from datasets import Dataset, DatasetDict, concatenate_datasets

from xlzoo.run_scripts.corpora.bitext import GOLD, two_files
from xlzoo.run_scripts.corpora.checks import require_text
from xlzoo.run_scripts.corpora.flores import open_flores
from xlzoo.run_scripts.corpora.languages import iso639_3
from xlzoo.run_scripts.corpora.pair_rows import SIDES, read_bitext, translations
from xlzoo.run_scripts.corpora.sources import PHRASEBOOK, SPLIT_NAMES, Source, load
from xlzoo.run_scripts.data_arguments import REPEATABLE, first_rows, require_at_least
from xlzoo.run_scripts.errors import UserError
from xlzoo.run_scripts.perplexity_arguments import FLORES_PLUS

FILES = (("source_file", "target_file"), ("validation_source_file", "validation_target_file"))


@dataclass
class BitextArguments:
    """Where sentence pairs come from, and how they are cut."""

    src: str = field(default="", metadata={"help": "Language that the model knows, any spelling: eng, en, English."})
    tgt: str = field(default="", metadata={"help": "Language that the model is to learn."})
    dataset_name: str | None = field(
        default=None, metadata={"help": "Hub id or folder with a column translation, or 'phrasebook'."}
    )
    dataset_config_name: list[str] = field(
        default_factory=list, metadata={"aliases": ["--dataset_config"], "help": "Hub config(s).", **REPEATABLE}
    )
    dataset_split: str = field(default="train", metadata={"help": "The split to train on."})
    source_file: list[str] = field(
        default_factory=list, metadata={"help": "Instead: text(s) in --src, a sentence a line.", **REPEATABLE}
    )
    target_file: list[str] = field(
        default_factory=list, metadata={"help": "The translation of each into --tgt.", **REPEATABLE}
    )
    validation_source_file: list[str] = field(
        default_factory=list, metadata={"help": "The same as --source_file, to evaluate on.", **REPEATABLE}
    )
    validation_target_file: list[str] = field(
        default_factory=list, metadata={"help": "The same as --target_file, to evaluate on.", **REPEATABLE}
    )
    eval_dataset_name: str | None = field(
        default=None,
        metadata={"help": f"FLORES or alike to evaluate on; {FLORES_PLUS} where the data has no validation split."},
    )
    max_length: int = field(default=256, metadata={"help": "Most tokens of a sentence; longer ones are cut."})
    max_train_samples: int | None = field(default=None, metadata={"help": "Train on the first rows only."})
    max_eval_samples: int | None = field(default=None, metadata={"help": "Evaluate on the first rows only."})
    phrasebook_seed: int = field(default=0, metadata={"help": "Seed of the phrasebook's sentences."})

    def __post_init__(self) -> None:
        self.evaluated_on: str | None = None
        """Where the pairs for validation came from, if not from the data that was trained on."""
        if not (self.src and self.tgt):
            raise UserError("Name the language that the model knows with --src, and the one to learn with --tgt.")
        if iso639_3(self.src) == iso639_3(self.tgt):
            raise UserError(f"--src and --tgt are both {iso639_3(self.src)}; expected two languages.")
        require_at_least(1, self, "max_train_samples", "max_eval_samples")
        require_at_least(2, self, "max_length")
        require_at_least(0, self, "phrasebook_seed")
        if bool(self.dataset_name) == bool(self.source_file):
            raise UserError("Give the pairs to train on with --dataset_name, or --source_file and --target_file.")
        if self.dataset_config_name and not self.dataset_name:
            raise UserError("--dataset_config goes with --dataset_name; files need none.")
        for one, other in FILES:
            sources, targets = len(vars(self)[one]), len(vars(self)[other])
            if sources != targets:
                raise UserError(
                    f"--{one} and --{other} name {sources} and {targets} files; expected a translation of each file."
                )
        if self.eval_dataset_name and self.validation_source_file:
            raise UserError("--eval_dataset_name and --validation_source_file say the same; give one of them.")

    def pairs(self, evaluates: bool) -> DatasetDict:
        """Return `{"source", "target"}` texts by split: train, and validation and test where there are such.

        If it `evaluates` and nothing else is there to evaluate on, validation is FLORES'.
        """
        splits = self._of_dataset() if self.dataset_name else {"train": _of_files(self.source_file, self.target_file)}
        if self.validation_source_file:
            splits["validation"] = _of_files(self.validation_source_file, self.validation_target_file)
        elif self.eval_dataset_name or (evaluates and "validation" not in splits):
            self.evaluated_on = self.eval_dataset_name or FLORES_PLUS
            splits["validation"] = self._of_flores(self.evaluated_on)
        limits = {"train": self.max_train_samples}
        cut = {split: first_rows(rows, limits.get(split, self.max_eval_samples)) for split, rows in splits.items()}
        found = DatasetDict(cut)
        for side in SIDES:
            require_text(found, side)
        return found

    def _of_dataset(self) -> dict[str, Dataset]:
        config = f"{iso639_3(self.src)}-{iso639_3(self.tgt)}" if self.dataset_name == PHRASEBOOK else None
        configs: list[str | None] = [*self.dataset_config_name] or [config]
        parts = [self._of_config(name) for name in configs]
        shared = [split for split in parts[0] if all(split in part for part in parts)]
        return {split: concatenate_datasets([part[split] for part in parts]) for split in shared}

    def _of_config(self, config: str | None) -> dict[str, Dataset]:
        most = {"train": self.max_train_samples, "validation": self.max_eval_samples, "test": self.max_eval_samples}
        sizes = {split: limit for split, limit in most.items() if limit}
        source = Source(self.dataset_name, config, seed=self.phrasebook_seed, sizes=sizes)
        loaded = load(source)
        wanted = SPLIT_NAMES.get(self.dataset_split, self.dataset_split)
        trained = next((name for name in (self.dataset_split, wanted) if name in loaded), None)
        if trained is None:
            raise UserError(
                f"{source} has no {self.dataset_split} split, only {', '.join(loaded)}; choose with --dataset_split."
            )
        others = [split for split in ("validation", "test") if split in loaded and split != trained]
        named = {"train": trained, **{split: split for split in others}}
        made = {}
        for ours, theirs in named.items():
            rows = loaded[theirs]
            # Without them the phrasebook's texts are read as they are, not word by word.
            rows = rows.remove_columns([name for name in rows.column_names if name in GOLD])
            made[ours] = translations(rows, (self.src, self.tgt), source)
        return made

    def _of_flores(self, name: str) -> Dataset:
        flores = open_flores(name)
        sources, targets = (flores.texts(flores.code_of(language)) for language in (self.src, self.tgt))
        if len(sources) != len(targets):
            raise UserError(f"{name} has {len(sources)} sentences in {self.src}, {len(targets)} in {self.tgt}.")
        return Dataset.from_dict({"source": sources, "target": targets})


def _of_files(sources: list[str], targets: list[str]) -> Dataset:
    both = zip(sources, targets, strict=True)
    parts = [read_bitext(two_files(Path(one), Path(other))) for one, other in both]
    return Dataset.from_dict({side: list(chain.from_iterable(part[side] for part in parts)) for side in SIDES})
