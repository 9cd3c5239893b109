"""Command lines and recipes become dataclasses; mistakes become sentences; scripts exit with 0 or 2."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from tiny_runs import refused

from xlzoo.modeling.adapter_config import AdapterError
from xlzoo.run_scripts import publish, run_madx, run_ner
from xlzoo.run_scripts.arguments import AdapterArguments, ModelArguments, parse, run
from xlzoo.run_scripts.data_arguments import DataArguments
from xlzoo.run_scripts.destination import Destination
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
        (["--fp16"], ["--fp16", "GPU", "--bf16"]),
        (["--dataloader_drop_last", "--do_eval"], ["--dataloader_drop_last", "another run"]),
        (["--dataloader_drop_last", "--eval_strategy", "epoch"], ["another run"]),
    ],
)
def test_bad_flags(arguments, words):
    refused(lambda: parse(["--use_cpu", *arguments], *TYPES), *words)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_bfloat16_on_the_processor_is_asked_for():
    refused(lambda: parse(["--bf16"], *TYPES), "--bf16 needs a GPU", "--use_cpu", "--bf16 false")
    assert parse(["--bf16", "--use_cpu"], *TYPES)[-1].bf16


SECRET = "hf_" + "x" * 30


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--push_to_hub", "--hub_dir", "hub"], ["--push_to_hub", "--hub_dir", "one of them"]),
        (["--push_to_hub", "--hub_dir", "hub", "--dry_run"], ["one of them"]),
        (["--hub_dir", "hub", "--hub_revision", "main"], ["hub", "no use for a revision"]),
        (["--hub_dir", "hub", "--hub_private_repo"], ["no use for a private repository"]),
        (["--hub_dir", "hub", "--hub_token", SECRET], ["no use for a token"]),
        (["--hub_dir", __file__], [__file__, "is a file"]),
        (["--dry_run", "--hub_model_id", "a/b/c"], ["'a/b/c'", "'organisation/name'"]),
        (["--dry_run", "--hub_model_id", "my model"], ["'my model'"]),
        (["--dry_run", "--output_dir", "runs/my run"], ["'my run'"]),
        (["--dry_run", "--hub_revision", "refs/heads/x"], ["'refs/heads/x'", "refs/pr/N"]),
        (["--dry_run", "--hub_revision", "a..b"], ["'a..b'", "branch"]),
        (["--dry_run", "--hub_revision", "refs/pr/0"], ["'refs/pr/0'"]),
        (["--hub_model_id", "me/x"], ["--hub_model_id", "nothing is published", "--push_to_hub"]),
        (["--hub_revision", "pr"], ["--hub_revision", "nothing is published"]),
        (["--hub_private_repo"], ["--hub_private_repo", "nothing is published"]),
        (["--hub_token", SECRET], ["--hub_token", "nothing is published"]),
        (["--hub_strategy", "every_save"], ["Checkpoints are not pushed", "--hub_strategy"]),
        (["--hub_strategy", "checkpoint", "--push_to_hub"], ["Checkpoints are not pushed"]),
        (["--hub_strategy", "now"], ["hub_strategy", "'now'"]),
        (["--hub_always_push", "--dry_run"], ["--hub_always_push"]),
        (["--dry_run", "--do_eval"], ["Nothing is trained", "--do_train"]),
        (["--hub_dir", "hub", "--do_predict"], ["Nothing is trained"]),
        (["--push_to_hub"], ["HF_HUB_OFFLINE", "--hub_dir"]),
    ],
)
def test_flags_that_cannot_publish(arguments, words):
    message = refused(lambda: parse(["--use_cpu", *arguments], *TYPES), *words)
    assert SECRET not in message


def test_push_needs_a_token(monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "none"))
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    refused(lambda: parsed("--push_to_hub"), "no token", "hf auth login", "HF_TOKEN", "--hub_token")
    assert parsed("--dry_run")["destination"].dry_run, "a dry run needs none"
    monkeypatch.setenv("HF_TOKEN", SECRET)
    assert parsed("--push_to_hub")["destination"].token is None, "the door finds it by itself"


def test_where_a_run_is_published(monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    assert parsed()["destination"] is None
    given = ["--hub_private_repo", "--hub_revision", "refs/pr/12", "--hub_token", SECRET]
    found = parsed("--push_to_hub", "--hub_model_id", "me/x", *given)
    assert found["destination"] == Destination("me/x", None, True, "refs/pr/12", SECRET, False)
    assert found["push_to_hub"] is False, "the stock Trainer would push"
    assert SECRET not in repr(found["destination"])
    local = parsed("--hub_dir", tmp_path, "--output_dir", "runs/en", "--dry_run")["destination"]
    assert local == Destination("en", tmp_path, dry_run=True)
    assert parsed("--hub_strategy", "end", "--dry_run")["destination"].repo_id == "trainer_output"


def test_recipe_is_what_was_asked_for(tmp_path, recipe, monkeypatch):
    """Paths lose their folders; where things go and what is the default is left out."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "data/a.txt").touch()
    flags = ["--train_file", "data/a.txt", tmp_path / "b.txt", "~/c.txt", "../d.txt", "--dataset_name", "org/data"]
    flags += ["--model_name_or_path", ".", "--load_adapter", "data/", "--learning_rate", "1e-4", "--fp16", "false"]
    flags += ["--output_dir", "o", "--overwrite_output_dir", "--hub_dir", "h", "--hub_model_id", "me/x", "--seed", "7"]
    flags += ["--dataloader_pin_memory", "false", "--eval_strategy", "no", "--run_name", "r"]
    assert parsed(*flags)["recipe"] == {
        "model_name_or_path": tmp_path.name,
        "dataset_name": "org/data",
        "train_file": ["a.txt", "b.txt", "c.txt", "d.txt"],
        "load_adapter": ["data"],
        "learning_rate": 1e-4,
        "seed": 7,
        "dataloader_pin_memory": False,
        "use_cpu": True,
    }
    read = parsed(recipe, "--max_steps=9")["recipe"]
    assert (read["max_steps"], read["learning_rate"], read["train_file"]) == (9, 1e-3, ["a.txt", "b.txt"])
    assert list(read) == sorted(read, key=list(parsed(recipe)["recipe"]).index), "the order is that of the flags"
    assert json.loads(read["lr_scheduler_kwargs"]) == {"num_cycles": 2}


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


def test_help_begins_with_what_the_script_is_for(capsys, monkeypatch):
    """Its docstring with the example's lines as they are written, then flags, or the keys of a recipe of recipes."""
    monkeypatch.setattr(sys, "argv", ["run_x.py", "--help"])
    for script, flag in ((run_ner, "--load_lang_adapter"), (run_madx, "--language_data"), (publish, "--hub_dir")):
        with pytest.raises(SystemExit) as caught:
            run(script.main)
        out = capsys.readouterr().out
        assert (
            caught.value.code in (0, None)
            and out.startswith(script.__doc__)
            and out.index("usage:") < out.rindex(flag)
        )
    assert " \\\n        --load_lang_adapter" in (run_ner.__doc__ or "")


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


def test_warmup_ratio_is_a_fractional_warmup(tmp_path):
    """The published commands say --warmup_ratio, which transformers 5 takes as --warmup_steps below 1."""
    common = ["--output_dir", str(tmp_path), *QUIET]
    (args,) = parse([*common, "--warmup_ratio", "0.1"], MaskedLMConfig)
    assert args.get_warmup_steps(250) == 25
    refused(lambda: parse([*common, "--warmup_ratio", "1.5"], MaskedLMConfig), "a share")
    refused(lambda: parse([*common, "--warmup_ratio", "0.1", "--warmup_steps", "3"], MaskedLMConfig), "the same")
