"""Work that is shared between the processes which torchrun or accelerate started."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from accelerate import PartialState
from accelerate.utils import gather_object

Item = TypeVar("Item")
Done = TypeVar("Done")


def shared(items: Sequence[Item], work: Callable[[list[Item]], Sequence[Done]]) -> list[Done]:
    """Return `work(items)`, of which each of n processes does every n-th item; all of them get all of it, in order.

    `work` returns one result for each item that it is given, whatever the others are. A process on its own does
    everything, and one whose share is empty does not call `work`.
    """
    state = PartialState()
    mine = list(items[state.process_index :: state.num_processes])
    done = list(work(mine)) if mine else []
    if state.num_processes == 1:
        return done
    parts = [iter(part) for part in gather_object([done])]
    return [next(parts[place % len(parts)]) for place in range(len(items))]


def total(number: int) -> int:
    """Return the sum of the numbers that the processes have, each its own."""
    return sum(gather_object([number]))
