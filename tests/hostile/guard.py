"""Loading under watch: no code of the folder's runs, nothing hangs, nothing fills the memory."""

import resource
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from cases import Case, Kind, executed

SECONDS = 20
MEGABYTES = 400
"""How much memory one load may add to the process's largest size ever."""
FOREIGN = "this"
"""A module that is always there and that nobody needs: the poem."""


class Hang(BaseException):
    """Loading took longer than `SECONDS`."""


@contextmanager
def in_time() -> Iterator[None]:
    def stop(number: int, frame: FrameType | None) -> None:
        raise Hang(f"still loading after {SECONDS} seconds")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def in_memory() -> Iterator[None]:
    """Let huge allocations fail, and notice large ones that succeed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + 4 * 2**30, hard))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak) // 1024
    assert grown < MEGABYTES, f"loading took {grown} MB"


def attempt(kind: Kind, folder: Path) -> tuple[Any, str]:
    """Load a folder; return what came of it and an empty string, or `None` and the sentence that refused it."""
    result, sentence = None, ""
    with in_memory(), in_time():
        try:
            result = kind.load(folder)
        except kind.refusals as error:
            sentence = str(error)
            check_causes(error)
    assert not executed(folder).exists(), "code of the folder was executed"
    assert FOREIGN not in sys.modules, "a module that the folder names was imported"
    return result, sentence


def check_causes(error: BaseException | None) -> None:
    """The refusal was decided; it did not follow from running out of memory."""
    while error is not None:
        assert not isinstance(error, MemoryError), repr(error)
        assert "allocate memory" not in str(error), error
        error = error.__cause__ or error.__context__


def check_sentence(case: Case, sentence: str) -> None:
    """One sentence of readable length that says what the case asks for."""
    assert 20 < len(sentence) < 700, sentence[:2000]
    assert sentence.isprintable(), sentence
    for word in case.words:
        assert word in sentence, sentence
