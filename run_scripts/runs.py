"""What every training run does around the training: claim its folder, find its last checkpoint, mark its end."""

import json
import logging
import os
import re
import shutil
from pathlib import Path
from typing import Any

from datasets import DatasetDict
from safetensors import SafetensorError, safe_open
from torch import nn
from torch.utils.data import Dataset
from transformers import Trainer
from transformers.trainer_utils import get_last_checkpoint

from xlzoo.run_scripts.arguments import RunArguments
from xlzoo.run_scripts.errors import UserError

RUN_FILE = "run.json"
RESULTS_FILE = "all_results.json"
SCORE = re.compile(r"(eval|test)_(?!runtime|samples_per|steps_per|model_prep|jit)")
"""What was measured of the model, not of the machine."""
logger = logging.getLogger(__name__)


def check_output(args: RunArguments) -> str | None:
    """Return the checkpoint to resume from, `None` to start; writes nothing but the removal of half-written ones.

    A folder that holds anything is refused, unless it is to be resumed, or is a run to be overwritten.
    """
    folder, resume = args.folder, args.resume_from_checkpoint
    _require_whole(args)
    # The first process looks before any process writes, and the others find what it left.
    with args.main_process_first(local=False):
        if args.process_index == 0:
            _require_free(folder, args)
        if not resume:
            return None
        if resume.lower() in ("true", "last"):
            return last_complete_checkpoint(folder)
        if not is_complete(Path(resume)):
            raise UserError(
                f"--resume_from_checkpoint {resume} is no complete checkpoint; expected a folder or 'last'."
            )
        return resume


def _require_whole(args: RunArguments) -> None:
    """Refuse to hold a model in pieces: the first process's piece would be saved as if it were all."""
    is_zero3 = args.deepspeed_plugin is not None and args.deepspeed_plugin.zero_stage == 3
    if args.fsdp or is_zero3 or os.environ.get("ACCELERATE_USE_FSDP", "").lower() == "true":
        raise UserError(
            "FSDP and DeepSpeed's ZeRO-3 hold a model in pieces, and what is saved here is whole; leave them out: "
            "torchrun and accelerate launch need neither."
        )


def claim_output(args: RunArguments) -> None:
    """Make `output_dir` this run's, deleting the run to be overwritten."""
    folder = args.folder
    if args.process_index:
        return
    if args.overwrite_output_dir and folder.is_dir():
        shutil.rmtree(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / RUN_FILE).write_text(json.dumps(args.to_sanitized_dict(), indent=2, default=str) + "\n")
    except OSError as error:
        raise UserError(f"--output_dir {folder} cannot be written: {error.strerror}; choose another.") from error


def _require_free(folder: Path, args: RunArguments) -> None:
    if folder.is_file():
        raise UserError(f"--output_dir {folder} is a file; expected a folder.")
    if args.overwrite_output_dir and args.resume_from_checkpoint:
        raise UserError("--overwrite_output_dir deletes what --resume_from_checkpoint needs; give one of them.")
    if not folder.is_dir() or not any(folder.iterdir()):
        return
    if args.overwrite_output_dir:
        if not (folder / RUN_FILE).is_file():
            raise UserError(f"--overwrite_output_dir: {folder} was not written by a run of ours; delete it yourself.")
    elif not args.resume_from_checkpoint:
        raise UserError(
            f"--output_dir {folder} holds another run; choose another folder, continue it with "
            "--resume_from_checkpoint last, or delete it with --overwrite_output_dir."
        )


def is_complete(checkpoint: Path) -> bool:
    """Say whether a checkpoint was written to its end: the Trainer writes its state after everything else."""
    try:
        json.loads((checkpoint / "trainer_state.json").read_text())
    except (OSError, ValueError):
        return False
    return True


def last_complete_checkpoint(folder: Path) -> str | None:
    """Return the newest complete checkpoint, removing half-written ones; `None` starts from the beginning."""
    if not folder.is_dir():
        return None
    while (newest := get_last_checkpoint(str(folder))) is not None and not is_complete(Path(newest)):
        logger.warning("%s was interrupted while it was written; going back to the one before.", newest)
        shutil.rmtree(newest)
    return newest


