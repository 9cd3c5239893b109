"""Whether three adapters can be merged: what their configurations, tensors' names and shapes have to agree on."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from peft.utils.other import get_pattern_key

from xlzoo.run_scripts.errors import UserError
from xlzoo.run_scripts.merging.layout import Layout

ROLES = ("task adapter", "target reference", "source reference")
SCALES = ("lora_alpha", "use_rslora", "alpha_pattern")
"""What only scales an update, and so can be put into its factors instead."""
RANKS = ("r", "rank_pattern")
"""What updates that are added as wholes may differ in."""
FIELDS = {
    "LORA": (
        *("target_modules", "exclude_modules", "layers_to_transform", "layers_pattern", "bias", "lora_bias"),
        *("fan_in_fan_out", "use_dora", *RANKS, *SCALES),
    ),
    "IA3": ("target_modules", "exclude_modules", "feedforward_modules", "fan_in_fan_out"),
    "PREFIX_TUNING": (
        *("num_virtual_tokens", "token_dim", "num_layers", "num_attention_heads", "num_transformer_submodules"),
    ),
}
"""Fields of adapter_config.json that change what an adapter computes, by its type."""
DEFAULTS = {"bias": "none", "r": 8, "lora_alpha": 8}
"""peft's, where they are not empty."""
Config = Mapping[str, Any]
Shape = tuple[int, ...]


def require_one_kind(configs: Sequence[Config], allow_rescale: bool, is_product: bool) -> None:
    """Raise UserError, with the values, where the configurations differ in what the result would depend on.

    Scales may differ with `allow_rescale`; ranks too where LoRA updates are added as wholes (`is_product`).
    """
    _require_equal({"peft_type": [config.get("peft_type") for config in configs]}, "merge adapters of one kind")
    kind = str(configs[0]["peft_type"])
    scalable = SCALES + (RANKS if is_product else ())
    found = {name: [_plain(config, name) for config in configs] for name in FIELDS[kind]}
    skipped = set(scalable) if allow_rescale else set()
    advice = "train them alike"
    different = {name for name, values in found.items() if any(value != values[0] for value in values)}
    if different and different <= set(SCALES + RANKS):
        exact = "--allow_rescale puts it into the factors, which is exact"
        advice = exact if different <= set(scalable) else f"--lora_merge product with {exact}"
    _require_equal({name: values for name, values in found.items() if name not in skipped}, advice)


def require_one_base(configs: Sequence[Config]) -> None:
    """Raise UserError where the adapters name different base models."""
    names = [config.get("base_model_name_or_path") for config in configs]
    _require_equal(
        {"base_model_name_or_path": names}, "if these are one and the same model, name it with --base_model"
    )


def _require_equal(found: Mapping[str, Sequence[object]], advice: str) -> None:
    different = {name: values for name, values in found.items() if any(value != values[0] for value in values)}
    if different:
        told = "; ".join(f"{name} is {_by_role(values)}" for name, values in different.items())
        raise UserError(f"The adapters differ: {told}; {advice}.")


def _by_role(values: Sequence[object]) -> str:
    return ", ".join(f"{value!r} in the {role}" for value, role in zip(values, ROLES, strict=True))


def _plain(config: Config, name: str) -> Any:
    """Return a field such that equal meanings are equal values: lists have no order, what is off is None."""
    value = config.get(name) or DEFAULTS.get(name)
    if name == "layers_to_transform" and config.get(name) is not None:
        value = config[name] if isinstance(config[name], list) else [config[name]]
    return sorted(set(value)) if isinstance(value, list) else value


def require_one_layout(layouts: Sequence[Layout]) -> None:
    """Raise UserError where a tensor that is to be merged is not in all three adapters."""
    names = [set(each.merged) for each in layouts]
    everywhere, anywhere = set.intersection(*names), set.union(*names)
    if not anywhere:
        raise UserError("The adapters hold no tensors of LoRA, (IA)3 or prefixes; expected what peft saves.")
    if missing := sorted(anywhere - everywhere):
        there = [role for role, keys in zip(ROLES, names, strict=True) if missing[0] in keys]
        lacks = [role for role, keys in zip(ROLES, names, strict=True) if missing[0] not in keys]
        others = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise UserError(
            f"The adapters differ: {missing[0]}{others} is in the {' and the '.join(there)}, not in the "
            f"{' and the '.join(lacks)}; train them alike."
        )


def require_one_shape(
    shapes: Sequence[Mapping[str, Shape]], keys: Sequence[str], simplified: Callable[[str, Shape], Shape]
) -> None:
    """Raise UserError where a tensor's shapes, `simplified` by what may differ, are not one."""
    for key in keys:
        found = [each[key] for each in shapes]
        if len({simplified(key, shape) for shape in found}) > 1:
            raise UserError(f"The adapters differ: the shape of {key} is {_by_role(found)}; train them alike.")


def without_rank(key: str, shape: Shape) -> Shape:
    """Return the shape of a LoRA factor without the dimension of its rank."""
    if key.endswith(("lora_A.weight", "lora_embedding_A")):
        return shape[1:]
    return shape[:1] if key.endswith(("lora_B.weight", "lora_embedding_B")) else shape


def scale_of(config: Config, module: str, rank: int) -> float:
    """Return what a LoRA update of this rank is multiplied by: alpha / r, or alpha / sqrt(r) with rsLoRA."""
    patterns = config.get("alpha_pattern") or {}
    alpha = patterns.get(get_pattern_key(list(patterns), module), _plain(config, "lora_alpha"))
    return float(alpha) / (math.sqrt(rank) if config.get("use_rslora") else rank)


def rank_of(config: Config, module: str) -> int:
    """Return the rank that the configuration declares for a module."""
    patterns = config.get("rank_pattern") or {}
    return int(patterns.get(get_pattern_key(list(patterns), module), _plain(config, "r")))


def rescaled(config: Config, ranks: Mapping[str, int]) -> dict[str, Any]:
    """Return a configuration with these ranks by module and every scale 1, for updates that hold theirs themselves."""
    usual = max(set(ranks.values()), key=lambda rank: (list(ranks.values()).count(rank), rank))
    other = {module: rank for module, rank in ranks.items() if rank != usual}
    plain = {"r": usual, "lora_alpha": usual, "use_rslora": False}
    return {**config, **plain, "rank_pattern": other, "alpha_pattern": dict(other)}
