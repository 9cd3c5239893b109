"""XLM-R's configuration plus named adapters and the active stack."""

from collections.abc import Mapping, Sequence
from typing import Any

from transformers import XLMRobertaConfig

from .adapter_config import AdapterError, check_name

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
    `AdapterError` where they are not of this form.
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
        self.adapters = _checked_adapters({} if adapters is None else adapters)
        self.active_adapters = _checked_stack([] if active_adapters is None else active_adapters, self.adapters)


def _checked_adapters(adapters: Any) -> dict[str, dict[str, Any]]:
    if not isinstance(adapters, Mapping) or not all(isinstance(config, Mapping) for config in adapters.values()):
        raise AdapterError("Config key adapters must map the name of each adapter to its configuration.")
    return {check_name(name): dict(config) for name, config in adapters.items()}


def _checked_stack(names: Any, adapters: Mapping[str, Any]) -> list[str]:
    if not isinstance(names, (list, tuple)) or not all(isinstance(name, str) for name in names):
        raise AdapterError("Config key active_adapters must be a list of adapters' names.")
    if unknown := [name for name in names if name not in adapters]:
        raise AdapterError(f"Config key active_adapters names {unknown[0][:100]!r}, no adapter of this model.")
    return list(names)