def require_fit(model: nn.Module, checkpoint: str | None) -> None:
    """Refuse a checkpoint that cannot be resumed exactly, or is of another model."""
    if checkpoint is None:
        return
    for name in ("optimizer.pt", "scheduler.pt"):
        if not (Path(checkpoint) / name).is_file():
            raise UserError(f"{checkpoint} holds no {name}; it was saved with --save_only_model, start anew.")
    weights, expected = Path(checkpoint) / "model.safetensors", model.state_dict()
    if not weights.is_file():  # In shards.
        return
    try:
        with safe_open(weights, "pt") as stored:
            shapes = {key: tuple(stored.get_slice(key).get_shape()) for key in stored.keys()}
    except SafetensorError as error:
        raise UserError(f"{weights} is damaged ({error}); delete that checkpoint.") from error
    trained = [key for key, parameter in model.named_parameters() if parameter.requires_grad]
    other = [key for key, shape in shapes.items() if key not in expected or shape != tuple(expected[key].shape)]
    for key in [*other, *(key for key in trained if key not in shapes)]:
        raise UserError(
            f"{checkpoint} is of another model ({key} differs); resume with the arguments it was made with."
        )


def needed_splits(args: RunArguments, data: DatasetDict) -> DatasetDict:
    """Return the splits that `--do_train`, `--do_eval` and `--do_predict` use; `UserError` where one is missing.

    Without any of the three, train and, where there is a validation split, evaluate.
    """
    splits = list(data)
    if not (args.do_train or args.do_eval or args.do_predict):
        args.do_train, args.do_eval = True, "validation" in splits
    wanted = {"train": args.do_train, "validation": args.do_eval, "test": args.do_predict}
    if args.do_train and (args.bf16_full_eval or args.fp16_full_eval):
        raise UserError(
            "--bf16_full_eval and --fp16_full_eval round the weights that were just trained, before they are saved; "
            "evaluate so in another run."
        )
    for split in (split for split, needed in wanted.items() if needed and split not in splits):
        flag = {"train": "do_train", "validation": "do_eval", "test": "do_predict"}[split]
        raise UserError(f"--{flag} needs a {split} split, the data has {', '.join(splits)}; add --{split}_file.")
    return DatasetDict({split: rows for split, rows in data.items() if wanted.get(split)})


def run_trainer(
    trainer: Trainer, checkpoint: str | None, test: Dataset | dict[str, Any] | None = None
) -> dict[str, Any]:
    """Train, evaluate and predict as the arguments say, and return all metrics in one mapping."""
    results: dict[str, Any] = {}
    if trainer.args.do_train:
        results |= trainer.train(resume_from_checkpoint=checkpoint).metrics
    if trainer.args.do_eval:
        results |= trainer.evaluate()
    if trainer.args.do_predict:
        results |= trainer.evaluate(test, metric_key_prefix="test")
    _without_autocast(trainer.model)
    return results


def _without_autocast(model: Any) -> None:
    """Undo what `--bf16` and `--fp16` made of a model's forward: what is published is held against its answers."""
    own = vars(model)
    if "_original_forward" in own:
        own["forward"] = own.pop("_original_forward")


def adapter_folder(path: str) -> str:
    """Return the adapter that a path means: itself, or the one adapter inside a run's output folder."""
    inside = [found.parent for found in Path(path).glob("*/adapter_config.json")]
    if not inside or (Path(path) / "adapter_config.json").is_file():
        return path
    if len(inside) > 1:
        raise UserError(f"{path} holds several adapters; name one of {', '.join(sorted(map(str, inside)))}.")
    return str(inside[0])


def write_results(folder: Path, results: dict[str, Any]) -> None:
    """Write the run's results; their presence says that the run is complete."""
    part = folder / f"{RESULTS_FILE}.part"
    part.write_text(json.dumps(results, indent=2, sort_keys=True) + "\n")
    part.replace(folder / RESULTS_FILE)
    scores = {key: value for key, value in results.items() if SCORE.match(key)}
    told = ", ".join(f"{key} {value:.4g}" for key, value in sorted(scores.items()))
    logger.info("%s (%s)", told or "done", folder / RESULTS_FILE)


def read_results(folder: Path) -> dict[str, Any] | None:
    """Return the results of a complete run, or `None`."""
    try:
        return json.loads((folder / RESULTS_FILE).read_text())
    except FileNotFoundError:
        return None
