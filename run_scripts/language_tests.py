"""Arguments that name further languages to test a model in, one score each."""

from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

from datasets import Dataset, DatasetDict, concatenate_datasets

from xlzoo.run_scripts.corpora.languages import iso639_3
from xlzoo.run_scripts.corpora.row_languages import mixed_languages, rows_in
from xlzoo.run_scripts.data_arguments import REPEATABLE, SourceArguments
from xlzoo.run_scripts.errors import UserError

OWN = "own"
"""What stands for the language of the data where nothing names it."""


@dataclass
class LanguageTests(SourceArguments):
    """Where rows come from, and those of other languages to test on."""

    language: str | None = field(
        default=None,
        metadata={"help": "The data's language, any spelling; where labelled rows tell theirs, those in it."},
    )
    test_config_name: list[str] = field(
        default_factory=list,
        metadata={"help": "--do_predict also on these configurations, of other languages.", **REPEATABLE},
    )
    test_dataset_name: str | None = field(
        default=None,
        metadata={"help": "Hub id or folder of these configurations, if not --dataset_name, whose test is left out."},
    )
    test_languages: list[str] = field(
        default_factory=list,
        metadata={"help": "Of tests whose rows tell their language, these only.", **REPEATABLE},
    )
    test_language_file: list[str] = field(
        default_factory=list,
        metadata={"help": "--do_predict also on these files of other languages: sw=test.sw.tsv ...", **REPEATABLE},
    )
    only_tests: bool = field(default=False, init=False, repr=False)
    """Whether these are the rows of a further test."""
    one_language: ClassVar[bool] = False
    """Whether a model is trained in a single language."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.test_config_name and not self.takes_configs():
            raise UserError("--test_config_name goes with --dataset_name; give --test_language_file for files.")
        if self.test_dataset_name and not self.test_config_name:
            raise UserError(
                "--test_dataset_name goes with --test_config_name, which of its configurations to test on; one that "
                "has no others is called 'default'."
            )
        for given in self.test_language_file:
            language, _, path = given.partition("=")
            if not (language and path):
                raise UserError(f"--test_language_file is {given!r}; expected a language and a file, sw=test.sw.tsv.")
            iso639_3(language)
        self.test_languages = [iso639_3(language) for language in self.test_languages]

    def takes_configs(self) -> bool:
        """Say whether there are configurations to name."""
        return bool(self.dataset_name or self.test_dataset_name)

    def chosen(self, loaded: DatasetDict, kind: str) -> DatasetDict:
        """Tell rows of several languages apart: tests become `test.deu` and so on; of other splits one language stays.

        Text is taken as it comes. Raises UserError where a language that was asked for is not among the rows'.
        """
        if kind == "text":
            return loaded
        if self.only_tests and "test" in loaded:
            loaded = DatasetDict({"test": loaded["test"]})
        found: dict[str, Dataset] = dict(loaded)
        for split, codes in mixed_languages(loaded).items():
            if split != "test" and not self.only_tests:
                found[split] = self._own_rows(loaded[split], codes, split)
            elif split != "train":
                asked = self.test_languages or dict.fromkeys(codes)
                rows = found.pop(split)
                found |= {f"{split}.{code}": rows_in(rows, codes, code, split) for code in asked}
        return DatasetDict(found)

    def _own_rows(self, rows: Dataset, codes: list[str], split: str) -> Dataset:
        if self.language:
            return rows_in(rows, codes, iso639_3(self.language), split)
        if self.one_language:
            told = ", ".join(dict.fromkeys(codes))
            raise UserError(f"The rows of the {split} split are in {told}; say with --language which to train in.")
        return rows

    def tests(self, load: Callable[[Self], Any], own: Any) -> DatasetDict:
        """Return the test rows by ISO 639-3 code: of the data's own language, if there are any, and of the others.

        `load` reads every split of such arguments, `own` being those of these; a configuration that names no language
        keeps its name, unless its rows tell theirs. Raises UserError where two tests are in one language.
        """
        elsewhere = self.test_dataset_name and not self.test_file
        found = {} if elsewhere else tests_among(own, self._own_name())
        for given, name, arguments in self._others():
            _require_new([name], found, given)
            splits = load(arguments)
            parts = tests_among(splits, name)
            if not parts:
                raise UserError(f"There is no test split for {name}, only {', '.join(splits)}; leave it out.")
            _require_new(parts, found, given)
            found |= parts
        if missing := set(self.test_languages) - found.keys():
            raise UserError(
                f"--test_languages chooses among test rows that tell their language, and none are in "
                f"{', '.join(sorted(missing))}, only in {', '.join(found) or 'no language'}; leave it out."
            )
        return DatasetDict(found)

    def _others(self) -> Iterator[tuple[str, str, Self]]:
        """Yield every further test: how it was given, its name, and the arguments that load it."""
        alone: dict[str, Any] = {"test_dataset_name": None, "test_config_name": [], "test_language_file": []}
        # Of the other splits nothing is used.
        alone["max_train_samples"] = 1
        files: dict[str, Any] = {"train_file": [], "validation_file": None, "test_file": None}
        for config in self.test_config_name:
            source = {"dataset_name": self.tested_name, "dataset_config_name": [config]}
            yield f"--test_config_name {config}", _code(config), self._other(**alone, **files, **source)
        for given in self.test_language_file:
            language, _, path = given.partition("=")
            source = {"dataset_name": None, "dataset_config_name": [], "test_languages": [language]}
            one = self._other(**{**alone, **files, **source, "test_file": path})
            yield f"--test_language_file {given}", iso639_3(language), one

    def _other(self, **changes: Any) -> Self:
        other = replace(self, **changes)
        other.only_tests = True
        return other

    @property
    def tested_name(self) -> str | None:
        """The Hub id or folder of the tests."""
        return self.test_dataset_name or self.dataset_name

    def _own_name(self) -> str:
        return self.language_code() or next(map(_code, self.dataset_config_name), OWN)


def tests_among(splits: Mapping[str, Dataset], name: str) -> dict[str, Dataset]:
    """Return the test rows by the name given, or by the languages that they told."""
    told = {_code(split): rows for split, rows in splits.items() if split.startswith("test.")}
    return told or ({name: splits["test"]} if "test" in splits else {})


def _require_new(names: Iterable[str], found: Container[str], given: str) -> None:
    if twice := [name for name in names if name in found]:
        raise UserError(f"{given} is a second test in {', '.join(twice)}; give one for every language.")


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
