"""MAD-X: XLM-R with named bottleneck adapters and invertible adapters around the embeddings.

Pfeiffer et al. 2020 (https://arxiv.org/abs/2005.00052); MAD-X 2.0, Pfeiffer et al. 2021
(https://arxiv.org/abs/2012.15562). Any XLM-R, XLM-Align or InfoXLM checkpoint loads, and gives exactly its own outputs
until an adapter is active.
"""

from typing import Any

import torch
from torch import nn
from transformers.activations import gelu
from transformers.modeling_outputs import (
    BaseModelOutputWithPoolingAndCrossAttentions,
    MaskedLMOutput,
    SequenceClassifierOutput,
)
from transformers.models.xlm_roberta.modeling_xlm_roberta import (
    XLMRobertaClassificationHead,
    XLMRobertaForMaskedLM,
    XLMRobertaForMultipleChoice,
    XLMRobertaForQuestionAnswering,
    XLMRobertaForSequenceClassification,
    XLMRobertaForTokenClassification,
    XLMRobertaLMHead,
    XLMRobertaModel,
    XLMRobertaPreTrainedModel,
)

from .adapter_api import AdapterApi
from .adapter_config import AdapterConfig
from .adapter_files import read_head  # noqa: F401 - transformers 4 fetches only siblings that this file names
from .adapter_heads import HEADS  # noqa: F401
from .bottleneck import AdaptedEmbeddings, AdaptedOutput, AdaptedSelfOutput, Bottleneck
from .configuration_madx import MadxConfig
from .coupling import NiceCoupling
from .safe_files import read_tensors  # noqa: F401
from .token_loss import SummedCrossEntropy


def first_token(states: torch.Tensor, attention_mask: torch.Tensor | None) -> torch.Tensor:
    """Return each row's first attended state, `[B, L, D]` to `[B, 1, D]`, whichever side the padding is on."""
    if attention_mask is None:
        return states[:, :1]
    first = attention_mask.long().argmax(dim=1)
    return states[torch.arange(len(states), device=states.device), first].unsqueeze(1)


class MadxPreTrainedModel(AdapterApi, XLMRobertaPreTrainedModel):
    """What all MAD-X models share: configuration class, adapter methods, initialisation."""

    config_class = MadxConfig
    config: MadxConfig
    # Only the masked-LM loss divides by the count that the Trainer passes; the others are means over their batch.
    accepts_loss_kwargs = False

    def _init_weights(self, module: nn.Module) -> None:
        super()._init_weights(module)
        if isinstance(module, Bottleneck) and isinstance(module.scaling, nn.Parameter):
            nn.init.ones_(module.scaling)


class MadxModel(MadxPreTrainedModel, XLMRobertaModel):
    """The encoder, `XLMRobertaModel` in and out: `last_hidden_state` `[B, L, D]`, `pooler_output` `[B, D]`.

    Padding may be on either side; the pooler reads the first attended token.
    """

    _auto_class = "AutoModel"

    def __init__(self, config: MadxConfig, add_pooling_layer: bool = True) -> None:
        XLMRobertaModel.__init__(self, config, add_pooling_layer=add_pooling_layer)
        self.embeddings = AdaptedEmbeddings(config)
        for layer in self.encoder.layer:
            layer.output = AdaptedOutput(config)
            layer.attention.output = AdaptedSelfOutput(config)
        for name in config.adapters:
            self.build_adapter(name)
        self.post_init()

    def build_adapter(self, name: str) -> None:
        """Make the modules that the configuration of adapter `name` calls for, initialised, on this model's device."""
        self.remove_adapter(name)
        config, width = AdapterConfig.from_dict(self.config.adapters[name]), self.config.hidden_size
        for index, layer in enumerate(self.encoder.layer):
            blocks = [layer.output] * config.output_adapter + [layer.attention.output] * config.mh_adapter
            for block in blocks if index not in config.leave_out else ():
                block.adapters[name] = self._initialised(Bottleneck(width, index, config))
        if config.inv_adapter:
            coupling = NiceCoupling(width, config.inv_adapter_reduction_factor or 2, config.non_linearity)
            self.embeddings.invertible_adapters[name] = self._initialised(coupling)

    def remove_adapter(self, name: str) -> None:
        """Drop the modules of adapter `name`, if there are any."""
        holders = [self.embeddings.invertible_adapters]
        for layer in self.encoder.layer:
            holders += [layer.output.adapters, layer.attention.output.adapters]
        for holder in holders:
            if name in holder:
                del holder[name]

    def _initialised(self, module: nn.Module) -> nn.Module:
        module.apply(self._init_weights)
        like = self.embeddings.word_embeddings.weight
        return module.to(device=like.device, dtype=like.dtype).train(self.training)

    def forward(
        self,
        input_ids: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        return_dict: bool | None = None,
        **kwargs: Any,
    ) -> BaseModelOutputWithPoolingAndCrossAttentions | tuple[torch.Tensor, ...]:
        """Encode `input_ids` `[B, L]` under the active stack."""
        outputs = super().forward(input_ids, attention_mask=attention_mask, return_dict=True, **kwargs)
        if self.pooler is not None:
            outputs.pooler_output = self.pooler(first_token(outputs.last_hidden_state, attention_mask))
        return outputs if return_dict in (None, True) else outputs.to_tuple()


