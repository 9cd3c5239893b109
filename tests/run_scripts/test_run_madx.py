"""The four MAD-X stages from one recipe: what is written, skipped, redone and refused."""

import json
import re
import shutil

import pytest
import yaml
from tiny_runs import refused
from transformers import Trainer

from xlzoo.run_scripts import run_madx

SIZES = {"max_train_samples": 12, "max_eval_samples": 6}
PHRASES = {"dataset_name": "phrasebook", **SIZES}
TRAINING = {
    "max_steps": 2,
    "per_device_train_batch_size": 4,
    "learning_rate": 1e-3,
    "save_strategy": "no",
    "max_seq_length": 60,
}


def recipe_for(folder):
    sizes = "hidden_size=16,num_hidden_layers=2,num_attention_heads=2,intermediate_size=16,max_position_embeddings=66"
    new = {"model_type": "xlm-roberta", "config_overrides": sizes, "tokenizer_vocab_size": 100}
    return {
        "output_dir": str(folder),
        "source": "English",
        "targets": ["sw"],
        "encoder": {**new, **PHRASES, **TRAINING, "dataset_config_name": ["eng", "deu"], "line_by_line": True},
        "language_data": {"en": {**PHRASES, "dataset_config_name": "eng"}, "swa": {"train_file": "{data}/swh.txt"}},
        "language_adapter": {**TRAINING, "line_by_line": True, "adapter_config": "seq_bn_inv[reduction_factor=2]"},
        "task_data": {code: {**PHRASES, "dataset_config_name": code} for code in ("eng", "swh")},
        "task": {**TRAINING, "adapter_config": "seq_bn[reduction_factor=2]", "per_device_eval_batch_size": 4},
        "full": {"learning_rate": 5e-4},
        "data": str(folder.parent),
    }


def write(path, recipe):
    path.write_text(yaml.safe_dump(recipe))
    return str(path)


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """A finished experiment: the recipe's path, its folder and its scores."""
    root = tmp_path_factory.mktemp("madx")
    (root / "swh.txt").write_text("Amina anaishi Nairobi .\nWatoto wanasoma vitabu vizuri .\n" * 4)
    path = write(root / "recipe.yaml", recipe_for(root / "run"))
    return path, root / "run", run_madx.main([path])


@pytest.fixture
def started(monkeypatch):
    """The output folders of the Trainers that are made."""
    original, folders = Trainer.__init__, []

    def init(self, *args, **kwargs):
        folders.append(kwargs["args"].output_dir)
        original(self, *args, **kwargs)

    monkeypatch.setattr(Trainer, "__init__", init)
    return folders


def results(folder, setting, language):
    return json.loads((folder / "seed-0" / setting / f"test-{language}" / "all_results.json").read_text())


def test_scores_tables_and_picture(done):
    _, folder, scores = done
    settings = ["full", "task", "madx", "madx2"]
    assert list(scores) == settings and all(list(row) == ["eng", "swh"] for row in scores.values())
    for setting, row in scores.items():
        for language, values in row.items():
            assert values == [100 * results(folder, setting, language)["test_f1"]]
    report = json.loads((folder / "results.json").read_text())
    assert report["scores"] == scores and report["source"] == "eng"
    lines = (folder / "results.md").read_text().splitlines()
    assert lines[0] == "| ner f1, % | English (source) | Swahili |"
    assert [line.split(" | ")[0] for line in lines[2:]] == [
        "| full fine-tuning",
        "| task adapter alone",
        "| MAD-X",
        "| MAD-X 2.0",
    ]
    assert (folder / "results.png").read_bytes().startswith(b"\x89PNG")


def test_each_setting_trains_on_what_it_should(done):
    _, folder, _ = done
    kept = {
        name: json.loads((folder / f"seed-0/{name}/config.json").read_text()) for name in ("task", "madx", "madx2")
    }
    assert {name: config["active_adapters"] for name, config in kept.items()} == {
        "task": ["ner"],
        "madx": ["eng", "ner"],
        "madx2": ["eng", "ner"],
    }
    left_out = {name: config["adapters"].get("eng", {}).get("leave_out") for name, config in kept.items()}
    assert left_out == {"task": None, "madx": [], "madx2": [1]}
    assert json.loads((folder / "seed-0/full.flags.json").read_text())["learning_rate"] == 5e-4
    assert json.loads((folder / "seed-0/madx/test-swh.flags.json").read_text())["load_adapter"] == [
        str(folder / "seed-0/language-swh/swh"),
        str(folder / "seed-0/madx/ner"),
    ]


