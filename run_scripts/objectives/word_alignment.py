"""Pre-training on text and translations: XLM-Align, InfoXLM, and what they are compared with, MLM and TLM."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch.nn.functional import cross_entropy
from transformers import (
    EvalPrediction,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)

from xlzoo.modeling.chunked_loss import head_scores
from xlzoo.modeling.modeling_xlm_align_pretraining import PARTS, XLMAlignForPreTraining, masked_and_linked
from xlzoo.run_scripts.corpora.pair_rows import MixedRows
from xlzoo.run_scripts.corpora.pieces import IGNORED
from xlzoo.run_scripts.data_arguments import require_at_least
from xlzoo.run_scripts.errors import UserError
from xlzoo.run_scripts.objectives.masked_lm import EpochStarter, MaskedLMConfig
from xlzoo.run_scripts.objectives.resumable import ResumableTrainer
from xlzoo.run_scripts.objectives.token_scores import perplexity, row_sums

OBJECTIVES = ("mlm", "tlm", "xlm_align", "infoxlm")
Batch = dict[str, Any]


@dataclass
class WordAlignmentConfig(MaskedLMConfig):
    """What pre-training on translations adds to masked LM; the defaults are the published ones."""

    script = "run_xlm_align.py"

    objective: str = field(default="xlm_align", metadata={"help": f"One of {', '.join(OBJECTIVES)}."})
    wa_layer: int | None = field(
        default=None, metadata={"help": "xlm_align: layer of the self-labels; 10 or the last."}
    )
    wa_max_count: int = field(default=2, metadata={"help": "xlm_align: rounds of itermax for the self-labels."})
    sinkhorn_iter: int = field(default=2, metadata={"help": "xlm_align: rounds of Sinkhorn for the self-labels."})
    align_enable_step: int = field(default=0, metadata={"help": "xlm_align: steps of MLM and TLM before it begins."})
    dropout: float | None = field(default=None, metadata={"help": "Dropout while pre-training, if not the encoder's."})
    attention_dropout: float | None = field(default=None, metadata={"help": "The same of attention weights."})
    xlco_layer: int | None = field(default=None, metadata={"help": "infoxlm: layer that is compared; 8 or the last."})
    xlco_queue_size: int = field(default=131_072, metadata={"help": "infoxlm: past keys; it begins with so many."})
    xlco_softmax_tau: float = field(default=0.25, metadata={"help": "infoxlm: temperature of the contrast."})
    xlco_momentum: float = field(default=0.9999, metadata={"help": "infoxlm: what the slow copy keeps of itself."})

    def __post_init__(self) -> None:
        if self.objective not in OBJECTIVES:
            raise UserError(f"--objective is {self.objective!r}; expected one of {', '.join(OBJECTIVES)}.")
        require_at_least(0, self, "wa_layer", "sinkhorn_iter", "align_enable_step", "xlco_layer")
        require_at_least(1, self, "wa_max_count", "xlco_queue_size")
        if self.label_smoothing_factor or self.fsdp or self.deepspeed:
            raise UserError(
                "--label_smoothing_factor, --fsdp, --deepspeed do not go with pre-training; leave them out."
            )
        if not self.xlco_softmax_tau > 0:
            raise UserError(f"--xlco_softmax_tau is {self.xlco_softmax_tau}; expected more than 0.")
        for name in ("xlco_momentum", "dropout", "attention_dropout"):
            if vars(self)[name] is not None and not 0 <= vars(self)[name] <= 1:
                raise UserError(f"--{name} is {vars(self)[name]}; expected 0 to 1.")
        # All processes hold the same queue, and it is large.
        self.ddp_broadcast_buffers = bool(self.ddp_broadcast_buffers)
        super().__post_init__()

    @property
    def model_fields(self) -> dict[str, Any]:
        """The fields of `XLMAlignConfig` that these arguments set."""
        dropouts = {"hidden_dropout_prob": self.dropout, "attention_probs_dropout_prob": self.attention_dropout}
        return {
            **{name: share for name, share in dropouts.items() if share is not None},
            "dwa_layer": self.wa_layer,
            "dwa_max_count": self.wa_max_count,
            "sinkhorn_steps": self.sinkhorn_iter,
            "xlco_layer": self.xlco_layer,
            "xlco_queue_size": self.xlco_queue_size if self.objective == "infoxlm" else 0,
            "xlco_tau": self.xlco_softmax_tau,
            "xlco_momentum": self.xlco_momentum,
        }


class MomentumStep(TrainerCallback):
    """After each step of the optimizer, puts the step's keys into the queue and lets the slow copy follow."""

    def __init__(self, model: XLMAlignForPreTraining, gather: Callable[[torch.Tensor], torch.Tensor]) -> None:
        self.model, self.gather = model, gather
        self.keys: list[torch.Tensor] = []

    def on_optimizer_step(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
    ) -> None:
        """Take the keys of all processes."""
        if self.model.contrast is None:
            raise RuntimeError("the model lost its contrast")
        self.model.contrast.enqueue(self.gather(torch.cat(self.keys)))
        self.model.contrast.follow(self.model.roberta)
        self.keys = []


