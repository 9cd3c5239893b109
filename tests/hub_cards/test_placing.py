"""An older tree at the destination is replaced as a whole, or stays as it was."""

import os
from pathlib import Path

import pytest

from xlzoo.hub_cards import Facts, PublishError, placing, publish


def tree(root):
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def make_tree(root, **files):
    root.mkdir(parents=True)
    for name, content in files.items():
        (root / name).write_text(content)
    return root


@pytest.fixture(params=["one step", "two steps"])
def way(request, monkeypatch):
    """Both ways of replacing: the system's exchange, and the renames that stand in for it where there is none."""
    if request.param == "two steps":
        monkeypatch.setattr(placing, "exchange", lambda one, other: False)
    return request.param


def test_new_tree_replaces_the_whole_old_one(folder, tmp_path, way):
    hub_dir = tmp_path / "hub"
    (folder / "stale.txt").write_text("old")
    publish(folder, "org/toy", Facts(title="old"), hub_dir=hub_dir)
    (folder / "stale.txt").unlink()
    (folder / "fresh.txt").write_text("new")
    publish(folder, "org/toy", Facts(title="new"), hub_dir=hub_dir)
    assert sorted(tree(hub_dir / "org/toy")) == [
        "README.md",
        "config.json",
        "fresh.txt",
        "model.safetensors",
        "modeling_toy.py",
    ]
    assert (hub_dir / "org/toy/README.md").read_text() == "# new\n"
    assert os.listdir(hub_dir / "org") == ["toy"]


def test_a_published_tree_can_be_published_in_its_own_place(folder, tmp_path, way):
    placed = Path(publish(folder, "org/toy", Facts(title="old"), hub_dir=tmp_path / "hub").where)
    publish(placed, "org/toy", Facts(title="new"), hub_dir=tmp_path / "hub")
    assert tree(placed) == tree(folder) | {"README.md": b"# new\n"}


def test_failure_between_staging_and_placing_leaves_the_old_tree(folder, tmp_path, monkeypatch):
    placed = Path(publish(folder, "org/toy", Facts(title="old"), hub_dir=tmp_path / "hub").where)
    before = tree(placed)

    def fail(one, other):
        raise OSError(5, "the disk is gone", str(other))

    monkeypatch.setattr(placing, "exchange", fail)
    with pytest.raises(PublishError, match=rf"the disk is gone \({placed}\)"):
        publish(folder, "org/toy", Facts(title="new"), hub_dir=tmp_path / "hub")
    assert tree(placed) == before and os.listdir(tmp_path / "hub/org") == ["toy"]


@pytest.mark.parametrize("failing", [1, 2])
def test_failure_of_either_rename_leaves_the_old_tree(tmp_path, monkeypatch, failing):
    new, old = make_tree(tmp_path / "work/new", a="new"), make_tree(tmp_path / "hub/old", a="old", b="old")
    calls, rename = [], Path.rename

    def failing_rename(path, target):
        calls.append(path)
        if len(calls) == failing:
            raise KeyboardInterrupt
        return rename(path, target)

    monkeypatch.setattr(placing, "exchange", lambda one, other: False)
    monkeypatch.setattr(Path, "rename", failing_rename)
    with pytest.raises(KeyboardInterrupt):
        placing.place(new, old)
    assert tree(old) == {"a": b"old", "b": b"old"}


def test_exchange_swaps_two_full_folders_or_says_that_it_cannot(tmp_path):
    one, other = make_tree(tmp_path / "one", a="1"), make_tree(tmp_path / "other", b="2")
    swapped = placing.exchange(one, other)
    assert (tree(one), tree(other)) == (({"b": b"2"}, {"a": b"1"}) if swapped else ({"a": b"1"}, {"b": b"2"}))
    assert not placing.exchange(one, tmp_path / "missing")
