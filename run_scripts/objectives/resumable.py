"""Training that goes on after an interruption with the random numbers that it would have had without."""

from typing import Any

import torch
from torch.utils.data import DataLoader, Sampler
from transformers import Trainer

from xlzoo.run_scripts.objectives.grouped_rows import GroupedRows


class ResumableTrainer(Trainer):
    """The stock Trainer, but that loaders and batches of like lengths draw nothing from the training's random numbers.

    A stock loader draws whenever it makes its workers, to seed them, or would make them if it had any; none of our
    rows need that seed. A run that goes on would draw otherwise than one that was not interrupted, where workers last
    as long as the run, for they are made again, and where an evaluation at an epoch's end comes after the checkpoint
    of its last step, for the run that goes on does not have it.
    """

    def _get_dataloader(self, *args: Any, **kwargs: Any) -> DataLoader:
        """Return the stock loader, which draws from a generator of its own in those two cases."""
        loader: Any = super()._get_dataloader(*args, **kwargs)
        evaluates, strategies = not kwargs.get("is_training"), (self.args.eval_strategy, self.args.save_strategy)
        if self.args.dataloader_persistent_workers or (evaluates and strategies == ("epoch", "steps")):
            loader.base_dataloader.generator = torch.Generator()
        return loader

    def _get_train_sampler(self, train_dataset: Any = None) -> Sampler | None:
        rows = self.train_dataset if train_dataset is None else train_dataset
        if self.args.train_sampling_strategy != "group_by_length" or not hasattr(rows, "__len__"):
            return super()._get_train_sampler(train_dataset)
        size = self.args.train_batch_size * self.args.gradient_accumulation_steps * self.args.world_size
        seed = self.args.seed if self.args.data_seed is None else self.args.data_seed
        return GroupedRows(self.row_lengths(rows), size, seed, lambda: int(self.state.epoch or 0))

    def row_lengths(self, rows: Any) -> list[int]:
        """Return how many pieces each training row has, as the stock Trainer finds it."""
        stock: Any = super()._get_train_sampler(rows)
        return list(stock.lengths)
