"""Every recipe is read by its script, and comes as far as a machine without network, GPU and its data lets it.

So are the commands of the README and of the scripts' docstrings, though nothing is asked of these but known flags.

`madx_phrasebook` needs none of them: tests/effects runs it to its end. Those of large models are based on others.
"""

import re
import shlex
from importlib import import_module
from pathlib import Path

import pytest
import yaml
from huggingface_hub.utils import HFValidationError, validate_repo_id
from tiny_runs import refused

from xlzoo import run_scripts
from xlzoo.run_scripts import (
    build_parallel_corpus,
    build_reference_task,
    run_ablations,
    run_adaptation,
    run_classification,
    run_clm,
    run_eval,
    run_flores_ppl,
    run_madx,
    run_merge,
    run_seq2seq,
    run_word_align,
    run_xlm_align,
    run_xtune,
)
from xlzoo.run_scripts.arguments import read_recipe
from xlzoo.run_scripts.errors import UserError

RECIPES = {path.stem: path for path in sorted(Path(*run_scripts.__path__).glob("recipes/*.yaml"))}
ELSEWHERE = {"madx_phrasebook", *(name for name in RECIPES if name.endswith("_large"))}
SCRIPTS = {
    "adamergex_t5": run_seq2seq,
    "adamergex_xlmr": run_classification,
    "adamergex_": run_clm,
    "backpack_": run_clm,
    "eval_": run_eval,
    "flores_": run_flores_ppl,
    "infoxlm_": run_xlm_align,
    "madx_": run_madx,
    "merge_": run_merge,
    "parallel_": build_parallel_corpus,
    "reference_": build_reference_task,
    "sensia_ablations": run_ablations,
    "sensia_": run_adaptation,
    "word_align_": run_word_align,
    "xlm_align_table": run_word_align,
    "xlm_align_": run_xlm_align,
    "xtune_": run_xtune,
}
"""The first that a recipe's name begins with is its script."""
OWN = {
    "eval": ["--model_path", "org/model"],
    "flores": ["--model_path", "org/model"],
    "merge_seed": ["--output_dir", "d"],
    "merge_tuned": ["--task_adapter", "a", "--target_reference", "b", "--source_reference", "c", "--output_dir", "d"],
}
"""What a recipe leaves to its user."""
HERE = {"fp16": "false", "bf16": "false", "use_fp16": "false", "report_to": "none", "use_wandb": "false"}
HERE |= {"device": "cpu", "upload_data": "false"}
"""What a machine without GPU, tracker and account must say otherwise."""


@pytest.mark.parametrize("name", [name for name in RECIPES if name not in ELSEWHERE])
def test_a_recipe_starts(name, tmp_path, monkeypatch):
    """From an empty folder it ends in one sentence about what is not there, before anything is trained or built."""
    monkeypatch.chdir(tmp_path)
    recipe = read_recipe(str(RECIPES[name]))
    script = next(script for start, script in SCRIPTS.items() if name.startswith(start))
    own = [flag for start, flags in OWN.items() if name.startswith(start) for flag in flags]
    changed = [word for key, value in HERE.items() if key in recipe for word in (f"--{key}", value)]
    message = refused(lambda: script.main([f"recipes/{name}.yaml", *own, *changed]))
    reasons = ("cannot reach", "no file", "neither", "is no folder", "couldn't connect")
    assert any(reason in message for reason in reasons), message
    written = [path for path in tmp_path.rglob("*") if path.is_file() and not path.name.endswith(".flags.json")]
    assert not written


@pytest.mark.parametrize("name", RECIPES)
def test_names_of_the_hub_are_such(name):
    """Data sets and models are named by ids that the Hub could have, or by paths."""
    for key, value in read_recipe(str(RECIPES[name])).items():
        for text in value if isinstance(value, list) else [value]:
            if not isinstance(text, str) or not key.endswith(("name", "name_or_path", "data", "model", "dir", "_id")):
                continue
            try:
                validate_repo_id(text)
            except HFValidationError:
                assert text.startswith(("runs/", "../shared/data", "data-output/", "{")) and " " not in text, (
                    key,
                    text,
                )


def test_every_recipe_says_what_it_is():
    for path in RECIPES.values():
        assert path.read_text(encoding="utf-8").startswith("# "), path
        assert isinstance(yaml.safe_load(path.read_text(encoding="utf-8")), dict)


def commands():
    """Yield (script, its arguments) of every command that the README and the scripts' docstrings show."""
    folder = Path(*run_scripts.__path__)
    scripts = [path for path in folder.glob("*.py") if "def cli" in path.read_text(encoding="utf-8")]
    for path in [folder.parent / "README.md", *sorted(scripts)]:
        text = path.read_text(encoding="utf-8").replace("\\\n", " ").replace("$language", "sw")
        for script, flags in re.findall(r"python run_scripts/(\w+)\.py ([^\n;#`]*)", text):
            if "..." not in flags and script not in ("run_madx", "publish"):
                yield pytest.param(script, shlex.split(flags), id=f"{path.stem}-{script}")


@pytest.mark.parametrize(("name", "flags"), commands())
def test_flags_of_a_printed_command_are_known(name, flags, monkeypatch):
    """What is wrong with it here, no GPU, network or file, is not its flags."""
    script = import_module(f"xlzoo.run_scripts.{name}")
    read = script.parse

    def only_read(argv, *types):
        read(argv, *types)
        raise UserError("The command can be read, and that is all.")

    monkeypatch.setattr(script, "parse", only_read)
    message = refused(lambda: script.main(flags))
    reasons = ("The command can be read", "needs a GPU", "no file", "HF_HUB_OFFLINE")
    assert any(reason in message for reason in reasons), message
