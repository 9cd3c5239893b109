"""Who does the items of a step: this process, several of this machine, or the tasks of a cluster through datatrove."""

import logging
import multiprocessing
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any, Protocol

from tqdm import tqdm

from xlzoo.run_scripts.errors import UserError

logger = logging.getLogger(__name__)

CLUSTERS = ("slurm", "ray")
EXECUTORS = ("local", *CLUSTERS)


class Step(Protocol):
    """Independent items, which are known when the steps before it are done."""

    @property
    def name(self) -> str:
        """What it is called."""

    def items(self) -> Sequence[Any]:
        """Return the items."""

    def is_done(self, item: Any) -> bool:
        """Say whether an item was done, in this run or an earlier one."""

    def run(self, item: Any) -> None:
        """Do an item."""


def waiting(step: Step) -> list[Any]:
    """Return the items that are not done."""
    return [item for item in step.items() if not step.is_done(item)]


def run_here(step: Step, tasks: int) -> None:
    """Do the items in so many processes; whatever one of them raises ends the step."""
    items = waiting(step)
    progress = tqdm(total=len(items), desc=step.name, disable=None)
    if tasks == 1 or len(items) < 2:
        for item in items:
            step.run(item)
            progress.update()
        return
    context = multiprocessing.get_context("forkserver")
    with ProcessPoolExecutor(min(tasks, len(items)), mp_context=context, initializer=_end_with_parent) as pool:
        futures = [pool.submit(step.run, item) for item in items]
        try:
            for future in as_completed(futures):
                future.result()
                progress.update()
        except BrokenProcessPool as error:
            raise UserError(
                f"A task of the step {step.name} was killed, for want of memory perhaps; run the same command again, "
                "with a smaller --num_tasks."
            ) from error
        finally:
            pool.shutdown(cancel_futures=True)


def _end_with_parent() -> None:
    """Let this process end when the one that it works for was killed; it would wait for more work for ever."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


@dataclass(frozen=True)
class Share:
    """One task's share of a step, as a piece of a datatrove pipeline."""

    step: Step

    def __call__(self, data: Any = None, rank: int = 0, world_size: int = 1) -> None:
        """Do every `world_size`-th item from `rank` on."""
        for item in self.step.items()[rank::world_size]:
            if not self.step.is_done(item):
                self.step.run(item)


def executor_class(name: str) -> Callable[..., Any]:
    """Return datatrove's executor; UserError where it, or Ray, is missing."""
    try:
        if name == "slurm":
            from datatrove.executor import SlurmPipelineExecutor

            return SlurmPipelineExecutor
        import ray  # noqa: F401
        from datatrove.executor import RayPipelineExecutor
    except ImportError as error:
        raise UserError(
            f"--executor {name} needs {error.name}; pip install 'xlzoo[cluster]'"
            f"{', and ray' if name == 'ray' else ''}."
        ) from error
    return RayPipelineExecutor


def submit(steps: Sequence[Step], name: str, tasks: int, logs: Path, options: Mapping[str, Any]) -> None:
    """Give the steps to a cluster, each with so many tasks that begin when the step before it is done.

    Slurm's jobs are only submitted; Ray's are waited for. `options` are further arguments of datatrove's executor.
    UserError where these do not fit.
    """
    made, last = executor_class(name), None
    for step in steps:
        given = {
            "pipeline": [Share(step)],
            "tasks": tasks,
            "logging_dir": str(logs / step.name),
            # Notes of items say what is done; datatrove's own would be of another number of tasks.
            "skip_completed": False,
            "depends": last,
        }
        if name == "slurm":
            given |= {"job_name": f"xlzoo-{step.name}", "slurm_logs_folder": str(logs / step.name / "slurm")}
        try:
            last = made(**{**given, **options})
        except TypeError as error:
            raise UserError(f"--cluster_options do not fit datatrove's executor for {name}: {error}.") from error
    if last is not None:
        last.run()
