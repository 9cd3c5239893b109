"""Loading a model as readers do: through an Auto class, from a folder."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import transformers
from torch import nn
from transformers import AutoConfig, AutoTokenizer
from transformers.models.auto import modeling_auto


def auto_class(class_name: str, auto_map: Mapping[str, Any], model_type: str) -> Any:
    """Return the Auto class that loads a class, by the auto_map or transformers' tables; ValueError if none does."""
    for auto, reference in auto_map.items():
        if auto.startswith("AutoModel") and str(reference).rpartition(".")[2] == class_name:
            return getattr(transformers, auto)
    for auto in sorted(name for name in dir(modeling_auto) if name.startswith("AutoModel")):
        table = getattr(getattr(modeling_auto, auto), "_model_mapping", None)
        names = table._model_mapping.get(model_type) if table is not None else None
        if class_name in (names if isinstance(names, tuple) else (names,)):
            return getattr(transformers, auto)
    raise ValueError(f"no Auto class loads a {class_name} of model_type {model_type!r}")


def load_model(folder: Path, trust: bool, **options: Any) -> nn.Module:
    """Load a folder through the Auto class of its architecture, and its tokenizer if there is one.

    ValueError if tensors are missing from the weights, or if the vocabulary is larger than the model's.
    """
    config = AutoConfig.from_pretrained(folder, trust_remote_code=trust)
    if not config.architectures:
        raise ValueError("config.json names no architectures, so that no Auto class can be told")
    auto = auto_class(config.architectures[0], getattr(config, "auto_map", None) or {}, config.model_type)
    model, found = auto.from_pretrained(
        folder, trust_remote_code=trust, dtype="auto", output_loading_info=True, **options
    )
    missing = sorted(found["missing_keys"])
    if missing:
        raise ValueError(f"the weights lack {missing[0]} and {len(missing) - 1} more, which would be random")
    if (folder / "tokenizer_config.json").is_file():
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=trust)
        rows = model.get_input_embeddings().weight.shape[0]
        if len(tokenizer) > rows:
            raise ValueError(f"the tokenizer has {len(tokenizer)} pieces, but the model only {rows}")
    return model
