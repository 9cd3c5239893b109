"""From corpora to a published dataset: the plan, its steps, the finished folder, and what is told of it."""

import logging
import shutil
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from filelock import FileLock, Timeout

from xlzoo.hub_cards.placing import place
from xlzoo.hub_cards.probes import probe_of_folder
from xlzoo.run_scripts.build_arguments import BuildArguments
from xlzoo.run_scripts.corpora.parallel.opus_download import require_opustools
from xlzoo.run_scripts.corpora.parallel.plan import Plan, digest
from xlzoo.run_scripts.corpora.parallel.sentence_similarity import load_sentence_model
from xlzoo.run_scripts.corpora.parallel.shards import get_note, put_note, remove_parts
from xlzoo.run_scripts.corpora.parallel.task_executors import CLUSTERS, Step, executor_class, run_here, submit, waiting
from xlzoo.run_scripts.errors import UserError
from xlzoo.run_scripts.parallel_arguments import CorpusArguments, FilterArguments
from xlzoo.run_scripts.runs import RUN_FILE
from xlzoo.run_scripts.stages.corpus_report import corpus_facts, corpus_report
from xlzoo.run_scripts.stages.corpus_steps import steps_of
from xlzoo.run_scripts.stages.publishing import send, write_facts

logger = logging.getLogger(__name__)
Report = dict[str, Any]


def build_corpus(sources: CorpusArguments, filters: FilterArguments, build: BuildArguments) -> Report | None:
    """Build the dataset that the arguments describe, publish it if they say so, and return what was done.

    None where a cluster does it: the same command, once the jobs are done, looks at their work and publishes it.
    """
    plan = make_plan(sources, filters, build)
    report = _finished(plan, build)
    if report is None:
        build.work.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(build.work / "lock", timeout=0):
                report = _build(plan, build)
        except Timeout as error:
            raise UserError(f"Another run is at work in {build.work}; wait for it, or give another folder.") from error
        if report is None:
            logger.info("Run the same command again when the jobs are done; they log in %s", build.work / "logs")
            return None
    if build.destination is not None:
        facts = corpus_facts(report, build.recipe, build.license)
        with TemporaryDirectory(prefix="xlzoo-probe-") as work:
            send(build.out, facts, build.destination, probe_of_folder(build.out, "dataset", Path(work)), {})
    if build.cleanup_work_dir_on_success:
        shutil.rmtree(build.work, ignore_errors=True)
    return report


def make_plan(sources: CorpusArguments, filters: FilterArguments, build: BuildArguments) -> Plan:
    """Return what is to be built; UserError for what is missing for it, before anything is done."""
    if sources.corpora and not sources.opus_root:
        require_opustools()
    if filters.similarity:
        load_sentence_model(filters.similarity.model)
    if build.executor in CLUSTERS:
        executor_class(build.executor)
    origins = sources.origins()
    building = build.out.with_name(f".{build.out.name}.building")
    return Plan(
        origins=origins,
        identities=tuple(digest(origin.identity(), build.shard_size) for origin in origins),
        cleaning=filters.cleaning(sources.source, sources.target, sources.skips),
        duplicates=filters.dedup,
        similarity=filters.similarity,
        seed=filters.shuffle_seed,
        target_size=filters.target_size,
        work=build.work.absolute(),
        building=building.absolute(),
        prefix=build.config_name or "data",
        shard_rows=build.shard_size,
        skips=sources.skips,
    )


def _finished(plan: Plan, build: BuildArguments) -> Report | None:
    """Return the report of this very dataset where it is there; UserError where another one is."""
    report = get_note(build.out / RUN_FILE)
    # Not of the plan itself, which remembers what it said before its corpora were read.
    if report is not None and report.get("identity") == replace(plan).identity:
        logger.info("%s holds this dataset already", build.out)
        return report
    if build.out.exists() and not build.out.is_dir():
        raise UserError(f"--hf_out {build.out} is a file; expected a folder, or the name of a new one.")
    if build.out.is_dir() and any(build.out.iterdir()) and not build.overwrite_output_dir:
        raise UserError(f"--hf_out {build.out} holds something else; give another folder, or --overwrite_output_dir.")
    return None


def _build(plan: Plan, build: BuildArguments) -> Report | None:
    """Do the steps, and put the dataset into its place; None where a cluster has only been told to."""
    steps = steps_of(plan)
    if build.executor in CLUSTERS:
        if not _is_done(steps):
            submit(steps, build.executor, build.num_tasks, build.work / "logs", build.options)
            if not _is_done(steps_of(replace(plan))):
                return None
    else:
        remove_parts(plan.work)
        remove_parts(plan.building)
        for step in steps:
            run_here(step, build.num_tasks)
            if step.name == "read":
                _warn(plan)
    report = corpus_report(plan)
    write_facts(plan.building, corpus_facts(report, build.recipe, build.license))
    put_note(plan.building / RUN_FILE, report)
    build.out.parent.mkdir(parents=True, exist_ok=True)
    place(plan.building, build.out)
    shutil.rmtree(plan.building, ignore_errors=True)
    logger.info("%d pairs are in %s", report["rows"], build.out)
    return report


def _is_done(steps: list[Step]) -> bool:
    """Say whether the items of every step are done; those of a step are known when the one before is."""
    return all(not waiting(step) for step in steps)


def _warn(plan: Plan) -> None:
    for number, origin in enumerate(plan.origins):
        note = plan.read_note(number) or {}
        if "left_out" in note:
            again = plan.read_folder(number)
            logger.warning("%s is left out: %s (delete %s to try it again)", origin.name, note["left_out"], again)
        elif note.get("empty side"):
            logger.warning("%s has %d pairs with an empty or missing side", origin.name, note["empty side"])