class WordAlignmentTrainer(ResumableTrainer):
    """The stock Trainer for batches of text and pairs, with a loss over all predictions of a step, of whatever part.

    Labels that the model makes itself, partners and keys, are made once for a whole step, before its first batch. So
    neither the number of batches that a step is cut into nor that of the processes changes the loss. Each part's mean
    is logged as `loss_mlm`, `loss_tlm`, `loss_dwa` and `loss_xlco`.
    """

    model: XLMAlignForPreTraining
    args: WordAlignmentConfig
    loss_is_scaled_for_ga = True

    def __init__(self, *, model: XLMAlignForPreTraining, train_dataset: MixedRows | None, **kwargs: Any) -> None:
        super().__init__(model=model, train_dataset=train_dataset, compute_metrics=scores, **kwargs)
        self.momentum = MomentumStep(model, self.accelerator.gather)
        if train_dataset is not None:
            self.add_callback(EpochStarter(train_dataset))
        if model.contrast is not None:
            self.add_callback(self.momentum)
        self.tally = torch.zeros(2, len(PARTS), device=self.args.device)

    def get_batch_samples(
        self, epoch_iterator: Iterator[Batch], num_batches: int, device: torch.device
    ) -> tuple[list[Batch], torch.Tensor]:
        """Return a step's batches with the labels that the model makes, and how many predictions they ask for."""
        batches, _ = super().get_batch_samples(epoch_iterator, num_batches, device)
        with self.accelerator.autocast():
            batches = [self._labelled(self._prepare_inputs(batch)) for batch in batches]
        count = torch.stack([_asked(batch) for batch in batches]).sum() if batches else torch.zeros((), device=device)
        return batches, self.accelerator.reduce(count) if self.args.average_tokens_across_devices else count

    def _labelled(self, batch: Batch) -> Batch:
        sources, targets = batch.pop("sources", None), batch.pop("targets", None)
        if self.args.objective == "xlm_align" and self.state.global_step >= self.args.align_enable_step:
            batch["pairs"]["partners"] = self.model.find_partners(batch["pairs"])
        if self.model.contrast is not None and sources is not None:
            keys = self.model.contrast.keys(targets)
            self.momentum.keys.append(keys)
            if self.model.contrast.is_ready:
                batch["contrast"] = {**sources, "keys": keys}
        return batch

    def compute_loss(
        self,
        model: torch.nn.Module,
        inputs: Batch,
        return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | int | None = None,
    ) -> Any:
        """Return the loss of a batch as its share of the step's."""
        outputs = model(**inputs, num_items_in_batch=num_items_in_batch)
        means = [
            outputs[f"loss_{name}"] if f"loss_{name}" in outputs else outputs.loss.new_zeros(()) for name in PARTS
        ]
        self.tally += torch.stack([torch.stack(means).detach() * outputs.predictions, outputs.predictions])
        loss = outputs.loss
        if self.args.average_tokens_across_devices and num_items_in_batch is not None:
            loss = loss * self.accelerator.num_processes
        return (loss, outputs) if return_outputs else loss

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Log, and beside the loss the mean of each part over all its predictions since the last time."""
        if "loss" in logs:
            totals, counts = self.accelerator.reduce(self.tally)
            logs |= {f"loss_{PARTS[i]}": (totals[i] / counts[i]).item() for i in counts.nonzero()[:, 0].tolist()}
            self.tally.zero_()
        super().log(logs, start_time)

    def prediction_step(
        self, model: torch.nn.Module, inputs: Batch, *_: object, **__: object
    ) -> tuple[None, torch.Tensor, torch.Tensor]:
        """Return, per row, the summed loss, the correct predictions and their number, `[B, 3]`.

        Of pairs under `xlm_align` these are followed by the same of the masked pieces' partners, `[P, 6]`.
        """
        inputs = self._prepare_inputs(inputs)
        rows = inputs.get("pairs", inputs)
        with torch.no_grad(), self.accelerator.autocast():
            states, labels = self.model.encode(rows), rows["labels"]
            predicted = labels != IGNORED
            sums = row_sums(labels, *head_scores(self.model.lm_head, states[predicted], labels[predicted]))
            if self.args.objective == "xlm_align" and "pairs" in inputs:
                rows["partners"] = self.model.find_partners(rows)
                logits, targets = self.model.score_partners(states, rows)
                asked = rows["partners"].masked_fill(~masked_and_linked(rows), IGNORED)
                losses = cross_entropy(logits, targets, reduction="none")
                sums = torch.cat([sums, row_sums(asked, losses, logits.argmax(-1) == targets)], dim=1)
        return None, sums, labels.new_zeros(len(labels))


def scores(prediction: EvalPrediction) -> dict[str, float]:
    """Turn per-row sums into mean loss, perplexity and accuracy, and with six columns those of the partners too."""
    sums = np.asarray(prediction.predictions)
    found = perplexity(EvalPrediction(sums[:, :3], prediction.label_ids))
    if sums.shape[1] > 3:
        partners = perplexity(EvalPrediction(sums[:, 3:], prediction.label_ids))
        found |= {f"dwa_{name}": partners[name] for name in ("loss", "accuracy")}
    return found


def _asked(batch: Batch) -> torch.Tensor:
    """Count the predictions that a batch asks for, in all its parts."""
    asked = [(rows["labels"] != IGNORED).sum() for rows in (batch, batch.get("pairs", {})) if "labels" in rows]
    if "partners" in batch.get("pairs", {}):
        asked.append(masked_and_linked(batch["pairs"]).sum())
    if "contrast" in batch:
        keys = batch["contrast"]["keys"]
        asked.append(torch.tensor(len(keys), device=keys.device))
    return torch.stack(asked).sum()
