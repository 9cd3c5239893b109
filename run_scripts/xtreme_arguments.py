"""The arguments that `--xtreme_dir` stands for."""

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

from xlzoo.run_scripts.corpora.languages import iso639_3
from xlzoo.run_scripts.corpora.xtreme import SOURCE, XtremeFiles, xtreme_files
from xlzoo.run_scripts.errors import UserError
from xlzoo.run_scripts.objectives.consistency_config import ConsistencyConfig
from xlzoo.run_scripts.xtune_arguments import TaskData, ViewArguments

logger = logging.getLogger(__name__)


def with_xtreme(data: TaskData, views: ViewArguments, args: ConsistencyConfig) -> tuple[TaskData, ViewArguments]:
    """Return arguments that name what is used of XTREME's folder, or the same ones where none is given.

    That is the task's files where no data are named, and its translations where the run needs some and none are named.
    Raises UserError naming the file that was expected, and where nothing is used.
    """
    if data.xtreme_dir is None:
        return data, views
    files = xtreme_files(Path(data.xtreme_dir).expanduser(), args.task_name)
    named = bool(data.dataset_name or data.train_file or data.validation_file or data.test_file)
    translates = "translation" in args.kinds and not views.translations
    if named and not translates:
        raise UserError("--xtreme_dir is not used, for other flags name the data and all translations; leave it out.")
    if translates:
        if iso639_3(data.language or SOURCE) != SOURCE:
            raise UserError(f"XTREME's translations are from English, not from {data.language}; give --translations.")
        views = replace(views, translations=[str(path) for path in files.all_translations()])
    return data if named else _with_files(data, files, args), views


def _with_files(data: TaskData, files: XtremeFiles, args: ConsistencyConfig) -> TaskData:
    own = iso639_3(data.language or SOURCE)
    nothing_said = not (args.do_train or args.do_eval or args.do_predict)
    trains = args.do_train or nothing_said
    evaluates = args.do_eval or (nothing_said and own in files.validation and not files.layout.validates_on_tests)
    # Configurations of another data set are none of XTREME's languages.
    asked = [] if data.test_dataset_name else [iso639_3(language) for language in data.test_config_name]
    if evaluates and files.layout.validates_on_tests:
        logger.warning("--do_eval of %s scores its test in %s, for there are no other rows", args.task_name, own)
    return replace(
        data,
        language=data.language or SOURCE,
        train_file=[str(files.in_language("train", own))] if trains else [],
        validation_file=str(files.labelled("validation", own)) if evaluates else None,
        **_tests(data, files, own, asked) if args.do_predict and not data.test_dataset_name else {},
    )


def _tests(data: TaskData, files: XtremeFiles, own: str, asked: list[str]) -> dict[str, Any]:
    """Return the flags that name the test files in the languages asked for, or in all."""
    asked = asked + data.test_languages
    others = [language for language in asked or files.test if language != own]
    tests_own = own in files.test or own in asked
    return {
        "test_file": str(files.labelled("test", own)) if tests_own else None,
        "test_config_name": [],
        "test_languages": [],
        "test_language_file": [f"{language}={files.labelled('test', language)}" for language in others]
        + data.test_language_file,
    }
