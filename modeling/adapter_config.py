"""What one bottleneck adapter looks like, in AdapterHub's words.

Pfeiffer et al. 2020 (https://arxiv.org/abs/2005.00052), Houlsby et al. 2019 (https://arxiv.org/abs/1902.00751).
"""

import re
import reprlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from torch import nn
from transformers.activations import ACT2FN


class AdapterError(ValueError):
    """An adapter that cannot be used here; the message is one sentence that names the key and what was expected."""


def _is_number(value: object, low: float, high: float) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and low <= value <= high


def _is_factor(value: object) -> bool:
    return _is_number(value, 0.001, 1e6)


def _is_bool(value: object) -> bool:
    return isinstance(value, bool)


RULES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "mh_adapter": (_is_bool, "true or false"),
    "output_adapter": (_is_bool, "true or false"),
    "reduction_factor": (
        lambda value: all(map(_is_factor, value.values() if isinstance(value, Mapping) else [value])),
        "positive numbers (0.001 to 1000000)",
    ),
    "non_linearity": (
        lambda value: isinstance(value, str) and value in ACT2FN,
        "an activation that transformers knows, such as 'relu'",
    ),
    "original_ln_before": (_is_bool, "true or false"),
    "scaling": (
        lambda value: value in ("learned", "channel") or _is_number(value, -1e6, 1e6),
        "a number, 'learned' or 'channel'",
    ),
    "dropout": (lambda value: _is_number(value, 0, 1), "a number from 0 to 1"),
    "inv_adapter": (lambda value: value in (None, "nice"), "'nice' or null"),
    "inv_adapter_reduction_factor": (lambda value: value is None or _is_factor(value), "a positive number or null"),
    "leave_out": (
        lambda value: isinstance(value, (list, tuple)) and all(isinstance(layer, int) for layer in value),
        "a list of layers",
    ),
}


@dataclass(frozen=True)
class AdapterConfig:
    """One adapter's shape; fields and defaults are those of AdapterHub's `seq_bn`."""

    mh_adapter: bool = False
    """Whether each attention block gets a bottleneck."""
    output_adapter: bool = True
    """Whether each feed-forward block gets a bottleneck."""
    reduction_factor: float | Mapping[str, float] = 16
    """Hidden size / bottleneck size; a mapping gives it per layer: `{"1": 8, "default": 16}`."""
    non_linearity: str = "relu"
    """Activation inside bottleneck and coupling layers, a name that transformers knows."""
    original_ln_before: bool = True
    """Whether the layer's own add-and-norm comes before the bottleneck as well as after it."""
    scaling: float | str = 1.0
    """Factor on the bottleneck's output: a number, `"learned"` (one parameter) or `"channel"` (one per feature)."""
    dropout: float = 0.0
    """Dropout on the bottleneck's output."""
    inv_adapter: str | None = None
    """`"nice"` for an invertible adapter around the embeddings."""
    inv_adapter_reduction_factor: float | None = None
    """Half the hidden size / hidden size of the coupling networks."""
    leave_out: tuple[int, ...] = ()
    """Layers (from 0) without a bottleneck; MAD-X 2.0 leaves out the last one."""

    def __post_init__(self) -> None:
        for key, (fits, expected) in RULES.items():
            value = self.__dict__[key]
            if not fits(value):
                raise AdapterError(f"Adapter key {key} is {reprlib.repr(value)}; expected {expected}.")
        object.__setattr__(self, "leave_out", tuple(self.leave_out))
        if not isinstance(self.scaling, str):
            object.__setattr__(self, "scaling", float(self.scaling))
        if isinstance(self.reduction_factor, Mapping):
            factors = {str(layer): factor for layer, factor in self.reduction_factor.items()}
            object.__setattr__(self, "reduction_factor", factors)

    @classmethod
    def from_kind(cls, kind: str, **changes: Any) -> "AdapterConfig":
        """Return the named kind, `seq_bn_inv` say, or `seq_bn_inv[reduction_factor=2, leave_out=[11]]`."""
        match = re.fullmatch(r"\s*([\w+]+)\s*(?:\[(.*)\])?\s*", kind)
        if match is None or match[1] not in KINDS:
            raise AdapterError(f"Unknown adapter kind {kind!r}; expected one of {', '.join(sorted(KINDS))}.")
        return replace(KINDS[match[1]], **_options(match[2] or "", kind), **changes)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "AdapterConfig":
        """Read AdapterHub's mapping; `AdapterError` for a variant of the architecture that is not implemented."""
        for key, only in FIXED.items():
            if values.get(key, only) != only:
                raise AdapterError(f"Adapter key {key} is {reprlib.repr(values[key])}; only {only!r} is supported.")
        for key in REQUIRED:
            if key not in values:
                raise AdapterError(f"Adapter key {key} is missing; expected AdapterHub's configuration.")
        known = {key: values[key] for key in RULES if key in values}
        return cls(**{"original_ln_before": False, **known})

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-able mapping that `from_dict` and the `adapters` library read."""
        return {**FIXED, **asdict(self), "leave_out": list(self.leave_out)}

    def bottleneck_size(self, hidden_size: int, layer: int) -> int:
        """Return the bottleneck's width in `layer`: `hidden_size / reduction_factor`, rounded down, at least 1."""
        factor = self.reduction_factor
        if isinstance(factor, Mapping):
            if str(layer) not in factor and "default" not in factor:
                raise AdapterError(f"Adapter key reduction_factor has no entry for layer {layer} and no 'default'.")
            factor = factor.get(str(layer), factor.get("default", 1))
        return max(1, int(hidden_size // factor))


REQUIRED = ("mh_adapter", "output_adapter", "reduction_factor", "non_linearity")

FIXED: dict[str, Any] = {
    "original_ln_after": True,
    "residual_before_ln": True,
    "adapter_residual_before_ln": False,
    "ln_before": False,
    "ln_after": False,
    "is_parallel": False,
    "use_gating": False,
    "phm_layer": False,
    "cross_adapter": False,
    "stochastic_depth": 0.0,
    "architecture": None,
}

_SEQ = AdapterConfig()
_DOUBLE = AdapterConfig(mh_adapter=True, original_ln_before=False, non_linearity="swish")
_NICE: dict[str, Any] = {"inv_adapter": "nice", "inv_adapter_reduction_factor": 2}

KINDS = {
    "seq_bn": _SEQ,
    "seq_bn_inv": replace(_SEQ, **_NICE),
    "double_seq_bn": _DOUBLE,
    "double_seq_bn_inv": replace(_DOUBLE, **_NICE),
}
KINDS |= {
    "pfeiffer": KINDS["seq_bn"],
    "pfeiffer+inv": KINDS["seq_bn_inv"],
    "houlsby": KINDS["double_seq_bn"],
    "houlsby+inv": KINDS["double_seq_bn_inv"],
}


def _options(text: str, kind: str) -> dict[str, Any]:
    """Parse `reduction_factor=2, leave_out=[11]` into field values."""
    options = {}
    for key, value in re.findall(r"(\w+)\s*=\s*(\[[^\]]*\]|[^,\[\]]+)", text):
        if key not in AdapterConfig.__dataclass_fields__:
            raise AdapterError(f"Unknown option {key!r} in adapter kind {kind!r}.")
        options[key] = _literal(value.strip())
    if bool(text.strip()) != bool(options):
        raise AdapterError(f"Cannot read the options of adapter kind {kind!r}; expected name[key=value, ...].")
    return options


def _literal(value: str) -> Any:
    if value.startswith("["):
        return tuple(int(number) for number in re.findall(r"-?\d+", value))
    if value in ("true", "True", "false", "False"):
        return value.lower() == "true"
    return float(value) if re.fullmatch(r"\d+(\.\d*)?", value) else value


def check_name(name: str) -> str:
    """Return the adapter's name, or raise `AdapterError` where it cannot name a module and a folder."""
    allowed = isinstance(name, str) and re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", name)
    if not allowed or hasattr(nn.ModuleDict, name):
        raise AdapterError(
            f"{reprlib.repr(name)} cannot name an adapter: use letters, digits, '-' and '_', no torch method's name."
        )
    return name
