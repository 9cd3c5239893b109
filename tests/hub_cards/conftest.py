"""A folder that may be published, and a Hub that is a dictionary."""

import fnmatch
import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from httpx2 import Request
from huggingface_hub import CommitOperationDelete, HfApi, RepoFile, constants
from huggingface_hub.errors import HfHubHTTPError, Response, RevisionNotFoundError
from huggingface_hub.utils.sha import git_hash

HEADER = b'{"a":{"dtype":"U8","shape":[7],"data_offsets":[0,7]}}'
WEIGHTS = len(HEADER).to_bytes(8, "little") + HEADER + b"weights"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """The client's home folder, where the trees of uploads are staged."""
    monkeypatch.setattr(constants, "HF_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HF_TOKEN", "not-a-token")
    return tmp_path / "home"


@pytest.fixture
def folder(tmp_path):
    """A model folder with weights, one file of code, and the config that names it."""
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(WEIGHTS)
    (folder / "modeling_toy.py").write_text("class ToyModel: ...\n")
    (folder / "config.json").write_text(json.dumps({"auto_map": {"AutoModel": "modeling_toy.ToyModel"}}))
    return folder


def refusal(status, **headers):
    """An answer of the Hub that is an error."""
    return Response(status, headers=headers, request=Request("GET", "https://hub.test/api"))


class FakeHub:
    """The methods of HfApi that publishing uses, over repositories that map a branch to its list of commits.

    A commit maps names to bytes. `before` and `after` map the name of a method to a step that may fail, before it does
    anything or with everything done.
    """

    METHODS = ("whoami", "create_repo", "repo_info", "list_repo_tree", "create_branch", "get_discussion_details")
    METHODS += ("preupload_lfs_files", "create_commit")

    def __init__(self):
        self.repositories, self.private, self.calls, self.tokens = {}, set(), [], set()
        self.before, self.after, self.request_status = {}, {}, "open"

    def call(self, method, api, *args, **options):
        self.calls.append((method, options))
        self.tokens.add(api.token)
        self.before.get(method, lambda: None)()
        answer = getattr(self, method)(*args, **options)
        self.after.get(method, lambda: None)()
        return answer

    @property
    def created(self):
        return [options for name, options in self.calls if name == "create_repo"]

    @property
    def commits(self):
        return [options for name, options in self.calls if name == "create_commit"]

    def tree(self, repo_id, branch="main"):
        return self.repositories[repo_id][branch][-1]

    def whoami(self):
        return {"name": "me"}

    def create_repo(self, repo_id, *, private, repo_type):
        if repo_id in self.repositories:
            raise HfHubHTTPError("there", response=refusal(409))
        self.repositories[repo_id] = {"main": [{".gitattributes": b""}]}
        self.private |= {repo_id} if private else set()

    def get_discussion_details(self, repo_id, number, *, repo_type):
        return SimpleNamespace(status=self.request_status)

    def repo_info(self, repo_id, *, repo_type, revision):
        branch = revision or "main"
        if branch not in self.repositories[repo_id]:
            raise RevisionNotFoundError("missing", response=refusal(404))
        siblings = [SimpleNamespace(rfilename=name) for name in self.tree(repo_id, branch)]
        return SimpleNamespace(sha=self.sha(repo_id, branch), private=repo_id in self.private, siblings=siblings)

    def sha(self, repo_id, branch):
        return f"{branch}@{len(self.repositories[repo_id][branch]) - 1}"

    def list_repo_tree(self, repo_id, *, recursive, repo_type, revision):
        branch, number = revision.split("@")
        files = self.repositories[repo_id][branch][int(number)]
        return [RepoFile(path=path, size=len(data), oid=git_hash(data)) for path, data in sorted(files.items())]

    def create_branch(self, repo_id, *, branch, repo_type, exist_ok):
        self.repositories[repo_id][branch] = self.repositories[repo_id]["main"][:]

    def preupload_lfs_files(self, repo_id, additions, **options):
        assert not any(fnmatch.fnmatch(addition.path_in_repo, ".*") for addition in additions)

    def create_commit(self, repo_id, operations, *, revision, create_pr, parent_commit, **options):
        branch = revision or "main"
        assert parent_commit == self.sha(repo_id, branch)
        tree = dict(self.tree(repo_id, branch))
        for operation in operations:
            if isinstance(operation, CommitOperationDelete):
                del tree[operation.path_in_repo]
            else:
                tree[operation.path_in_repo] = Path(operation.path_or_fileobj).read_bytes()
        if create_pr:
            branch = "refs/pr/7"
            self.repositories[repo_id][branch] = [*self.repositories[repo_id]["main"], tree]
            url = f"https://huggingface.co/{repo_id}/discussions/7"
            return SimpleNamespace(oid=self.sha(repo_id, branch), pr_url=url, pr_revision=branch)
        if tree != self.tree(repo_id, branch):
            self.repositories[repo_id][branch].append(tree)
        return SimpleNamespace(oid=self.sha(repo_id, branch), pr_url=None)


@pytest.fixture
def hub(monkeypatch):
    """A fake Hub behind HfApi's methods."""
    hub = FakeHub()
    for method in FakeHub.METHODS:
        monkeypatch.setattr(
            HfApi, method, lambda api, *args, _method=method, **options: hub.call(_method, api, *args, **options)
        )
    return hub
