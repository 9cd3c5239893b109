"""Child processes that run a script and are killed, without warning, at a chosen moment."""

import multiprocessing
import os
import signal
import time
from pathlib import Path

from transformers import Trainer, TrainerState

MODULES = [
    f"xlzoo.run_scripts.{name}"
    for name in ("run_classification", "run_clm", "run_mlm", "run_ner", "run_seq2seq", "run_xlm_align")
]


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def in_step(number):
    """Die in a step's forward pass, `number` counted from 1."""
    original, seen = Trainer.training_step, []

    def training_step(self, *args, **kwargs):
        seen.append(None)
        if len(seen) == number:
            die()
        return original(self, *args, **kwargs)

    Trainer.training_step = training_step


def in_weights(number):
    """Die when the weights of a checkpoint are written, before its optimizer."""

    def save(self, folder):
        if folder.endswith(f"checkpoint-{number}"):
            die()
        return original(self, folder)

    original, Trainer._save_optimizer_and_scheduler = Trainer._save_optimizer_and_scheduler, save


def in_state(number):
    """Die in the middle of a checkpoint's last file."""

    def save_to_json(self, path):
        original(self, path)
        if f"checkpoint-{number}/" in path:
            os.truncate(path, os.path.getsize(path) // 2)
            die()

    original, TrainerState.save_to_json = TrainerState.save_to_json, save_to_json


def _child(main, argv, moment=None, number=0):
    # Otherwise a data loader's workers would come from another server, which imports everything again.
    multiprocessing.set_start_method("fork", force=True)
    if moment is not None:
        moment(number)
    main(argv)


def _process(target, *args):
    """Fork from a server that has only imported the scripts: no threads, no state of the tests."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(MODULES)
    return context.Process(target=target, args=args)


def killed_at(main, argv, moment, number):
    """Run the script in a process that dies at the moment."""
    process = _process(_child, main, argv, moment, number)
    process.start()
    process.join(timeout=120)
    assert process.exitcode == -signal.SIGKILL


def killed_when_appears(main, argv, path: Path):
    """Run the script and kill it as soon as the path exists."""
    process = _process(_child, main, argv)
    process.start()
    end = time.monotonic() + 120
    while not path.exists() and process.is_alive() and time.monotonic() < end:
        time.sleep(0.0005)
    process.kill()
    process.join(timeout=60)
    assert path.exists() and process.exitcode == -signal.SIGKILL
