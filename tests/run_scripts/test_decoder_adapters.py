"""Adapters of a Llama with the published settings: LoRA on seven modules, IA3, prefixes; questions and answers."""

import pytest
import torch
from killed_runs import in_step, killed_at
from safetensors.torch import load_file
from test_run_clm import QUIET
from tiny_runs import assert_same, refused
from transformers import AutoModelForCausalLM, AutoTokenizer

from xlzoo.run_scripts import run_clm
from xlzoo.run_scripts.arguments import read_recipe
from xlzoo.run_scripts.corpora.phrasebook import load_phrasebook
from xlzoo.run_scripts.models.decoders import load_decoder
from xlzoo.run_scripts.models.peft_adapters import load_peft
from xlzoo.run_scripts.tasks.text_pairs import PAIR_TASKS

SIZES = (
    "hidden_size=32,num_hidden_layers=2,num_attention_heads=4,num_key_value_heads=2,head_dim=8,intermediate_size=48,"
    "max_position_embeddings=160"
)
NLI = ["--dataset_name", "phrasebook", "--task_name", "xnli", "--max_train_samples", "24", "--max_eval_samples", "6"]
TRAIN = ["--do_train", "--max_steps", "2"]
PREFIX = ["--use_peft", "--peft_type", "prefix", "--num_virtual_tokens", "3"]


def clm(folder, *flags):
    return run_clm.main([*QUIET, "--output_dir", str(folder), *map(str, flags)])


@pytest.fixture(scope="module")
def llama(tmp_path_factory):
    """A tiny Llama with grouped heads, trained for two steps, and its tokenizer."""
    folder = tmp_path_factory.mktemp("llama") / "run"
    new = ["--model_type", "llama", "--config_overrides", SIZES, "--tokenizer_vocab_size", 400]
    clm(folder, *new, *NLI, *TRAIN)
    return folder


@pytest.mark.parametrize("kind", ["lora", "ia3", "prefix"])
def test_the_published_recipes_train_their_adapters(llama, tmp_path, kind):
    """Their flags, with a tiny model and the phrasebook in place of what cannot be had offline."""
    recipe = read_recipe(f"recipes/adamergex_{kind}.yaml")
    small = [*NLI, "--max_steps", "2", "--per_device_train_batch_size", "4", "--block_size", "128", "--use_cpu"]
    small += ["--model_name_or_path", str(llama), "--report_to", "none", "--bf16", "false", "--dtype", "float32"]
    run_clm.main([f"recipes/adamergex_{kind}.yaml", *small, "--output_dir", str(tmp_path / "run")])
    keys = load_file(tmp_path / "run/adapter_model.safetensors").keys()
    if kind == "lora":
        assert {key.split(".")[-3] for key in keys} == set(recipe["target_modules"]) and len(keys) == 2 * 2 * 7
    assert keys and all(
        {"lora": ".lora_", "ia3": ".ia3_l", "prefix": "prompt_embeddings"}[kind] in key for key in keys
    )


def test_a_prefix_is_what_every_layer_reads_first(llama, tmp_path):
    """By hand: the stored numbers as keys and values of two layers, before a text that the stock model reads."""
    flags = [*NLI, "--model_name_or_path", llama]
    results = clm(tmp_path / "run", *flags, *TRAIN, *PREFIX, "--do_predict", "--test_config_name", "sw")
    plain, tokenizer = AutoModelForCausalLM.from_pretrained(llama).eval(), AutoTokenizer.from_pretrained(llama)
    stored = load_file(tmp_path / "run/adapter_model.safetensors")["prompt_embeddings"]
    assert stored.shape == (3, 2 * 2 * 16)  # Two layers' keys and values, of two heads of eight.
    rows = load_phrasebook("swh", sizes={"test": 6})["test"]
    total, number = 0.0, 0
    for row in rows:
        label = rows.features["label"].names[row["label"]]
        asked = PAIR_TASKS["xnli"].ask(row["premise"], row["hypothesis"], label)
        ids = tokenizer(asked["prompt"] + asked["completion"], add_special_tokens=False, return_offsets_mapping=True)
        size = sum(end > len(asked["prompt"]) for _, end in ids["offset_mapping"]) + 1
        text = torch.tensor([[tokenizer.bos_token_id, *ids["input_ids"], tokenizer.eos_token_id]])
        cache = plain(text[:, :3], use_cache=True).past_key_values  # Of the right shape: three places.
        parts = stored.view(3, 4, 2, 8).permute(1, 2, 0, 3)
        for layer, kept in enumerate(cache.layers):
            kept.keys, kept.values = parts[2 * layer][None], parts[2 * layer + 1][None]
        with torch.no_grad():
            logits = plain(text, past_key_values=cache).logits[0, :-1].log_softmax(-1)
        losses = -logits.gather(1, text[0, 1:, None])[-size:, 0]
        total, number = total + losses.sum().item(), number + size
    assert results["test_swh_loss"] == pytest.approx(total / number, rel=1e-4)


