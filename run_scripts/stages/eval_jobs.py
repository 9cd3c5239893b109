"""What an evaluation is asked for: one job for each task and language, with its data read and looked at."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from datasets import DatasetDict

from xlzoo.run_scripts.corpora.eval_files import hub_configs, hub_data, open_local
from xlzoo.run_scripts.corpora.flores import ALL, pick_code
from xlzoo.run_scripts.corpora.sources import SPLIT_NAMES
from xlzoo.run_scripts.errors import UserError
from xlzoo.run_scripts.eval_arguments import EvalArguments

TATOEBA, ALIGNMENT, XLSUM = "tatoeba", "word_alignment", "xlsum"
OWN = (TATOEBA, ALIGNMENT)
"""Tasks that lm-eval has nothing to do with: an encoder can be measured on them."""
TATOEBA_HUB, XLSUM_HUB = "mteb/tatoeba-bitext-mining", "csebuetnlp/xlsum"
MAIN_SCORES = {TATOEBA: "recall", ALIGNMENT: "f1", "mgsm": "last_number", "xquad": "f1", XLSUM: "rougeL"}
"""The score of a task that people compare, where it is not the first one."""
HUB_KINDS = {
    TATOEBA: "sentence-similarity",
    ALIGNMENT: "word-alignment",
    XLSUM: "summarization",
    "xnli": "text-classification",
    "xquad": "question-answering",
}
"""The Hub's names of tasks, where not those of multiple choice and of text generation; it has none for alignment."""


@dataclass(frozen=True)
class Job:
    """One task in one language, with all that is needed to measure it."""

    task: str
    language: str
    """The data's own code, "" for a task without languages."""
    name: str
    """lm-eval's, or the like: tatoeba_swh."""
    dataset: str
    split: str
    examples: int
    measured: Any
    """lm-eval's task, one for each prompt, or the columns of the pairs."""
    kind: str
    """The Hub's name of what is measured, "multiple-choice" say."""
    how: str
    """What a card says of the measurement, "0-shot" say."""
    accuracies: tuple[str, ...] = ()
    """The scores that are accuracies of ours."""

    def main_score(self, scores: Mapping[str, float]) -> float:
        """Return the score that people compare, the larger the better: of one that should be small the negative."""
        name = MAIN_SCORES.get(self.task) or next(iter(scores))
        tasks = [] if self.task in OWN else self.measured
        signs = [task.higher_is_better().get(name.partition(",")[0], True) for task in tasks]
        return scores[name] if all(signs) else -scores[name]


def job_names(args: EvalArguments) -> dict[str, tuple[str, str]]:
    """Return {name of the result: task, language code} for all that the arguments ask for.

    Raises UserError for a task or language that there is not.
    """
    return {name: (task, code) for task in dict.fromkeys(args.task) for code, name in _asked(task, args).items()}


def prepare_job(task: str, code: str, name: str, args: EvalArguments) -> Job:
    """Read the data of a task in a language; UserError where they cannot be had, or do not suit the task."""
    data = None
    if args.data_dir:
        local = open_local(args.data_dir, task)
        data = local.load(pick_code(task, local.codes, code))
    if task in OWN:
        return _prepare_pairs(task, code, name, data or hub_data(TATOEBA_HUB, f"{code}-eng"), args)
    from xlzoo.run_scripts.measuring.eval_tasks import build_tasks, our_accuracies

    made = build_tasks(task, name, code, data, args)
    config, rows = made[0].config, len(made[0].eval_docs)
    return Job(
        task=task,
        language=code,
        name=name,
        dataset=config.dataset_path,
        split=config.test_split,
        examples=min(rows, args.max_samples or rows),
        measured=made,
        kind=_hub_kind(task, config.output_type),
        how=_how(f"{config.num_fewshot}-shot" + f", {args.template} prompt" * bool(args.template), args),
        accuracies=our_accuracies(made),
    )


def _asked(task: str, args: EvalArguments) -> dict[str, str]:
    """Return {language code: name of the result} for the languages that are asked for."""
    codes = _codes(task, args)
    if "" in codes:
        if args.lang or args.data_dir:
            flag = "--lang" if args.lang else "--data_dir"
            raise UserError(
                f"--task {task} names one task of lm-eval, in its own language and data; leave {flag} out."
            )
        return codes
    if not args.lang:
        raise UserError(f"--task {task} is there in {', '.join(codes)}; choose with --lang, or give --lang all.")
    wanted = list(codes) if args.lang == [ALL] else [pick_code(task, list(codes), language) for language in args.lang]
    return {code: codes[code] for code in dict.fromkeys(wanted)}


def _codes(task: str, args: EvalArguments) -> dict[str, str]:
    """Return {language code: name of the result} for all languages that there are, in data and lm-eval."""
    if task not in OWN and find_spec("lm_eval") is None:
        raise UserError(f"--task {task} needs lm-eval, which is not installed; install xlzoo[eval].")
    logging.getLogger("lm_eval").setLevel(logging.ERROR)  # It warns of what is meant here.
    if task in (*OWN, XLSUM):
        codes = open_local(args.data_dir, task).codes if args.data_dir else _hub_codes(task)
        return {code: f"{task}_{code}" for code in codes}
    from xlzoo.run_scripts.measuring.eval_tasks import task_names

    names = task_names(task)
    if not args.data_dir or "" in names:
        return names
    return {code: name for code, name in names.items() if _local_code(task, code, args.data_dir)}


def _hub_codes(task: str) -> list[str]:
    if task == ALIGNMENT:
        raise UserError("--task word_alignment reads local files; give a folder with de-en/gold.tsv with --data_dir.")
    if task == XLSUM:
        return hub_configs(XLSUM_HUB)
    return [name.partition("-")[0] for name in hub_configs(TATOEBA_HUB) if name.endswith("-eng")]


def _local_code(task: str, code: str, data_dir: str) -> str | None:
    """Return how the files name a language, None where they do not have it."""
    local = open_local(data_dir, task)
    try:
        return pick_code(task, local.codes, code)
    except UserError:
        return None


def _prepare_pairs(task: str, code: str, name: str, data: DatasetDict, args: EvalArguments) -> Job:
    split = SPLIT_NAMES.get(args.split, args.split) if args.split else "test"
    if split not in data:
        raise UserError(f"{name} has no {split} split, only {', '.join(data)}; choose with --split.")
    rows = data[split][: args.max_samples]
    layer = "the model's layer" if args.align_layer is None else f"layer {args.align_layer}"
    return Job(
        task=task,
        language=code,
        name=name,
        dataset=TATOEBA_HUB if task == TATOEBA else "word alignments",
        split=split,
        examples=len(next(iter(rows.values()))),
        measured=rows,
        kind=HUB_KINDS[task],
        how=_how(f"{args.pooling} vectors" if task == TATOEBA else layer, args),
    )


def _hub_kind(task: str, output_type: str) -> str:
    family = next((name for name in HUB_KINDS if task.startswith(name)), None)
    if family:
        return HUB_KINDS[family]
    return "multiple-choice" if output_type == "multiple_choice" else "text-generation"


def _how(way: str, args: EvalArguments) -> str:
    """Say how it is measured; of files nobody knows that they hold all of the data set."""
    limits = ["local files"] * bool(args.data_dir) + ["the first rows"] * bool(args.max_samples)
    return ", ".join([way, *limits])
