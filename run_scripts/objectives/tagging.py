"""Token classification: the loss is the model's own, the evaluation is over whole sentences."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from transformers import EvalPrediction

from xlzoo.run_scripts.arguments import RunArguments
from xlzoo.run_scripts.corpora.pieces import IGNORED
from xlzoo.run_scripts.objectives.resumable import ResumableTrainer
from xlzoo.run_scripts.tasks import TASKS, Task


@dataclass
class TaggingConfig(RunArguments):
    """What token classification adds to the training arguments."""

    script = "run_ner.py"
    task_name: str = field(default="ner", metadata={"help": "ner or pos.", "choices": sorted(TASKS)})


class TaggingTrainer(ResumableTrainer):
    """The stock Trainer, scoring sentences that `as_windows` cut as if they had never been cut."""

    def __init__(self, *, task: Task, labels: Sequence[str], **kwargs: Any) -> None:
        super().__init__(compute_metrics=self._score, **kwargs)
        self.task, self.labels = task, labels

    def prediction_step(
        self, model: torch.nn.Module, inputs: dict[str, torch.Tensor], *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor | None, torch.Tensor | None, torch.Tensor | None]:
        """Return the loss, the predicted label ids `[B, L]` and, behind each row's place `[B, 2]`, the gold ones."""
        place = inputs.pop("place")
        loss, logits, labels = super().prediction_step(model, inputs, *args, **kwargs)
        if logits is None or labels is None:
            return loss, None, None
        return loss, logits.argmax(-1), torch.cat([place.to(labels.device), labels], dim=1)

    def _score(self, prediction: EvalPrediction) -> dict[str, float]:
        label_ids, predictions = np.asarray(prediction.label_ids), np.asarray(prediction.predictions)
        places, gold_ids = label_ids[:, :2], label_ids[:, 2:]
        gold: defaultdict[int, list[str]] = defaultdict(list)
        predicted: defaultdict[int, list[str]] = defaultdict(list)
        for row in np.lexsort((places[:, 1], places[:, 0])):
            marked = gold_ids[row] != IGNORED
            sentence = int(places[row, 0])
            gold[sentence] += [self.labels[i] for i in gold_ids[row][marked]]
            predicted[sentence] += [self.labels[i] for i in predictions[row][marked]]
        return self.task.score(list(gold.values()), list(predicted.values()))
