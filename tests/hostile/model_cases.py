"""What may be wrong with a checkpoint of the XLM-R family: its configuration, its weights, its code."""

import json
from collections.abc import Iterator
from pathlib import Path

import torch
from adapter_cases import _nested
from cases import Case, executed, flipped, missing, no_plain_file, replaced, truncated
from json_cases import HUGE, duplicated, edit_json, no_object, with_values
from model_folders import load_model as load
from model_folders import write_madx, write_pickled, write_sharded, write_stock
from tensor_cases import beside, bombs, edit_tensors, hostile_pickles, lying_headers, wrong_tensors

__all__ = ["load", "write_madx", "write_stock"]
CONFIG, WEIGHTS, INDEX = "config.json", "model.safetensors", "model.safetensors.index.json"
DENSE = "roberta.encoder.layer.1.intermediate.dense.weight"


def cases() -> Iterator[Case]:
    """What may be wrong with a stock checkpoint."""
    for file in (CONFIG, WEIGHTS):
        yield from truncated(file)
        yield from no_plain_file(file)
        yield missing(file)
    yield from flipped(CONFIG, range(12))
    yield from flipped(WEIGHTS, range(12), start=6000)
    yield from no_object(CONFIG)
    yield from with_values(CONFIG, SIZES | OTHERS)
    yield duplicated(CONFIG, "hidden_size", HUGE)
    yield from wrong_tensors(WEIGHTS, DENSE)
    yield from lying_headers(WEIGHTS, DENSE)
    yield from hostile_pickles(WEIGHTS, "pytorch_model.bin")
    yield from traps()


SIZES = {
    "vocab_size": [HUGE, -1, 0, "32", 31, 33, 32.0, True, None, [32], 10**400, float("nan")],
    "hidden_size": [10**9, HUGE, -32, 64, "32", None],
    "num_hidden_layers": [10**9, 900, 4, 2, -3, "3"],
    "num_attention_heads": [HUGE, 0, 5, -4, "4"],
    "intermediate_size": [HUGE, 32, -64],
    "max_position_embeddings": [HUGE, 39, 41, 4, -40],
    "type_vocab_size": [HUGE, 0, 2],
    "num_labels": [HUGE, -3, "3", 2.5],
    "pad_token_id": [-1, 32, HUGE, "1", 39],
    "id2label": [{"0": 1}, {"5": "O"}, {"x": "O"}, [], "O", {"0": "O", "1": "O"}, {"0": "x" * 10**6}],
}
OTHERS = {
    "model_type": ["bert", None, 3, ["xlm-roberta"], "xlm-roberta/../..", "auto", "x" * 10**6],
    "hidden_act": ["eval", "os.system", None, 3, ["gelu"]],
    "hidden_dropout_prob": [2, -0.1, "0.1", float("nan")],
    "layer_norm_eps": [-1, float("nan"), float("inf"), "1e-5"],
    "initializer_range": [float("inf"), -1, "0.2"],
    "dtype": ["load", "float8_e4m3fn", "int8", "__class__", 3, ["float32"]],
    "is_decoder": [True, "yes"],
    "tie_word_embeddings": ["no", 3],
    "problem_type": ["eval", 3],
    "quantization_config": [{"quant_method": "bitsandbytes", "load_in_8bit": True}, {"quant_method": "evil"}],
}
IGNORED = {
    "_attn_implementation": ["someone/kernel", "eager", {"": "someone/kernel"}],
    "attn_implementation": ["someone/kernel@main:attack"],
    "experts_implementation": ["someone/kernel"],
    "auto_map": [{"AutoConfig": "evil.Config", "AutoModelForMaskedLM": "someone/repo--evil.Model"}, [], "evil"],
    "attribute_map": [{"hidden_size": "vocab_size"}, 3],
    "custom_generate": ["generate.py"],
    "transformers_weights": ["../../secret.safetensors"],
    "base_model_tp_plan": [{"encoder.layer.*": "colwise"}],
    "per_layer_config": [{"0": {"hidden_size": HUGE}}],
    "fusion_config": [{"patch_embeddings": True}],
    "configuration_files": [["../../config.5.0.0.json"]],
    "to_dict": [3],
    "__class__": ["evil"],
    "_name_or_path": ["../../secret", 3],
    "return_dict": [False],
    "chunk_size_feed_forward": [-7],
    "output_hidden_states": [True],
    "pruned_heads": [{"0": [0, 1]}],
    "label2id": [{"O": HUGE}, 3],
    "tokenizer_class": ["os.system", "../../x", 3],
    "architectures": [["evil"], "evil", 3],
    "rope_scaling": [{"type": "evil"}],
    "sub_configs": [{"a": 1}],
    "deep": [_nested(900)],
}


