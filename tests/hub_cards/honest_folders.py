"""Folders of each kind that may be published, written by hand: no library decides here what a format is."""

import json


def safetensors(tensors, metadata=None):
    """Return a safetensors file; `tensors` maps a name to (dtype, shape, number of bytes)."""
    header, end = {}, 0
    for name, (dtype, shape, size) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [end, end + size]}
        end += size
    if metadata is not None:
        header["__metadata__"] = metadata
    return with_header(json.dumps(header), end)


def with_header(header, size):
    raw = header if isinstance(header, bytes) else header.encode()
    return len(raw).to_bytes(8, "little") + raw + bytes(size)


WEIGHTS = safetensors({"a": ("F32", [2, 3], 24), "b": ("BF16", [5], 10)}, {"format": "pt"})
PARQUET = b"PAR1" + bytes(8) + b"PAR1"
CODE = "from .layers import Layer\n\n\nclass ToyModel(Layer): ...\n"
CONFIG = {"architectures": ["ToyModel"], "auto_map": {"AutoModel": "modeling_toy.ToyModel"}}
FILES = {
    "model": {
        "config.json": json.dumps(CONFIG),
        "model.safetensors": WEIGHTS,
        "modeling_toy.py": CODE,
        "layers.py": "class Layer: ...\n",
        "tokenizer.json": '{"model": {"vocab": {"/usr/bin": 0, "@example.org": 1, "a@example.org": 2}}}',
        "spiece.model": b"\n\x0e\n\x05<unk>",
        "chat_template.jinja": "{{ messages }}",
        "LICENSE": "Apache License",
    },
    "adapter": {
        "adapter_config.json": '{"name": "en", "config": {"reduction_factor": 16}}',
        "adapter.safetensors": WEIGHTS,
        "head_config.json": '{"name": "en", "config": {}}',
        "model_head.safetensors": WEIGHTS,
        "curve.png": b"\x89PNG\r\n\x1a\n" + bytes(8),
    },
    "peft": {
        "adapter_config.json": '{"peft_type": "LORA", "r": 8}',
        "adapter_model.safetensors": WEIGHTS,
        "README.md": "---\nlicense: mit\n---\n",
    },
    "dataset": {
        "data/train-00000-of-00001.parquet": PARQUET,
        "test.jsonl": '{"text": "write to ann@example.org", "file": "/usr/share/dict/words"}\n',
        "notes.csv": "path\n~/runs\n",
        "dataset_infos.json": "{}",
    },
}


def write(folder, files):
    """Write files, given as text or bytes, under a folder, and return it."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder
