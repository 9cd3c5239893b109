"""Checkpoints of the XLM-R family, in every form that we load: good ones, and what may be wrong with them."""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import torch
from cases import Case, Kind, flipped, linked, missing, no_plain_file, plant, truncated
from json_cases import HUGE, edit_json, nested, no_object, shown, twice, with_values
from model_folders import load_model, load_new, write_madx, write_new, write_stock
from tensor_cases import beside, bombs, edit_tensors, hostile_pickles, lying_headers, wrong_tensors
from transformers import XLMRobertaForMaskedLM

from xlzoo.modeling.adapter_config import AdapterError
from xlzoo.run_scripts.errors import UserError

CONFIG, WEIGHTS, INDEX = "config.json", "model.safetensors", "model.safetensors.index.json"
FIRST, PICKLE = "model-00001-of-00007.safetensors", "pytorch_model.bin"
DENSE = "roberta.encoder.layer.1.intermediate.dense.weight"
CODE = ("evil.py", "modeling_madx.py", "configuration_madx.py", "tokenization.py", "generate.py")


def cases() -> Iterator[Case]:
    """What may be wrong with a stock checkpoint."""
    for file in (CONFIG, WEIGHTS):
        yield from truncated(file)
        yield from no_plain_file(file)
        yield missing(file)
        yield linked(file)
    yield from flipped(CONFIG, 12)
    yield from flipped(WEIGHTS, 12, slice(6000))
    yield from no_object(CONFIG)
    yield from with_values(CONFIG, NUMBERS | OTHERS)
    yield twice(CONFIG, "hidden_size", HUGE)
    yield from wrong_tensors(WEIGHTS, DENSE)
    yield from lying_headers(WEIGHTS, DENSE)
    yield from hostile_pickles(WEIGHTS, PICKLE)
    yield from traps()


NUMBERS = {
    "vocab_size": [HUGE, -1, 0, "32", 31, 33, 32.0, True, None, [32], 10**400, float("nan")],
    "hidden_size": [10**9, HUGE, -32, 64, "32", None],
    "num_hidden_layers": [10**9, 900, 4, 2, -3, "3"],
    "num_attention_heads": [HUGE, 0, 5, -4, "4"],
    "intermediate_size": [HUGE, 32, -64],
    "max_position_embeddings": [HUGE, 39, 41, 4, -40],
    "type_vocab_size": [HUGE, 0, 2],
    "num_labels": [HUGE, -3, "3", 2.5],
    "pad_token_id": [-1, 32, HUGE, "1", 39],
    "hidden_dropout_prob": [2, -0.1, "0.1", float("nan")],
    "layer_norm_eps": [-1, float("nan"), float("inf"), "1e-5"],
    "initializer_range": [float("inf"), -1, "0.2"],
}
OTHERS = {
    "model_type": ["bert", None, 3, ["xlm-roberta"], "xlm-roberta/../..", "auto", "x" * 10**6],
    "id2label": [{"0": 1}, {"5": "O"}, {"x": "O"}, [], "O", {"0": "O", "1": "O"}, {"0": "x" * 10**6}],
    "hidden_act": ["eval", "os.system", None, 3, ["gelu"]],
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
    "deep": [nested(900)],
}
"""What would lead a trusting loader elsewhere; the model loads as if it were not there."""


def traps() -> Iterator[Case]:
    for key, values in IGNORED.items():
        for value in values:
            change = edit_json(CONFIG, lambda full, k=key, v=value: full.update({k: v}))
            yield Case(f"{CONFIG} ignored: {key}={shown(value)}", change, may_load=True)
    yield from beside(
        "training_args.bin", "optimizer.pt", "scheduler.pt", "rng_state.pth", PICKLE, "adapter_model.bin"
    )
    yield Case("code in every place", _code, may_load=True)
    yield Case("a PEFT adapter beside it", _peft, may_load=True)
    yield Case(
        "a generation config of noise", lambda folder: (folder / "generation_config.json").write_text("["), True
    )
    yield Case("GGUF beside it", lambda folder: (folder / "model.gguf").write_bytes(b"GGUF" + b"\xff" * 100), True)
    decoder = {"lm_head.decoder.weight": torch.ones(2, 2)}
    yield Case("a tied tensor of another shape", edit_tensors(WEIGHTS, lambda tensors: tensors.update(decoder)))
    many = {f"x.{i}": torch.ones(1) for i in range(3000)}
    yield Case("3000 tensors too many", edit_tensors(WEIGHTS, lambda tensors: tensors.update(many)), may_load=True)


