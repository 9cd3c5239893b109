"""The door: what goes through it arrives complete, and what is refused leaves no trace."""

import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
from huggingface_hub import ModelCard

from xlzoo.hub_cards import Facts, Metric, PublishError, publish

FACTS = Facts(title="Toy", license="mit")
TOKEN = "hf_" + "aB3" * 12
NAMES = ["README.md", "config.json", "model.safetensors", "modeling_toy.py"]


def names(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_local_hub_gets_the_tree_and_the_folder_stays_as_it_is(folder, tmp_path):
    receipt = publish(folder, "org/toy", FACTS, hub_dir=tmp_path / "local")
    placed = tmp_path / "local/org/toy"
    assert receipt.where == str(placed) and not receipt.dry_run and receipt.left_out == ()
    assert names(placed) == NAMES and [name for name, _ in receipt.files] == NAMES
    for name, size in receipt.files:
        assert (placed / name).stat().st_size == size
        assert name == "README.md" or (placed / name).read_bytes() == (folder / name).read_bytes()
    assert ModelCard((placed / "README.md").read_text()).data.license == "mit"
    assert names(folder) == NAMES[1:] and os.listdir(tmp_path / "local/org") == ["toy"]


def test_card_of_the_source_is_replaced_and_its_title_defaults_to_the_repository(folder, tmp_path):
    (folder / "README.md").write_text("[More Information Needed] /home/someone/base")
    card = Path(publish(folder, "org/toy", Facts(), hub_dir=tmp_path / "hub").where) / "README.md"
    assert card.read_text() == "# org/toy\n"


# One row per reason: the file added to a good folder, what it holds, and the words of the sentence that names both.
REFUSED = {
    "pickle": ("model.bin", "x", "model.bin may hold a pickle"),
    "capital pickle": ("old/Weights.PT", "x", "old/Weights.PT may hold a pickle"),
    "kind": ("run.log", "x", "run.log is of a kind that is not published"),
    "absolute path": ("trainer.json", '{"dir": "/data/runs"}', "trainer.json holds an absolute path, '/data/runs'"),
    "path after a newline": ("a.json", r'{"t": "see\n/mnt/x/y"}', "a.json holds an absolute path, '/mnt/x'"),
    "file url": ("a.txt", "file:///home/ann", "a.txt holds a path in a home directory, '/home/ann'"),
    "tilde": ("a.yaml", "dir: ~/runs", "a.yaml holds a path in a home directory, '~/runs'"),
    "windows": ("a.json", r'{"dir": "C:\\Users\\ann"}', "a.json holds a path in a home directory"),
    "token": ("sub/push.py", f'token = "{TOKEN}"', "sub/push.py holds what looks like an access token"),
    "e-mail": ("a.md", "write to ann.b@example.org", "a.md holds an e-mail address, 'ann.b@example.org'"),
    "auto_map": (
        "tokenizer_config.json",
        '{"auto_map": {"AutoTokenizer": [null, "tok.Fast"]}}',
        "tokenizer_config.json names 'tok.Fast' in its auto_map, but the folder holds no file tok.py",
    ),
    "auto_map of another repository": (
        "config.json",
        '{"auto_map": {"AutoModel": "other/repo--modeling_toy.ToyModel"}}',
        "config.json names 'other/repo--modeling_toy.ToyModel' in its auto_map",
    ),
    "json": ("config.json", "{", "config.json is not valid JSON"),
}


@pytest.mark.parametrize("name, content, sentence", REFUSED.values(), ids=REFUSED)
def test_file_is_refused(folder, hub, tmp_path, name, content, sentence):
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text(content)
    for hub_dir in (None, tmp_path / "local"):
        with pytest.raises(PublishError) as error:
            publish(folder, "org/toy", FACTS, hub_dir=hub_dir)
        assert sentence in str(error.value) and TOKEN not in str(error.value)
    assert hub.calls == [] and names(tmp_path / "local") == []


def test_harmless_text_is_not_taken_for_a_path_a_token_or_an_address(folder, tmp_path):
    (folder / "notes.md").write_text(
        "See https://huggingface.co/org/toy/tree/main or and/or km/h, </details>, `hf_hub_download`, 1/2/3.\n"
        "@torch.no_grad() x = a @ b.T; /think; chat ends with [/INST] and <|im_end|>; @misc{key, year={2020}}\n"
    )
    assert "notes.md" in names(Path(publish(folder, "org/toy", FACTS, hub_dir=tmp_path / "hub").where))


def test_text_that_is_not_utf8_is_refused(folder, tmp_path):
    (folder / "vocab.txt").write_bytes(b"caf\xe9")
    with pytest.raises(PublishError, match=r"vocab\.txt is not UTF-8"):
        publish(folder, "org/toy", FACTS, hub_dir=tmp_path / "hub")


def test_folder_without_weights_is_refused(folder, tmp_path):
    (folder / "model.safetensors").unlink()
    with pytest.raises(PublishError, match=r"holds no model\.safetensors"):
        publish(folder, "org/toy", FACTS, hub_dir=tmp_path / "hub")
    with pytest.raises(PublishError, match="nowhere is not a folder"):
        publish(tmp_path / "nowhere", "org/toy", FACTS, hub_dir=tmp_path / "hub")


def test_link_out_of_the_folder_is_refused_and_one_inside_becomes_a_file(folder, tmp_path):
    (folder / "same.safetensors").symlink_to("model.safetensors")
    placed = Path(publish(folder, "org/toy", FACTS, hub_dir=tmp_path / "hub").where)
    assert (placed / "same.safetensors").read_bytes() == (folder / "model.safetensors").read_bytes()
    assert not (placed / "same.safetensors").is_symlink()
    (tmp_path / "secret.txt").write_text("x")
    for target in ("../secret.txt", "..", "missing.txt"):
        (folder / "link.txt").symlink_to(target)
        with pytest.raises(PublishError, match=r"link\.txt is a link that does not lead to a file inside"):
            publish(folder, "org/toy", FACTS, hub_dir=tmp_path / "hub")
        (folder / "link.txt").unlink()


def test_card_is_checked_like_every_other_file(folder, hub):
    with pytest.raises(PublishError, match=r"README\.md holds an absolute path, '/data/out'"):
        publish(folder, "org/toy", Facts(recipe={"output_dir": "/data/out"}))
    assert hub.commits == []


@pytest.mark.parametrize("repo_id", ["", "a/b/c", "../x", "org/..", "org/my model", "/org/toy"])
def test_bad_repository_id_is_refused(folder, hub, tmp_path, repo_id):
    for hub_dir in (None, tmp_path / "local"):
        with pytest.raises(PublishError, match="repository id"):
            publish(folder, repo_id, FACTS, hub_dir=hub_dir)
    assert hub.created == [] and not (tmp_path / "local").exists()


def test_base_model_and_datasets_must_be_hub_ids(folder, hub, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "org/base").mkdir(parents=True)
    for base in ("org/base", "runs/2024/base", str(tmp_path)):
        with pytest.raises(PublishError, match=r"base model .* is not a Hub id"):
            publish(folder, "org/toy", Facts(base_model=base))
        with pytest.raises(PublishError, match=r"dataset .* is not a Hub id"):
            publish(folder, "org/toy", Facts(datasets=("good", base)))
        with pytest.raises(PublishError, match=r"dataset .* is not a Hub id"):
            publish(folder, "org/toy", Facts(metrics=(Metric("t", base, "test", "sw", "f1", 0.5),)))
    assert hub.created == []


def test_a_metric_that_is_no_number_is_refused(folder, hub):
    with pytest.raises(PublishError, match="The f1 on d is nan"):
        publish(folder, "org/toy", Facts(metrics=(Metric("t", "d", "test", "sw", "f1", math.nan),)))
    assert hub.created == []


def test_hub_dir_inside_the_folder_is_refused(folder):
    with pytest.raises(PublishError, match="lies inside the published folder"):
        publish(folder, "org/toy", FACTS, hub_dir=folder / "hub")
    assert names(folder) == NAMES[1:]


def test_the_door_is_imported_without_torch():
    code = "import sys, xlzoo.hub_cards; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
