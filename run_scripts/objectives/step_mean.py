"""Losses that are means over a whole step, whatever the batches, accumulation steps or processes."""

from typing import Any

import torch

from xlzoo.run_scripts.objectives.resumable import ResumableTrainer

Batch = dict[str, torch.Tensor]


class StepMeanTrainer(ResumableTrainer):
    """The stock Trainer for losses that a subclass adds up over the labels of a batch that are not -100.

    Means of batches' means would weigh labels by how many others their batch has.
    """

    loss_is_scaled_for_ga = True

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.model_accepts_loss_kwargs = True
        self._loss_shifts_labels = False  # What the labels count is what is predicted.
        self.label_smoother = None

    def share(
        self, total: torch.Tensor, own: torch.Tensor | int, num_items_in_batch: torch.Tensor | int | None
    ) -> torch.Tensor:
        """Return what a batch, whose `own` labels have a loss of `total` together, adds to the mean of its step."""
        if num_items_in_batch is None:
            return total / own
        loss = total / torch.as_tensor(num_items_in_batch).clamp(min=1)
        if self.args.average_tokens_across_devices:
            return loss * self.accelerator.num_processes
        # The Trainer counts a GPU's part where one process has several; what it adds up here is of all of them.
        return loss / max(self.args.n_gpu, 1)
