"""Backpack language models: GPT-2 weighs the sense vectors of the words up to each position.

Hewitt et al. 2023 (https://arxiv.org/abs/2305.16765). The public Backpack-GPT2 checkpoints load without conversion.
"""

from typing import Any

import torch
from torch import nn
from torch.nn.functional import embedding
from transformers.cache_utils import Cache
from transformers.generation import GenerationMixin
from transformers.models.gpt2.modeling_gpt2 import GPT2PreTrainedModel

from .activated_projection import ThriftyMLP  # noqa: F401 - transformers 4 fetches only siblings that this file names
from .backpack_inputs import Words, check_inputs, next_tokens, places, words_of
from .backpack_outputs import BackpackGPT2BaseModelOutput, BackpackGPT2LMHeadModelOutput
from .chunked_loss import head_sums
from .configuration_backpack import BackpackGPT2Config
from .gpt2_trunk import gpt2_trunk
from .plain_modules import is_plain
from .sense_attention import contextualize, mix, visible
from .sense_cache import sense_layer
from .sense_contributions import Pooling, pooling_of
from .sense_control import SenseApi, SenseEdit, SenseHeadApi
from .sense_mixture import fused_mixture
from .sense_network import SenseNetwork, SenseWeightNetwork
from .sense_pooling import pool


class BackpackGPT2PreTrainedModel(SenseApi, GPT2PreTrainedModel):
    """What both models share: configuration class, sense methods, GPT-2's initialisation."""

    config_class = BackpackGPT2Config
    config: BackpackGPT2Config
    base_model_prefix = "backpack"
    _no_split_modules = ["GPT2Block", "SenseNetwork"]
    _keys_to_ignore_on_load_unexpected = [r"\.attn\.(masked_)?bias$"]
    # A static cache has no room for senses.
    _can_compile_fullgraph = False

    def tie_weights(self, *args: Any, **kwargs: Any) -> None:
        """Tie the shared weights, after giving those that a checkpoint lacks the value under the name that it has."""
        base = self.base_model
        words = [base.gpt2_model.wte, base.word_embeddings, self.get_output_embeddings()]
        for sharers in ([part for part in words if part is not None], [base.gpt2_model.wpe, base.position_embeddings]):
            loaded = [part.weight for part in sharers if not part.weight.is_meta]
            for part in sharers if loaded else ():
                part.weight = loaded[0] if part.weight.is_meta else part.weight
        super().tie_weights(*args, **kwargs)


