"""The order of training rows in batches of like lengths, the same after an interruption and in every process."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch.utils.data import Sampler
from transformers.trainer_pt_utils import get_length_grouped_indices


class GroupedRows(Sampler[int]):
    """Rows so that every `size` of them in turn have like `lengths`, in an order decided by seed and epoch alone.

    The stock sampler takes whatever was drawn before it: a run that goes on within an epoch has another order, and
    processes whose dropout draws differ skip rows that no other has. `epoch` tells which one begins.
    """

    def __init__(self, lengths: Sequence[int], size: int, seed: int, epoch: Callable[[], int]) -> None:
        self.lengths, self.size, self.seed, self.epoch = list(lengths), size, seed, epoch

    def __len__(self) -> int:
        return len(self.lengths)

    def __iter__(self) -> Iterator[int]:
        seed = int(np.random.SeedSequence((self.seed, self.epoch())).generate_state(1)[0])
        return iter(get_length_grouped_indices(self.lengths, self.size, generator=torch.Generator().manual_seed(seed)))
