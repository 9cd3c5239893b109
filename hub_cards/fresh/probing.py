"""One question to a model and its answer: the same code asks the live model and, in a fresh process, the copy."""

import hashlib
import inspect
import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import nn

SEED = 20_05
LENGTH = 12
PARTS = ("text_config", "encoder", "decoder")


def make_batch(model: nn.Module) -> dict[str, torch.Tensor]:
    """Return two rows of token ids for a text model, of which the second ends in padding, as its `forward` takes them.

    `input_ids` and `attention_mask` are `[2, L]`, or `[1, 2, L]` for multiple choice, and an encoder-decoder gets
    `decoder_input_ids` `[2, L]` too. ValueError if the configuration does not tell the size of the vocabulary.
    """
    config = model.config.to_dict()  # type: ignore[union-attr, operator]
    pad = _padding(config)
    longest = _find(config, ("max_position_embeddings", "n_positions"), PARTS)
    length = max(2, min(LENGTH, longest - pad - 1)) if isinstance(longest, int) else LENGTH
    generator = torch.Generator().manual_seed(SEED)
    batch = {"input_ids": _rows(config, ("text_config", "encoder"), length, generator)}
    mask = torch.ones_like(batch["input_ids"])
    mask[1, length - length // 3 :] = 0
    batch["input_ids"] = torch.where(mask.bool(), batch["input_ids"], pad)
    batch["attention_mask"] = mask
    if config.get("is_encoder_decoder"):
        batch["decoder_input_ids"] = _rows(config, ("text_config", "decoder"), length, generator)
    if "MultipleChoice" in type(model).__name__:
        batch = {name: rows.unsqueeze(0) for name, rows in batch.items()}
    taken = inspect.signature(model.forward).parameters
    takes_all = any(parameter.kind is parameter.VAR_KEYWORD for parameter in taken.values())
    return {name: rows for name, rows in batch.items() if takes_all or name in taken}


def _rows(config: Mapping[str, Any], parts: tuple[str, ...], length: int, generator: torch.Generator) -> torch.Tensor:
    """Return random ids `[2, length]` with no padding among them, and what ends a text at the end of each."""
    size = _find(config, ("vocab_size",), parts)
    if not isinstance(size, int) or size < 2:
        raise ValueError("config.json names no vocab_size, and only models of text can be asked")
    rows = torch.randint(0, size, (2, length), generator=generator)
    pad = _padding(config)
    rows[rows == pad] = (pad + 1) % size
    end = _id(config, "eos_token_id", -1)
    if 0 <= end < size:
        # Some classifiers read the state at the end of the text, which is there once in each row.
        rows[rows == end] = (end + 1) % size if (end + 1) % size != pad else (end + 2) % size
        rows[0, -1] = rows[1, length - length // 3 - 1] = end
    return rows


def _find(config: Mapping[str, Any], keys: tuple[str, ...], parts: tuple[str, ...]) -> Any:
    """Return the first of the keys that the configuration, or one of its parts, has a value for."""
    inner = [config.get(part) for part in parts]
    found = (part.get(key) for part in (config, *inner) if isinstance(part, Mapping) for key in keys)
    return next((value for value in found if value is not None), None)


def _padding(config: Mapping[str, Any]) -> int:
    """Return the padding's id if it has one in the vocabulary; any other id will do under the mask."""
    pad, size = _id(config, "pad_token_id", 0), _find(config, ("vocab_size",), PARTS)
    return pad if isinstance(size, int) and pad < size else 0


def _id(config: Mapping[str, Any], key: str, default: int) -> int:
    value = _find(config, (key,), PARTS)
    value = value[0] if isinstance(value, list) and value else value
    return value if isinstance(value, int) and value >= 0 else default


def ask(model: nn.Module, batch: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return every floating-point tensor that the model gives for the batch, on the CPU; ValueError for NaN or inf."""
    with at_rest(model), torch.no_grad():
        given = model(**batch)
    if isinstance(given, torch.Tensor):
        given = {"output": given}
    elif not isinstance(given, Mapping):
        given = {f"output {place}": value for place, value in enumerate(given)}
    tensors = {name: value for name, value in given.items() if isinstance(value, torch.Tensor)}
    outputs = {name: value.contiguous().clone() for name, value in tensors.items() if value.is_floating_point()}
    if not outputs:
        raise ValueError("the model gives no floating-point output")
    for name, value in outputs.items():
        if not value.isfinite().all():
            raise ValueError(f"the output {name} of the model holds NaN or infinite values")
    return outputs


@contextmanager
def at_rest(model: nn.Module) -> Iterator[None]:
    """Keep a model on the CPU and without dropout for a while."""
    training = [module for module in model.modules() if module.training]
    devices = {parameter.device for parameter in model.parameters()}
    try:
        model.eval().cpu()
        yield
    finally:
        for module in training:
            module.training = True
        if len(devices) == 1:
            model.to(devices.pop())


def labels_of(model: nn.Module) -> list[list[Any]]:
    """Return the model's labels as pairs of number and name, in order."""
    names: Mapping[Any, str] = getattr(model.config, "id2label", None) or {}
    return sorted([int(number), str(name)] for number, name in names.items())


def digests_of(model: nn.Module) -> dict[str, list[str]]:
    """Return the type of each stored tensor and the SHA-256 of its bytes, for a batch does not touch every row."""
    return {
        name: [str(tensor.dtype), _digest(tensor)]
        for name, tensor in model.state_dict().items()
        if isinstance(tensor, torch.Tensor)
    }


def _digest(tensor: torch.Tensor) -> str:
    plain = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
    return hashlib.sha256(plain.numpy().data).hexdigest()


def write_answer(
    folder: Path, batch: Mapping[str, torch.Tensor], outputs: dict[str, torch.Tensor], facts: Mapping[str, Any]
) -> None:
    """Write a question and its answer to a folder."""
    write_facts(folder, facts)
    save_file({name: rows.contiguous() for name, rows in batch.items()}, folder / "batch.safetensors")
    save_file(outputs, folder / "outputs.safetensors")


def write_facts(folder: Path, facts: Mapping[str, Any]) -> None:
    """Write the part of an answer that is no tensor."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "facts.json").write_text(json.dumps(facts), encoding="utf-8")


def read_answer(folder: Path) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Return the tensors and the other facts of an answer."""
    outputs = folder / "outputs.safetensors"
    facts = json.loads((folder / "facts.json").read_text(encoding="utf-8"))
    return (load_file(outputs) if outputs.is_file() else {}), facts


def read_request() -> dict[str, Any]:
    """Return what this process is to do: the JSON file that is its last argument."""
    return json.loads(Path(sys.argv[-1]).read_text(encoding="utf-8"))


def reply(
    request: Mapping[str, Any], model: nn.Module, facts: Mapping[str, Any], plain: nn.Module | None = None
) -> None:
    """Ask the model the question of the request, or a new one made for its `plain` form, and write the answer."""
    batch = load_file(request["batch"]) if "batch" in request else make_batch(plain or model)
    write_answer(Path(request["answer"]), batch, ask(model, batch), {"labels": labels_of(model), **facts})