class BackpackGPT2Model(BackpackGPT2PreTrainedModel):
    """GPT-2 that returns, for each position, a weighted sum of the senses of the words up to it."""

    _auto_class = "AutoModel"
    _keys_to_ignore_on_load_unexpected = [r"\.attn\.(masked_)?bias$", r"^lm_head\."]
    _tied_weights_keys = {
        "word_embeddings.weight": "gpt2_model.wte.weight",
        "position_embeddings.weight": "gpt2_model.wpe.weight",
    }

    def __init__(self, config: BackpackGPT2Config) -> None:
        super().__init__(config)
        self.gpt2_model = gpt2_trunk(config)
        # Second names of GPT-2's embeddings, tied in `post_init`; one module under two names breaks transformers 5.
        self.word_embeddings = nn.Embedding(config.vocab_size, config.n_embd, device="meta")
        self.position_embeddings = nn.Embedding(config.n_positions, config.n_embd, device="meta")
        self.sense_network = SenseNetwork(config)
        self.sense_weight_net = SenseWeightNetwork(config)
        self.gradient_checkpointing = False
        self.sense_edits: tuple[SenseEdit, ...] = ()
        self.post_init()

    def get_input_embeddings(self) -> nn.Module:
        """Return the word embeddings."""
        return self.gpt2_model.wte

    def set_input_embeddings(self, value: nn.Module) -> None:
        """Put other word embeddings in place, for GPT-2 and for the senses."""
        self.gpt2_model.wte = value
        self.word_embeddings.weight, self.word_embeddings.num_embeddings = value.weight, value.weight.shape[0]

    def _tie_weights(self) -> None:
        """Do what transformers 5 reads from `_tied_weights_keys`, for transformers 4."""
        self.word_embeddings.weight = self.gpt2_model.wte.weight
        self.position_embeddings.weight = self.gpt2_model.wpe.weight

    def senses_of(self, ids: torch.Tensor | None, embeddings: torch.Tensor | None = None) -> torch.Tensor:
        """Return the senses of words, `[N]` to `[N, K, D]`, with the interventions in force.

        Raises:
            ValueError: an intervention is in force, but only the words' embeddings are known.
        """
        if self.sense_edits and ids is None:
            raise ValueError("sense_intervention changes the senses of words: give input_ids, not inputs_embeds.")
        senses = self.sense_network(self.gpt2_model.wte(ids) if embeddings is None else embeddings)
        for edit in self.sense_edits:
            senses = edit(ids, senses)
        return senses

    def forward(
        self,
        input_ids: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        position_ids: torch.Tensor | None = None,
        past_key_values: Cache | None = None,
        inputs_embeds: torch.Tensor | None = None,
        use_cache: bool | None = None,
        output_senses: bool = False,
        output_contextualization: bool = False,
        sense_pool_temperature: float | None = None,
        return_dict: bool | None = None,
        **kwargs: Any,
    ) -> BackpackGPT2BaseModelOutput | tuple[Any, ...]:
        """Contextualise `input_ids` `[B, L]` or `inputs_embeds` `[B, L, D]`.

        `attention_mask` `[B, T]` covers the cached tokens too; padding may be on either side. If `position_ids` are
        not given, real tokens count from 0. Given ones that start again, with neither mask nor cache, mean packed
        documents, which do not see each other. In training, or with labels, a cache is made only if asked for. With
        `sense_pool_temperature` the senses of each text are pooled too, in little memory if no senses are asked for.
        """
        if self.gradient_checkpointing and self.training:
            use_cache, past_key_values = False, None
        use_cache = (self.config.use_cache and not self.training) if use_cache is None else use_cache
        given = check_inputs(input_ids, inputs_embeds, attention_mask, past_key_values, self.config.n_positions)
        if input_ids is not None:
            self.warn_if_padding_and_no_attention_mask(input_ids, attention_mask)
        alone = past_key_values is None and not use_cache
        position_ids, documents = places(position_ids, attention_mask, given.shape[1], alone)
        words = words_of(input_ids, inputs_embeds, self.gpt2_model.wte, self._apart())
        trunk = self.gpt2_model(
            inputs_embeds=words.placed(len(given)),
            attention_mask=attention_mask,
            position_ids=position_ids,
            past_key_values=past_key_values,
            use_cache=use_cache,
            return_dict=True,
            **kwargs,
        )
        cache = trunk.past_key_values if past_key_values is None else past_key_values
        length = trunk.last_hidden_state.shape[1]
        total = length if cache is None else cache.get_seq_length()
        allowed = visible(length, total, attention_mask, documents, trunk.last_hidden_state.device)
        operands = self.sense_weight_net(trunk.last_hidden_state)
        pooling = pooling_of(sense_pool_temperature, attention_mask, trunk.last_hidden_state, total)
        if cache is None and not output_senses and not output_contextualization and self._fuses():
            again = self.gradient_checkpointing and self.training
            made = fused_mixture(self.sense_network, operands, allowed, words, again, pooling)
        else:
            asked = {"senses": output_senses, "contextualization": output_contextualization}
            made = self._mixed(operands, allowed, words, cache, asked, pooling)
        output = BackpackGPT2BaseModelOutput(
            past_key_values=trunk.past_key_values,
            hidden_states=trunk.hidden_states,
            attentions=trunk.attentions,
            **made,
        )
        return output if return_dict in (None, True) else output.to_tuple()

    def run_with_custom_contextualization(
        self, input_ids: torch.Tensor, contextualization: torch.Tensor
    ) -> BackpackGPT2BaseModelOutput:
        """Sum the senses of `input_ids` `[B, L]` with given weights `[B, K, L, L]` instead of the model's own."""
        words = words_of(input_ids, None, self.gpt2_model.wte, self._apart())
        mixed = mix(contextualization, self.senses_of(words.ids, words.embeddings), words.rows)
        return BackpackGPT2BaseModelOutput(last_hidden_state=mixed, contextualization=contextualization)

    def _apart(self) -> bool:
        """Whether each occurrence of a word is computed: noise tells them apart, and compilers want fixed shapes."""
        noisy = self.sense_network.is_random or not is_plain(self.gpt2_model.wte, nn.Embedding)
        return noisy or torch.compiler.is_compiling()

    def _mixed(
        self,
        operands: tuple[torch.Tensor, torch.Tensor],
        allowed: torch.Tensor | None,
        words: Words,
        cache: Cache | None,
        asked: dict[str, bool],
        pooling: Pooling | None,
    ) -> dict[str, torch.Tensor]:
        """Return the weighted sum of senses, and of the new tokens' senses and all weights what is `asked` for."""
        queries, keys = operands
        batch, count, length, _ = keys.shape
        if cache is None:
            vectors, rows = self.senses_of(words.ids, words.embeddings), words.rows
        else:
            layer = sense_layer(cache, self.config.n_layer, length, self.config.vocab_size)
            layer.heed(self.sense_edits, self.senses_of)
            if words.rows is None:
                rows = layer.rows_apart(self.senses_of(words.ids, words.embeddings), words.ids).view(batch, length)
            else:
                rows = layer.rows_of(words.ids, self.senses_of)[words.rows]
            keys, rows = cache.update(keys, rows[:, None, :, None], self.config.n_layer)
            vectors, rows = layer.vectors, rows[:, 0, :, 0]
        made = {}
        if asked["senses"] or pooling is not None:
            senses = vectors if rows is None else embedding(rows[:, -length:], vectors.flatten(1))
            senses = senses.view(batch, length, count, -1)
            if cache is None:
                vectors, rows = senses.flatten(0, 1), None
            made["senses"] = senses.transpose(1, 2)
        weights = made["contextualization"] = contextualize(queries, keys, allowed)
        parts = {"last_hidden_state": mix(weights, vectors, rows)}
        if pooling is not None:
            parts["sense_vectors"], parts["sense_entropies"] = pool(made["senses"], weights, pooling)
        return parts | {name: made[name] for name, wanted in asked.items() if wanted}

    def _fuses(self) -> bool:
        """Whether projection and mixing may be one operation: nothing sits in between."""
        return self.sense_network.is_plain and not self.sense_edits and not torch.compiler.is_compiling()


