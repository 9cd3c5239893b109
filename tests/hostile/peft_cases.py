"""Tiny PEFT adapters, and what may be wrong with them."""

from collections.abc import Iterator
from pathlib import Path

import torch
from adapter_cases import LABELS, _nested, outputs
from cases import Case, flipped, missing, no_plain_file, replaced, truncated
from json_cases import HUGE, duplicated, edit_json, no_object, with_values
from peft import IA3Config, LoraConfig, PeftConfig, get_peft_model
from tensor_cases import beside, edit_tensors, hostile_pickles, lying_headers, wrong_tensors
from tiny_models import TINY_ENCODER

from xlzoo.modeling.configuration_madx import MadxConfig
from xlzoo.modeling.modeling_madx import MadxForTokenClassification
from xlzoo.run_scripts.peft_adapters import load_peft

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
QUERY = "base_model.model.roberta.encoder.layer.1.attention.self.query.lora_A.weight"


def model() -> MadxForTokenClassification:
    torch.manual_seed(1)
    return MadxForTokenClassification(MadxConfig(**TINY_ENCODER, **LABELS)).eval()


def write(folder: Path, config: PeftConfig) -> torch.Tensor:
    """Write an adapter that changes its model and its head; return the model's logits `[2, 5, 3]` with it."""
    adapted = get_peft_model(model(), config).eval()
    generator = torch.Generator().manual_seed(2)
    for _, parameter in adapted.named_parameters():
        if parameter.requires_grad:
            parameter.data.add_(0.25 * torch.randn(parameter.shape, generator=generator))
    adapted.save_pretrained(folder)
    return outputs(adapted)


def write_lora(folder: Path) -> torch.Tensor:
    return write(folder, LoraConfig(r=4, target_modules=["query", "value"], task_type="TOKEN_CLS"))


def write_ia3(folder: Path) -> torch.Tensor:
    names = ["key", "output.dense"]
    return write(folder, IA3Config(target_modules=names, feedforward_modules=names[1:], task_type="TOKEN_CLS"))


def load(folder: Path) -> torch.Tensor:
    return outputs(load_peft(model(), str(folder)))


def cases() -> Iterator[Case]:
    for file in (CONFIG, WEIGHTS):
        yield from truncated(file)
        yield from no_plain_file(file)
        yield missing(file)
    yield from flipped(CONFIG, range(20))
    yield from flipped(WEIGHTS, range(12), start=1500)
    yield from no_object(CONFIG)
    yield from wrong_tensors(WEIGHTS, QUERY)
    yield from lying_headers(WEIGHTS, QUERY)
    yield from hostile_pickles(WEIGHTS, "adapter_model.bin")
    yield from configurations()
    yield from traps()


def configurations() -> Iterator[Case]:
    values = {
        "peft_type": ["PROMPT_TUNING", "MULTITASK_PROMPT_TUNING", "XLORA", "ADALORA", "os.system", None, 3, ["LORA"]],
        "r": [HUGE, 0, -4, 8, "4", 4.0, True, None, 10**400],
        "target_modules": [
            ["key"],
            ["nowhere"],
            ["query"],
            ["(a+)+$"],
            ["."],
            ["query", 3],
            3,
            {"a": 1},
            [],
            ["x" * 10**6],
        ],
        "exclude_modules": ["(a+)+$", ["(a+)+$"], ["query"]],
        "modules_to_save": [["(a+)+$"], ["roberta"], "classifier", [3]],
        "rank_pattern": [{"(a+)+$": 4}, {"query": HUGE}, {"query": "4"}, {"query": 8}, ["query"], 3],
        "alpha_pattern": [{"(.*)*x": 4}, {"query": float("nan")}],
        "lora_alpha": [float("nan"), float("inf"), "8", -1],
        "lora_dropout": [2, -1, "0"],
        "bias": ["all", "evil", None, 3],
        "task_type": ["CAUSAL_LM", "SEQ_2_SEQ_LM", "evil", 3, ["TOKEN_CLS"]],
        "use_dora": [True, "no"],
        "init_lora_weights": ["pissa", "olora", "corda", "loftq", "lora_ga", "pissa_niter_4", 3],
        "layer_replication": [[[0, 10**9]]],
        "layers_to_transform": [[0], [HUGE], "1", {"0": 1}],
        "layers_pattern": [["(a+)+$"], "(a+)+$"],
        "megatron_config": [{"tensor_model_parallel_size": 1}],
        "trainable_token_indices": [[0, HUGE]],
        "target_parameters": [["x"]],
        "corda_config": [{"cache_file": "../../secret.pt", "covariance_file": "/etc/passwd"}],
        "lora_ga_config": [{"cache_file": "../../secret.pt"}],
        "use_bdlora": [{"nblocks": 0}],
        "arrow_config": [{"top_k": HUGE}],
        "alora_invocation_tokens": [[1, 2]],
        "use_qalora": [True],
        "a_field_of_tomorrow": [True, {"x": 1}],
        "fan_in_fan_out": ["yes", 3],
    }
    yield from with_values(CONFIG, values)
    yield duplicated(CONFIG, "r", HUGE)


def traps() -> Iterator[Case]:
    """What would lead a trusting loader elsewhere; all of these load as if it were not there."""
    ignored = {
        "auto_mapping": {"base_model_class": "Popen", "parent_library": "this"},
        "megatron_core": "this",
        "base_model_name_or_path": "../../secret",
        "revision": "refs/pr/666",
        "runtime_config": {"ephemeral_gpu_offload": True},
        "eva_config": {"rho": -1},
        "peft_version": "99.0",
        "inference_mode": False,
        "a_field_of_tomorrow": None,
        "modules_to_save": None,
    }
    for key, value in ignored.items():
        change = edit_json(CONFIG, lambda full, k=key, v=value: full.update({k: v}))
        yield Case(f"{CONFIG} {key}={value}", change, may_load=True)
    megatron = edit_json(CONFIG, lambda full: full.update(megatron_config={"a": 1}, megatron_core="this"))
    yield Case("a module to import, for megatron", megatron)
    prompt = {
        "peft_type": "PROMPT_TUNING",
        "prompt_tuning_init": "TEXT",
        "tokenizer_name_or_path": ".",
        "tokenizer_kwargs": {"trust_remote_code": True},
        "num_virtual_tokens": HUGE,
    }
    yield Case("a prompt with a tokenizer's code", edit_json(CONFIG, lambda full: full.update(prompt)))
    cached = {"init_lora_weights": "corda", "corda_config": {"cache_file": "cache.pt"}}
    yield Case("a cache to unpickle", edit_json(CONFIG, lambda full: full.update(cached)))
    regex = edit_json(CONFIG, lambda full: full.update(target_modules=r"(.*)*\.(query|value)$"))
    yield Case("names as a slow pattern", regex, may_load=True)
    deep = edit_json(CONFIG, lambda full: full.update(eva_config=_nested(900)))
    yield Case("a deep value", deep, may_load=True)
    more = edit_tensors(
        WEIGHTS, lambda t: t.update({"base_model.model.roberta.embeddings.word_embeddings.weight": torch.ones(2, 2)})
    )
    yield Case("a tensor of the base model", more)
    yield Case("linked from elsewhere", replaced(WEIGHTS, lambda path: path.symlink_to("../good")), may_load=True)
    yield beside("adapter_model.bin")
    yield beside("training_args.bin")
