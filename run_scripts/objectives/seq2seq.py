"""Sequence-to-sequence learning: every token of a completion is predicted from the prompt and those before it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from xlzoo.modeling.chunked_loss import head_scores, sums_from_logits
from xlzoo.run_scripts.arguments import RunArguments
from xlzoo.run_scripts.corpora.collators import pad, padded
from xlzoo.run_scripts.corpora.pieces import IGNORED
from xlzoo.run_scripts.objectives.step_mean import Batch, StepMeanTrainer
from xlzoo.run_scripts.objectives.token_scores import completion_scores, row_sums


@dataclass
class Seq2SeqConfig(RunArguments):
    """What sequence-to-sequence learning adds to the training arguments."""

    script = "run_seq2seq.py"


class Seq2SeqCollator:
    """Batches of `input_ids` and `attention_mask` `[B, L]`, and `labels` and `decoder_input_ids` `[B, M]`.

    The decoder reads the labels one place later, behind the token that it starts with; -100 marks padding of labels.
    """

    def __init__(self, pad_token_id: int, start_token_id: int) -> None:
        self.pad, self.start = pad_token_id, start_token_id

    def __call__(self, rows: Sequence[Mapping[str, Any]]) -> Batch:
        """Pad the rows."""
        batch = padded([row["input_ids"] for row in rows], self.pad)
        batch["labels"] = pad([row["labels"] for row in rows], IGNORED, multiple=1)
        read = [[self.start, *row["labels"][:-1]] for row in rows]
        batch["decoder_input_ids"] = pad(read, self.pad, multiple=1)
        return batch


class Seq2SeqTrainer(StepMeanTrainer):
    """Mean loss over the predicted tokens of a step; evaluation is exact per token and per completion.

    `label_smoothing_factor` smooths the loss in training.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(compute_metrics=completion_scores, **kwargs)

    def compute_loss(
        self,
        model: nn.Module,
        inputs: Batch,
        return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | int | None = None,
    ) -> Any:
        """Return the loss of a batch as its share of the step's; there are no outputs to return but `None`."""
        labels = inputs["labels"]
        logits = _logits(model, inputs)
        smoothing = self.args.label_smoothing_factor
        total, _ = sums_from_logits(logits.flatten(0, 1), labels.flatten(), smoothing)
        loss = self.share(total, (labels != IGNORED).sum().clamp(min=1), num_items_in_batch)
        return (loss, None) if return_outputs else loss

    def prediction_step(
        self, model: nn.Module, inputs: Batch, *_: object, **__: object
    ) -> tuple[None, torch.Tensor, torch.Tensor]:
        """Return, per row, the summed loss, the correct predictions and the number of predictions, `[B, 3]`."""
        inputs = self._prepare_inputs(inputs)
        labels = inputs["labels"]
        predicted = labels != IGNORED
        with torch.no_grad(), self.compute_loss_context_manager():
            logits = _logits(model, inputs)
            losses, hits = head_scores(nn.Identity(), logits[predicted], labels[predicted])
        return None, row_sums(labels, losses, hits), labels.new_zeros(len(labels))


def _logits(model: nn.Module, inputs: Batch) -> torch.Tensor:
    """Return the logits `[B, M, V]`."""
    return model(**{key: value for key, value in inputs.items() if key != "labels"}, use_cache=False).logits