class BackpackGPT2LMHeadModel(SenseHeadApi, BackpackGPT2PreTrainedModel, GenerationMixin):
    """A Backpack that predicts the next word through its word embeddings."""

    _auto_class = "AutoModelForCausalLM"
    _tied_weights_keys = {"lm_head.weight": "backpack.gpt2_model.wte.weight"}

    def __init__(self, config: BackpackGPT2Config) -> None:
        super().__init__(config)
        self.backpack = BackpackGPT2Model(config)
        self.lm_head = nn.Linear(config.n_embd, config.vocab_size, bias=False)
        self.post_init()

    def forward(
        self,
        input_ids: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        position_ids: torch.Tensor | None = None,
        past_key_values: Cache | None = None,
        inputs_embeds: torch.Tensor | None = None,
        labels: torch.Tensor | None = None,
        num_items_in_batch: torch.Tensor | int | None = None,
        logits_to_keep: int | torch.Tensor = 0,
        output_logits: bool | None = None,
        return_dict: bool | None = None,
        **kwargs: Any,
    ) -> BackpackGPT2LMHeadModelOutput | tuple[Any, ...]:
        """Predict the next token everywhere; other arguments: `label_smoothing`, and those of `BackpackGPT2Model`.

        `labels` `[B, L]` are the inputs themselves, shifted here, -100 where nothing is to be predicted; nothing is
        predicted from padding. The loss is the mean over the predicted tokens (0 if there are none), or their sum over
        `num_items_in_batch` when gradients are accumulated. In training with labels there are no logits unless
        `output_logits` asks for them: the loss is computed in chunks, the logits of the whole batch never exist.
        """
        # Not a named argument: the Trainer takes every argument with "label" in its name for a column of the data.
        smoothing = kwargs.pop("label_smoothing", 0.0)
        if labels is not None:
            kwargs.setdefault("use_cache", False)
        outputs = self.backpack(
            input_ids=input_ids,
            attention_mask=attention_mask,
            position_ids=position_ids,
            past_key_values=past_key_values,
            inputs_embeds=inputs_embeds,
            return_dict=True,
            **kwargs,
        )
        states, logits, loss, plain = outputs.last_hidden_state, None, None, None
        if output_logits or (output_logits is None and (labels is None or not self.training)):
            keep = slice(-logits_to_keep, None) if isinstance(logits_to_keep, int) else logits_to_keep
            logits = self.lm_head(states[:, keep])
        if labels is not None:
            targets = next_tokens(labels.to(states.device), attention_mask)
            complete = logits if isinstance(logits_to_keep, int) and logits_to_keep == 0 else None
            loss, plain = head_sums(self.lm_head, states, complete, targets, smoothing)
            step = (targets != -100).sum() if num_items_in_batch is None else torch.as_tensor(num_items_in_batch)
            loss, plain = (total / step.clamp(min=1) for total in (loss, plain))
        output = BackpackGPT2LMHeadModelOutput(
            loss=loss,
            logits=logits,
            past_key_values=outputs.past_key_values,
            hidden_states=outputs.hidden_states,
            attentions=outputs.attentions,
            loss_unsmoothed=plain,
            senses=outputs.senses,
            contextualization=outputs.contextualization,
            backpack_hidden_states=states,
            sense_vectors=outputs.sense_vectors,
            sense_entropies=outputs.sense_entropies,
        )
        return output if return_dict in (None, True) else output.to_tuple()

    def run_with_custom_contextualization(
        self, input_ids: torch.Tensor, contextualization: torch.Tensor
    ) -> BackpackGPT2LMHeadModelOutput:
        """Predict from the senses of `input_ids` `[B, L]` under given weights `[B, K, L, L]`."""
        outputs = self.backpack.run_with_custom_contextualization(input_ids, contextualization)
        return BackpackGPT2LMHeadModelOutput(
            logits=self.lm_head(outputs.last_hidden_state),
            contextualization=contextualization,
            backpack_hidden_states=outputs.last_hidden_state,
        )
