"""Evaluation of a model on several tasks and languages, each result written down as soon as it is known."""

import logging
from collections.abc import Iterator, Sequence
from typing import Any

from accelerate import PartialState
from accelerate.utils import broadcast_object_list
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from xlzoo.run_scripts.errors import UserError
from xlzoo.run_scripts.eval_arguments import EvalArguments
from xlzoo.run_scripts.measuring.token_losses import require_causal
from xlzoo.run_scripts.perplexity_arguments import MeasuredModel
from xlzoo.run_scripts.processes import total
from xlzoo.run_scripts.stages.eval_alignment import layer_of, load_measured_aligner, measure_alignment
from xlzoo.run_scripts.stages.eval_facts import model_digests, write_beside
from xlzoo.run_scripts.stages.eval_jobs import ALIGNMENT, OWN, TATOEBA, Job, job_names, prepare_job
from xlzoo.run_scripts.stages.perplexity_report import PerplexityReport
from xlzoo.run_scripts.stages.retrieval import Pooling, is_encoder, load_measured, measure_retrieval, trunk_of

logger = logging.getLogger(__name__)
Result = dict[str, Any]
Loaded = tuple[PreTrainedModel, PreTrainedTokenizerBase]
LAST_NUMBER, TAKEN = "last_number", "flexible-extract"
"""Our score reads a whole answer; lm-eval also asks for that of what its filter took from the answer."""

DESCRIBED = ("task", "language", "dataset", "split", "examples", "kind", "how")
"""What a result says of its job."""


def evaluate_model(model_args: MeasuredModel, args: EvalArguments) -> dict[str, Result]:
    """Measure what the arguments name and return {name: scores, their standard errors, and what was measured}.

    All data are read before the model is. Results that `output_file` holds are taken from there. Started several times
    by torchrun or accelerate, the processes share what is read, the first one writes, and all return the same.
    """
    report = _open_report(model_args, args)
    model_args.place()
    _require_kind(model_args, args)
    names = job_names(args)
    jobs = [prepare_job(task, code, name, args) for name, (task, code) in names.items() if name not in report.results]
    if jobs:
        loaded = _load(jobs, model_args, args)
        report.write()
        for number, job in enumerate(jobs, start=1):
            report.add(job.name, _result(job, _measure(job, *loaded[job.task == ALIGNMENT], args)))
            if PartialState().is_main_process:
                logger.info("%s (%d of %d): %s", job.name, number, len(jobs), report.results[job.name]["scores"])
    results = {name: report.results[name] for name in names}
    if report.path is not None:
        write_beside(report.path, results)
    return results


def _open_report(model_args: MeasuredModel, args: EvalArguments) -> PerplexityReport:
    """Return the report, with the results that the first process found; only that one has a file to write to."""
    state = PartialState(cpu=model_args.device == "cpu")
    settings = {**model_args.settings, **args.settings}
    if args.output_file:
        settings |= model_digests(model_args.model_path, model_args.load_adapter)
    report = PerplexityReport(args.output_file, settings, args.overwrite)
    [report.results] = broadcast_object_list([report.results])
    if not state.is_main_process:
        report.path = None
    return report


def _require_kind(model_args: MeasuredModel, args: EvalArguments) -> None:
    """Refuse tasks that are not for an encoder, or not for a decoder."""
    asked, encodes = set(args.task), is_encoder(model_args.model_path)
    if encodes and asked - {*OWN}:
        raise UserError(f"{model_args.model_path!r} is an encoder, which only --task {' and '.join(OWN)} are for.")
    if ALIGNMENT in asked and (not encodes or model_args.load_adapter):
        raise UserError(f"--task {ALIGNMENT} is for encoders of XLM-R's family, without --load_adapter; leave it out.")


def _load(jobs: Sequence[Job], model_args: MeasuredModel, args: EvalArguments) -> dict[bool, Loaded]:
    """Return the model and tokenizer that align words (True) and those for all else (False), as the jobs need them."""
    loaded: dict[bool, Loaded] = {}
    for aligns in {job.task == ALIGNMENT for job in jobs}:
        loaded[aligns] = load_measured_aligner(model_args) if aligns else load_measured(model_args)
        _require_fit([job for job in jobs if (job.task == ALIGNMENT) == aligns], *loaded[aligns], args)
    return loaded


