"""Batches that several processes share out evenly, so that together they learn what one process learns."""

from collections.abc import Iterator

from torch.utils.data import BatchSampler, Sampler

from xlzoo.run_scripts.corpora.view_rows import FILLER


class EvenBatches(Sampler[list[int]]):
    """An epoch's batches, filled up with `FILLER`s to as many for each process, all of the same size.

    accelerate would take the epoch's first rows once more, which then count twice.
    """

    drop_last = False

    def __init__(self, batches: BatchSampler, processes: int) -> None:
        self.batches, self.processes = batches, processes
        self.batch_size = batches.batch_size

    def __len__(self) -> int:
        return -(-len(self.batches) // self.processes) * self.processes

    def __iter__(self) -> Iterator[list[int]]:
        for batch in self.batches:
            yield batch + [FILLER] * (self.batch_size - len(batch))
        for _ in range(len(self.batches), len(self)):
            yield [FILLER] * self.batch_size
