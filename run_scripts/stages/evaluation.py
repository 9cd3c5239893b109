"""Evaluation of a model on several tasks and languages, each result written down as soon as it is known."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from math import isfinite
from pathlib import Path
from typing import Any

from datasets import DatasetDict
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from xlzoo.hub_cards import Facts, Metric
from xlzoo.hub_cards.facts import facts_to_json
from xlzoo.run_scripts.corpora.eval_files import hub_configs, hub_data, open_local
from xlzoo.run_scripts.corpora.flores import ALL, pick_code
from xlzoo.run_scripts.corpora.languages import hub_tag
from xlzoo.run_scripts.corpora.sources import SPLIT_NAMES
from xlzoo.run_scripts.errors import UserError
from xlzoo.run_scripts.eval_arguments import EvalArguments
from xlzoo.run_scripts.perplexity_arguments import MeasuredModel
from xlzoo.run_scripts.stages.perplexity_report import PerplexityReport
from xlzoo.run_scripts.stages.retrieval import Pooling, is_encoder, load_measured, measure_retrieval, trunk_of
from xlzoo.run_scripts.tasks.eval_table import eval_table
from xlzoo.run_scripts.token_losses import require_causal

logger = logging.getLogger(__name__)
Result = dict[str, Any]
LAST_NUMBER, TAKEN = "last_number", "flexible-extract"
"""Our score reads a whole answer; lm-eval also asks for that of what its filter took from the answer."""
TATOEBA, TATOEBA_HUB = "tatoeba", "mteb/tatoeba-bitext-mining"


@dataclass(frozen=True)
class Job:
    """One task in one language, with all that is needed to measure it."""

    task: str
    language: str
    """The data's own code, "" for a task without languages."""
    name: str
    """lm-eval's, or tatoeba_swh."""
    dataset: str
    split: str
    examples: int
    measured: Any
    """lm-eval's task, or the two sides of the pairs."""


def evaluate_model(model_args: MeasuredModel, args: EvalArguments) -> dict[str, Result]:
    """Measure what the arguments name and return {name: scores, their standard errors, and what was measured}.

    All data are read before the model is. Results that `output_file` holds are taken from there.
    """
    report = PerplexityReport(args.output_file, {**model_args.settings, **args.settings}, args.overwrite)
    model_args.place()
    if set(args.task) != {TATOEBA} and is_encoder(model_args.model_path):
        raise UserError(f"{model_args.model_path!r} is an encoder, which only --task {TATOEBA} is for.")
    names = {name: (task, code) for task in dict.fromkeys(args.task) for code, name in _asked(task, args).items()}
    jobs = [_prepare(task, code, name, args) for name, (task, code) in names.items() if name not in report.results]
    if jobs:
        model, tokenizer = load_measured(model_args)
        _require_fit(jobs, model, tokenizer, args)
        report.write()
        for number, job in enumerate(jobs, start=1):
            report.add(job.name, _result(job, _measure(job, model, tokenizer, args)))
            logger.info("%s (%d of %d): %s", job.name, number, len(jobs), report.results[job.name]["scores"])
    results = {name: report.results[name] for name in names}
    _write_beside(report.path, results)
    return results


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
    if task == TATOEBA:
        if args.data_dir:
            return {code: f"{task}_{code}" for code in open_local(args.data_dir, task).codes}
        pairs = [name for name in hub_configs(TATOEBA_HUB) if name.endswith("-eng")]
        return {pair.partition("-")[0]: f"{task}_{pair.partition('-')[0]}" for pair in pairs}
    if find_spec("lm_eval") is None:
        raise UserError(f"--task {task} needs lm-eval, which is not installed; install xlzoo[eval].")
    from xlzoo.run_scripts.eval_tasks import task_names

    logging.getLogger("lm_eval").setLevel(logging.ERROR)  # It warns of what is meant here.
    codes = task_names(task)
    if not args.data_dir or "" in codes:
        return codes
    return {code: name for code, name in codes.items() if _local_code(task, code, args.data_dir)}


def _local_code(task: str, code: str, data_dir: str) -> str | None:
    """Return how the files name a language, None where they do not have it."""
    local = open_local(data_dir, task)
    try:
        return pick_code(task, local.codes, code)
    except UserError:
        return None


def _prepare(task: str, code: str, name: str, args: EvalArguments) -> Job:
    """Read the data of a task in a language."""
    data = None
    if args.data_dir:
        local = open_local(args.data_dir, task)
        data = local.load(pick_code(task, local.codes, code))
    if task == TATOEBA:
        return _prepare_pairs(code, name, data or hub_data(TATOEBA_HUB, f"{code}-eng"), args)
    from xlzoo.run_scripts.eval_tasks import build_task

    made = build_task(
        task, name, data=data, split=args.split, scorings=tuple(args.scoring), num_fewshot=args.num_fewshot
    )
    examples = min(len(made.eval_docs), args.max_samples or len(made.eval_docs))
    return Job(task, code, name, made.config.dataset_path, made.config.test_split, examples, made)


