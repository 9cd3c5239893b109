"""Sense adaptation (SENSIA, Cruz et al. 2026, https://arxiv.org/abs/2601.10310): a Backpack learns from bitext.

Translations are pulled together, by the contextual vectors of their last tokens and by their pooled senses, while the
model learns to predict the target side.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn.functional import normalize

from xlzoo.modeling.chunked_loss import head_scores
from xlzoo.modeling.modeling_backpack import BackpackGPT2LMHeadModel
from xlzoo.run_scripts.corpora.collators import pad, padded
from xlzoo.run_scripts.corpora.pieces import IGNORED
from xlzoo.run_scripts.objectives.adaptation_config import SenseAdaptationConfig
from xlzoo.run_scripts.objectives.losses import joint_info_nce
from xlzoo.run_scripts.objectives.pair_scores import pair_scores
from xlzoo.run_scripts.objectives.resumable import ResumableTrainer
from xlzoo.run_scripts.objectives.sense_schedule import Moment
from xlzoo.run_scripts.objectives.token_scores import row_sums

Batch = dict[str, torch.Tensor]


class PairCollator:
    """Batches of pairs: the B sources above their B targets, `input_ids`, `attention_mask`, `labels`, all `[2 B, L]`.

    Labels are the targets' ids, -100 at their first token, which nothing predicts, at padding and in the sources.
    """

    def __init__(self, pad_token_id: int) -> None:
        self.pad = pad_token_id

    def __call__(self, rows: Sequence[Mapping[str, Any]]) -> Batch:
        """Pad the rows."""
        sources, targets = ([row[side] for row in rows] for side in ("source", "target"))
        batch = padded([*sources, *targets], self.pad, multiple=1)
        silent = [[IGNORED] * len(ids) for ids in sources]
        batch["labels"] = pad([*silent, *([IGNORED, *ids[1:]] for ids in targets)], IGNORED, multiple=1)
        return batch


@dataclass(frozen=True)
class Vectors:
    """What a pass says of both sides; of 2 B rows the first half are sources, the others their translations."""

    ctx: torch.Tensor
    """`[2 B, D]`: the contextual vectors of the last tokens."""
    sns: torch.Tensor
    """`[2 B, D]`: the pooled senses."""
    entropies: torch.Tensor
    """`[2 B]`: of the senses, summed over the tokens."""
    tokens: torch.Tensor
    """`[2 B]`: how many tokens that were."""

    def halves(self, name: str) -> tuple[torch.Tensor, torch.Tensor]:
        """Return that tensor's rows of the sources, and of the targets."""
        sources, targets = getattr(self, name).chunk(2)
        return sources, targets


