"""What the names of an adapter's tensors say: the module, the part of the adapter there, and the layer."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from xlzoo.run_scripts.errors import UserError

PART = re.compile(
    r"base_model\.model\.(?P<module>.+)\."
    r"(?P<part>lora_A\.weight|lora_B\.(?:weight|bias)|lora_embedding_[AB]|lora_magnitude_vector(?:\.weight)?|ia3_l)"
)
PREFIX = "prompt_embeddings"
PAIRS = (("lora_A.weight", "lora_B.weight"), ("lora_embedding_A", "lora_embedding_B"))
"""The two factors of a LoRA update, of a linear layer and of an embedding."""
LAYER = re.compile(r"(?:^|\.)(\d{1,4})\.")


@dataclass(frozen=True)
class Layout:
    """An adapter's tensors, sorted by what becomes of them."""

    modules: dict[str, dict[str, str]] = field(default_factory=dict)
    """{module: {part: name of the tensor}}"""
    biases: tuple[str, ...] = ()
    """Biases of the base model that were trained along; they are merged as LoRA is, by addition."""
    whole: tuple[str, ...] = ()
    """Tensors of modules that were trained as a whole, such as a classifier."""

    @property
    def merged(self) -> list[str]:
        """The names of the tensors that all three adapters must have."""
        return [*(key for parts in self.modules.values() for key in parts.values()), *self.biases]


def layout(keys: Iterable[str], config: Mapping[str, object]) -> Layout:
    """Sort the tensors of an adapter with this configuration."""
    modules: dict[str, dict[str, str]] = {}
    biases, whole = [], []
    has_biases = config.get("bias") in ("all", "lora_only")
    saved = config.get("modules_to_save")
    heads = set(saved) if isinstance(saved, list) else set()
    for key in sorted(keys):
        if key == PREFIX:
            modules[""] = {PREFIX: key}
        elif found := PART.fullmatch(key):
            modules.setdefault(found["module"], {})[found["part"]] = key
        elif has_biases and key.endswith(".bias") and not heads & set(key.split(".")):
            biases.append(key)
        else:
            whole.append(key)
    return Layout(modules, tuple(biases), tuple(whole))


def pair_of(parts: Collection[str]) -> tuple[str, str]:
    """Return which of `PAIRS` a module with LoRA has among its parts."""
    return next(pair for pair in PAIRS if pair[0] in parts)


def layer_of(name: str) -> int | None:
    """Return the layer that a module or tensor is in, None outside of all layers.

    >>> layer_of("model.layers.12.self_attn.q_proj"), layer_of("encoder.block.3.layer.0.SelfAttention.q")
    (12, 3)
    """
    found = LAYER.search(name)
    return int(found[1]) if found else None


def parse_layers(texts: Iterable[str]) -> dict[int, float]:
    """Read strengths of layers, `0-3=0.5` or `7=1`, as {layer: t}; UserError where it cannot be done.

    >>> parse_layers(["0-1=0.5", "3=1"])
    {0: 0.5, 1: 0.5, 3: 1.0}
    """
    strengths: dict[int, float] = {}
    for text in texts:
        found = re.fullmatch(r"(\d{1,4})(?:-(\d{1,4}))?=([+-]?[\d.]+(?:e[+-]?\d+)?)", text.strip())
        layers = range(int(found[1]), int(found[2] or found[1]) + 1) if found else range(0)
        if found is None or not layers or found[3].count(".") > 1:
            raise UserError(f"--t_per_layer is {text!r}; expected layers and their t, such as 0-3=0.5 or 7=1.")
        strengths |= dict.fromkeys(layers, float(found[3]))
    return strengths


@dataclass(frozen=True)
class Strength:
    """The t of each layer."""

    t: float = 1.0
    by_layer: Mapping[int, float] = field(default_factory=dict)
    """Layers with a t of their own."""

    def of(self, name: str) -> float:
        """Return the t for a module or tensor."""
        layer = layer_of(name) if self.by_layer else None
        return self.t if layer is None else self.by_layer.get(layer, self.t)

    def require(self, layers: Iterable[int]) -> None:
        """Raise UserError where a layer is named that there is not."""
        there = set(layers)
        for layer in sorted(self.by_layer.keys() - there):
            known = f"layers {min(there)} to {max(there)}" if there else "no layers"
            raise UserError(f"--t_per_layer names layer {layer}; the adapters have {known}.")
