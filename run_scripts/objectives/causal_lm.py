"""Causal language modelling: the vocabulary loss in chunks, for every model whose head is one projection."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from peft import PeftModel
from torch import nn
from transformers import EvalPrediction, PreTrainedModel

from xlzoo.modeling.chunked_loss import head_scores, head_sums, sums_from_logits
from xlzoo.run_scripts.arguments import RunArguments
from xlzoo.run_scripts.corpora.collators import pad, padded
from xlzoo.run_scripts.corpora.pieces import IGNORED
from xlzoo.run_scripts.objectives.step_mean import Batch, StepMeanTrainer
from xlzoo.run_scripts.objectives.token_scores import perplexity, row_sums

Scores = Callable[[EvalPrediction], dict[str, float]]


@dataclass
class CausalLMConfig(RunArguments):
    """What causal LM adds to the training arguments."""

    script = "run_clm.py"
    completion_only_loss: bool = field(default=True, metadata={"help": "Learn completions, not their prompts."})
    freeze_backpack: bool = field(
        default=False,
        metadata={"help": "Train only a Backpack's head, which is its word embeddings, and freeze all else."},
    )


class SequenceCollator:
    """Batches of `input_ids`, `attention_mask` and `labels`, all `[B, L]`, padded on the right.

    Labels are the inputs, unless the rows bring their own; -100 where nothing is to be predicted: at padding, and at
    the first token, which nothing predicts, so that labels can be counted as they stand.
    """

    def __init__(self, pad_token_id: int) -> None:
        self.pad = pad_token_id

    def __call__(self, rows: Sequence[Mapping[str, Any]]) -> Batch:
        """Pad the rows."""
        batch = padded([row["input_ids"] for row in rows], self.pad, multiple=1)
        batch["labels"] = pad([row.get("labels", row["input_ids"]) for row in rows], IGNORED, multiple=1)
        batch["labels"][:, 0] = IGNORED
        return batch


class Body:
    """A causal language model up to its head, which is then applied to a few states at a time.

    It is the model's own forward pass that runs, so that wrappers for several processes see it; only the last state of
    the body is kept, and the model makes the logits of one position.
    """

    def __init__(self, model: PreTrainedModel | PeftModel) -> None:
        given: Any = model
        self.plain: Any = given.get_base_model() if isinstance(model, PeftModel) else given
        self.head: nn.Module = self.plain.get_output_embeddings()
        self._states: list[torch.Tensor] = []
        takes = inspect.signature(type(self.plain).forward).parameters
        self.can_stop = "logits_to_keep" in takes and self.plain.base_model is not self.plain
        if self.can_stop:
            self.plain.base_model.register_forward_hook(self._keep)
            self.can_stop = self._is_projection()

    def _keep(self, _: nn.Module, __: tuple[Any, ...], output: Any) -> None:
        self._states[:] = [output[0]]

    def states(self, model: nn.Module, inputs: Batch) -> torch.Tensor:
        """Return the last states `[B, L, D]` of a pass through `model`, which is the body's, perhaps wrapped."""
        self._states.clear()
        model(**inputs, logits_to_keep=1, use_cache=False)
        return self._states.pop()

    @torch.no_grad()
    def _is_projection(self) -> bool:
        """Say whether the head of the last states is all there is to the logits: some families scale or cap them."""
        training = self.plain.training
        self.plain.eval()
        ids = torch.arange(3, device=self.plain.device)[None] % self.plain.config.get_text_config().vocab_size
        logits = self.plain(input_ids=ids, use_cache=False).logits
        same = torch.allclose(self.head(self._states.pop()).float(), logits.float(), rtol=1e-3, atol=1e-3)
        self.plain.train(training)
        return same


class CausalLMTrainer(StepMeanTrainer):
    """A Trainer with a loss that never holds the logits of a whole batch, and an exact evaluation.

    The loss is the mean over all predicted tokens of a step, whatever the batches, accumulation steps or processes;
    `label_smoothing_factor` smooths it in training. Where a model is sharded, or its logits are more than a
    projection, they are made by the model as usual.
    """

    def __init__(self, *, model: PreTrainedModel | PeftModel, scores: Scores = perplexity, **kwargs: Any) -> None:
        super().__init__(model=model, compute_metrics=scores, **kwargs)
        self.body = Body(model)
        sharded = self.is_fsdp_enabled or self.is_deepspeed_enabled or self.args.n_gpu > 1
        self.in_chunks = self.body.can_stop and not sharded

    def compute_loss(
        self,
        model: nn.Module,
        inputs: Batch,
        return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | int | None = None,
    ) -> Any:
        """Return the loss of a batch as its share of the step's; there are no outputs to return but `None`."""
        rest, targets = _split(inputs)
        smoothing = self.args.label_smoothing_factor
        if self.in_chunks:
            states = self.body.states(model, rest)
            with self.accelerator.autocast():
                total, _ = head_sums(self.body.head, states, None, targets, smoothing)
        else:
            logits = model(**rest, use_cache=False).logits
            total, _ = sums_from_logits(logits[:, :-1].flatten(0, 1), targets.flatten(), smoothing)
        loss = self.share(total, (targets != IGNORED).sum().clamp(min=1), num_items_in_batch)
        return (loss, None) if return_outputs else loss

    def prediction_step(
        self, model: nn.Module, inputs: Batch, *_: object, **__: object
    ) -> tuple[None, torch.Tensor, torch.Tensor]:
        """Return, per row, the summed loss, the correct predictions and the number of predictions, `[B, 3]`."""
        rest, targets = _split(self._prepare_inputs(inputs))
        predicted = targets != IGNORED
        with torch.no_grad(), self.accelerator.autocast():
            if self.in_chunks:
                states, head = self.body.states(model, rest), self.body.head
            else:
                states, head = model(**rest, use_cache=False).logits, nn.Identity()
            losses, hits = head_scores(head, states[:, :-1][predicted], targets[predicted])
        return None, row_sums(targets, losses, hits), targets.new_zeros(len(targets))


def _split(inputs: Batch) -> tuple[Batch, torch.Tensor]:
    """Return what the model reads, and what each position but the last is to predict, `[B, L - 1]`."""
    rest = {key: value for key, value in inputs.items() if key != "labels"}
    return rest, inputs["labels"][:, 1:]
