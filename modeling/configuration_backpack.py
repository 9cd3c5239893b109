"""GPT-2's configuration plus the number and the width of a word's senses."""

from typing import Any

from transformers import GPT2Config

AUTO_MAP = {
    "AutoConfig": "configuration_backpack.BackpackGPT2Config",
    "AutoModel": "modeling_backpack.BackpackGPT2Model",
    "AutoModelForCausalLM": "modeling_backpack.BackpackGPT2LMHeadModel",
}


class BackpackGPT2Config(GPT2Config):
    """Configuration of a Backpack over GPT-2; fields, defaults and `model_type` are those of the public checkpoints.

    `num_senses` K is the number of sense vectors of a word, `sense_intermediate_scale` the width of the last hidden
    layer that makes them, in multiples of `n_embd`. Each sense attends in `n_embd // num_senses` dimensions. Because
    `model_type` is "gpt2", a published folder needs `trust_remote_code=True` to be read as a Backpack: without it the
    Auto classes build a plain GPT-2 and report that none of its weights are in the file.

    Raises:
        ValueError: `num_senses` is not from 1 to `n_embd`, or the scale below 1, or the head is asked to be untied, or
            cross-attention is asked for; a Backpack predicts through its word embeddings and has no encoder.
    """

    _auto_class = "AutoConfig"
    keys_to_ignore_at_inference = [
        "loss_unsmoothed",
        "past_key_values",
        "hidden_states",
        "attentions",
        "backpack_hidden_states",
        "senses",
        "contextualization",
        "sense_vectors",
        "sense_entropies",
    ]

    def __init__(
        self,
        vocab_size: int = 50264,
        num_senses: int = 16,
        sense_intermediate_scale: int = 4,
        n_positions: int = 512,
        scale_attn_by_inverse_layer_idx: bool = True,
        **kwargs: Any,
    ) -> None:
        # A public checkpoint's map names its own files; what is saved from here comes with this code.
        kwargs["auto_map"] = dict(AUTO_MAP)
        super().__init__(
            vocab_size=vocab_size,
            n_positions=n_positions,
            scale_attn_by_inverse_layer_idx=scale_attn_by_inverse_layer_idx,
            **kwargs,
        )
        self.num_senses = num_senses
        self.sense_intermediate_scale = sense_intermediate_scale
        if not isinstance(num_senses, int) or not 1 <= num_senses <= self.n_embd:
            raise ValueError(f"num_senses is {num_senses!r}; it must be a number from 1 to n_embd, {self.n_embd}.")
        if not isinstance(sense_intermediate_scale, int) or sense_intermediate_scale < 1:
            raise ValueError(f"sense_intermediate_scale is {sense_intermediate_scale!r}; it must be a number from 1.")
        if not self.tie_word_embeddings or self.add_cross_attention:
            raise ValueError(
                "A Backpack predicts through its word embeddings and reads no encoder: leave "
                "tie_word_embeddings true and add_cross_attention false."
            )