def test_second_call_trains_nothing(done, started):
    path, _, scores = done
    assert run_madx.main([path]) == scores
    assert started == []


def test_adapters_and_composed_model_are_published(done, door, started, tmp_path, capsys):
    path, folder, _ = done
    run_madx.main([path, "--hub_dir", str(tmp_path / "hub"), "--hub_namespace", "me"])
    assert started == [] and all(parcel.asked["hub_dir"] == tmp_path / "hub" for parcel in door.parcels)
    parcels = {parcel.repo_id: parcel for parcel in door.parcels}
    assert list(parcels) == ["me/madx-eng", "me/madx-swh", "me/madx-ner-eng", "me/madx-ner-eng-swh"]
    swahili, task, composed = list(parcels.values())[1:]
    assert (swahili.folder, swahili.probe.kind) == (folder / "seed-0/language-swh/swh", "adapter")
    assert swahili.facts.title == "MAD-X language adapter for Swahili"
    assert swahili.facts.recipe["train_file"] == ["swh.txt"]
    assert (task.folder, task.facts.kind) == (folder / "seed-0/madx/ner", "adapter")
    assert {"config.json", "model.safetensors", "modeling_madx.py", "tokenizer.json"} <= composed.files
    assert (composed.facts.kind, composed.facts.languages) == ("model", ("sw", "en"))
    assert composed.facts.title == "MAD-X for named entity recognition in Swahili, transferred from English"
    for parcel, language, tag in ((task, "eng", "en"), (composed, "swh", "sw")):
        tested = {m.name: m.value for m in parcel.facts.metrics if (m.split, m.language) == ("test", tag)}
        scores = results(folder, "madx", language)
        assert tested == {name: scores[f"test_{name}"] for name in ("f1", "precision", "recall", "accuracy", "loss")}
    printed = capsys.readouterr().out.partition("the door of me/madx-ner-eng-swh\n")[2].splitlines()[-1]
    assert re.fullmatch(r"\S+ +(O|[BI]-(PER|LOC|ORG))", printed), "the last word and its label"


def test_every_repository_is_asked_for_alike(done, door):
    run_madx.main([done[0], "--dry_run", "--hub_revision", "pr", "--hub_private_repo", "--hub_token", "secret"])
    asked = {"dry_run": True, "revision": "pr", "private": True, "token": "secret", "hub_dir": None}
    assert len(door.parcels) == 4 and all(asked.items() <= parcel.asked.items() for parcel in door.parcels)


def test_what_an_older_version_trained_is_not_described(done, door):
    path, folder, _ = done
    (folder / "seed-0/madx/ner/facts.json").rename(folder / "hidden")
    refused(lambda: run_madx.main([path, "--dry_run"]), "seed-0/madx/ner", "facts.json", "publish.py")
    (folder / "hidden").rename(folder / "seed-0/madx/ner/facts.json")


def test_interrupted_stage_is_redone_with_the_same_numbers(done, started, tmp_path):
    path, folder, scores = done
    stages = [folder / "seed-0/language-swh", folder / "seed-0/madx", folder / "seed-0/madx/test-swh"]
    before = {stage: json.loads((stage / "all_results.json").read_text()) for stage in stages}
    for stage in stages:
        (stage / "all_results.json").unlink()
    shutil.rmtree(stages[0])
    assert run_madx.main([path]) == scores
    assert started == [str(stage) for stage in stages]
    for stage, old in before.items():
        new = json.loads((stage / "all_results.json").read_text())
        assert new.keys() == old.keys()
        same = [key for key in old if not key.endswith(("time", "per_second"))]
        assert {key: new[key] for key in same} == {key: old[key] for key in same}


