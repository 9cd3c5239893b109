"""PEFT's LoRA and IA3 adapters: good ones, and what may be wrong with them."""

from collections.abc import Iterator
from pathlib import Path

import torch
from adapter_cases import outputs, tagger
from cases import Case, Kind, flipped, linked, missing, no_plain_file, truncated
from json_cases import HUGE, edit_json, nested, no_object, twice, with_values
from peft import IA3Config, LoraConfig, PeftConfig, get_peft_model
from tensor_cases import beside, edit_tensors, hostile_pickles, lying_headers, wrong_tensors

from xlzoo.modeling.adapter_config import AdapterError
from xlzoo.run_scripts.models.peft_adapters import load_peft

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
QUERY = "base_model.model.roberta.encoder.layer.1.attention.self.query.lora_A.weight"
KEY = "base_model.model.roberta.encoder.layer.1.attention.self.key.ia3_l"
EMBEDDINGS = "base_model.model.roberta.embeddings.word_embeddings.weight"
SLOW = "(a+)+$"
"""A pattern that takes forever on a name with many a's."""


def write_config(folder: Path, config: PeftConfig, seed: int = 2) -> torch.Tensor:
    """Write an adapter that changes its model and its head; return the model's logits with it."""
    adapted = get_peft_model(tagger(), config).eval()
    generator = torch.Generator().manual_seed(seed)
    for _, parameter in adapted.named_parameters():
        if parameter.requires_grad:
            parameter.data.add_(0.25 * torch.randn(parameter.shape, generator=generator))
    adapted.save_pretrained(folder)
    return outputs(adapted)


def write_lora(folder: Path, seed: int = 2) -> torch.Tensor:
    return write_config(folder, LoraConfig(r=4, target_modules=["query", "value"], task_type="TOKEN_CLS"), seed)


def write_ia3(folder: Path, seed: int = 2) -> torch.Tensor:
    names = ["key", "output.dense"]
    config = IA3Config(target_modules=names, feedforward_modules=names[1:], task_type="TOKEN_CLS")
    return write_config(folder, config, seed)


def load(folder: Path) -> torch.Tensor:
    return outputs(load_peft(tagger(), str(folder)))


def cases() -> Iterator[Case]:
    for file in (CONFIG, WEIGHTS):
        yield from truncated(file)
        yield from no_plain_file(file)
        yield missing(file)
        yield linked(file)
    yield from flipped(CONFIG, 12)
    yield from flipped(WEIGHTS, 8, slice(1500))
    yield from no_object(CONFIG)
    yield from wrong_tensors(WEIGHTS, QUERY)
    yield from lying_headers(WEIGHTS, QUERY)
    yield from hostile_pickles(WEIGHTS, "adapter_model.bin")
    yield from with_values(CONFIG, SIZES | MODULES | VARIANTS)
    yield twice(CONFIG, "r", HUGE)
    yield from traps()


SIZES = {
    "r": [HUGE, 0, -4, 8, "4", 4.0, True, None, 10**400],
    "lora_alpha": [float("nan"), float("inf"), "8", -1],
    "lora_dropout": [2, -1, "0"],
    "rank_pattern": [{SLOW: 4}, {"query": HUGE}, {"query": "4"}, {"query": 8}, ["query"], 3],
    "alpha_pattern": [{"(.*)*x": 4}, {"query": float("nan")}],
    "layers_to_transform": [[0], [HUGE], "1", {"0": 1}],
    "layer_replication": [[[0, 10**9]]],
}
MODULES = {
    "target_modules": [["key"], ["nowhere"], ["query"], [SLOW], ["."], ["query", 3], 3, {"a": 1}, [], ["x" * 10**6]],
    "exclude_modules": [[SLOW], ["query"], 3],
    "modules_to_save": [[SLOW], ["roberta"], "classifier", [3]],
    "layers_pattern": [[SLOW], SLOW],
    "target_parameters": [["x"]],
    "trainable_token_indices": [[0, HUGE]],
}
VARIANTS = {
    "peft_type": ["PROMPT_TUNING", "MULTITASK_PROMPT_TUNING", "XLORA", "ADALORA", "os.system", None, 3, ["LORA"]],
    "task_type": ["CAUSAL_LM", "SEQ_2_SEQ_LM", "evil", 3, ["TOKEN_CLS"]],
    "bias": ["all", "evil", None, 3],
    "use_dora": [True, "no"],
    "fan_in_fan_out": ["yes", 3],
    "init_lora_weights": ["pissa", "olora", "corda", "loftq", "lora_ga", "pissa_niter_4", 3],
    "megatron_config": [{"tensor_model_parallel_size": 1}],
    "corda_config": [{"cache_file": "../../secret.pt", "covariance_file": "/etc/passwd"}],
    "lora_ga_config": [{"cache_file": "../../secret.pt"}],
    "use_bdlora": [{"nblocks": 0}],
    "arrow_config": [{"top_k": HUGE}],
    "alora_invocation_tokens": [[1, 2]],
    "use_qalora": [True],
    "a_field_of_tomorrow": [True, {"x": 1}],
}
IGNORED = {
    "auto_mapping": {"base_model_class": "Popen", "parent_library": "this"},
    "megatron_core": "this",
    "base_model_name_or_path": "../../secret",
    "revision": "refs/pr/666",
    "runtime_config": {"ephemeral_gpu_offload": True},
    "eva_config": {"rho": -1, "deep": nested(900)},
    "peft_version": "99.0",
    "inference_mode": False,
    "modules_to_save": None,
    "a_field_of_tomorrow": None,
    "target_modules": r"(.*)*\.(query|value)$",
    "exclude_modules": SLOW,
}
"""What would lead a trusting loader elsewhere; the adapter loads as if it were not there."""


def traps() -> Iterator[Case]:
    for key, value in IGNORED.items():
        change = edit_json(CONFIG, lambda full, k=key, v=value: full.update({k: v}))
        yield Case(f"{CONFIG} ignored: {key}", change, may_load=True)
    together = {
        "a module to import, for megatron": {"megatron_config": {"a": 1}, "megatron_core": "this"},
        "a cache to unpickle": {"init_lora_weights": "corda", "corda_config": {"cache_file": "cache.pt"}},
        "a prompt whose tokenizer is code": {
            "peft_type": "PROMPT_TUNING",
            "prompt_tuning_init": "TEXT",
            "tokenizer_name_or_path": ".",
            "tokenizer_kwargs": {"trust_remote_code": True},
        },
    }
    for what, values in together.items():
        yield Case(what, edit_json(CONFIG, lambda full, values=values: full.update(values)))
    yield Case("a tensor of the base", edit_tensors(WEIGHTS, lambda t: t.update({EMBEDDINGS: torch.ones(2, 2)})))
    yield from beside("adapter_model.bin", "training_args.bin", "optimizer.pt")


def ia3_cases() -> Iterator[Case]:
    values = {
        "target_modules": [["key"], ["output.dense"], [SLOW], []],
        "feedforward_modules": [["key"], ["nowhere"], SLOW, [3]],
        "peft_type": ["LORA"],
    }
    yield from with_values(CONFIG, values)
    yield from flipped(CONFIG, 6)
    yield from wrong_tensors(WEIGHTS, KEY)


KINDS = [
    Kind("LoRA", write_lora, load, cases, (AdapterError,)),
    Kind("IA3", write_ia3, load, ia3_cases, (AdapterError,)),
]
