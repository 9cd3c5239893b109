"""Adapters and base models of Llama's shapes with random numbers, written without making a model."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import LlamaConfig

from xlzoo.run_scripts.models.tensor_files import TensorWriter

RANK = 8
SMALL = {"hidden_size": 1024, "intermediate_size": 2816, "num_hidden_layers": 16, "num_attention_heads": 16}
SEVEN_BILLION = {"hidden_size": 4096, "intermediate_size": 11008, "num_hidden_layers": 32, "num_attention_heads": 32}
VOCABULARY = 32000
PER_SHARD = 4
"""Layers in a file of a base model."""
Shape = Mapping[str, int]


def projections(shape: Shape) -> dict[str, tuple[int, int]]:
    """Return the seven modules of a layer that LoRA is put on, and their outputs and inputs."""
    width, inner = shape["hidden_size"], shape["intermediate_size"]
    attention = {f"self_attn.{name}_proj": (width, width) for name in "qkvo"}
    return {
        **attention,
        "mlp.gate_proj": (inner, width),
        "mlp.up_proj": (inner, width),
        "mlp.down_proj": (width, inner),
    }


def write_adapter(folder: Path, shape: Shape, seed: int) -> None:
    """Write a LoRA adapter of rank 8 on all seven projections."""
    folder.mkdir(parents=True)
    generator = torch.Generator().manual_seed(seed)
    tensors = {}
    for layer in range(shape["num_hidden_layers"]):
        for name, (out_, in_) in projections(shape).items():
            key = f"base_model.model.model.layers.{layer}.{name}.lora_"
            tensors[f"{key}A.weight"] = 0.02 * torch.randn(RANK, in_, generator=generator)
            tensors[f"{key}B.weight"] = 0.02 * torch.randn(out_, RANK, generator=generator)
    save_file(tensors, folder / "adapter_model.safetensors", metadata={"format": "pt"})
    targets = [name.partition(".")[2] for name in projections(shape)]
    config = {"peft_type": "LORA", "task_type": "CAUSAL_LM", "r": RANK, "lora_alpha": 16, "target_modules": targets}
    (folder / "adapter_config.json").write_text(json.dumps(config))


def write_base(folder: Path, shape: Shape, dtype: torch.dtype) -> int:
    """Write a base model in several files, a tensor at a time; return the number of its parameters."""
    folder.mkdir(parents=True)
    layers = range(shape["num_hidden_layers"])
    groups = [[None], *([*layers[first : first + PER_SHARD]] for first in layers[::PER_SHARD])]
    weight_map, numbers = {}, 0
    for place, group in enumerate(groups, start=1):
        file = f"model-{place:05d}-of-{len(groups):05d}.safetensors"
        shapes = dict(entry for layer in group for entry in _tensors(shape, layer))
        with TensorWriter(folder / file, shapes) as out:
            for name, size in shapes.items():
                out.write(name, _filled(size, dtype))
                weight_map[name], numbers = file, numbers + torch.Size(size).numel()
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))
    config = LlamaConfig(**shape, vocab_size=VOCABULARY, architectures=["LlamaForCausalLM"], dtype=dtype)
    config.save_pretrained(folder)
    return numbers


def _tensors(shape: Shape, layer: int | None) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield the names and sizes of a layer's weights, or of those outside of all layers."""
    width = shape["hidden_size"]
    if layer is None:
        yield "model.embed_tokens.weight", (VOCABULARY, width)
        yield "lm_head.weight", (VOCABULARY, width)
        yield "model.norm.weight", (width,)
        return
    for name, size in projections(shape).items():
        yield f"model.layers.{layer}.{name}.weight", size
    for name in ("input_layernorm", "post_attention_layernorm"):
        yield f"model.layers.{layer}.{name}.weight", (width,)


def _filled(size: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
    """Return numbers that differ; drawing all of them would take longer than what is measured."""
    row = 0.02 * torch.randn(size[-1])
    return row.to(dtype).expand(size).contiguous()
