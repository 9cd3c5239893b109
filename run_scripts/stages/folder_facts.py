"""What kind of thing a folder holds, and what a card can say of it without having seen its training."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

from safetensors import SafetensorError, safe_open

from xlzoo.hub_cards import Facts
from xlzoo.hub_cards.facts import Kind
from xlzoo.hub_cards.file_checks import TABLES
from xlzoo.modeling.adapter_files import read_head
from xlzoo.run_scripts.errors import UserError
from xlzoo.run_scripts.stages.card_header import facts_of_card
from xlzoo.run_scripts.stages.publishing import read_facts
from xlzoo.run_scripts.stages.snippets import (
    DATASET,
    adapter_usage,
    aligner_usage,
    auto_class,
    model_usage,
    other_adapter_usage,
    peft_usage,
)

KINDS: tuple[Kind, ...] = get_args(Kind)
BASE_KEYS = ("base_model_name_or_path", "model_name")
"""Where PEFT and AdapterHub keep the name of the base model."""
PIPELINES = {
    "AutoModelForCausalLM": "text-generation",
    "AutoModelForMaskedLM": "fill-mask",
    "AutoModelForMultipleChoice": "multiple-choice",
    "AutoModelForQuestionAnswering": "question-answering",
    "AutoModelForSequenceClassification": "text-classification",
    "AutoModelForTokenClassification": "token-classification",
}
PEFT_TASKS = {
    "CAUSAL_LM": "AutoModelForCausalLM",
    "QUESTION_ANS": "AutoModelForQuestionAnswering",
    "SEQ_2_SEQ_LM": "AutoModelForSeq2SeqLM",
    "SEQ_CLS": "AutoModelForSequenceClassification",
    "TOKEN_CLS": "AutoModelForTokenClassification",
}


def kind_of(folder: Path) -> Kind:
    """Tell the kind from the files; UserError where they are of none."""
    if (folder / "adapter_config.json").is_file():
        return "peft" if "peft_type" in read_config(folder, "adapter_config.json") else "adapter"
    if (folder / "config.json").is_file():
        return "model"
    if any(path.suffix.lower() in TABLES for path in folder.rglob("*") if path.name != "dataset_info.json"):
        return "dataset"
    raise UserError(
        f"{folder} holds nothing to publish; expected an adapter_config.json, a config.json, or a dataset's "
        f"{', '.join(sorted(TABLES))} files."
    )


def read_config(folder: Path, name: str) -> dict[str, Any]:
    """Return a JSON object of the folder; UserError where it is none."""
    path = folder / name
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path} cannot be read ({' '.join(str(error).split())}); expected JSON.") from error
    if not isinstance(found, dict):
        raise UserError(f"{path} holds a {type(found).__name__}; expected an object with named fields.")
    return found


def known_facts(folder: Path, kind: Kind) -> Facts:
    """Return what a run kept for the folder, or else its card's metadata, or else the kind alone."""
    # A run that trains a language adapter keeps what it knows of it in the folder around it.
    for place in (folder, folder.parent) if kind == "adapter" else (folder,):
        kept = read_facts(place)
        if kept is not None and kept.kind == kind:
            return kept
    return facts_of_card(folder, kind) or Facts(kind=kind)


def recorded_base(folder: Path, kind: Kind) -> str | None:
    """Return the base model that an adapter's configuration names."""
    if kind not in ("adapter", "peft"):
        return None
    config = read_config(folder, "adapter_config.json")
    named = (config.get(key) for key in BASE_KEYS)
    return next((name for name in named if isinstance(name, str) and name), None)


def completed(facts: Facts, folder: Path, base: Path | None) -> Facts:
    """Fill in what the files tell: the library, the pipeline, the tags, and code that loads the folder.

    `base` is the folder of the base model, without which some of it is not known.
    """
    if facts.kind == "adapter":
        told = _of_adapter(folder, facts.base_model)
    elif facts.kind == "peft":
        told = _of_peft(folder, facts.base_model, base)
    else:
        told = _of_model(folder) if facts.kind == "model" else {"usage": DATASET}
    missing = {name: value for name, value in told.items() if not getattr(facts, name)}
    if facts.usage:
        # Code goes with what it needs: all of it is the folder's, or nothing.
        missing = {name: value for name, value in missing.items() if name not in ("usage_needs", "other_usage")}
    return replace(facts, **missing)


def _of_adapter(folder: Path, base: str | None) -> dict[str, Any]:
    told: dict[str, Any] = {"tags": ("adapters", "xlm-roberta")}
    if base is None:
        return told
    head = read_head(str(folder))
    usage = adapter_usage(base, head.config.get("head_type"), len(head.labels)) if head else adapter_usage(base)
    return {**told, "usage": usage, "usage_needs": ("xlzoo",), "other_usage": other_adapter_usage(base)}


def _of_peft(folder: Path, base: str | None, base_folder: Path | None) -> dict[str, Any]:
    config = read_config(folder, "adapter_config.json")
    below = read_config(base_folder, "config.json") if base_folder else {}
    task, mapping = str(config.get("task_type")), config.get("auto_mapping")
    named = mapping.get("base_model_class") if isinstance(mapping, dict) else None
    auto = PEFT_TASKS.get(task) or (auto_class(str(named)) if named else _auto_class(below))
    told: dict[str, Any] = {"library_name": "peft", "tags": ("peft", str(config["peft_type"]).lower())}
    told |= {"pipeline_tag": PIPELINES[auto]} if auto in PIPELINES else {}
    if base is None:
        return told
    labels = _labels(folder) if task in ("SEQ_CLS", "TOKEN_CLS") else None
    return {**told, "usage": peft_usage(base, auto, labels, own_code="auto_map" in below)}


def _labels(folder: Path) -> int | None:
    """Return the number of outputs of the classifier that was saved with a PEFT adapter."""
    path = folder / "adapter_model.safetensors"
    try:
        with safe_open(path, "pt") as stored:
            heads = [
                key for key in stored.keys() if key.endswith(("classifier.weight", "score.weight", "out_proj.weight"))
            ]
            return stored.get_slice(heads[0]).get_shape()[0] if heads else None
    except (SafetensorError, OSError) as error:
        raise UserError(f"{path} cannot be read ({error}); save the adapter again.") from error


def _of_model(folder: Path) -> dict[str, Any]:
    config = read_config(folder, "config.json")
    auto = _auto_class(config)
    usage = model_usage(auto, own_code="auto_map" in config)
    if config.get("architectures") == ["XLMAlignModel"] and (folder / "tokenizer.json").is_file():
        usage = aligner_usage()
    told = {"library_name": "transformers", "usage": usage}
    return {**told, "pipeline_tag": PIPELINES[auto]} if auto in PIPELINES else told


def _auto_class(config: Mapping[str, Any]) -> str:
    """Return the Auto class of a model's architecture, that of its own auto_map first."""
    names = config.get("architectures")
    name = str(names[0]) if isinstance(names, list) and names else ""
    own = config.get("auto_map")
    for auto, reference in own.items() if isinstance(own, dict) else ():
        if auto.startswith("AutoModel") and str(reference).rpartition(".")[2] == name:
            return str(auto)
    return auto_class(name)
