"""The device that a script runs on, and how many rows its memory holds."""

import logging
import os
from collections.abc import Callable
from typing import TypeVar

import torch
from accelerate.utils.memory import clear_device_cache, should_reduce_batch_size
from transformers import TrainingArguments

from xlzoo.run_scripts.errors import UserError

Done = TypeVar("Done")
logger = logging.getLogger(__name__)


def usable_device(name: str) -> torch.device:
    """Return the device of that name; of several processes each has its own `cuda`.

    Raises UserError where there is no such device here.
    """
    if name == "cuda" and "LOCAL_RANK" in os.environ:
        name = f"cuda:{os.environ['LOCAL_RANK']}"
    try:
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError) as error:
        reason = str(error).partition("\n")[0].rstrip(".")
        raise UserError(f"--device {name} cannot be used ({reason}); give another, such as cpu.") from error


def require_one_gpu(args: TrainingArguments) -> None:
    """Raise UserError where one process would share its batches out among several GPUs."""
    if args.n_gpu > 1:
        raise UserError(
            f"One process would share its batches out among {args.n_gpu} GPUs; start one process for each with "
            "`torchrun --nproc-per-node N` or accelerate launch, or show one GPU with CUDA_VISIBLE_DEVICES."
        )


def as_many_as_fit(work: Callable[[int], Done], rows: int) -> Done:
    """Return `work(rows)`, or where the memory does not hold so many rows at a time that of half as many, and so on.

    Raises UserError where it does not hold one.
    """
    while True:
        try:
            return work(rows)
        except RuntimeError as error:
            if not should_reduce_batch_size(error):
                raise
            if rows == 1:
                raise UserError(
                    "The memory does not hold one row at a time; give a smaller --max_length, --bf16 or --fp16, or "
                    "another --device."
                ) from error
        # Not in the handler: what failed is alive as long as its exception is.
        clear_device_cache(garbage_collection=True)
        logger.warning("%d rows at a time do not fit into the memory: going on with %d", rows, rows // 2)
        rows //= 2
