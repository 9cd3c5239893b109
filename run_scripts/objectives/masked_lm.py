"""Masked language modelling: the loss is the model's own, the evaluation is exact per token."""

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch.nn.functional import cross_entropy
from transformers import EvalPrediction, Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from xlzoo.run_scripts.arguments import RunArguments
from xlzoo.run_scripts.corpora.pieces import EpochRows
from xlzoo.run_scripts.errors import UserError


@dataclass
class MaskedLMConfig(RunArguments):
    """What masked LM adds to the training arguments."""

    mlm_probability: float = field(default=0.15, metadata={"help": "Share of tokens to predict."})
    line_by_line: bool = field(default=False, metadata={"help": "Each line is an example, not part of a block."})

    def __post_init__(self) -> None:
        if not 0 < self.mlm_probability <= 1:
            raise UserError(f"--mlm_probability is {self.mlm_probability}; expected more than 0 and at most 1.")
        super().__post_init__()


class EpochStarter(TrainerCallback):
    """Tells the training rows which epoch it is.

    accelerate calls a data set's `set_epoch` only where it has not wrapped the sampler once more: neither with several
    processes nor after resuming within an epoch.
    """

    def __init__(self, rows: EpochRows) -> None:
        self.rows = rows

    def on_epoch_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
    ) -> None:
        """Start the epoch that `state` is in."""
        self.rows.start(int(state.epoch or 0))


class MaskedLMTrainer(Trainer):
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
        targets, rows = labels[labels != -100], (labels != -100).nonzero()[:, 0]
        losses = cross_entropy(logits, targets, reduction="none")
        found = torch.stack([losses, (logits.argmax(-1) == targets).float(), torch.ones_like(losses)], dim=1)
        sums = torch.zeros(len(labels), 3, device=labels.device).index_add_(0, rows, found)
        return None, sums, labels.new_zeros(len(labels))


def perplexity(prediction: EvalPrediction) -> dict[str, float]:
    """Turn per-row sums `[N, 3]` into mean loss, perplexity and accuracy."""
    loss, correct, number = np.asarray(prediction.predictions, dtype="float64").sum(axis=0)
    mean = loss / max(number, 1)
    return {"loss": mean, "perplexity": math.exp(min(mean, 700)), "accuracy": correct / max(number, 1)}
