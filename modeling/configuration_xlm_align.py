"""XLM-R's configuration plus what its word aligner reads."""

from copy import deepcopy
from typing import Any

from transformers import XLMRobertaConfig

AUTO_MAP = {
    "AutoConfig": "configuration_xlm_align.XLMAlignConfig",
    "AutoModel": "modeling_xlm_align.XLMAlignModel",
    "AutoModelForPreTraining": "modeling_xlm_align_pretraining.XLMAlignForPreTraining",
}
PIPELINES = {
    "word-alignment": {"impl": "word_alignment_pipeline.WordAlignmentPipeline", "pt": ["AutoModel"], "tf": []}
}


class XLMAlignConfig(XLMRobertaConfig):
    """Configuration of a word aligner on XLM-R, and of its pre-training; reads any configuration of XLM-R's family.

    `align_layer` is the layer whose states are compared unless the caller names another, 0 for the embeddings; by
    default 8, XLM-Align's, or the last one of a smaller encoder. `sinkhorn_steps` is the number of Sinkhorn's rounds.

    In pre-training `dwa_layer`, by default 10 or the last one, is the layer in which partners are found, with
    `dwa_max_count` rounds of itermax. The contrast compares `xlco_layer`, by default 8 or the last one, with
    `xlco_queue_size` past keys, 0 for no contrast, at the temperature `xlco_tau`; its copy keeps the share
    `xlco_momentum` of itself in each step.

    Raises:
        ValueError: the encoder has no such layer, or a number is too small.
    """

    model_type = "xlm-align"
    _auto_class = "AutoConfig"

    def __init__(
        self,
        align_layer: int | None = None,
        sinkhorn_steps: int = 2,
        dwa_layer: int | None = None,
        dwa_max_count: int = 2,
        xlco_layer: int | None = None,
        xlco_queue_size: int = 0,
        xlco_tau: float = 0.25,
        xlco_momentum: float = 0.9999,
        **kwargs: Any,
    ) -> None:
        kwargs["auto_map"], kwargs["custom_pipelines"] = dict(AUTO_MAP), deepcopy(PIPELINES)
        super().__init__(**kwargs)
        last = self.num_hidden_layers
        self.align_layer = min(8, last) if align_layer is None else align_layer
        self.dwa_layer = min(10, last) if dwa_layer is None else dwa_layer
        self.xlco_layer = min(8, last) if xlco_layer is None else xlco_layer
        self.sinkhorn_steps, self.dwa_max_count = sinkhorn_steps, dwa_max_count
        self.xlco_queue_size, self.xlco_tau, self.xlco_momentum = xlco_queue_size, xlco_tau, xlco_momentum
        for name in ("align_layer", "dwa_layer", "xlco_layer"):
            layer = getattr(self, name)
            if not isinstance(layer, int) or not 0 <= layer <= last:
                raise ValueError(f"{name} is {layer!r}; expected 0 to {last}.")
        for name, least in (("sinkhorn_steps", 0), ("dwa_max_count", 1), ("xlco_queue_size", 0)):
            number = getattr(self, name)
            if not isinstance(number, int) or number < least:
                raise ValueError(f"{name} is {number!r}; expected a number from {least}.")
        if not xlco_tau > 0:
            raise ValueError(f"xlco_tau is {xlco_tau!r}; expected more than 0.")
        if not 0 <= xlco_momentum <= 1:
            raise ValueError(f"xlco_momentum is {xlco_momentum!r}; expected 0 to 1.")
