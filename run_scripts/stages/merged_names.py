"""Which tensors of a base model an adapter changes, and under which names the merged model holds them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from transformers.models.auto import modeling_auto

from xlzoo.run_scripts.errors import UserError
from xlzoo.run_scripts.merging.layout import layer_of
from xlzoo.run_scripts.merging.states import MergedAdapter
from xlzoo.run_scripts.merging.weights import Shape, is_transposed

ADAPTER = "base_model.model."
OUTPUT = "lm_head"
EMBEDDINGS = ("embed_tokens", "wte", "word_embeddings", "embed_in", "shared")
CLASSIFIERS = {
    "SEQ_CLS": modeling_auto.MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES,
    "TOKEN_CLS": modeling_auto.MODEL_FOR_TOKEN_CLASSIFICATION_MAPPING_NAMES,
    "QUESTION_ANS": modeling_auto.MODEL_FOR_QUESTION_ANSWERING_MAPPING_NAMES,
}
"""By peft's task type, the class with that head by the model's type."""
LAST_LAYERS = ("classifier.weight", "score.weight", "out_proj.weight", "qa_outputs.weight")


@dataclass
class Names:
    """What becomes of a base model's tensors; names are the merged model's, unless said otherwise."""

    prefix: str = ""
    """What the base model's own names lack at their beginning: it may be stored without its head."""
    inner: str = ""
    """What the adapter's names lack: it may have been trained on a model without a head."""
    weights: dict[str, str] = field(default_factory=dict)
    """{weight: the adapter's module that changes it}"""
    biases: dict[str, str] = field(default_factory=dict)
    """{bias that was trained along: its name in the adapter}"""
    whole: dict[str, str] = field(default_factory=dict)
    """{tensor of a module that was trained as a whole: its name in the adapter}"""
    added: dict[str, str] = field(default_factory=dict)
    """{tensor that the base model lacks: the base model's own name of what it begins as, "" for a head's}"""
    transposed: set[str] = field(default_factory=set)
    """The weights that are `[in, out]`."""
    dropped: set[str] = field(default_factory=set)
    """Tensors of a head that the merged model does not have."""

    @classmethod
    def of(cls, merged: MergedAdapter, shapes: Mapping[str, Shape], is_tied: bool) -> "Names":
        """Match an adapter with the base model whose tensors have these shapes; UserError where that cannot be."""
        modules = merged.layout.modules
        prefix, inner = _prefixes(modules, shapes)
        names = cls(prefix, inner)
        names.weights = {f"{inner}{module}.weight": module for module in modules}
        names.biases = {inner + _plain(key): key for key in merged.layout.biases}
        names.whole = {inner + _plain(key): key for key in merged.layout.whole}
        there = {prefix + name for name in shapes}
        names.added = {name: "" for name in names.whole if name not in there}
        if is_tied and f"{OUTPUT}.weight" not in there:
            names._untie(merged, shapes)
        for name in (*names.weights, *names.biases):
            if name not in there and name not in names.added:
                raise UserError(f"The base model has no {name}, which the adapters change; give theirs.")
        names._orient(merged, {prefix + name: shape for name, shape in shapes.items()})
        if merged.configs[0].get("task_type") in CLASSIFIERS and names.whole:
            body = {name.partition(".")[0] for name in names.weights}
            names.dropped = {name for name in there if name.partition(".")[0] not in body and name not in names.whole}
        return names

    def _untie(self, merged: MergedAdapter, shapes: Mapping[str, Shape]) -> None:
        """Give the output layer a weight of its own where it or the embeddings, which it shares, are changed alone."""
        output = f"{OUTPUT}.weight"
        embeddings = [name for name in shapes if name.removesuffix(".weight").split(".")[-1] in EMBEDDINGS]
        touched = output in self.weights or any(self.prefix + name in self.weights for name in embeddings)
        task = merged.configs[0].get("task_type")
        if not touched or (output not in self.weights and task != "CAUSAL_LM"):
            return
        if len(embeddings) != 1 or task == "SEQ_2_SEQ_LM":
            raise UserError(
                "The adapters change embeddings that the base model shares with its output layer, and it cannot be "
                "told how to keep these apart; use the adapter on the model as it is, without --merge_into_base."
            )
        self.added[output] = embeddings[0]

    def _orient(self, merged: MergedAdapter, shapes: Mapping[str, Shape]) -> None:
        """Find out which weights are transposed, the square ones by others of the same name or the configuration."""
        state, found = merged.states[0], {}
        for name, module in self.weights.items():
            parts = {part: tuple(state[key].shape) for part, key in merged.layout.modules[module].items()}
            own = shapes[name] if name in shapes else shapes[self.prefix + self.added[name]]
            try:
                found[name] = is_transposed(own, parts)
            except ValueError as error:
                raise UserError(f"{name} of the base model has {error}; give the adapters' own base model.") from error
        known = {_last(name): value for name, value in found.items() if value is not None}
        usual = bool(merged.configs[0].get("fan_in_fan_out"))
        for name, value in found.items():
            if known.get(_last(name), usual) if value is None else value:
                self.transposed.add(name)

    def config_changes(self, config: Mapping[str, Any], merged: MergedAdapter) -> dict[str, Any]:
        """Return the fields of config.json that are others in the merged model."""
        changes: dict[str, Any] = {}
        if self.added.get(f"{OUTPUT}.weight"):
            changes["tie_word_embeddings"] = False
        task, kind = merged.configs[0].get("task_type"), config.get("model_type")
        if task in CLASSIFIERS and self.whole:
            architecture = CLASSIFIERS[task].get(str(kind))
            changes |= {"architectures": [architecture]} if architecture else {}
            changes |= _labels(config, merged)
        return changes


def _labels(config: Mapping[str, Any], merged: MergedAdapter) -> dict[str, Any]:
    """Number the labels of a head that has another number of them than the base model's configuration."""
    last = [key for key in merged.layout.whole if key.endswith(LAST_LAYERS)]
    count = merged.states[0][last[0]].shape[0] if last else 0
    if not count or count == len(config.get("id2label") or (0, 1)):
        return {}
    numbered = {str(number): f"LABEL_{number}" for number in range(count)}
    return {"id2label": numbered, "label2id": {label: int(number) for number, label in numbered.items()}}


def _plain(key: str) -> str:
    """Return the model's name of a tensor that an adapter stores whole."""
    return key.removeprefix(ADAPTER).replace(".base_layer.", ".")


def _last(name: str) -> str:
    return name.removesuffix(".weight").rpartition(".")[2]


def _prefixes(modules: Iterable[str], shapes: Mapping[str, Shape]) -> tuple[str, str]:
    """Return what to put before the base model's names, and before the adapter's, so that they are the same."""
    inside = [name for name in modules if name != OUTPUT]
    if not inside:
        return "", ""
    module = min(inside, key=lambda name: (layer_of(name) is None, name))
    wanted = f"{module}.weight"
    if wanted in shapes:
        return "", ""
    longer = [name for name in shapes if name.endswith(f".{wanted}")]
    shorter = [name for name in shapes if wanted.endswith(f".{name}")]
    if len(longer) + len(shorter) != 1:
        raise UserError(f"The base model has no {wanted}, which the adapters change; give theirs.")
    return ("", longer[0].removesuffix(wanted)) if longer else (wanted.removesuffix(shorter[0]), "")
