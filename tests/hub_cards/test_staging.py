"""What of a folder is copied, what stays behind, and where the copy waits."""

import errno
import json
import os
import shutil
from pathlib import Path

import pytest
from huggingface_hub.utils import WeakFileLock

from xlzoo.hub_cards import Facts, PublishError, publish, staging
from xlzoo.hub_cards.staging import kept_place, stage, stand_ins


def staged(folder, tmp_path, kind="model", base_model=None):
    left_out = stage(folder, tmp_path / "tree", kind, base_model)
    return sorted(str(path.relative_to(tmp_path / "tree")) for path in (tmp_path / "tree").rglob("*.*")), left_out


def fill(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("{}")


def test_bookkeeping_of_a_run_stays_behind_and_is_named(tmp_path):
    folder = tmp_path / "run"
    fill(folder, "model.safetensors", "run.json", "all_results.json", "facts.json", "trainer_state.json", "README.md")
    fill(folder, "training_args.bin", "checkpoint-10/model.safetensors", "runs/a/events.txt", ".git/config.json")
    fill(folder, ".cache/huggingface/x.lock", "__pycache__/m.pyc", ".gitattributes", "sub/config.json")
    fill(folder, "test-eng.flags.json")
    names, left_out = staged(folder, tmp_path)
    assert names == ["model.safetensors", "sub/config.json"]
    assert left_out == (
        *(
            ".cache/",
            ".git/",
            ".gitattributes",
            "README.md, which is written anew",
            "__pycache__/",
            "all_results.json",
            "checkpoint-10/",
            "facts.json",
        ),
        *("run.json", "runs/", "test-eng.flags.json", "trainer_state.json", "training_args.bin"),
    )


@pytest.mark.parametrize("kind", ["model", "peft", "adapter"])
def test_adapters_beside_a_model_stay_behind(tmp_path, kind):
    folder = tmp_path / "run"
    fill(folder, "adapter_config.json", "config.json", "en/adapter_config.json", "en/deep/x.safetensors", "old/x.txt")
    names, left_out = staged(folder, tmp_path, kind)
    inside = ["en/adapter_config.json", "en/deep/x.safetensors"]
    if kind == "model":
        assert left_out == ("en/",) and names == ["adapter_config.json", "config.json", "old/x.txt"]
    else:
        assert left_out == () and names == ["adapter_config.json", "config.json", *inside, "old/x.txt"]


def test_a_dataset_may_have_folders_that_are_named_like_those_of_runs(tmp_path):
    folder = tmp_path / "data"
    fill(folder, "runs/train.jsonl", "checkpoint-1/test.jsonl", ".cache/x.json")
    assert staged(folder, tmp_path, "dataset") == (["checkpoint-1/test.jsonl", "runs/train.jsonl"], (".cache/",))


@pytest.mark.parametrize("base_model, kept", [(None, {}), ("org/base", {"_name_or_path": "org/base"})])
def test_paths_of_the_base_leave_the_config(folder, tmp_path, base_model, kept):
    config = {"_name_or_path": "/data/base", "model_name": "kept as it is", "text_config": {"_name_or_path": "./x/y/"}}
    (folder / "config.json").write_text(json.dumps(config))
    staged(folder, tmp_path, base_model=base_model)
    expected = {**kept, "model_name": "kept as it is", "text_config": kept}
    assert json.loads((tmp_path / "tree/config.json").read_text()) == expected
    assert json.loads((folder / "config.json").read_text()) == config


def test_paths_of_the_base_leave_an_adapter_but_hub_ids_stay(folder, tmp_path):
    (folder / "adapter_config.json").write_text(
        '{"base_model_name_or_path": "/data/base", "model_name": "/data/base"}'
    )
    fill(folder, "old/adapter_config.json")
    (folder / "old/adapter_config.json").write_text('{"model_name": "xlm-roberta-base", "r": null}')
    staged(folder, tmp_path, "adapter", "org/b")
    assert json.loads((tmp_path / "tree/adapter_config.json").read_text()) == {
        "base_model_name_or_path": "org/b",
        "model_name": "org/b",
    }
    written = (tmp_path / "tree/old/adapter_config.json").read_text()
    assert written == '{"model_name": "xlm-roberta-base", "r": null}'


def test_stand_ins_lead_to_local_folders_and_are_gone_afterwards(tmp_path):
    root, base = tmp_path / "tree", tmp_path / "base"
    fill(base, "config.json")
    fill(root, "org/toy/config.json")
    with stand_ins(root, {"org/base": base, "bare": base}):
        assert (root / "org/base/config.json").read_text() == (root / "bare/config.json").read_text() == "{}"
    assert sorted(path.name for path in root.rglob("*")) == ["config.json", "org", "toy"]
    assert (base / "config.json").is_file()


@pytest.mark.parametrize("name", ["org/toy", "org", "org/base/deep"])
def test_stand_ins_do_not_overlap_what_is_published_or_each_other(tmp_path, name):
    root, base = tmp_path / "tree", tmp_path / "base"
    fill(base, "config.json")
    fill(root, "org/toy/config.json")
    with pytest.raises(PublishError, match=f"{name} cannot stand beside"):
        with stand_ins(root, {"org/base": base, name: base}):
            pass
    assert os.listdir(root / "org") == ["toy"] and os.listdir(base) == ["config.json"]


def test_usage_code_finds_what_stands_beside_and_the_published_tree_does_not_hold_it(folder, tmp_path):
    base = tmp_path / "base"
    fill(base, "words.txt")
    facts = Facts(usage='print(open("org/base/words.txt").read(), open("{repo_id}/config.json").read()[:2])')
    receipt = publish(folder, "org/toy", facts, beside={"org/base": base}, hub_dir=tmp_path / "hub")
    assert '```\n{} {"\n```' in (tmp_path / "hub/org/toy/README.md").read_text()
    assert os.listdir(tmp_path / "hub/org") == ["toy"] and len(receipt.files) == 4


def test_usage_code_that_changes_a_checked_file_publishes_nothing(folder, tmp_path):
    with pytest.raises(PublishError, match=r"changes config\.json"):
        publish(folder, "org/toy", Facts(usage='open("{repo_id}/config.json", "a").write(" ")'), hub_dir=tmp_path)
    assert os.listdir(tmp_path / "org") == []


def test_one_process_at_a_time_holds_the_place_of_a_repository(home, monkeypatch):
    monkeypatch.setattr(staging, "LOCK_SECONDS", 0.05)
    (home / "xlzoo/staged").mkdir(parents=True)
    with WeakFileLock(home / "xlzoo/staged/models--org--toy.lock"):
        with (
            pytest.raises(PublishError, match="Another process is publishing to org/toy"),
            kept_place("org/toy", "peft"),
        ):
            pass
        with kept_place("org/toy", "dataset") as dataset, kept_place("org/toy-2", "model") as other:
            assert dataset.name == "datasets--org--toy" and other.name == "models--org--toy-2"


def test_what_a_killed_process_left_is_removed_and_the_trees_of_others_stay(home):
    left = home / "xlzoo/staged"
    fill(left, ".models--org--toy@x1/tree/a.json", ".models--org--toy-2@x2/a.json", "models--org--toy/a.json")
    with kept_place("org/toy", "model") as place:
        assert (place / "a.json").is_file()
        assert {path.name for path in left.iterdir() if path.is_dir()} == {
            ".models--org--toy-2@x2",
            "models--org--toy",
        }


@pytest.mark.parametrize("local", [True, False], ids=["to a folder", "to the Hub"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES])
def test_a_disk_that_refuses_the_copy_leaves_nothing_half_made(
    folder, tmp_path, home, hub, monkeypatch, number, local
):
    copied, before = [], {path: path.read_bytes() for path in folder.iterdir()}

    def copy(source, target):
        copied.append(Path(target))
        if len(copied) == 2:
            raise OSError(number, os.strerror(number), str(source), None, str(target))
        return Path(target).write_bytes(Path(source).read_bytes())

    monkeypatch.setattr(shutil, "copyfile", copy)
    with pytest.raises(PublishError) as error:
        publish(folder, "org/toy", Facts(), hub_dir=tmp_path / "local" if local else None)
    expected = f"{folder} could not be copied for org/toy: {os.strerror(number)} ({copied[-1]}); make room"
    assert str(error.value).startswith(expected) and hub.calls == []
    assert {path: path.read_bytes() for path in folder.iterdir()} == before
    assert [path for path in (tmp_path / "local").rglob("*") if path.is_file()] == []
    assert [path.name for path in home.rglob("*") if path.is_file() and path.suffix != ".lock"] == []


def test_a_home_that_cannot_be_made_is_a_sentence(folder, home, hub):
    home.write_text("a file where a folder should be")
    with pytest.raises(PublishError, match="could not be copied for org/toy"):
        publish(folder, "org/toy", Facts())
    assert hub.calls == []
