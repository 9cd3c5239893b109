"""lm-eval's tasks by name and language, with data from the Hub or a folder, and with our scorings of choices."""

import logging
from collections.abc import Mapping, Sequence
from functools import lru_cache, partial
from pathlib import Path
from re import fullmatch
from textwrap import shorten
from typing import Any

import datasets
import lm_eval.tasks
from datasets import DatasetDict
from jinja2 import TemplateError
from lm_eval.api.task import ConfigurableTask
from lm_eval.tasks import TaskManager
from lm_eval.tasks._yaml_loader import load_yaml

from xlzoo.run_scripts.corpora.eval_files import hub_data
from xlzoo.run_scripts.corpora.sources import SPLIT_NAMES
from xlzoo.run_scripts.errors import UserError
from xlzoo.run_scripts.tasks.answer_tasks import NumberTask
from xlzoo.run_scripts.tasks.choice_tasks import ChoiceTask, LetterTask
from xlzoo.run_scripts.tasks.choices import LISTED, are_letters

logger = logging.getLogger(__name__)
FAMILIES = {name: name for name in ("xcopa", "belebele", "xstorycloze", "xnli")} | {"mgsm": "mgsm_direct"}
"""Tasks with a folder of their own in lm-eval, and what their names in each language begin with."""
CODE = r"[a-z]{2,3}(_[A-Z][a-z]{3})?"
SPLITS = ("training_split", "validation_split", "test_split", "fewshot_split")
NONSENSE = (LookupError, TypeError, AttributeError, ValueError, SyntaxError, TemplateError)
"""What lm-eval's prompts stumble over in data with other columns."""
FEWSHOT_SEED = 1234
"""lm-eval's own."""


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


def build_tasks(
    task: str,
    name: str,
    *,
    data: DatasetDict | None,
    split: str | None,
    scorings: tuple[str, ...],
    num_fewshot: int | None = None,
) -> list[ConfigurableTask]:
    """Make lm-eval's task `name`, with `data` in place of the Hub's, to be measured on `split`.

    Choices are scored in our ways, unless they stand in the question or lm-eval scores the task in a way of its own;
    there is a task of its own for those that read another prompt, the answers after letters, in the scorings' order.
    Solved examples are of another split where there is one, and never the row itself. Raises UserError where the data
    cannot be had, lack the split, a column or enough examples, or the task is more than a prompt.
    """
    config = load_yaml(_tasks(task)[name], resolve_func=True)
    if {"class", "custom_dataset"} & config.keys() or config.get("unsafe_code"):
        raise UserError(f"{name} is a program of its own in lm-eval, not a prompt; run it with lm-eval itself.")
    data = _from_hub(config, name) if data is None else data
    config |= {"task": name, "custom_dataset": partial(_given, data), "dataset_kwargs": None, "metadata": {}}
    config |= {key: _in_data(config.get(key), data) for key in SPLITS}
    _choose_split(config, split, data, name)
    config["num_fewshot"] = config.get("num_fewshot") or 0 if num_fewshot is None else num_fewshot
    _choose_examples(config, data, name)
    try:
        made = _made(config, family_of(task) or task, scorings)
    except NONSENSE as error:
        raise UserError(
            f"The data of {name} do not suit it ({type(error).__name__}: {shorten(str(error), 200)}); expected the "
            f"columns of {config['dataset_path']}."
        ) from error
    return made


def our_accuracies(tasks: Sequence[ConfigurableTask]) -> tuple[str, ...]:
    """Name the scores that are accuracies of ours, not of lm-eval's."""
    ours = (task for task in tasks if isinstance(task, ChoiceTask | NumberTask))
    return tuple(score for task in ours for score in task.accuracies)


def _made(config: dict[str, Any], family: str, scorings: tuple[str, ...]) -> list[ConfigurableTask]:
    plain: Any = (NumberTask if family == "mgsm" else ConfigurableTask)(config=dict(config))
    if config["output_type"] != "multiple_choice":
        return [plain]
    if plain.multiple_input or plain.multiple_target or "process_results" in config:
        logger.warning("%s is scored in lm-eval's own way, not by --scoring", config["task"])
        return [plain]
    listed = are_letters(plain.doc_to_choice(plain.eval_docs[0]))
    texts = tuple(scoring for scoring in scorings if scoring != "letter")
    if listed and family not in LISTED:
        asked = [ChoiceTask(config, family, scorings)]
    else:
        spelt = {**config, **LISTED.get(family, {})}
        ChoiceTask(spelt, family, ("likelihood",)).require_sound()
        asked = [ChoiceTask(spelt, family, texts)] if texts else []
        if "letter" in scorings:
            letters = ChoiceTask(config, family, ("letter",)) if listed else LetterTask(spelt, family)
            asked.insert(len(asked) * (scorings[0] != "letter"), letters)
    for task in asked:
        task.require_sound()
    return asked


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


def _choose_examples(config: dict[str, Any], data: DatasetDict, name: str) -> None:
    """Say where solved examples are from; lm-eval leaves the row itself out only where it knows that they may hold it.

    UserError where there are not enough.
    """
    count, own = config["num_fewshot"], config.get("fewshot_config") or {}
    if not count or own.get("samples"):
        return
    named = (config[key] for key in ("fewshot_split", "training_split", "validation_split"))
    split = next((found for found in named if found and found != config["test_split"]), config["test_split"])
    config["fewshot_split"] = split
    rows = len(data[split]) - (split == config["test_split"])
    if count > rows:
        raise UserError(
            f"--num_fewshot is {count}, but the {split} split of {name} has only {rows} other rows; give fewer."
        )