def test_changed_flags_are_refused_by_name(done, started):
    path, folder, _ = done
    message = refused(lambda: run_madx.main([path, "--task.learning_rate", "0.5"]), "learning_rate", "0.5", "0.001")
    assert str(folder / "seed-0/task") in message
    refused(lambda: run_madx.main([path, "--language_adapter.max_seq_length", "30"]), "max_seq_length", "30")
    (folder / "seed-0/madx2/all_results.json").rename(folder / "seed-0/madx2/hidden")
    narrow = [path, "--settings", "madx2", "--task.weight_decay", "0.1"]
    refused(lambda: run_madx.main(narrow), "weight_decay", "madx2")
    (folder / "seed-0/madx2/hidden").rename(folder / "seed-0/madx2/all_results.json")
    assert started == []


def test_flags_reach_into_the_recipe(done, tmp_path, started):
    path, folder, _ = done
    flags = ["--output_dir", str(tmp_path / "o"), "--encoder", str(folder / "encoder"), "--settings", "task"]
    flags += ["--task.max_steps=3", "--task_data.swh.max_eval_samples", "4", "--seeds", "3", "5"]
    scores = run_madx.main([path, *flags])
    assert list(scores) == ["task"] and len(scores["task"]["swh"]) == 2
    assert started[2] == str(tmp_path / "o/seed-3/task")
    flags_of = json.loads((tmp_path / "o/seed-5/task.flags.json").read_text())
    assert (flags_of["max_steps"], flags_of["seed"]) == (3, 5)
    assert " ± " in (tmp_path / "o/results.md").read_text()


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--settings", "madx3"], ["'madx3'", "madx2"]),
        (["--targets", "hau"], ["language_data", "hau", "eng, swh"]),
        (["--targets", "klingonish"], ["unknown language", "klingonish"]),
        (["--target", "hau"], ["'target'", "did you mean targets?"]),
        (["--seeds", "one"], ["seeds", "one", "list[int]"]),
        (["--source.x", "1"], ["source", "no mapping"]),
        (["--task", "ner"], ["task", "dict"]),
        (["--task.max_steps", "["], ["task.max_steps", "cannot be read"]),
        (["stray"], ["Expected a flag", "stray"]),
        (["--push_to_hub", "--hub_dir", "hub"], ["--push_to_hub", "--hub_dir null"]),
        (["--push_to_hub"], ["HF_HUB_OFFLINE"]),
        (["--hub_dir", "hub", "--hub_revision", "main"], ["no use for a revision"]),
        (["--hub_dir", "hub", "--hub_private_repo"], ["no use for a private repository"]),
        (["--dry_run", "--hub_revision", "refs/x"], ["'refs/x'"]),
        (["--dry_run", "--hub_namespace", "a/b"], ["'a/b/madx'"]),
        (["--dry_run", "--settings", "task"], ["'madx'", "settings"]),
        (["--hub_revision", "pr"], ["--hub_revision", "nothing is published"]),
        (["--hub_private_repo", "yes please"], ["hub_private_repo", "bool"]),
    ],
)
def test_what_is_wrong_in_a_recipe_is_said(done, started, flags, words):
    refused(lambda: run_madx.main([done[0], *flags]), *words)
    assert started == []


def test_recipes_that_are_none(tmp_path):
    refused(lambda: run_madx.main([]), "recipe first")
    refused(lambda: run_madx.main([str(tmp_path / "no.yaml")]), "no recipe")
    for text, words in (
        ("a: [", ["not YAML"]),
        ("- 1", ["no mapping"]),
        ("source: en", ["lacks the key", "output_dir"]),
    ):
        (tmp_path / "bad.yaml").write_text(text)
        refused(lambda: run_madx.main([str(tmp_path / "bad.yaml")]), *words)


def test_mistake_in_a_stage_may_be_corrected(done, tmp_path):
    recipe = {**recipe_for(tmp_path / "o"), "encoder": str(done[1] / "encoder"), "settings": ["task"]}
    recipe["language_adapter"] = {**recipe["language_adapter"], "adapter_config": "wide"}
    (tmp_path / "swh.txt").write_text("Amina anaishi Nairobi .\n")
    path = write(tmp_path / "recipe.yaml", recipe)
    refused(lambda: run_madx.main([path]), "adapter kind", "wide")
    assert run_madx.main([path, "--language_adapter.adapter_config", "seq_bn"])["task"]["swh"]