def traps() -> Iterator[Case]:
    """What would lead a trusting loader elsewhere; all of these load as if it were not there."""
    for key, values in IGNORED.items():
        for value in values:
            name = f"{CONFIG} {key}={str(value)[:40]}"
            yield Case(name, edit_json(CONFIG, lambda full, k=key, v=value: full.update({k: v})), may_load=True)
    for name in (
        "training_args.bin",
        "optimizer.pt",
        "scheduler.pt",
        "rng_state.pth",
        "pytorch_model.bin",
        "adapter_model.bin",
    ):
        yield beside(name)
    yield Case("code in every place", _code, may_load=True)
    yield Case("a PEFT adapter beside it", _peft, may_load=True)
    yield Case("a generation config", lambda folder: (folder / "generation_config.json").write_text("[" * 10**5), True)
    yield Case("GGUF beside it", lambda folder: (folder / "model.gguf").write_bytes(b"GGUF" + b"\xff" * 100), True)
    yield Case("linked from elsewhere", replaced(WEIGHTS, lambda path: path.symlink_to("../good")), may_load=True)
    twice = edit_tensors(WEIGHTS, lambda t: t.update({"lm_head.decoder.weight": torch.ones(2, 2)}))
    yield Case("a tied tensor of another shape", twice)
    many = edit_tensors(WEIGHTS, lambda t: t.update({f"x.{i}": torch.ones(1) for i in range(3000)}))
    yield Case("three thousand tensors too many", many, may_load=True)


def _code(folder: Path) -> None:
    code = f"open({str(executed(folder))!r}, 'w')\n"
    (folder / "custom_generate").mkdir()
    for name in (
        "evil.py",
        "generate.py",
        "custom_generate/generate.py",
        "modeling_madx.py",
        "configuration_madx.py",
        "tokenization.py",
    ):
        (folder / name).write_text(code, encoding="utf-8")
    change = {
        "auto_map": {"AutoConfig": "evil.Config", "AutoModelForMaskedLM": "evil.Model", "AutoModel": "evil.Model"}
    }
    edit_json(CONFIG, lambda full: full.update(change))(folder)


def _peft(folder: Path) -> None:
    config = {
        "peft_type": "LORA",
        "base_model_name_or_path": "../../secret",
        "auto_mapping": {"parent_library": "this"},
    }
    (folder / "adapter_config.json").write_text(json.dumps(config), encoding="utf-8")


def sharded_cases() -> Iterator[Case]:
    """What may be wrong with the index of a checkpoint in shards, and with the shards."""
    first = "model-00001-of-00007.safetensors"
    for file in (INDEX, first):
        yield from truncated(file)
        yield from no_plain_file(file)
        yield missing(file)
    yield from no_object(INDEX)
    yield from flipped(INDEX, range(6))
    for place in (
        "../x.safetensors",
        "/etc/passwd",
        "../../secret",
        "config.json",
        "x.safetensors",
        "",
        3,
        None,
        [first],
        "~/x.safetensors",
        "http://127.0.0.1/x.safetensors",
        "a/../b.safetensors",
        "x\0.bin",
        "\n.bin",
    ):
        change = edit_json(INDEX, lambda full, place=place: full["weight_map"].update({DENSE: place}))
        yield Case(f"{INDEX} leads to {place!r}", change)
    yield from with_values(INDEX, {"weight_map": [None, [], 3, {}, {"x": first}]})


def pickled_cases() -> Iterator[Case]:
    """What may be wrong with weights in a pickle."""
    file = "pytorch_model.bin"
    yield from truncated(file)
    yield from no_plain_file(file)
    yield from flipped(file, range(12), start=6000)
    yield from bombs(file)


def adapted_cases() -> Iterator[Case]:
    """What may be wrong with a MAD-X model that holds adapters."""
    values = {
        "adapters": [3, [], "en", ["en"], {"en": 3}, {"en": []}, {"en": {}}, {"../x": {}}, {"to": {}}, {"de": {}}],
        "active_adapters": [3, "en", ["de"], [3], [["en"]], {"en": 1}, ["x" * 10**6]],
    }
    yield from with_values(CONFIG, values)
    adapter = {
        "reduction_factor": [0, HUGE, "16", 4, {"0": 4}],
        "non_linearity": ["eval", None],
        "inv_adapter": ["glow"],
        "mh_adapter": [True],
        "leave_out": [[0], list(range(10**4))],
    }
    for key, options in adapter.items():
        for value in options:
            change = edit_json(CONFIG, lambda full, k=key, v=value: full["adapters"]["en"].update({k: v}))
            yield Case(f"{CONFIG} adapter {key}={str(value)[:40]}", change, may_load=value == HUGE)
    many = edit_json(
        CONFIG, lambda full: full["adapters"].update({f"a{i}": full["adapters"]["en"] for i in range(3000)})
    )
    yield Case(f"{CONFIG} with three thousand adapters", many)
    yield Case("code in every place", _code, may_load=True)


def write_shards(folder: Path) -> torch.Tensor:
    write_sharded(folder, write_stock(folder.parent / "stock"))
    return load(folder)


def write_pickle(folder: Path) -> torch.Tensor:
    write_pickled(folder, write_stock(folder.parent / "stock"))
    return load(folder)
