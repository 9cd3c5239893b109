"""Arguments that name further languages to test a model in, one score each."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Self

from datasets import Dataset, DatasetDict, concatenate_datasets

from xlzoo.run_scripts.corpora.languages import iso639_3
from xlzoo.run_scripts.data_arguments import REPEATABLE, SourceArguments
from xlzoo.run_scripts.errors import UserError

OWN = "own"
"""What stands for the language of the data where nothing names it."""


@dataclass
class LanguageTests(SourceArguments):
    """Where rows come from, and those of other languages to test on."""

    test_config_name: list[str] = field(
        default_factory=list,
        metadata={"help": "--do_predict also on these configurations, of other languages.", **REPEATABLE},
    )
    test_language_file: list[str] = field(
        default_factory=list,
        metadata={"help": "--do_predict also on these files of other languages: sw=test.sw.tsv ...", **REPEATABLE},
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.test_config_name and not self.takes_configs():
            raise UserError("--test_config_name goes with --dataset_name; give --test_language_file for files.")
        for given in self.test_language_file:
            language, _, path = given.partition("=")
            if not (language and path):
                raise UserError(f"--test_language_file is {given!r}; expected a language and a file, sw=test.sw.tsv.")
            iso639_3(language)

    def takes_configs(self) -> bool:
        """Say whether there are configurations to name."""
        return bool(self.dataset_name)

    def tests(self, load: Callable[[Self], Any], own: Any) -> DatasetDict:
        """Return the test rows by ISO 639-3 code: of the data's own language, if there are any, and of the others.

        `load` reads every split of such arguments, `own` being those of these; a configuration that names no language
        keeps its name.
        """
        found = {self._own_name(): own["test"]} if "test" in own else {}
        for name, arguments in self._others().items():
            splits = load(arguments)
            if "test" not in splits:
                raise UserError(f"There is no test split for {name}, only {', '.join(splits)}; leave it out.")
            found[name] = splits["test"]
        return DatasetDict(found)

    def _others(self) -> dict[str, Self]:
        alone: dict[str, Any] = {"test_config_name": [], "test_language_file": []}
        # Of the other splits nothing is used.
        found = {
            _code(config): replace(self, dataset_config_name=[config], max_train_samples=1, **alone)
            for config in self.test_config_name
        }
        files: dict[str, Any] = {"dataset_name": None, "dataset_config_name": [], "train_file": []}
        for given in self.test_language_file:
            language, _, path = given.partition("=")
            found[iso639_3(language)] = replace(self, **files, **alone, validation_file=None, test_file=path)
        return found

    def _own_name(self) -> str:
        return self.language_code() or next(map(_code, self.dataset_config_name), OWN)


def _code(config: str) -> str:
    """Return the language of `de`, `PAN-X.de`, `udpos.German` or `MLQA.de.de`, or a name that has not exactly one."""
    try:
        codes = {iso639_3(part) for part in config.split(".")[1:] or [config]}
    except UserError:
        return config
    return codes.pop() if len(codes) == 1 else config


def joined(tests: DatasetDict) -> dict[str, Dataset]:
    """Return the test rows of all languages as one split, or none, for what asks whether there are any."""
    return {"test": concatenate_datasets(list(tests.values()))} if tests else {}


def by_language(tests: DatasetDict, encode: Callable[[Dataset], Any]) -> Any:
    """Return the encoded test rows as `run_trainer` takes them: by language, or of the one that there is."""
    encoded: dict[str, Any] = {language: encode(rows) for language, rows in tests.items()}
    return encoded if len(encoded) > 1 else next(iter(encoded.values()), None)