def _code(folder: Path) -> None:
    plant(folder, *CODE, "custom_generate/generate.py")
    change = {"AutoConfig": "evil.Config", "AutoModelForMaskedLM": "evil.Model", "AutoModel": "evil.Model"}
    edit_json(CONFIG, lambda full: full.update(auto_map=change))(folder)


def _peft(folder: Path) -> None:
    config = {
        "peft_type": "LORA",
        "base_model_name_or_path": "../../secret",
        "auto_mapping": {"parent_library": "this"},
    }
    (folder / "adapter_config.json").write_text(json.dumps(config), encoding="utf-8")


def write_sharded(folder: Path) -> torch.Tensor:
    expected = write_stock(folder)
    model = XLMRobertaForMaskedLM.from_pretrained(folder)
    (folder / WEIGHTS).unlink()
    model.save_pretrained(folder, max_shard_size="20KB")
    return expected


def sharded_cases() -> Iterator[Case]:
    """What may be wrong with an index of shards, and with a shard."""
    for file in (INDEX, FIRST):
        yield from truncated(file)
        yield from no_plain_file(file)
        yield missing(file)
        yield linked(file)
    yield from no_object(INDEX)
    yield from flipped(INDEX, 6)
    places = ["../x.safetensors", "/etc/passwd", "../../secret", CONFIG, "x.safetensors", "", 3, None, [FIRST]]
    places += ["~/x.safetensors", "http://127.0.0.1/x.safetensors", "a/../b.safetensors", "x\0.bin", "\n.bin"]
    yield from with_values(INDEX, {DENSE: places}, inside=("weight_map",))
    yield from with_values(INDEX, {"weight_map": [None, [], 3, {}, {"x": FIRST}]})


def write_pickled(folder: Path, **arguments: bool) -> torch.Tensor:
    """Write the checkpoint as older releases did."""
    expected = write_stock(folder)
    torch.save(XLMRobertaForMaskedLM.from_pretrained(folder).state_dict(), folder / PICKLE, **arguments)
    (folder / WEIGHTS).unlink()
    return expected


def pickled_cases() -> Iterator[Case]:
    yield from truncated(PICKLE)
    yield from no_plain_file(PICKLE)
    yield from flipped(PICKLE, 12, slice(6000))


def adapted_cases() -> Iterator[Case]:
    """What may be wrong with a MAD-X model that holds an adapter."""
    values = {
        "adapters": [3, [], "en", ["en"], {"en": 3}, {"en": []}, {"en": {}}, {"../x": {}}, {"to": {}}, {"de": {}}],
        "active_adapters": [3, "en", ["de"], [3], [["en"]], {"en": 1}, ["x" * 10**6]],
    }
    yield from with_values(CONFIG, values)
    adapter = {
        "reduction_factor": [0, "16", 4, {"0": 4}],
        "non_linearity": ["eval", None],
        "inv_adapter": ["glow"],
        "mh_adapter": [True],
        "leave_out": [[0], list(range(10**4))],
    }
    yield from with_values(CONFIG, adapter, inside=("adapters", "en"))
    many = edit_json(
        CONFIG, lambda full: full["adapters"].update({f"a{i}": full["adapters"]["en"] for i in range(3000)})
    )
    yield Case(f"{CONFIG} with 3000 adapters", many)
    yield Case("code in every place", _code, may_load=True)


def new_cases() -> Iterator[Case]:
    """A configuration alone, of which a new model is made; no weights bound what it declares."""
    yield from with_values(CONFIG, {"hidden_size": [HUGE, 10**8, 0], "intermediate_size": [HUGE]})
    yield from with_values(CONFIG, {"num_hidden_layers": [HUGE, 10**4], "max_position_embeddings": [HUGE]})
    yield from with_values(CONFIG, {"type_vocab_size": [HUGE], "num_labels": [HUGE]})
    huge = edit_json(
        CONFIG, lambda full: full.update(hidden_size=200_000, num_attention_heads=1, num_hidden_layers=90)
    )
    yield Case("a model larger than any memory", huge, words=("billion", "GB"))


USER = (UserError, AdapterError)
KINDS = [
    Kind("checkpoint", write_stock, load_model, cases, USER),
    Kind("checkpoint in shards", write_sharded, load_model, sharded_cases, USER),
    Kind("pickled checkpoint", write_pickled, load_model, lambda: (*pickled_cases(), *bombs(PICKLE)), USER),
    Kind("checkpoint in an old pickle", partial(write_pickled, _use_new_zipfile_serialization=False), load_model,
         pickled_cases, USER),
    Kind("MAD-X model", write_madx, load_model, adapted_cases, USER),
    Kind("configuration", write_new, load_new, new_cases, USER),
]  # fmt: skip
