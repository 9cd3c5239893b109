"""Masked language modelling: the loss is the model's own, the evaluation is exact per token."""

from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch.nn.functional import cross_entropy
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from xlzoo.run_scripts.arguments import RunArguments
from xlzoo.run_scripts.corpora.pieces import IGNORED, EpochRows
from xlzoo.run_scripts.errors import UserError
from xlzoo.run_scripts.objectives.resumable import ResumableTrainer
from xlzoo.run_scripts.objectives.token_scores import perplexity, row_sums


@dataclass
class MaskedLMConfig(RunArguments):
    """What masked LM adds to the training arguments."""

    script = "run_mlm.py"
    mlm_probability: float = field(default=0.15, metadata={"help": "Share of tokens to predict."})
    line_by_line: bool = field(default=False, metadata={"help": "Each line is an example, not part of a block."})

    def __post_init__(self) -> None:
        if not 0 < self.mlm_probability <= 1:
            raise UserError(f"--mlm_probability is {self.mlm_probability}; expected more than 0 and at most 1.")
        super().__post_init__()


class Epochs(Protocol):
    """Rows that are to know the epoch."""

    def start(self, epoch: int) -> None:
        """Start this epoch, counted from 0."""


class EpochStarter(TrainerCallback):
    """Tells the training rows which epoch it is.

    accelerate calls a data set's `set_epoch` only where it has not wrapped the sampler once more: neither with several
    processes nor after resuming within an epoch.
    """

    def __init__(self, rows: Epochs) -> None:
        self.rows = rows

    def on_epoch_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
    ) -> None:
        """Start the epoch that `state` is in."""
        self.rows.start(int(state.epoch or 0))


class MaskedLMTrainer(ResumableTrainer):
    """The stock Trainer, evaluating the mean loss over all predicted tokens whatever the batch size or process count.

    The stock evaluation averages batch means, so its perplexity depends on how the rows fall into batches.
    """

    def __init__(self, *, train_dataset: EpochRows | None, **kwargs: Any) -> None:
        super().__init__(train_dataset=train_dataset, compute_metrics=perplexity, **kwargs)
        if train_dataset is not None:
            self.add_callback(EpochStarter(train_dataset))

    def prediction_step(
        self, model: torch.nn.Module, inputs: dict[str, torch.Tensor], *_: object, **__: object
    ) -> tuple[None, torch.Tensor, torch.Tensor]:
        """Return, per row, the summed loss, the correct predictions and the number of predictions, `[B, 3]`."""
        inputs = self._prepare_inputs(inputs)
        labels = inputs["labels"]
        with torch.no_grad(), self.compute_loss_context_manager():
            logits = model(**inputs).logits.float()
        targets = labels[labels != IGNORED]
        losses = cross_entropy(logits, targets, reduction="none")
        return None, row_sums(labels, losses, logits.argmax(-1) == targets), labels.new_zeros(len(labels))
