"""Masked language modelling: the loss is the model's own, the evaluation is exact per token."""

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch.nn.functional import cross_entropy
from transformers import EvalPrediction, Trainer

from xlzoo.run_scripts.arguments import RunArguments


@dataclass
class MaskedLMConfig(RunArguments):
    """What masked LM adds to the training arguments."""

    mlm_probability: float = field(default=0.15, metadata={"help": "Share of tokens to predict."})
    line_by_line: bool = field(default=False, metadata={"help": "Each line is an example, not part of a block."})


class MaskedLMTrainer(Trainer):
    """The stock Trainer, evaluating the mean loss over all predicted tokens whatever the batch size or process count.

    The stock evaluation averages batch means, so its perplexity depends on how the rows fall into batches.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(compute_metrics=perplexity, **kwargs)

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
