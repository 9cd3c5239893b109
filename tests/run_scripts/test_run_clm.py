"""Causal LM from the command line: what is written, what moves, what resumes, and what is refused before it starts."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from datasets import IterableDataset
from killed_runs import in_state, in_step, killed_at
from peft import PeftModel
from safetensors.torch import load_file
from tiny_runs import assert_different, assert_same, refused, sentences, tensors
from transformers import AutoModelForCausalLM, AutoTokenizer, Trainer

from xlzoo.modeling.modeling_backpack import BackpackGPT2LMHeadModel
from xlzoo.run_scripts import run_clm
from xlzoo.run_scripts.corpora.phrasebook import load_phrasebook
from xlzoo.run_scripts.models.decoders import load_decoder
from xlzoo.run_scripts.objectives.causal_lm import CausalLMConfig
from xlzoo.run_scripts.stages.causal_lm import _rows
from xlzoo.run_scripts.text_arguments import TextArguments

SIZES = "n_embd=32,n_layer=2,n_head=4,n_positions=48"
QUIET = [
    "--report_to",
    "none",
    "--per_device_train_batch_size",
    "4",
    "--save_strategy",
    "no",
    "--learning_rate",
    "1e-2",
]
PHRASES = [
    "--dataset_name",
    "phrasebook",
    "--max_train_samples",
    "40",
    "--max_eval_samples",
    "8",
    "--block_size",
    "24",
]
NEW = {
    "backpack": ["--model_type", "backpack", "--config_overrides", f"{SIZES},num_senses=4"],
    "gpt2": ["--model_type", "gpt2", "--config_overrides", SIZES],
}
TRAIN = ["--do_train", "--max_steps", "3"]


def clm(folder, *flags):
    return run_clm.main([*QUIET, "--output_dir", str(folder), *map(str, flags)])


@pytest.fixture(scope="module")
def bases(tmp_path_factory):
    """A tiny Backpack and a tiny GPT-2, trained for three steps, with their tokenizers."""
    root = tmp_path_factory.mktemp("bases")
    for name, new in NEW.items():
        clm(root / name, *new, "--tokenizer_vocab_size", 400, *PHRASES, *TRAIN)
    return root


def test_a_backpack_from_scratch(bases, tmp_path):
    folder = bases / "backpack"
    results = clm(tmp_path / "again", *NEW["backpack"], "--tokenizer_vocab_size", 400, *PHRASES, *TRAIN, "--do_eval")
    assert_same(folder, tmp_path / "again")
    assert results["eval_perplexity"] == pytest.approx(math.exp(results["eval_loss"]))
    model = BackpackGPT2LMHeadModel.from_pretrained(folder)
    assert model.config.vocab_size == 400 and model.config.eos_token_id == 2
    assert (folder / "modeling_backpack.py").is_file() and "trust" not in (folder / "config.json").read_text()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    ids = tokenizer("naïve 你好")["input_ids"]
    assert ids[0] == tokenizer.bos_token_id and tokenizer.eos_token_id not in ids and tokenizer.unk_token_id not in ids
    assert tokenizer.decode(ids, skip_special_tokens=True) == "naïve 你好"


def test_evaluation_is_the_loss_of_every_token(bases, tmp_path):
    """Each sentence alone, from its first token on, which follows the beginning of a text, to the end of text."""
    results = clm(tmp_path / "run", "--model_name_or_path", bases / "gpt2", *PHRASES, "--do_eval", "--line_by_line")
    tokenizer = AutoTokenizer.from_pretrained(bases / "gpt2")
    model = AutoModelForCausalLM.from_pretrained(bases / "gpt2").eval()
    total, number = 0.0, 0
    for text in load_phrasebook("eng", sizes={"validation": 8})["validation"]["text"]:
        ids = [*tokenizer(text)["input_ids"], tokenizer.eos_token_id]
        for start in range(0, len(ids), 24):
            part = torch.tensor([ids[start : start + 24]])
            if part.shape[1] > 1:
                total += model(part, labels=part).loss.item() * (part.shape[1] - 1)
                number += part.shape[1] - 1
    assert results["eval_loss"] == pytest.approx(total / number, rel=1e-5)


def test_training_goes_on_from_a_checkpoint(bases, tmp_path):
    flags = ["--model_name_or_path", bases / "backpack", *PHRASES, *TRAIN]
    clm(tmp_path / "more", *flags)
    assert_different(bases / "backpack", tmp_path / "more")
    clm(tmp_path / "half", *flags, "--dtype", "bfloat16")
    assert BackpackGPT2LMHeadModel.from_pretrained(tmp_path / "half").dtype == torch.bfloat16


def test_head_only_retuning_moves_the_word_embeddings_alone(bases, tmp_path):
    clm(tmp_path / "run", "--model_name_or_path", bases / "backpack", "--freeze_backpack", *PHRASES, *TRAIN)
    before, after = tensors(bases / "backpack"), tensors(tmp_path / "run")
    moved = {key for key, value in before.items() if not torch.equal(value, after[key])}
    assert len(moved) == 1 and "gpt2_model.wte" in moved.pop()


@pytest.mark.parametrize(
    ("flags", "parts"),
    [
        (["--peft_type", "lora", "--lora_r", "2"], {"lora_A", "lora_B"}),
        (["--peft_type", "ia3"], {"ia3_l"}),
        (["--target_modules", "all-linear", "--lora_r", "2"], {"lora_A", "lora_B"}),
    ],
)
@pytest.mark.parametrize("base", ["backpack", "gpt2"])
def test_adapters_leave_the_model_as_it_was(bases, tmp_path, base, flags, parts, door):
    results = clm(
        tmp_path / "run",
        "--model_name_or_path",
        bases / base,
        "--use_peft",
        *flags,
        *PHRASES,
        *TRAIN,
        "--do_eval",
        "--hub_dir",
        tmp_path / "hub",
        "--hub_model_id",
        "me/adapter",
        # The check before publishing loads the adapter onto the base, whose code then runs.
        *["--trust_remote_code"] * (base == "backpack"),
    )
    saved = load_file(tmp_path / "run/adapter_model.safetensors")
    assert saved and {part for part in parts for key in saved if part in key} == parts
    assert not (tmp_path / "run/model.safetensors").exists()
    assert door.only.facts.kind == "peft" and door.only.probe.kind == "peft"
    loaded = PeftModel.from_pretrained(load_of(base, bases / base), tmp_path / "run")
    assert all(
        torch.equal(value, loaded.get_base_model().state_dict()[key])
        for key, value in load_of(base, bases / base).state_dict().items()
        if key in loaded.get_base_model().state_dict()
    )
    again = clm(
        tmp_path / "eval",
        "--model_name_or_path",
        bases / base,
        "--load_adapter",
        tmp_path / "run",
        *PHRASES,
        "--do_eval",
    )
    assert again["eval_loss"] == pytest.approx(results["eval_loss"], rel=1e-6)
    clm(
        tmp_path / "more",
        "--model_name_or_path",
        bases / base,
        "--use_peft",
        "--load_adapter",
        tmp_path / "run",
        *PHRASES,
        *TRAIN,
    )
    assert_different(tmp_path / "run", tmp_path / "more")


def load_of(name, folder):
    return (BackpackGPT2LMHeadModel if name == "backpack" else AutoModelForCausalLM).from_pretrained(folder)


@pytest.fixture
def completions(tmp_path):
    path = tmp_path / "rows.jsonl"
    rows = [{"prompt": text.rpartition(" ")[0], "completion": text.rpartition(" ")[2]} for text in sentences()["text"]]
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return path


def test_completions_are_learned_without_their_prompts(bases, tmp_path, completions):
    data = ["--train_file", completions, "--block_size", 40, "--completion_separator", " ", "--do_eval"]
    flags = ["--model_name_or_path", bases / "gpt2", "--validation_split_percentage", 20, *data]
    only = clm(tmp_path / "only", *flags)
    both = clm(tmp_path / "both", *flags, "--completion_only_loss", "false")
    assert only["eval_loss"] != pytest.approx(both["eval_loss"], rel=1e-3)
    clm(tmp_path / "run", *flags, *TRAIN)
    facts = json.loads((tmp_path / "run/facts.json").read_text())
    assert facts["pipeline_tag"] == "text-generation"


def test_streams_learn_what_rows_learn(bases, tmp_path):
    """A buffer of one row does not shuffle; neither do whole rows in order."""
    flags = ["--model_name_or_path", bases / "gpt2", *PHRASES, *TRAIN]
    clm(tmp_path / "stream", *flags, "--streaming", "--shuffle_buffer_size", "1")
    clm(tmp_path / "rows", *flags, "--train_sampling_strategy", "sequential")
    assert_same(tmp_path / "stream", tmp_path / "rows")
    clm(tmp_path / "shuffled", *flags, "--streaming")
    assert_different(tmp_path / "stream", tmp_path / "shuffled")


def test_a_data_seed_of_0_is_one(tmp_path):
    asked = {"do_train": True, "max_steps": 1, "seed": 5, "report_to": "none"}
    text = TextArguments(dataset_name="phrasebook", streaming=True, max_train_samples=20)
    drawn = {
        seed: [row["text"] for row in _rows(text, CausalLMConfig(str(tmp_path), data_seed=seed, **asked))[0]["train"]]
        for seed in (0, 5, None)
    }
    assert drawn[0] != drawn[5] == drawn[None] and set(drawn[0]) == set(drawn[5])


def test_streams_of_several_configurations_have_the_same_splits(monkeypatch):
    rows = IterableDataset.from_generator(lambda: iter([{"text": "one"}]))
    found = {"eng": {"train": rows, "validation": rows}, "swh": {"train": rows}}
    monkeypatch.setattr("xlzoo.run_scripts.text_arguments.stream", lambda source: found[source.config])
    for names in (["eng", "swh"], ["swh", "eng"]):
        text = TextArguments(dataset_name="some", dataset_config_name=names, streaming=True)
        refused(text.rows, "no validation split")


SAVING = ["--save_strategy", "steps", "--save_steps", "3", "--do_train", "--max_steps", "8"]


@pytest.mark.parametrize(
    ("more", "moment", "number"),
    [
        pytest.param([], in_step, 5, id="whole model"),
        pytest.param(["--use_peft", "--lora_r", "2", "--lora_dropout", "0.2"], in_state, 6, id="adapter"),
        pytest.param(["--streaming"], in_step, 7, id="stream"),
    ],
)
def test_killed_runs_end_as_if_they_had_not_been(bases, tmp_path, more, moment, number):
    flags = [*QUIET, *PHRASES, "--model_name_or_path", str(bases / "backpack"), *SAVING, *more]
    killed_at(run_clm.main, [*flags, "--output_dir", str(tmp_path / "killed")], moment, number)
    assert not (tmp_path / "killed/all_results.json").exists()
    run_clm.main([*flags, "--output_dir", str(tmp_path / "killed"), "--resume_from_checkpoint", "last"])
    run_clm.main([*flags, "--output_dir", str(tmp_path / "whole")])
    assert_same(tmp_path / "killed", tmp_path / "whole")


def test_two_processes_equal_one(bases, tmp_path):
    """Their batches hold different numbers of tokens, so that means of means would differ.

    Plain gradient descent: Adam would blow up the rounding of gradients that are zero, those of the keys' biases.
    """
    still = tmp_path / "still"
    model = load_decoder(str(bases / "backpack"))
    for name in ("resid_pdrop", "embd_pdrop", "attn_pdrop"):
        setattr(model.config, name, 0.0)
    model.save_pretrained(still)
    AutoTokenizer.from_pretrained(bases / "backpack").save_pretrained(still)
    flags = [*QUIET, *PHRASES, "--model_name_or_path", str(still), *TRAIN, "--do_eval", "--line_by_line", "--use_cpu"]
    flags += ["--optim", "sgd", "--learning_rate", "0.5"]
    both = [*flags, "--output_dir", str(tmp_path / "both"), "--per_device_train_batch_size", "2"]
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*command, str(Path(run_clm.__file__)), *both], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]
    one = run_clm.main([*flags, "--output_dir", str(tmp_path / "one")])
    assert_same(tmp_path / "both", tmp_path / "one", tolerance=1e-5)
    assert_different(tmp_path / "both", still)
    results = json.loads((tmp_path / "both/all_results.json").read_text())
    assert results["eval_loss"] == pytest.approx(one["eval_loss"], abs=1e-5)


@pytest.fixture
def nothing_trains(monkeypatch):
    monkeypatch.setattr(Trainer, "train", lambda *_, **__: pytest.fail("training was about to start"))


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ([], "--model_name_or_path"),
        (["--model_type", "nonsense", "--tokenizer_vocab_size", "400"], "--model_type"),
        (["--model_type", "gpt2"], "--tokenizer_vocab_size"),
        (["--model_type", "backpack", "--config_overrides", "n_embd=x", "--tokenizer_vocab_size", "400"], "n_embd"),
        ([*NEW["gpt2"], "--tokenizer_vocab_size", "400", "--block_size", "49"], "48 positions"),
        ([*NEW["gpt2"], "--tokenizer_vocab_size", "400", "--freeze_backpack"], "--freeze_backpack"),
        ([*NEW["gpt2"], "--tokenizer_vocab_size", "400", "--use_peft", "--target_modules", "nowhere"], "nowhere"),
        ([*NEW["gpt2"], "--tokenizer_vocab_size", "400", "--streaming"], "no stream"),
        (["--model_name_or_path", "BASE", "--streaming", "--max_steps", "-1"], "--max_steps"),
        (["--model_name_or_path", "BASE", "--config_overrides", "n_layer=3"], "holds weights"),
        (["--model_name_or_path", "BASE", "--tokenizer_vocab_size", "400"], "a new model"),
        (["--model_name_or_path", "BASE", "--target_modules", "c_attn"], "--use_peft"),
        (["--model_name_or_path", "BASE", "--use_peft", "--lora_r", "0"], "--lora_r"),
        (["--model_name_or_path", "BASE", "--use_peft", "--peft_type", "ia3", "--target_modules", "x"], "together"),
        (["--model_name_or_path", "BASE", "--load_adapter", "nowhere/at-all"], "nowhere/at-all"),
        (["--model_name_or_path", "BASE", "--text_column_name", "words"], "words"),
    ],
)
def test_mistakes_end_in_one_sentence_before_training(bases, tmp_path, flags, words, nothing_trains):
    flags = [str(bases / "gpt2") if flag == "BASE" else flag for flag in flags]
    refused(lambda: clm(tmp_path / "out", *PHRASES, *TRAIN, *flags), words)
    assert not (tmp_path / "out").exists()


def test_the_published_recipe(bases, tmp_path):
    """Its flags, with a tiny model, the phrasebook and little training in place of what cannot be had offline."""
    base = str(bases / "backpack")
    small = ["--dataset_name", "phrasebook", "--max_steps", "2", "--max_train_samples", "60", "--block_size", "24"]
    small += ["--per_device_train_batch_size", "4", "--gradient_accumulation_steps", "2", "--use_cpu"]
    names = [f"--{flag}={base}" for flag in ("model_name_or_path", "config_name", "tokenizer_name")]
    flags = ["recipes/backpack_seed.yaml", *small, *names, "--report_to", "none", "--output_dir"]
    assert run_clm.main([*flags, str(tmp_path / "more")])["epoch"] > 0
    config = tmp_path / "config"
    config.mkdir()
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json"):
        (config / name).write_bytes((bases / "backpack" / name).read_bytes())
    scratch = [flag.replace(base, str(config)) for flag in [*flags, str(tmp_path / "new")]]
    run_clm.main(scratch)  # A configuration without weights is trained from scratch.
    assert_different(tmp_path / "new", tmp_path / "more")


def test_the_scores_are_told_at_the_end(bases, tmp_path, caplog):
    caplog.set_level("INFO")
    results = clm(tmp_path / "run", "--model_name_or_path", bases / "gpt2", *PHRASES, "--do_eval")
    (told,) = (record.getMessage() for record in caplog.records if "eval_perplexity" in record.getMessage())
    assert f"eval_loss {results['eval_loss']:.4g}" in told and "runtime" not in told and "all_results.json" in told
