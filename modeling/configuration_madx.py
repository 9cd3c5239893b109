"""XLM-R's configuration plus named adapters and the active stack."""

from collections.abc import Mapping, Sequence
from typing import Any

from transformers import XLMRobertaConfig

AUTO_MAP = {
    "AutoConfig": "configuration_madx.MadxConfig",
    "AutoModel": "modeling_madx.MadxModel",
    "AutoModelForMaskedLM": "modeling_madx.MadxForMaskedLM",
    "AutoModelForTokenClassification": "modeling_madx.MadxForTokenClassification",
    "AutoModelForSequenceClassification": "modeling_madx.MadxForSequenceClassification",
    "AutoModelForQuestionAnswering": "modeling_madx.MadxForQuestionAnswering",
    "AutoModelForMultipleChoice": "modeling_madx.MadxForMultipleChoice",
}


class MadxConfig(XLMRobertaConfig):
    """Configuration of XLM-R with adapters; reads any XLM-R, XLM-Align or InfoXLM configuration.

    `adapters` maps each adapter's name to its AdapterHub configuration; `active_adapters` is the stack, outermost
    (the language) first. Both belong to the model made from this object: models change them as adapters come and go.
    """

    model_type = "madx"
    _auto_class = "AutoConfig"

    def __init__(
        self,
        adapters: Mapping[str, Mapping[str, Any]] | None = None,
        active_adapters: Sequence[str] | None = None,
        **kwargs: Any,
    ) -> None:
        kwargs.setdefault("auto_map", dict(AUTO_MAP))
        super().__init__(**kwargs)
        self.adapters = {name: dict(config) for name, config in (adapters or {}).items()}
        self.active_adapters = list(active_adapters or [])
