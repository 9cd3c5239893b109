"""Publishes when it is told to, for test_faults.py, and answers with the receipt or the error; waits cost no time."""

import errno
import resource
import shutil
import ssl
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from unittest.mock import patch

from hub_server.clients import answer_questions
from huggingface_hub import constants
from huggingface_hub.utils import _http
from jinja2 import Environment

from xlzoo.hub_cards import client, publish
from xlzoo.hub_cards.facts_reader import facts_from_json


class Clock:
    """The module `time`, but a sleep only puts the clock forward and is noted down."""

    def __init__(self) -> None:
        self.waits: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)

    def monotonic(self) -> float:
        return time.monotonic() + sum(self.waits)

    def __getattr__(self, name: str) -> object:
        return getattr(time, name)


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """Let the system refuse to write more than some bytes into any one file."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def full_disk(file: str) -> Iterator[None]:
    """Let the disk be full in the middle of the file of this name, however it is written."""

    def copy(source: Path, target: Path) -> Path:
        if target.name != file:
            return copy_before(source, target)
        target.write_bytes(source.read_bytes()[: source.stat().st_size // 2])
        raise OSError(errno.ENOSPC, "No space left on device", str(target))

    def write(target: Path, text: str, **options: object) -> int:
        if target.name != file:
            return write_before(target, text, **options)
        write_before(target, text[: len(text) // 2], **options)
        raise OSError(errno.ENOSPC, "No space left on device", str(target))

    copy_before, write_before = shutil.copyfile, Path.write_text
    with patch.object(shutil, "copyfile", copy), patch.object(Path, "write_text", write):
        yield


@contextmanager
def no_trouble(_: object) -> Iterator[None]:
    """Let the disk be."""
    yield


DISKS: dict[str, Callable] = {"limit": file_size_limit, "full": full_disk, "": no_trouble}


def answer(question: dict) -> dict:
    """Publish once; an error comes back as its class, its sentence, and all that a traceback of it would show."""
    clock = Clock()
    trouble, argument = question.get("disk", ("", ""))
    options = question.get("options", {})
    if "hub_dir" in options:
        options["hub_dir"] = Path(options["hub_dir"])
    patches = (
        patch.multiple(client, time=clock, SILENCE_SECONDS=question.get("silence", 20.0)),
        patch.object(_http, "time", clock),
        patch.object(constants, "ENDPOINT", question.get("endpoint", constants.ENDPOINT)),
        DISKS[trouble](argument),
    )
    with ExitStack() as stack:
        for each in patches:
            stack.enter_context(each)
        try:
            facts = facts_from_json(question["facts"])
            receipt = publish(Path(question["folder"]), question["repo_id"], facts, **options)
        except Exception as error:
            shown = "".join(traceback.format_exception(error))
            return {"error": type(error).__name__, "message": str(error), "shown": shown, "waits": clock.waits}
    return {"where": receipt.where, "files": receipt.files, "waits": clock.waits}


def spare_time() -> None:
    """Keep from one publication to the next what costs time and is not at stake: certificates, compiled templates."""
    ssl.create_default_context = cache(ssl.create_default_context)
    compile_before, codes = Environment.compile, {}

    def compile_once(environment: Environment, source: str, *names: object, **options: object) -> object:
        if source not in codes:
            codes[source] = compile_before(environment, source, *names, **options)
        return codes[source]

    Environment.compile = compile_once


if __name__ == "__main__":
    spare_time()
    answer_questions(answer)
