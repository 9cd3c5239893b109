"""Classification of texts: cross-entropy over labels, whose mean is over the rows of a whole step."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch.nn.functional import cross_entropy
from transformers import EvalPrediction

from xlzoo.run_scripts.arguments import RunArguments
from xlzoo.run_scripts.objectives.step_mean import Batch, StepMeanTrainer
from xlzoo.run_scripts.tasks.text_pairs import PAIR_TASKS, label_accuracy


@dataclass
class ClassificationConfig(RunArguments):
    """What classification adds to the training arguments."""

    script = "run_classification.py"
    task_name: str = field(default="xnli", metadata={"help": "xnli or pawsx.", "choices": sorted(PAIR_TASKS)})


class ClassificationTrainer(StepMeanTrainer):
    """Mean loss over all rows of a step, and accuracy; `label_smoothing_factor` smooths the loss in training."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(compute_metrics=_score, **kwargs)

    def compute_loss(
        self,
        model: torch.nn.Module,
        inputs: Batch,
        return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | int | None = None,
    ) -> Any:
        """Return the loss of a batch as its share of the step's, and the outputs with `logits` `[B, labels]`."""
        labels = inputs["labels"]
        outputs = model(**{key: value for key, value in inputs.items() if key != "labels"})
        smoothing = self.args.label_smoothing_factor if model.training else 0.0
        total = cross_entropy(outputs.logits.float(), labels, reduction="sum", label_smoothing=smoothing)
        loss = self.share(total, len(labels), num_items_in_batch)
        return (loss, {"logits": outputs.logits}) if return_outputs else loss

    def prediction_step(
        self, model: torch.nn.Module, inputs: Batch, *_: object, **__: object
    ) -> tuple[None, torch.Tensor, torch.Tensor]:
        """Return, per row, its loss in front of its logits, `[B, 1 + labels]`, and its label, `[B]`."""
        inputs = self._prepare_inputs(inputs)
        with torch.no_grad(), self.compute_loss_context_manager():
            _, outputs = self.compute_loss(model, inputs, return_outputs=True)
        logits, labels = outputs["logits"].float(), inputs["labels"]
        losses = cross_entropy(logits, labels, reduction="none")
        return None, torch.cat([losses[:, None], logits], dim=1), labels


def _score(prediction: EvalPrediction) -> dict[str, float]:
    """Return the mean loss of all rows, whatever the batches and processes, and the task's score."""
    losses, logits = np.split(np.asarray(prediction.predictions), [1], axis=1)
    gold = np.asarray(prediction.label_ids).tolist()
    return {"loss": float(losses.mean()), **label_accuracy(gold, logits.argmax(-1).tolist())}
