"""lm-eval's tasks by name and language, with data from the Hub or a folder, and with our scorings of choices."""

import logging
from collections.abc import Mapping
from functools import lru_cache, partial
from pathlib import Path
from re import fullmatch
from textwrap import shorten
from typing import Any, cast

import datasets
import lm_eval.tasks
from datasets import DatasetDict
from jinja2 import TemplateError
from lm_eval.api.instance import Instance
from lm_eval.api.task import ConfigurableTask
from lm_eval.tasks import TaskManager
from lm_eval.tasks._yaml_loader import load_yaml

from xlzoo.run_scripts.corpora.eval_files import hub_data
from xlzoo.run_scripts.corpora.sources import SPLIT_NAMES
from xlzoo.run_scripts.errors import UserError
from xlzoo.run_scripts.tasks.answers import is_right
from xlzoo.run_scripts.tasks.choices import (
    SCORINGS,
    are_letters,
    letter_prompt,
    mutual_information,
    per_character,
    preferred,
    prior_pairs,
)

logger = logging.getLogger(__name__)
FAMILIES = {name: name for name in ("xcopa", "belebele", "xstorycloze", "xnli")} | {"mgsm": "mgsm_direct"}
"""Tasks with a folder of their own in lm-eval, and what their names in each language begin with."""
CODE = r"[a-z]{2,3}(_[A-Z][a-z]{3})?"
SPLITS = ("training_split", "validation_split", "test_split", "fewshot_split")
NONSENSE = (LookupError, TypeError, AttributeError, ValueError, SyntaxError, TemplateError)
"""What lm-eval's prompts stumble over in data with other columns."""
MEAN = {"aggregation": "mean", "higher_is_better": True}


class ChoiceTask(ConfigurableTask):
    """A multiple-choice task of lm-eval whose answers are scored in several ways, see `tasks.choices`."""

    def __init__(self, config: dict[str, Any], family: str, scorings: tuple[str, ...]) -> None:
        """Prepare lm-eval's task, with the accuracies of these scorings for its metrics."""
        self.family, self.scorings = family, scorings
        names = [SCORINGS[scoring] for scoring in scorings]
        # lm-eval computes nothing itself where process_results is given; this says so, and ours overrides it.
        super().__init__(
            config={**config, "metric_list": [{"metric": name, **MEAN} for name in names], "process_results": _none}
        )

    def construct_requests(self, doc: dict[str, Any], ctx: str, **kwargs: Any) -> list[Instance]:
        """Ask for each answer after the context, then after the prior, then by its letter, as far as is scored."""
        kwargs.pop("apply_chat_template", None)
        kwargs.pop("chat_template", None)
        answers, delimiter = self.doc_to_choice(doc), self.config.target_delimiter
        pairs = [(ctx, delimiter + answer) for answer in answers]
        if "pmi" in self.scorings:
            pairs += [(prior, delimiter + rest) for prior, rest in prior_pairs(self.family, doc, ctx, answers)]
        if self._asks_letters(answers):
            prompt = letter_prompt(ctx, answers)
            pairs += [(prompt, f" {letter}") for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[: len(answers)]]
        return [
            Instance(request_type="loglikelihood", doc=doc, arguments=pair, idx=place, **kwargs)
            for place, pair in enumerate(pairs)
        ]

    def process_results(self, doc: dict[str, Any], results: list[tuple[float, bool]]) -> dict[str, float]:
        """Say for each scoring whether it prefers the right answer, 1.0 or 0.0."""
        answers, gold = self.doc_to_choice(doc), self.doc_to_target(doc)
        right = answers.index(gold) if isinstance(gold, str) else gold
        values = [value for value, _ in results]
        count = len(answers)
        given, others = values[:count], values[count:]
        scores = {"likelihood": given, "normalized": per_character(given, answers), "letter": given}
        if "pmi" in self.scorings:
            scores["pmi"] = mutual_information(given, others[:count])
        if self._asks_letters(answers):
            scores["letter"] = others[-count:]
        return {SCORINGS[name]: float(preferred(scores[name]) == right) for name in self.scorings}

    def require_sound(self) -> None:
        """Look at every example; ValueError, or what lm-eval stumbles over, where one cannot be asked."""
        for number, doc in enumerate(self.eval_docs):
            answers, gold = self.doc_to_choice(doc), self.doc_to_target(doc)
            if not isinstance(self.doc_to_text(doc), str) or not all(isinstance(text, str) for text in answers):
                raise ValueError(f"a question or answer is no text, row {number}")
            if not (gold in answers if isinstance(gold, str) else isinstance(gold, int) and 0 <= gold < len(answers)):
                raise ValueError(f"the right answer is {gold!r}, row {number}")
            if not all(answers):
                raise ValueError(f"an answer is empty, row {number}")

    def _asks_letters(self, answers: list[str]) -> bool:
        return "letter" in self.scorings and not are_letters(answers)


