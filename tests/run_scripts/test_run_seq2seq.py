"""T5 from the command line: its loss by hand, adapters, questions in several languages, and what is refused."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from killed_runs import in_step, killed_at
from safetensors.torch import load_file
from tiny_runs import assert_same, refused, tensors
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

from xlzoo.run_scripts import run_seq2seq
from xlzoo.run_scripts.corpora.phrasebook import load_phrasebook
from xlzoo.run_scripts.objectives.seq2seq import Seq2SeqCollator
from xlzoo.run_scripts.runs import read_results
from xlzoo.run_scripts.tasks.text_pairs import PAIR_TASKS

SIZES = "d_model=32,d_kv=8,d_ff=64,num_layers=2,num_decoder_layers=2,num_heads=4,dropout_rate=0.0"
NLI = ["--dataset_name", "phrasebook", "--task_name", "xnli", "--max_train_samples", "24", "--max_eval_samples", "6"]
QUIET = [
    "--report_to",
    "none",
    "--save_strategy",
    "no",
    "--learning_rate",
    "1e-2",
    "--per_device_train_batch_size",
    "8",
]
TRAIN = ["--do_train", "--max_steps", "2"]
FEW = "d_model=16,encoder_layers=1,decoder_layers=1,encoder_attention_heads=2,decoder_attention_heads=2"
BART = ["--model_type", "bart", "--tokenizer_vocab_size", "400"]
BART += ["--config_overrides", f"{FEW},encoder_ffn_dim=16,decoder_ffn_dim=16,max_position_embeddings=60"]
"""Positions are learned, one by one, where T5 has none."""


def seq2seq(folder, *flags):
    return run_seq2seq.main([*QUIET, "--output_dir", str(folder), *map(str, flags)])


@pytest.fixture(scope="module")
def t5(tmp_path_factory):
    """A tiny T5 that was trained for two steps, and its tokenizer."""
    folder = tmp_path_factory.mktemp("t5") / "run"
    seq2seq(folder, "--model_type", "t5", "--config_overrides", SIZES, "--tokenizer_vocab_size", 400, *NLI, *TRAIN)
    return folder


def test_scores_are_those_of_the_stock_model(t5, tmp_path):
    """Its own loss, token by token, for two languages; and whether its greedy text is the whole answer."""
    flags = [*NLI, "--do_predict", "--test_config_name", "sw", "--model_name_or_path", t5]
    results = seq2seq(tmp_path / "test", *flags)
    model, tokenizer = AutoModelForSeq2SeqLM.from_pretrained(t5).eval(), AutoTokenizer.from_pretrained(t5)
    for language in ("eng", "swh"):
        rows = load_phrasebook(language, sizes={"test": 6})["test"]
        total, number, whole = 0.0, 0, 0
        for row in rows:
            label = rows.features["label"].names[row["label"]]
            asked = PAIR_TASKS["xnli"].ask(row["premise"], row["hypothesis"], label)
            inputs = tokenizer(asked["prompt"], return_tensors="pt")
            end = [tokenizer.eos_token_id]
            labels = torch.tensor([tokenizer(asked["completion"], add_special_tokens=False)["input_ids"] + end])
            total += model(**inputs, labels=labels).loss.item() * labels.shape[1]
            number += labels.shape[1]
            written = model.generate(**inputs, max_new_tokens=labels.shape[1], do_sample=False)[0, 1:]
            whole += written.tolist()[: labels.shape[1]] == labels[0].tolist()
        assert results[f"test_{language}_loss"] == pytest.approx(total / number, rel=1e-5)
        assert results[f"test_{language}_exact_match"] == whole / 6


def test_the_decoder_reads_one_place_later():
    batch = Seq2SeqCollator(0, 7)(
        [{"input_ids": [5, 1], "labels": [3, 4, 1]}, {"input_ids": [5, 6, 1], "labels": [1]}]
    )
    assert batch["labels"].tolist() == [[3, 4, 1], [1, -100, -100]]
    assert batch["decoder_input_ids"].tolist() == [[7, 3, 4], [7, 0, 0]]
    assert batch["attention_mask"].sum(1).tolist() == [2, 3]


@pytest.mark.parametrize(("kind", "part"), [("lora", "lora_"), ("ia3", "ia3_l"), ("prefix", "prompt_embeddings")])
def test_adapters_of_t5(t5, tmp_path, kind, part, door):
    flags = [*NLI, "--model_name_or_path", t5, "--do_eval"]
    run = ["--use_peft", "--peft_type", kind, "--hub_dir", tmp_path / "hub"]
    run += ["--num_virtual_tokens", 3] if kind == "prefix" else []
    results = seq2seq(tmp_path / "run", *flags, *TRAIN, *run, "--hub_model_id", "me/it")
    saved = load_file(tmp_path / "run/adapter_model.safetensors")
    assert saved and all(part in key for key in saved)
    assert door.only.facts.kind == "peft" and door.only.probe.kind == "peft"
    again = seq2seq(tmp_path / "again", *flags, "--load_adapter", tmp_path / "run")
    assert again["eval_loss"] == pytest.approx(results["eval_loss"], rel=1e-6)
    seq2seq(tmp_path / "more", *flags, *TRAIN, "--use_peft", "--load_adapter", tmp_path / "run")
    more = load_file(tmp_path / "more/adapter_model.safetensors")
    assert any(not torch.equal(value, more[key]) for key, value in saved.items())


def test_the_published_recipe(t5, tmp_path):
    """Its flags, with a tiny model and the phrasebook in place of what cannot be had offline."""
    small = [*NLI, "--max_steps", "2", "--report_to", "none", "--model_name_or_path", str(t5)]
    run_seq2seq.main(["recipes/adamergex_t5.yaml", *small, "--output_dir", str(tmp_path / "run")])
    keys = load_file(tmp_path / "run/adapter_model.safetensors").keys()
    assert {key.split(".")[-3] for key in keys} == {"q", "v"}


def test_accumulation_equals_one_batch(t5, tmp_path):
    """Completions of different lengths: means of batches' means would differ."""
    flags = [*NLI, *TRAIN, "--model_name_or_path", t5, "--optim", "sgd", "--learning_rate", "0.1"]
    seq2seq(tmp_path / "one", *flags)
    parts = ["--per_device_train_batch_size", "2", "--gradient_accumulation_steps", "4"]
    seq2seq(tmp_path / "parts", *flags, *parts)
    assert_same(tmp_path / "one", tmp_path / "parts", tolerance=1e-5)
    assert tensors(tmp_path / "one").keys() == tensors(t5).keys()


