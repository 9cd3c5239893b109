"""A folder that may be published, and a Hub that is a folder."""

import json
import shutil
from pathlib import Path

import pytest
from huggingface_hub import HfApi


@pytest.fixture
def folder(tmp_path):
    """A model folder with weights, one file of code, and the config that names it."""
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(b"weights")
    (folder / "modeling_toy.py").write_text("ANSWER = 42\n")
    (folder / "config.json").write_text(json.dumps({"auto_map": {"AutoModel": "modeling_toy.ToyModel"}}))
    return folder


class FolderHub:
    """What the Hub would have been asked to do, with its repositories as folders under `root`."""

    def __init__(self, root: Path):
        self.root, self.created, self.commits = root, [], []

    def create_repo(self, repo_id, **options):
        self.created.append((repo_id, options))

    def upload_folder(self, repo_id, folder_path, **options):
        self.commits.append((repo_id, options))
        shutil.copytree(folder_path, self.root / repo_id)


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A fake Hub behind HfApi's methods."""
    hub = FolderHub(tmp_path / "hub")
    monkeypatch.setattr(HfApi, "create_repo", lambda api, *args, **options: hub.create_repo(*args, **options))
    monkeypatch.setattr(HfApi, "upload_folder", lambda api, *args, **options: hub.upload_folder(*args, **options))
    return hub