class MadxForMaskedLM(MadxPreTrainedModel, XLMRobertaForMaskedLM):
    """Masked LM: the active language's coupling is undone before the vocabulary projection (MAD-X, figure 3)."""

    _auto_class = "AutoModelForMaskedLM"
    accepts_loss_kwargs = True
    head_type = "masked_lm"

    def __init__(self, config: MadxConfig) -> None:
        XLMRobertaPreTrainedModel.__init__(self, config)
        self.roberta = MadxModel(config, add_pooling_layer=False)
        self.lm_head = XLMRobertaLMHead(config)
        self.post_init()

    def project(self, states: torch.Tensor) -> torch.Tensor:
        """Map encoder states `[..., D]` to vocabulary logits `[..., V]`."""
        states = self.lm_head.layer_norm(gelu(self.lm_head.dense(states)))
        coupling = self.roberta.embeddings.coupling()
        return self.lm_head.decoder(states if coupling is None else coupling.inverse(states))

    def forward(
        self,
        input_ids: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        labels: torch.Tensor | None = None,
        num_items_in_batch: torch.Tensor | int | None = None,
        return_dict: bool | None = None,
        **kwargs: Any,
    ) -> MaskedLMOutput | tuple[torch.Tensor, ...]:
        """Predict tokens: logits `[B, L, V]`, or, given `labels` `[B, L]`, loss and logits of the labelled positions.

        With labels the head runs only where they are not -100, and `logits` is `[N, V]` in reading order. The loss is
        the mean over those N positions, or their sum over `num_items_in_batch` when gradients are accumulated; it is 0
        where nothing is labelled.
        """
        outputs = self.roberta(input_ids, attention_mask=attention_mask, return_dict=True, **kwargs)
        states, loss = outputs.last_hidden_state, None
        if labels is None:
            logits = self.project(states)
        else:
            predicted = labels != -100
            logits, targets = self.project(states[predicted]), labels[predicted]
            count = torch.as_tensor(len(targets) if num_items_in_batch is None else num_items_in_batch)
            loss = SummedCrossEntropy.apply(logits, targets) / count.clamp(min=1)
        result = MaskedLMOutput(
            loss=loss, logits=logits, hidden_states=outputs.hidden_states, attentions=outputs.attentions
        )
        return result if return_dict in (None, True) else result.to_tuple()


class MadxForTokenClassification(MadxPreTrainedModel, XLMRobertaForTokenClassification):
    """A label per token; inputs and outputs are `XLMRobertaForTokenClassification`'s, `logits` `[B, L, labels]`."""

    _auto_class = "AutoModelForTokenClassification"
    head_type = "tagging"

    def __init__(self, config: MadxConfig) -> None:
        XLMRobertaPreTrainedModel.__init__(self, config)
        self.num_labels = config.num_labels
        self.roberta = MadxModel(config, add_pooling_layer=False)
        self.dropout = nn.Dropout(_head_dropout(config))
        self.classifier = nn.Linear(config.hidden_size, config.num_labels)
        self.post_init()


class MadxForSequenceClassification(MadxPreTrainedModel, XLMRobertaForSequenceClassification):
    """A label per text, read from its first token on either padding side; `logits` `[B, labels]`."""

    _auto_class = "AutoModelForSequenceClassification"
    head_type = "classification"

    def __init__(self, config: MadxConfig) -> None:
        XLMRobertaPreTrainedModel.__init__(self, config)
        self.num_labels = config.num_labels
        self.roberta = MadxModel(config, add_pooling_layer=False)
        self.classifier = XLMRobertaClassificationHead(config)
        self.post_init()

    def forward(
        self,
        input_ids: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        labels: torch.Tensor | None = None,
        return_dict: bool | None = None,
        **kwargs: Any,
    ) -> SequenceClassifierOutput | tuple[torch.Tensor, ...]:
        """Classify; the loss follows `config.problem_type` (labels `[B]` ids or floats, or `[B, labels]` floats)."""
        outputs = self.roberta(input_ids, attention_mask=attention_mask, return_dict=True, **kwargs)
        logits = self.classifier(first_token(outputs.last_hidden_state, attention_mask))
        loss = None if labels is None else self.loss_function(labels=labels, pooled_logits=logits, config=self.config)
        result = SequenceClassifierOutput(
            loss=loss, logits=logits, hidden_states=outputs.hidden_states, attentions=outputs.attentions
        )
        return result if return_dict in (None, True) else result.to_tuple()


class MadxForQuestionAnswering(MadxPreTrainedModel, XLMRobertaForQuestionAnswering):
    """Extractive QA; inputs and outputs are `XLMRobertaForQuestionAnswering`'s, start and end logits `[B, L]`."""

    _auto_class = "AutoModelForQuestionAnswering"
    head_type = "question_answering"

    def __init__(self, config: MadxConfig) -> None:
        XLMRobertaPreTrainedModel.__init__(self, config)
        self.num_labels = config.num_labels
        self.roberta = MadxModel(config, add_pooling_layer=False)
        self.qa_outputs = nn.Linear(config.hidden_size, config.num_labels)
        self.post_init()


class MadxForMultipleChoice(MadxPreTrainedModel, XLMRobertaForMultipleChoice):
    """One of several choices; inputs `[B, choices, L]` and outputs are `XLMRobertaForMultipleChoice`'s."""

    _auto_class = "AutoModelForMultipleChoice"
    head_type = "multiple_choice"

    def __init__(self, config: MadxConfig) -> None:
        XLMRobertaPreTrainedModel.__init__(self, config)
        self.roberta = MadxModel(config)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)
        self.classifier = nn.Linear(config.hidden_size, 1)
        self.post_init()


def _head_dropout(config: MadxConfig) -> float:
    return config.hidden_dropout_prob if config.classifier_dropout is None else config.classifier_dropout