class NumberTask(ConfigurableTask):
    """A task of lm-eval that is answered in free text; besides its own metrics the last number in it is compared."""

    def process_results(self, doc: dict[str, Any], results: list[str]) -> dict[str, Any]:
        """Return lm-eval's scores of a (filtered) answer, and `last_number`."""
        right = is_right(results[0], float(doc["answer_number"]))
        return {**super().process_results(doc, results), "last_number": float(right)}

    def aggregation(self) -> dict[str, Any]:
        """Average the added score as the others."""
        [mean] = {*super().aggregation().values()}
        return {**super().aggregation(), "last_number": mean}

    def higher_is_better(self) -> dict[str, bool]:
        """Say so of the added score too."""
        return {**super().higher_is_better(), "last_number": True}


def _none(doc: Any, results: Any) -> dict[str, float]:
    raise AssertionError("ChoiceTask.process_results takes its place")


def task_names(task: str) -> dict[str, str]:
    """Return lm-eval's names of a task by language code, or {"": name} for a task that has no languages.

    Raises UserError where lm-eval knows no such task.
    """
    known = _tasks(task)
    start = f"{FAMILIES.get(task, task)}_"
    codes = {name.removeprefix(start): name for name in known if name.startswith(start)}
    found = {code: name for code, name in codes.items() if fullmatch(CODE, code)}
    if task in known:
        return {"": task}
    if not found:
        raise UserError(f"--task {task} is unknown; expected {', '.join(FAMILIES)}, tatoeba, or a task of lm-eval.")
    return found


def family_of(task: str) -> str | None:
    """Return the family that a task is, or belongs to: xcopa for xcopa and xcopa_sw."""
    return next((name for name, start in FAMILIES.items() if task == name or task.startswith(f"{start}_")), None)


@lru_cache
def _tasks(task: str) -> Mapping[str, Path]:
    """Return the files of lm-eval's tasks by name; of a family only its own folder is searched, the rest is slow."""
    root, family = Path(lm_eval.tasks.__file__).parent, family_of(task)
    manager = TaskManager(include_defaults=False, include_path=root / family) if family else TaskManager()
    return {name: manager.task_index[name].yaml_path for name in manager.all_subtasks}


def build_task(
    task: str,
    name: str,
    *,
    data: DatasetDict | None,
    split: str | None,
    scorings: tuple[str, ...],
    num_fewshot: int | None = None,
) -> ConfigurableTask:
    """Make lm-eval's task `name`, with `data` in place of the Hub's, to be measured on `split`.

    Choices are scored in our ways, unless they stand in the question or lm-eval scores the task in a way of its own.
    Raises UserError where the data cannot be had, lack the split or a column, or the task is more than a prompt.
    """
    config = load_yaml(_tasks(task)[name], resolve_func=True)
    if {"class", "custom_dataset"} & config.keys() or config.get("unsafe_code"):
        raise UserError(f"{name} is a program of its own in lm-eval, not a prompt; run it with lm-eval itself.")
    data = _from_hub(config, name) if data is None else data
    config |= {"task": name, "custom_dataset": partial(_given, data), "dataset_kwargs": None, "metadata": {}}
    config |= {key: _in_data(config.get(key), data) for key in SPLITS}
    _choose_split(config, split, data, name)
    config["num_fewshot"] = config.get("num_fewshot") or 0 if num_fewshot is None else num_fewshot
    family = family_of(task) or task
    try:
        made: Any = (NumberTask if family == "mgsm" else ConfigurableTask)(config=dict(config))
        if config["output_type"] == "multiple_choice":
            if made.multiple_input or made.multiple_target or "process_results" in config:
                logger.warning("%s is scored in lm-eval's own way, not by --scoring", name)
            else:
                made = ChoiceTask(config, family, scorings)
                made.require_sound()
    except NONSENSE as error:
        raise UserError(
            f"The data of {name} do not suit it ({type(error).__name__}: {shorten(str(error), 200)}); expected the "
            f"columns of {config['dataset_path']}."
        ) from error
    made.set_fewshot_seed(1234)
    return cast(ConfigurableTask, made)


def _from_hub(config: Mapping[str, Any], name: str) -> DatasetDict:
    """Load the data that lm-eval names; some of its tasks say which files."""
    kwargs = {key: value for key, value in (config.get("dataset_kwargs") or {}).items() if key != "trust_remote_code"}
    if not kwargs:
        return hub_data(config["dataset_path"], config.get("dataset_name"))
    try:
        return datasets.load_dataset(config["dataset_path"], config.get("dataset_name"), **kwargs)
    except (OSError, *NONSENSE) as error:
        raise UserError(
            f"The data of {name} cannot be had ({shorten(str(error), 200)}); give another task."
        ) from error


def _given(data: DatasetDict, **unused: Any) -> DatasetDict:
    return data


def _in_data(split: str | None, data: DatasetDict) -> str | None:
    named = SPLIT_NAMES.get(split, split) if split else None
    return named if named in data else None


def _choose_split(config: dict[str, Any], split: str | None, data: DatasetDict, name: str) -> None:
    """Put the split that is to be measured where lm-eval looks first."""
    if split is None:
        found = config["test_split"] or config["validation_split"] or _in_data("test", data)
    else:
        found = _in_data(split, data)
    if found is None:
        raise UserError(f"{name} has no {split or 'test'} split, only {', '.join(data)}; choose with --split.")
    if not len(data[found]):
        raise UserError(f"The {found} split of {name} is empty; give other data.")
    config["test_split"] = found