def last_tokens(states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Return the states `[B, D]` of the last real tokens of `[B, L, D]`, whichever side the padding is on."""
    places = (mask * torch.arange(1, mask.shape[1] + 1, device=mask.device)).argmax(1)
    return states[torch.arange(len(states), device=states.device), places]


class SenseAdaptationTrainer(ResumableTrainer):
    """The stock Trainer with the loss of the schedule, its parts in the log, and retrieval at evaluation.

    Negatives come from the batches of all processes, and the language model's loss is the mean over all tokens of a
    step, so that several processes learn what one with the joint batch learns.
    """

    loss_is_scaled_for_ga = True
    args: SenseAdaptationConfig

    def __init__(self, *, model: BackpackGPT2LMHeadModel, **kwargs: Any) -> None:
        super().__init__(model=model, compute_metrics=pair_scores, **kwargs)
        self.model_accepts_loss_kwargs = True
        self._loss_shifts_labels = False  # `PairCollator` leaves the first label out.
        self.label_smoother = None
        self.head = model.lm_head
        base = model.backpack
        self.freezable = [*base.sense_network.parameters(), *base.sense_weight_net.parameters()]
        self.parts: torch.Tensor | None = None

    def moment(self) -> Moment:
        """Return the settings of the step that is being taken, of which the first counts as one."""
        return self.args.schedule.at((self.state.global_step + 1) / max(self.state.max_steps, 1))

    def compute_loss(
        self,
        model: nn.Module,
        inputs: Batch,
        return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | int | None = None,
    ) -> Any:
        """Return the loss of a batch as its share of the step's; there are no outputs to return but `None`."""
        now, smoothing = self.moment(), self.args.label_smoothing_factor
        outputs = self._run(model, inputs, label_smoothing=smoothing, num_items_in_batch=1)
        vectors = self._vectors(outputs, inputs["attention_mask"])
        ctx = joint_info_nce(*vectors.halves("ctx"), now.tau_ctx)
        sns = joint_info_nce(*vectors.halves("sns"), now.tau_sns)
        predicted = (inputs["labels"] != IGNORED).sum()
        self._note(ctx, sns, outputs.loss, predicted, vectors)
        if num_items_in_batch is None:
            lm = outputs.loss / predicted.clamp(min=1)
        else:
            lm = outputs.loss / torch.as_tensor(num_items_in_batch).clamp(min=1)
            if self.args.average_tokens_across_devices:
                lm = lm * self.accelerator.num_processes
        contrast = (now.weights.ctx * ctx + now.weights.sns * sns) / self.current_gradient_accumulation_steps
        loss = contrast + now.weights.lm * lm
        return (loss, None) if return_outputs else loss

    def training_step(self, model: nn.Module, inputs: Batch, *rest: Any, **named: Any) -> torch.Tensor:
        """Take a step, in which the senses have no gradients if they are frozen: neither clipping nor Adam sees any.

        They are taken away after the backward pass, because parallel wrappers wait for every gradient.
        """
        loss = super().training_step(model, inputs, *rest, **named)
        if self.args.freeze_senses_in_polish and self.moment().polishes:
            for parameter in self.freezable:
                parameter.grad = None
        return loss

    def prediction_step(self, model: nn.Module, inputs: Batch, *_: object, **__: object) -> Any:
        """Return, per pair, both vectors of both sides `[B, D]`, token sums `[B, 3]` and entropies `[B, 4]`."""
        inputs = self._prepare_inputs(inputs)
        targets = inputs["labels"].chunk(2)[1][:, 1:]
        predicted = targets != IGNORED
        with torch.no_grad(), self.accelerator.autocast():
            outputs = self._run(model, {key: value for key, value in inputs.items() if key != "labels"})
            states = outputs.backpack_hidden_states.chunk(2)[1]
            losses, hits = head_scores(self.head, states[:, :-1][predicted], targets[predicted])
            vectors = self._vectors(outputs, inputs["attention_mask"])
        sums = row_sums(targets, losses, hits)
        entropies = torch.stack([*vectors.halves("entropies"), *vectors.halves("tokens")], dim=1)
        found = (*vectors.halves("ctx"), *vectors.halves("sns"), sums, entropies)
        return None, found, targets.new_zeros(len(targets))

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Log the parts of the loss too, averaged like the loss over the steps since the last time."""
        if "loss" in logs and self.parts is not None:
            ctx, sns, lm, predicted, entropy, tokens, count = self.accelerator.reduce(self.parts).tolist()
            now = self.args.schedule.at(self.state.global_step / max(self.state.max_steps, 1))
            logs |= {"loss_ctx": ctx / count, "loss_sns": sns / count, "loss_lm": lm / max(predicted, 1)}
            logs |= {"entropy": entropy / max(tokens, 1), "tau_ctx": now.tau_ctx, "tau_sns": now.tau_sns}
            logs |= {f"w_{name}": weight for name, weight in vars(now.weights).items()}
            self.parts = None
        super().log(logs, start_time)

    def _run(self, model: nn.Module, inputs: Batch, **more: Any) -> Any:
        """Run the model once for everything that the losses need, without logits."""
        pooled = {"sense_pool_temperature": self.args.sense_pool_temp}
        return model(**inputs, **pooled, **more, output_logits=False, use_cache=False)

    def _vectors(self, outputs: Any, mask: torch.Tensor) -> Vectors:
        ctx = last_tokens(outputs.backpack_hidden_states, mask)
        sns = outputs.sense_vectors
        ctx = normalize(ctx.float(), dim=-1) if self.args.normalize_last_token_embeds else ctx
        sns = normalize(sns, dim=-1) if self.args.normalize_sense_pooling else sns
        return Vectors(ctx, sns, outputs.sense_entropies.sum(1), mask.sum(1))

    def _note(
        self, ctx: torch.Tensor, sns: torch.Tensor, lm: torch.Tensor, predicted: torch.Tensor, vectors: Vectors
    ) -> None:
        """Add this batch to what the next log will say."""
        sums = (ctx, sns, lm, predicted, vectors.entropies.sum(), vectors.tokens.sum(), torch.ones_like(ctx))
        found = torch.stack([value.detach().float() for value in sums])
        self.parts = found if self.parts is None else self.parts + found