def prepare_jobs(args: EvalArguments) -> list[Job]:
    """Read the data of all that the arguments ask for, one job for each task and language, for `score_model`.

    Raises UserError for a task, language or split that there is not, and for data that cannot be had or do not suit.
    """
    return [prepare_job(task, code, name, args) for name, (task, code) in job_names(args).items()]


def score_model(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, jobs: Sequence[Job], args: EvalArguments
) -> dict[str, float]:
    """Measure a model that is loaded already; return one number per job, {"xcopa_sw": 0.52}, the larger the better.

    It is the score that people compare: accuracy by the first of `args.scoring`, MGSM's last number, recall@1 of
    Tatoeba, else lm-eval's first metric, negative where it should be small. The same `jobs`, of `prepare_jobs` with
    these `args`, may be scored with any number of models: few-shot examples are the same each time. The model, which
    PEFT may have adapted, stays on its device and in its mode. Raises UserError for what it cannot do, before anything
    is measured.

        args = EvalArguments(task=["xcopa"], lang=["sw"], split="validation", data_dir="data")
        jobs = prepare_jobs(args)
        best = max(weights, key=lambda weight: score_model(merged(weight), tokenizer, jobs, args)["xcopa_sw"])
    """
    was_training = model.training
    model.eval()
    try:
        _require_fit(jobs, model, tokenizer, args)
        found = {job.name: _measure(job, model, tokenizer, args) for job in jobs}
    finally:
        model.train(was_training)
    return {job.name: job.main_score({name: value for name, (value, _) in found[job.name].items()}) for job in jobs}


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
    if any(job.task == ALIGNMENT for job in jobs):
        layer_of(model, args.align_layer)
    asked = [task for job in jobs if job.task not in OWN for task in job.measured]
    if asked:
        require_causal(model)
        wrapped = _wrap(model, tokenizer, args)
        if any(task.OUTPUT_TYPE == "generate_until" for task in asked):
            wrapped.require_room()


def _wrap(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, args: EvalArguments) -> Any:
    from xlzoo.run_scripts.measuring.eval_model import Harnessed

    sizes = {name: vars(args)[name] for name in ("batch_size", "max_length", "max_new_tokens")}
    return Harnessed(model, tokenizer, **sizes)


def _measure(
    job: Job, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, args: EvalArguments
) -> dict[str, tuple[float, float | None]]:
    """Return {score: its value and standard error}."""
    if job.task in OWN:
        if job.task == ALIGNMENT:
            found = measure_alignment(model, tokenizer, job.measured, args.align_layer)
        else:
            pooling = Pooling(args.pooling, args.sense_temperature, args.batch_size, args.max_length)
            sides = (job.measured["sentence1"], job.measured["sentence2"])
            found = measure_retrieval(model, tokenizer, sides, pooling)
        return {name: (value, None) for name, value in found.items()}
    return _harnessed_scores(job, _wrap(model, tokenizer, args), args)


def _harnessed_scores(job: Job, wrapped: Any, args: EvalArguments) -> dict[str, tuple[float, float | None]]:
    from lm_eval.evaluator import evaluate

    from xlzoo.run_scripts.measuring.eval_tasks import FEWSHOT_SEED

    scores: dict[str, tuple[float, float | None]] = {}
    for task in job.measured:
        task.set_fewshot_seed(FEWSHOT_SEED)  # Each draw moves it on.
        found = evaluate(wrapped, {"tasks": {job.name: task}}, limit=args.max_samples, log_samples=False)
        scores |= dict(_scores(found["results"][job.name]))
    if cut := total(wrapped.cut):
        logger.warning("%s: %d requests did not fit into the model and lost their beginning", job.name, cut)
    return scores


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
        **{name: vars(job)[name] for name in DESCRIBED},
        "accuracies": list(job.accuracies),
        "scores": {name: value for name, (value, _) in scores.items()},
        "errors": {name: error for name, (_, error) in scores.items() if error is not None},
    }
