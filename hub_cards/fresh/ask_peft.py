"""The program that asks a published PEFT adapter, loaded onto its base model with the head it was trained with."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import transformers
from peft import PeftModel
from safetensors import safe_open
from transformers import AutoConfig

from .loading import auto_class
from .probing import read_request, reply

TASKS = {
    "CAUSAL_LM": "AutoModelForCausalLM",
    "FEATURE_EXTRACTION": "AutoModel",
    "QUESTION_ANS": "AutoModelForQuestionAnswering",
    "SEQ_2_SEQ_LM": "AutoModelForSeq2SeqLM",
    "SEQ_CLS": "AutoModelForSequenceClassification",
    "TOKEN_CLS": "AutoModelForTokenClassification",
}
CLASSIFIERS = {"SEQ_CLS", "TOKEN_CLS"}


def main() -> None:
    """Answer the request that the argument names."""
    request = read_request()
    folder, base, trust = Path(request["folder"]), request["base"], request["trust"]
    described = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
    config = AutoConfig.from_pretrained(base, trust_remote_code=trust)
    auto = _auto_class(request, described, config)
    options = {**request["options"], **_head(request, described, folder)}
    plain = auto.from_pretrained(base, trust_remote_code=trust, ignore_mismatched_sizes=True, **options)
    model: Any = PeftModel.from_pretrained(plain, str(folder))
    reply(request, model, {}, plain=model.get_base_model())


def _auto_class(request: Mapping[str, Any], described: Mapping[str, Any], config: Any) -> Any:
    """Return the Auto class of the live model, or else the one that the adapter's files tell."""
    auto_map = {**(getattr(config, "auto_map", None) or {}), **request.get("auto_map", {})}
    if "class_name" in request:
        return auto_class(request["class_name"], auto_map, request["model_type"])
    if described.get("task_type"):
        return getattr(transformers, TASKS[described["task_type"]])
    named = (described.get("auto_mapping") or {}).get("base_model_class")
    return auto_class(named or (config.architectures or [""])[0], auto_map, config.model_type)


def _head(request: Mapping[str, Any], described: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Return the type and the labels of the live model, or else the number of outputs of the head that was saved."""
    if "labels" in request:
        labels = {name: number for number, name in request["labels"]}
        return {
            "dtype": getattr(torch, request["dtype"]),
            "id2label": dict(request["labels"]),
            "label2id": labels,
        }
    count = _outputs_of_head(folder / "adapter_model.safetensors") if described["task_type"] in CLASSIFIERS else None
    return {"dtype": "auto"} if count is None else {"dtype": "auto", "num_labels": count}


def _outputs_of_head(weights: Path) -> int | None:
    with safe_open(weights, "pt") as stored:
        for name in stored.keys():
            if re.search(r"\.(classifier|score|out_proj)\.weight$", name):
                return stored.get_slice(name).get_shape()[0]
    return None


if __name__ == "__main__":
    main()