def test_a_prefix_leaves_the_model_goes_on_and_is_checked(llama, tmp_path, door):
    flags = [*NLI, "--model_name_or_path", llama, "--do_eval"]
    hub = ["--hub_dir", tmp_path / "hub", "--hub_model_id", "me/prefix"]
    results = clm(tmp_path / "run", *flags, *TRAIN, *PREFIX, *hub)
    assert door.only.facts.title.startswith("Prefix task adapter") and door.only.probe.kind == "peft"
    again = clm(tmp_path / "again", *flags, "--load_adapter", tmp_path / "run")
    assert again["eval_loss"] == pytest.approx(results["eval_loss"], rel=1e-6) and 0 <= again["eval_exact_match"] <= 1
    clm(tmp_path / "more", *flags, *TRAIN, "--use_peft", "--load_adapter", tmp_path / "run")
    one, more = (load_file(tmp_path / name / "adapter_model.safetensors") for name in ("run", "more"))
    assert not torch.equal(one["prompt_embeddings"], more["prompt_embeddings"])
    path = tmp_path / "run/adapter_config.json"
    path.write_text(path.read_text().replace('"num_virtual_tokens": 3', '"num_virtual_tokens": 4'))
    refused(lambda: load_peft(load_decoder(str(llama)), str(tmp_path / "run")), "prompt_embeddings has shape (3, 64)")
    path.write_text(path.read_text().replace('"num_virtual_tokens": 4', '"num_virtual_tokens": 3'))
    path.write_text(path.read_text().replace('"num_layers": 2', '"num_layers": 4'))
    refused(lambda: load_peft(load_decoder(str(llama)), str(tmp_path / "run")), "num_layers is 4")


def test_a_killed_prefix_ends_as_if_it_had_not_been(llama, tmp_path):
    flags = [*QUIET, *NLI, *PREFIX, "--model_name_or_path", str(llama), "--do_train", "--max_steps", "5"]
    flags += ["--save_strategy", "steps", "--save_steps", "2"]
    killed_at(run_clm.main, [*flags, "--output_dir", str(tmp_path / "killed")], in_step, 4)
    run_clm.main([*flags, "--output_dir", str(tmp_path / "killed"), "--resume_from_checkpoint", "last"])
    run_clm.main([*flags, "--output_dir", str(tmp_path / "whole")])
    assert_same(tmp_path / "killed", tmp_path / "whole")


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ([*PREFIX, "--gradient_checkpointing", "true"], "--gradient_checkpointing"),
        ([*PREFIX, "--target_modules", "q_proj"], "before every layer"),
        (["--use_peft", "--num_virtual_tokens", "0"], "--num_virtual_tokens"),
        (["--use_peft", "--num_virtual_tokens", "7"], "of the kind prefix"),
        ([*PREFIX, "--lora_r", "4"], "of the kind lora"),
        (["--lora_alpha", "4"], "a new adapter"),
        (["--quantization", "4bit"], "--use_peft"),
        (["--use_peft", "--quantization", "4bit"], "GPU"),
        (["--use_peft", "--quantization", "8bit", "--hub_dir", "hub"], "publish.py"),
        (["--streaming"], "--task_name"),
        (["--label_column_name", "verdict"], "verdict"),
    ],
)
def test_mistakes_end_in_one_sentence_before_training(llama, tmp_path, flags, words, nothing_starts):
    refused(lambda: clm(tmp_path / "out", *NLI, *TRAIN, "--model_name_or_path", llama, *flags), words)