def _prepare_pairs(code: str, name: str, data: DatasetDict, args: EvalArguments) -> Job:
    split = SPLIT_NAMES.get(args.split, args.split) if args.split else "test"
    if split not in data:
        raise UserError(f"{name} has no {split} split, only {', '.join(data)}; choose with --split.")
    rows = data[split][: args.max_samples]
    pairs = (rows["sentence1"], rows["sentence2"])
    return Job(TATOEBA, code, name, TATOEBA_HUB, split, len(pairs[0]), pairs)


def _require_fit(
    jobs: Sequence[Job], model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, args: EvalArguments
) -> None:
    """Refuse, before anything is measured, what the model cannot do; UserError."""
    embeddings: Any = model.get_input_embeddings()
    if len(tokenizer) > (most := embeddings.weight.shape[0]):
        raise UserError(
            f"The tokenizer has {len(tokenizer)} pieces, the model only {most}: give the model's own tokenizer."
        )
    if any(job.task == TATOEBA for job in jobs):
        trunk_of(model, args.pooling)
    asked = [job.measured for job in jobs if job.task != TATOEBA]
    if asked:
        require_causal(model)
        wrapped = _wrap(model, tokenizer, args)
        if any(task.OUTPUT_TYPE == "generate_until" for task in asked):
            wrapped.require_room()


def _wrap(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, args: EvalArguments) -> Any:
    from xlzoo.run_scripts.eval_model import Harnessed

    sizes = {name: vars(args)[name] for name in ("batch_size", "max_length", "max_new_tokens")}
    return Harnessed(model, tokenizer, **sizes)


def _measure(
    job: Job, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, args: EvalArguments
) -> dict[str, tuple[float, float | None]]:
    """Return {score: its value and standard error}."""
    if job.task == TATOEBA:
        pooling = Pooling(args.pooling, args.sense_temperature, args.batch_size, args.max_length)
        scores = measure_retrieval(model, tokenizer, job.measured, pooling)
        return {name: (value, None) for name, value in scores.items()}
    from lm_eval.evaluator import evaluate

    wrapped = _wrap(model, tokenizer, args)
    found = evaluate(wrapped, {"tasks": {job.name: job.measured}}, limit=args.max_samples, log_samples=False)
    if wrapped.cut:
        logger.warning("%s: %d requests did not fit into the model and lost their beginning", job.name, wrapped.cut)
    return dict(_scores(found["results"][job.name]))


def _scores(found: dict[str, Any]) -> Iterator[tuple[str, tuple[float, float | None]]]:
    """Tell lm-eval's scores from its other entries; where an answer was filtered, the filter's name is added."""
    for key, value in found.items():
        metric, comma, chain = key.partition(",")
        if comma and not metric.endswith("_stderr") and (metric, chain) != (LAST_NUMBER, TAKEN):
            error = found.get(f"{metric}_stderr,{chain}")
            name = metric if chain == "none" or metric == LAST_NUMBER else f"{metric}, {chain}"
            yield name, (float(value), float(error) if isinstance(error, float) else None)


def _result(job: Job, scores: dict[str, tuple[float, float | None]]) -> Result:
    return {
        **{name: vars(job)[name] for name in ("task", "language", "dataset", "split", "examples")},
        "scores": {name: value for name, (value, _) in scores.items()},
        "errors": {name: error for name, (_, error) in scores.items() if error is not None},
    }


def eval_facts(results: dict[str, Result]) -> Facts:
    """Return the scores as a card states them, for its model-index."""
    metrics = (
        Metric(
            task="sentence-similarity" if result["task"] == TATOEBA else "text-generation",
            dataset=result["dataset"],
            split=result["split"],
            language=hub_tag(result["language"]) if result["language"] else "",
            name=name,
            value=value,
        )
        for result in results.values()
        for name, value in result["scores"].items()
        if isfinite(value)
    )
    return Facts(metrics=tuple(metrics))


def _write_beside(path: Path | None, results: dict[str, Result]) -> None:
    """Write the table and the facts beside the JSON file."""
    if path is None:
        return
    path.with_suffix(".md").write_text(eval_table(results) + "\n", encoding="utf-8")
    path.with_suffix(".facts.json").write_text(facts_to_json(eval_facts(results)), encoding="utf-8")
