"""Command lines and recipes become dataclasses; mistakes become sentences; scripts exit with 0 or 2."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tiny_runs import refused

from xlzoo.modeling.adapter_config import AdapterError
from xlzoo.run_scripts import run_ner
from xlzoo.run_scripts.arguments import AdapterArguments, DataArguments, ModelArguments, parse, run
from xlzoo.run_scripts.errors import UserError
from xlzoo.run_scripts.objectives.masked_lm import MaskedLMConfig

TYPES = (ModelArguments, DataArguments, AdapterArguments, MaskedLMConfig)
QUIET = ["--report_to", "none", "--use_cpu"]


def parsed(*arguments):
    model, data, adapter, training = parse([*map(str, arguments), *QUIET], *TYPES)
    return {**vars(model), **vars(data), **vars(adapter), **vars(training)}


@pytest.fixture
def recipe(tmp_path):
    (tmp_path / "r.yaml").write_text(
        "train_file: [a.txt, b.txt]\nlearning_rate: 1.0e-3\nmax_steps: 7\nline_by_line: true\nlanguage: null\n"
        "config_overrides: hidden_size=32,num_hidden_layers=2\nlr_scheduler_kwargs: {num_cycles: 2}\n"
    )
    return tmp_path / "r.yaml"


def test_flags():
    found = parsed("--train_file", "a.txt", "b.txt", "--train_file=c.txt", "--seed", "3", "--line_by_line")
    assert found["train_file"] == ["a.txt", "b.txt", "c.txt"]
    assert (found["seed"], found["line_by_line"], found["train_adapter"]) == (3, True, False)


def test_recipe(recipe):
    found = parsed(recipe)
    assert found["train_file"] == ["a.txt", "b.txt"] and found["learning_rate"] == 1e-3 and found["max_steps"] == 7
    assert found["line_by_line"] is True and found["language"] is None
    assert found["lr_scheduler_kwargs"] == {"num_cycles": 2}


def test_flags_after_a_recipe_replace_its_values(recipe):
    found = parsed(recipe, "--train_file", "c.txt", "--max_steps=9", "--line_by_line", "false")
    assert (found["train_file"], found["max_steps"], found["line_by_line"]) == (["c.txt"], 9, False)
    assert found["learning_rate"] == 1e-3


@pytest.mark.parametrize("indent", [None, 2, "\t"])
def test_json_recipe(tmp_path, indent):
    path = tmp_path / "r.json"
    path.write_text(json.dumps({"max_steps": 7, "learning_rate": 1e-4, "load_adapter": ["x", "y"]}, indent=indent))
    found = parsed(path)
    assert (found["max_steps"], found["learning_rate"], found["load_adapter"]) == (7, 1e-4, ["x", "y"])


def test_recipe_beside_the_scripts_is_found_from_anywhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    message = refused(lambda: parsed("recipes/madx_phrasebook.yaml"), "source")
    assert "There is no recipe" not in message


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--train_fil", "a.txt"], ["'--train_fil'", "did you mean --train_file?"]),
        (["--adaptor_config=seq_bn"], ["did you mean --adapter_config?"]),
        (["--zzzzzz"], ["--zzzzzz", "--help"]),
        (["--seed", "1", "stray"], ["stray"]),
        (["--max_steps", "many"], ["max_steps", "invalid int value: 'many'"]),
        (["--train_file"], ["train_file", "at least one"]),
        (["--lr_scheduler_type", "wavy"], ["wavy"]),
        (["--eval_strategy", "sometimes"], ["sometimes"]),
        (["--save_strategy", "magic"], ["magic"]),
        (["--per_device_train_batch_size", "0"], ["--per_device_train_batch_size", "at least 1"]),
        (["--per_device_eval_batch_size", "-2"], ["--per_device_eval_batch_size"]),
        (["--gradient_accumulation_steps", "0"], ["--gradient_accumulation_steps"]),
        (["--dataloader_num_workers", "-1"], ["--dataloader_num_workers"]),
        (["--learning_rate", "-1e-3"], ["--learning_rate"]),
        (["--learning_rate", "nan"], ["--learning_rate"]),
        (["--seed", "-1"], ["--seed"]),
        (["--seed", "4294967296"], ["--seed", "4294967296"]),
        (["--max_train_samples", "0"], ["--max_train_samples"]),
        (["--max_eval_samples", "-4"], ["--max_eval_samples"]),
        (["--phrasebook_seed", "-1"], ["--phrasebook_seed"]),
        (["--mlm_probability", "1.5"], ["--mlm_probability"]),
        (["--mlm_probability", "0"], ["--mlm_probability"]),
        (["--language", "klingonish"], ["unknown language", "klingonish"]),
        (["--report_to", "paper"], ["paper", "supported"]),
        (["--report_to", "comet_ml"], ["comet_ml", "install"]),
        (["--load_best_model_at_end", "--eval_strategy", "no"], ["eval"]),
    ],
)
def test_bad_flags(arguments, words):
    refused(lambda: parse(["--use_cpu", *arguments], *TYPES), *words)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("r.yaml", "learning_rte: 1", ["'--learning_rte'", "did you mean --learning_rate?"]),
        ("r.yaml", "max_steps: many", ["max_steps", "many"]),
        ("r.yaml", "a: [b\nc: }", ["not YAML"]),
        ("r.yaml", "just words", ["no mapping"]),
        ("r.yaml", "", ["no mapping"]),
        ("r.json", '{"max_steps": 3', ["not JSON"]),
        ("r.txt", "max_steps: 3", ["no recipe", ".yaml"]),
    ],
)
def test_bad_recipes(tmp_path, name, text, words):
    (tmp_path / name).write_text(text)
    refused(lambda: parsed(tmp_path / name), *words)


def test_recipes_that_cannot_be_read(tmp_path):
    refused(lambda: parsed(tmp_path / "none.yaml"), "none.yaml", "no recipe")
    (tmp_path / "latin.yaml").write_bytes(b"adapter_name: caf\xe9")
    refused(lambda: parsed(tmp_path / "latin.yaml"), "not YAML")


@pytest.mark.parametrize("error", [UserError("That is wrong."), AdapterError("That is wrong.")])
def test_mistake_is_one_sentence_and_exit_code_2(capsys, error):
    def main():
        raise error

    with pytest.raises(SystemExit) as caught:
        run(main)
    assert caught.value.code == 2
    assert capsys.readouterr().err == "error: That is wrong.\n"


def test_other_errors_are_not_hidden():
    with pytest.raises(ZeroDivisionError):
        run(lambda: 1 // 0)


def test_help_names_every_flag(capsys):
    with pytest.raises(SystemExit) as caught:
        parse(["--help"], *TYPES)
    assert caught.value.code == 0
    out = capsys.readouterr().out
    assert all(
        f"--{name}" in out for name in ("train_adapter", "mlm_probability", "hub_dir", "resume_from_checkpoint")
    )


def test_script_in_a_fresh_process(base, tmp_path):
    """Run as `python run_scripts/run_ner.py`: nothing but the sentence on stderr, nothing written."""
    adapter = tmp_path / "adapter"
    flags = ["--model_name_or_path", base, "--dataset_name", "phrasebook", "--load_adapter", adapter, *QUIET]
    command = [sys.executable, Path(run_ner.__file__), *flags, "--output_dir", tmp_path / "out"]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(list(map(str, command)), env=environment, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1 and done.stderr.startswith(f"error: '{adapter}' is neither a folder")
    assert not (tmp_path / "out").exists()
