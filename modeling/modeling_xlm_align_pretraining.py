"""Pre-training of XLM-Align and InfoXLM: masked LM, translation LM, denoising word alignment, cross-lingual contrast.

Chi et al. 2021 (https://aclanthology.org/2021.acl-long.265 and https://aclanthology.org/2021.naacl-main.280). Any
XLM-R checkpoint loads; only the heads are new.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn.functional import cross_entropy
from transformers.models.xlm_roberta.modeling_xlm_roberta import (
    XLMRobertaForMaskedLM,
    XLMRobertaLMHead,
    XLMRobertaPreTrainedModel,
)
from transformers.utils import ModelOutput

from .alignment_engine import align_pairs  # noqa: F401 - transformers 4 fetches only siblings that this file names
from .alignment_links import link_pairs  # noqa: F401
from .alignment_plan import plan_pairs  # noqa: F401
from .alignment_settings import AlignmentSettings  # noqa: F401
from .alignment_states import evaluating, stopped
from .alignment_words import split_words  # noqa: F401
from .configuration_xlm_align import XLMAlignConfig
from .denoising_alignment import IGNORED, alignment_logits, find_partners
from .modeling_xlm_align import XLMAlignModel
from .momentum_contrast import MomentumContrast
from .optimal_transport import sinkhorn  # noqa: F401
from .token_loss import SummedCrossEntropy
from .word_alignment_pipeline import WordAlignmentPipeline  # noqa: F401

Batch = Mapping[str, torch.Tensor]
Part = tuple[torch.Tensor, int]
"""A summed loss and the number of predictions in it."""
PARTS = ("mlm", "tlm", "dwa", "xlco")


@dataclass
class XLMAlignPreTrainingOutput(ModelOutput):
    """What pre-training wants to know of a batch.

    Args:
        loss: the parts' sums over the number of all predictions, or over that of the step where it was given.
        loss_mlm: masked LM on text, the mean over its predictions; `None` where the batch has none of it.
        loss_tlm: masked LM on pairs, likewise.
        loss_dwa: denoising word alignment, likewise.
        loss_xlco: cross-lingual contrast, likewise.
        predictions: how many predictions each of these four parts made, `[4]`.
        logits: of every piece of the vocabulary, `[B, L, V]`, where nothing is to be predicted.
    """

    loss: torch.Tensor | None = None
    loss_mlm: torch.Tensor | None = None
    loss_tlm: torch.Tensor | None = None
    loss_dwa: torch.Tensor | None = None
    loss_xlco: torch.Tensor | None = None
    predictions: torch.Tensor | None = None
    logits: torch.Tensor | None = None


class XLMAlignForPreTraining(XLMRobertaForMaskedLM):
    """XLM-R with its vocabulary head, the alignment head and, if `config.xlco_queue_size` is not 0, the contrast.

    `model.roberta` is an `XLMAlignModel`, which aligns words at any time.
    """

    config_class = XLMAlignConfig
    config: XLMAlignConfig
    _auto_class = "AutoModelForPreTraining"
    accepts_loss_kwargs = False
    """The Trainer's own count leaves predictions out that are not in `labels`; see `num_items_in_batch`."""

    def __init__(self, config: XLMAlignConfig) -> None:
        XLMRobertaPreTrainedModel.__init__(self, config)
        self.roberta = XLMAlignModel(config)
        self.lm_head = XLMRobertaLMHead(config)
        self.q_linear = nn.Linear(config.hidden_size, config.hidden_size)
        self.k_linear = nn.Linear(config.hidden_size, config.hidden_size)
        self.contrast = MomentumContrast(config) if config.xlco_queue_size else None
        self.post_init()

    def _init_weights(self, module: nn.Module) -> None:
        super()._init_weights(module)
        if isinstance(module, MomentumContrast):
            module.initialise(std=0.02)

    def forward(
        self,
        input_ids: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        labels: torch.Tensor | None = None,
        pairs: Batch | None = None,
        contrast: Batch | None = None,
        num_items_in_batch: torch.Tensor | int | None = None,
        return_dict: bool | None = None,
    ) -> XLMAlignPreTrainingOutput | tuple[torch.Tensor, ...]:
        """Return the losses of text, of pairs and of their contrast, each of which may be absent.

        Args:
            input_ids: masked text, `[B, L]`; without `labels` all its logits are returned, and no loss.
            attention_mask: `[B, L]`.
            labels: what is to be predicted, -100 elsewhere, `[B, L]`.
            pairs: masked pairs `<s> source </s> target </s>`: `input_ids`, `attention_mask`, `labels` and `sides` (1
                source, 2 target, 0 neither), all `[P, M]`; and, for denoising word alignment, `partners` `[P, M]`, as
                `find_partners` returns them.
            contrast: sources `<s> source </s>`: `input_ids` and `attention_mask`, `[P, S]`, padded on the right, and
                `keys` `[P, D]`, as `contrast.keys` returns them of their translations.
            num_items_in_batch: the predictions of a whole optimisation step, all parts together.
            return_dict: `False` for a tuple.
        """
        parts: dict[str, Part] = {}
        logits = None
        if input_ids is not None:
            states = self.roberta(input_ids, attention_mask=attention_mask).last_hidden_state
            if labels is None:
                logits = self.lm_head(states)
            else:
                parts["mlm"] = self._vocabulary_loss(states, labels)
        if pairs is not None:
            states = self.encode(pairs)
            parts["tlm"] = self._vocabulary_loss(states, pairs["labels"])
            if "partners" in pairs:
                parts["dwa"] = self._alignment_loss(states, pairs)
        if contrast is not None:
            parts["xlco"] = self._contrast_loss(contrast)
        result = XLMAlignPreTrainingOutput(logits=logits, **_summed_up(parts, num_items_in_batch))
        return result if return_dict in (None, True) else result.to_tuple()

    def encode(self, rows: Batch) -> torch.Tensor:
        """Return the last states of rows with `input_ids` and `attention_mask` `[B, L]`, `[B, L, D]`."""
        return self.roberta(rows["input_ids"], attention_mask=rows["attention_mask"]).last_hidden_state

    @torch.no_grad()
    def find_partners(self, pairs: Batch) -> torch.Tensor:
        """Return the places of the pieces' partners, -100 where there are none, `[P, M]`, as the model sees them now.

        `pairs` are as in `forward`; what their masks hide is put back from `labels`. The model is evaluated up to
        layer `config.dwa_layer`, without dropout and without gradients, and left in the mode that it was in.
        """
        whole = torch.where(pairs["labels"] == IGNORED, pairs["input_ids"], pairs["labels"])
        short = stopped(self.roberta, self.config.dwa_layer, tapped=False)
        with evaluating(self.roberta):
            states = short(whole, attention_mask=pairs["attention_mask"]).last_hidden_state
        with torch.autocast(states.device.type, enabled=False):
            similarity = states.float() @ states.float().transpose(1, 2)
        return find_partners(similarity, pairs["sides"], self.config.sinkhorn_steps, self.config.dwa_max_count)

    def score_partners(self, states: torch.Tensor, pairs: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the logits `[N, M]` of the masked pieces that have a partner, and where that partner is `[N]`."""
        asked = masked_and_linked(pairs)
        logits = alignment_logits(self.q_linear(states), self.k_linear(states), pairs["sides"], asked)
        return logits, pairs["partners"][asked]

    def _vocabulary_loss(self, states: torch.Tensor, labels: torch.Tensor) -> Part:
        predicted = labels != IGNORED
        targets = labels[predicted]
        return SummedCrossEntropy.apply(self.lm_head(states[predicted]), targets), len(targets)

    def _alignment_loss(self, states: torch.Tensor, pairs: Batch) -> Part:
        logits, targets = self.score_partners(states, pairs)
        return cross_entropy(logits, targets, reduction="sum"), len(targets)

    def _contrast_loss(self, contrast: Batch) -> Part:
        if self.contrast is None:
            raise ValueError(
                "This model has no contrast; make it with a configuration whose xlco_queue_size is not 0."
            )
        short = stopped(self.roberta, self.config.xlco_layer, tapped=False)
        states = short(contrast["input_ids"], attention_mask=contrast["attention_mask"]).last_hidden_state
        logits = self.contrast.logits(states[:, 0], contrast["keys"])
        return cross_entropy(logits, logits.new_zeros(len(logits), dtype=torch.int64), reduction="sum"), len(logits)


def masked_and_linked(pairs: Batch) -> torch.Tensor:
    """Mark the pieces whose partner is to be found: masked ones that have one, `[P, M]`."""
    return (pairs["labels"] != IGNORED) & (pairs["partners"] != IGNORED)


def _summed_up(parts: Mapping[str, Part], step: torch.Tensor | int | None) -> dict[str, Any]:
    """Return the losses and the numbers of predictions as fields of the output."""
    if not parts:
        return {}
    means = {f"loss_{name}": total / max(count, 1) for name, (total, count) in parts.items()}
    counts = [parts[name][1] if name in parts else 0 for name in PARTS]
    total = torch.stack([total for total, _ in parts.values()]).sum()
    loss = total / torch.as_tensor(sum(counts) if step is None else step).clamp(min=1)
    return {"loss": loss, "predictions": torch.tensor(counts, device=loss.device), **means}