def test_killed_runs_end_as_if_they_had_not_been(t5, tmp_path):
    saving = ["--save_strategy", "steps", "--save_steps", "2", "--do_train", "--max_steps", "5"]
    flags = [*QUIET, *NLI, *saving, "--use_peft", "--lora_dropout", "0.2", "--model_name_or_path", str(t5)]
    killed_at(run_seq2seq.main, [*flags, "--output_dir", str(tmp_path / "killed")], in_step, 4)
    run_seq2seq.main([*flags, "--output_dir", str(tmp_path / "killed"), "--resume_from_checkpoint", "last"])
    run_seq2seq.main([*flags, "--output_dir", str(tmp_path / "whole")])
    assert_same(tmp_path / "killed", tmp_path / "whole")


def test_two_processes_equal_one(t5, tmp_path):
    flags = [*QUIET, *NLI, *TRAIN, "--use_cpu", "--model_name_or_path", str(t5), "--optim", "sgd"]
    flags += ["--learning_rate", "0.1", "--per_device_train_batch_size"]
    one = run_seq2seq.main([*flags, "8", "--do_eval", "--output_dir", str(tmp_path / "one")])
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    both = [str(Path(run_seq2seq.__file__)), *flags, "4", "--do_eval", "--output_dir", str(tmp_path / "both")]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run([*command, *both], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    assert_same(tmp_path / "both", tmp_path / "one", tolerance=1e-5)
    assert read_results(tmp_path / "both")["eval_loss"] == pytest.approx(one["eval_loss"], abs=1e-5)


def test_half_precision_learns_nearly_the_same(t5, tmp_path):
    flags = [*NLI, *TRAIN, "--do_eval", "--model_name_or_path", t5, "--use_peft"]
    losses = [
        seq2seq(tmp_path / f"run{len(more)}", *flags, *more)["eval_loss"]
        for more in ((), ("--bf16", "true", "--use_cpu"))
    ]
    assert losses[0] != losses[1] == pytest.approx(losses[0], rel=0.02)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--model_type", "gpt2", "--tokenizer_vocab_size", "400"], "encoder and decoder"),
        (["--model_name_or_path", "T5", "--max_target_length", "2"], "--max_target_length"),
        (BART, "--max_source_length 160 is more than the model's 60 positions"),
        (
            [*BART, "--max_source_length", "60", "--use_peft", "--peft_type", "prefix", "--num_virtual_tokens", "21"],
            "39",
        ),
        (["--model_name_or_path", "T5", "--prompt_column_name", "x"], "--prompt_column_name"),
        (["--model_name_or_path", "T5", "--quantization", "4bit"], "--use_peft"),
        (["--model_name_or_path", "T5", "--use_peft", "--quantization", "8bit"], "GPU"),
        (
            ["--model_name_or_path", "T5", "--use_peft", "--peft_type", "prefix", "--gradient_checkpointing", "true"],
            "--gradient_checkpointing",
        ),
    ],
)
def test_mistakes_end_in_one_sentence_before_training(t5, tmp_path, flags, words, nothing_starts):
    flags = [str(t5) if flag == "T5" else flag for flag in flags]
    refused(lambda: seq2seq(tmp_path / "out", *NLI, *TRAIN, *flags), words)
