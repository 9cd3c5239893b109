"""XLM-R's configuration plus what its word aligner reads."""

from copy import deepcopy
from typing import Any

from transformers import XLMRobertaConfig

AUTO_MAP = {
    "AutoConfig": "configuration_xlm_align.XLMAlignConfig",
    "AutoModel": "modeling_xlm_align.XLMAlignModel",
}
PIPELINES = {
    "word-alignment": {"impl": "word_alignment_pipeline.WordAlignmentPipeline", "pt": ["AutoModel"], "tf": []}
}


class XLMAlignConfig(XLMRobertaConfig):
    """Configuration of a word aligner on XLM-R; reads any XLM-R, XLM-Align or InfoXLM configuration.

    `align_layer` is the layer whose states are compared unless the caller names another, 0 for the embeddings; by
    default 8, XLM-Align's, or the last one of a smaller encoder. `sinkhorn_steps` is the number of Sinkhorn's rounds.

    Raises:
        ValueError: the encoder has no such layer, or the rounds are fewer than 0.
    """

    model_type = "xlm-align"
    _auto_class = "AutoConfig"

    def __init__(self, align_layer: int | None = None, sinkhorn_steps: int = 2, **kwargs: Any) -> None:
        kwargs["auto_map"], kwargs["custom_pipelines"] = dict(AUTO_MAP), deepcopy(PIPELINES)
        super().__init__(**kwargs)
        self.align_layer = min(8, self.num_hidden_layers) if align_layer is None else align_layer
        self.sinkhorn_steps = sinkhorn_steps
        if not isinstance(self.align_layer, int) or not 0 <= self.align_layer <= self.num_hidden_layers:
            raise ValueError(f"align_layer is {self.align_layer!r}; expected 0 to {self.num_hidden_layers}.")
        if not isinstance(sinkhorn_steps, int) or sinkhorn_steps < 0:
            raise ValueError(f"sinkhorn_steps is {sinkhorn_steps!r}; expected a number from 0.")
