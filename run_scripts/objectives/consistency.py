"""xTune: fine-tuning that is consistent between an example and its view, and with a model that was tuned so before.

Zheng et al. 2021 (https://arxiv.org/abs/2106.08226). Stage 1 adds R1 to the task's own loss; stage 2 trains anew on
the examples and an augmented copy of each, with R1, and on the copies R2 against the model of stage 1.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from accelerate.data_loader import BatchSamplerShard
from torch.nn.functional import cross_entropy
from torch.utils.data import BatchSampler, DataLoader

from xlzoo.run_scripts.corpora.view_rows import ViewRows
from xlzoo.run_scripts.objectives.classification import ClassificationTrainer
from xlzoo.run_scripts.objectives.consistency_losses import example_consistency, model_consistency
from xlzoo.run_scripts.objectives.embedding_noise import Noise, noisy
from xlzoo.run_scripts.objectives.even_batches import EvenBatches
from xlzoo.run_scripts.objectives.masked_lm import EpochStarter
from xlzoo.run_scripts.objectives.resumable import ResumableTrainer
from xlzoo.run_scripts.objectives.tagging import TaggingTrainer
from xlzoo.run_scripts.objectives.teacher import Teacher

PARTS = ("task", "r1", "r2")
COUNTED = ("labels", "own", "taught")
"""What of a batch each part is the mean over."""
Batch = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Weights:
    """How much each part counts, and of what kind R2 is."""

    example: float
    model: float = 0.0
    hard_labels: bool = False
    noise: Noise = field(default_factory=Noise)


class ConsistencyTrainer(ResumableTrainer):
    """The stock Trainer for batches of a `ViewCollator`, in which predictions are named by their place.

    Examples and views are encoded together. Each part is a mean over the predictions of a whole step, so that neither
    accumulation nor the number of processes changes it; each is logged without its weight, as `loss_task`, `loss_r1`
    and `loss_r2`. A subclass of this and of the task's own Trainer evaluates as that does.

    Several processes have as many rows each in every batch: where those of an epoch do not divide, nothing is learned
    from what its last step is filled up with.
    """

    loss_is_scaled_for_ga = True

    def __init__(
        self, *, weights: Weights, train_dataset: ViewRows | None, teacher: Teacher | None = None, **kwargs: Any
    ) -> None:
        super().__init__(train_dataset=train_dataset, **kwargs)
        self.model_accepts_loss_kwargs = True
        self.label_smoother = None
        self.weights, self.teacher = weights, teacher
        self.tally = torch.zeros(2, len(PARTS), dtype=torch.float64, device=self.args.device)
        if teacher is not None:
            teacher.join(self.accelerator, self.predictions)
            self.add_callback(EpochStarter(teacher))
        elif train_dataset is not None:
            self.add_callback(EpochStarter(train_dataset))

    def row_lengths(self, rows: ViewRows) -> list[int]:
        """Return how many pieces each training row usually has, whatever its view has."""
        return rows.lengths

    def get_train_dataloader(self) -> DataLoader:
        """Return the stock loader, whose batches several processes share out evenly."""
        loader, rows = super().get_train_dataloader(), self.train_dataset
        shard: Any = loader.batch_sampler
        shared = isinstance(shard, BatchSamplerShard) and not (shard.drop_last or shard.split_batches)
        if shared and isinstance(shard.batch_sampler, BatchSampler) and isinstance(rows, ViewRows):
            shard.batch_sampler = EvenBatches(shard.batch_sampler, shard.num_processes)
        return loader

    def get_batch_samples(
        self, epoch_iterator: Iterator[Batch], num_batches: int, device: torch.device
    ) -> tuple[list[Batch], torch.Tensor | None]:
        """Return the batches of a step, and the predictions that each part has in all of it, `[3]`."""
        batches, _ = super().get_batch_samples(epoch_iterator, num_batches, device)
        counts = torch.zeros(len(PARTS), device=device)
        for batch in batches:
            counts += self.counts(batch).to(device)
        return batches, self.accelerator.reduce(counts) if self.args.average_tokens_across_devices else counts

    def compute_loss(
        self,
        model: torch.nn.Module,
        inputs: Batch,
        return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | int | None = None,
    ) -> Any:
        """Return the loss of a batch as its share of the step's; rows for evaluation have the task's own loss."""
        if "own" not in inputs:
            return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        read = {name: inputs[name] for name in ("input_ids", "attention_mask")}
        plain = self.accelerator.unwrap_model(model)
        with noisy(plain, inputs.get("noise"), read["attention_mask"], self.weights.noise):
            outputs = model(**read)
        sums = self.sums(self.predictions(outputs), inputs)
        own = self.counts(inputs).to(sums)
        self.tally += torch.stack([sums.detach(), own])
        step = own if num_items_in_batch is None else torch.as_tensor(num_items_in_batch).to(sums)
        weights = sums.new_tensor([1.0, self.weights.example, self.weights.model])
        loss = (weights * sums / step.clamp(min=1)).sum()
        if self.args.average_tokens_across_devices and num_items_in_batch is not None:
            loss = loss * self.accelerator.num_processes
        return (loss, outputs) if return_outputs else loss

    @staticmethod
    def predictions(outputs: Any) -> torch.Tensor:
        """Return what the places of a batch name, a row of logits for every prediction, `[N, C]`.

        Here that is a row for every example of logits `[2B, C]`, for every token of `[2B, L, C]`.
        """
        return outputs.logits.float().flatten(0, -2)

    @staticmethod
    def counts(batch: Batch) -> torch.Tensor:
        """Return how many predictions each part is the mean over, `[3]`."""
        return torch.tensor([float(len(batch[name])) for name in COUNTED])

    def sums(self, predictions: torch.Tensor, batch: Batch) -> torch.Tensor:
        """Return the parts, each summed over its predictions and without its weight, `[3]`."""
        return torch.stack(
            [
                cross_entropy(predictions[batch["places"]], batch["labels"], reduction="sum"),
                example_consistency(predictions[batch["own"]], predictions[batch["other"]]).sum(),
                self._against_teacher(predictions, batch),
            ]
        )

    def _against_teacher(self, predictions: torch.Tensor, batch: Batch) -> torch.Tensor:
        if "teacher" not in batch:
            return predictions.new_zeros(())
        return model_consistency(predictions[batch["taught"]], batch["teacher"], self.weights.hard_labels).sum()

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Log, and beside the loss the mean of each part over all its predictions since the last time."""
        if "loss" in logs:
            sums, counts = self.accelerator.reduce(self.tally)
            logs |= {f"loss_{PARTS[i]}": (sums[i] / counts[i]).item() for i in counts.nonzero()[:, 0].tolist()}
            self.tally.zero_()
        super().log(logs, start_time)


class TaggingConsistencyTrainer(ConsistencyTrainer, TaggingTrainer):
    """Consistency training of a tagger, evaluated over whole sentences."""


class PairConsistencyTrainer(ConsistencyTrainer, ClassificationTrainer):
    """Consistency training of a classifier of sentence pairs, evaluated pair by pair."""
