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
from xlzoo.run_scripts.corpora.languages import hub_tag
from xlzoo.run_scripts.corpora.sources import SPLIT_NAMES
from xlzoo.run_scripts.errors import UserError
from xlzoo.run_scripts.eval_arguments import EvalArguments
from xlzoo.run_scripts.tasks.answer_tasks import NumberTask, span_fields, summary_fields
from xlzoo.run_scripts.tasks.choice_tasks import ChoiceTask, LetterTask
from xlzoo.run_scripts.tasks.choices import LAST_LINE, LISTED, are_letters
from xlzoo.run_scripts.tasks.templates import TEMPLATES, XLSUM, XLSUM_TASK, Template

logger = logging.getLogger(__name__)
FAMILIES = {name: name for name in ("xcopa", "belebele", "xstorycloze", "xnli", "xquad")} | {"mgsm": "mgsm_direct"}
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
        raise UserError(
            f"--task {task} is unknown; expected {', '.join(FAMILIES)}, {XLSUM_TASK}, "
            "tatoeba, word_alignment, or a task of lm-eval."
        )
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
    task: str, name: str, code: str, data: DatasetDict | None, args: EvalArguments
) -> list[ConfigurableTask]:
    """Make lm-eval's task `name` in a language, with `data` in place of the Hub's, as the arguments say.

    Choices are scored in our ways, unless they stand in the question or lm-eval scores the task in a way of its own;
    there is a task of its own for those that read another prompt, the answers after letters, in the scorings' order.
    Solved examples are of another split where there is one, and never the row itself. Raises UserError where the data
    cannot be had, lack the split, a column or enough examples, the template is not for this task, or the task is more
    than a prompt.
    """
    family = family_of(task) or task
    config = {**XLSUM, "dataset_name": code} if task == XLSUM_TASK else _config(_tasks(task)[name], name, family)
    template = _template(args.template, family)
    data = _from_hub(config, name) if data is None else data
    config |= {"task": name, "custom_dataset": partial(_given, data), "dataset_kwargs": None, "metadata": {}}
    config |= {key: _in_data(config.get(key), data) for key in SPLITS} | template.fields
    _choose_split(config, args.split, data, name)
    config["num_fewshot"] = config.get("num_fewshot") or 0 if args.num_fewshot is None else args.num_fewshot
    _choose_examples(config, data, name)
    try:
        if family in ("mgsm", "xquad", XLSUM_TASK):
            return [_answered(config, family, name)]
        return _made(config, family, args.scorings(task), template)
    except NONSENSE as error:
        raise UserError(
            f"The data of {name} do not suit it ({type(error).__name__}: {shorten(str(error), 200)}); expected the "
            f"columns of {config['dataset_path']}."
        ) from error


def _config(path: Path, name: str, family: str) -> dict[str, Any]:
    """Read a task's file of lm-eval's; UserError where it is more than a prompt."""
    try:
        # The functions of XQuAD need what transformers 5 no longer has, and ours take their place.
        config = load_yaml(path, resolve_func=family != "xquad")
    except ImportError as error:
        raise UserError(f"lm-eval cannot load {name} here ({error}); give another task.") from error
    if {"class", "custom_dataset"} & config.keys() or config.get("unsafe_code"):
        raise UserError(f"{name} is a program of its own in lm-eval, not a prompt; run it with lm-eval itself.")
    return config


def _template(name: str | None, family: str) -> Template:
    if name is None:
        return Template({})
    if family not in TEMPLATES[name]:
        raise UserError(f"--template {name} has no prompt for {family}, only for {', '.join(TEMPLATES[name])}.")
    return TEMPLATES[name][family]


def _answered(config: dict[str, Any], family: str, name: str) -> ConfigurableTask:
    """Make a task that is answered in free text; LookupError and the like where an example cannot be asked."""
    if family == "mgsm":
        return NumberTask(config=config)
    if family == "xquad":
        return ConfigurableTask(config=config | span_fields(hub_tag(name.rpartition("_")[2])))
    return ConfigurableTask(config=config | summary_fields())


def our_accuracies(tasks: Sequence[ConfigurableTask]) -> tuple[str, ...]:
    """Name the scores that are accuracies of ours, not of lm-eval's."""
    ours = (task for task in tasks if isinstance(task, ChoiceTask | NumberTask))
    return tuple(score for task in ours for score in task.accuracies)


def _made(
    config: dict[str, Any], family: str, scorings: tuple[str, ...], template: Template
) -> list[ConfigurableTask]:
    plain: Any = ConfigurableTask(config=dict(config))
    if config["output_type"] != "multiple_choice":
        return [plain]
    if plain.multiple_input or plain.multiple_target or "process_results" in config:
        logger.warning("%s is scored in lm-eval's own way, not by --scoring", config["task"])
        return [plain]
    listed = are_letters(plain.doc_to_choice(plain.eval_docs[0]))
    texts = tuple(scoring for scoring in scorings if scoring != "letter")
    prior = LAST_LINE if template.fields else family
    if listed and family not in LISTED:
        asked = [ChoiceTask(config, prior, scorings)]
    else:
        spelt = {**config, **LISTED.get(family, {})}
        ChoiceTask(spelt, prior, ("likelihood",)).require_sound()
        asked = [ChoiceTask(spelt, prior, texts)] if texts else []
        if "letter" in scorings:
            own = {**config, **template.letters}
            letters = ChoiceTask(own, prior, ("letter",)) if listed or template.letters else LetterTask(spelt, prior)
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
