"""Training that goes on after an interruption with the random numbers that it would have had without."""

from typing import Any

import torch
from torch.utils.data import DataLoader
from transformers import Trainer


class ResumableTrainer(Trainer):
    """The stock Trainer, but for data loaders that draw from the training's random numbers.

    A stock one does whenever it makes its workers, to seed them, or would make them if it had any; none of our rows
    need that seed. A run that goes on would draw otherwise than one that was not interrupted, where workers last as
    long as the run, for they are made again, and where an evaluation at an epoch's end comes after the checkpoint of
    its last step, for the run that goes on does not have it.
    """

    def _get_dataloader(self, *args: Any, **kwargs: Any) -> DataLoader:
        """Return the stock loader, which draws from a generator of its own in those two cases."""
        loader: Any = super()._get_dataloader(*args, **kwargs)
        evaluates, strategies = not kwargs.get("is_training"), (self.args.eval_strategy, self.args.save_strategy)
        if self.args.dataloader_persistent_workers or (evaluates and strategies == ("epoch", "steps")):
            loader.base_dataloader.generator = torch.Generator()
        return loader
