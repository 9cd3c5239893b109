"""The test server is a Hub to the real client: what it takes it gives back, what the Hub refuses it refuses too."""

import base64
from pathlib import Path

import pytest
from hub_server.accounts import READER, STRANGER, WRITER
from hub_server.clients import Child, environment
from hub_server.faults import Fault, Garbage, Reset, Status, Truncated
from hub_server.server import HubServer
from hub_server.store import ATTRIBUTES

TEXT, SMALL, LARGE = b"hello\n", b"s" * 3000, bytes(range(256)) * 40
OLD = {"config.json": b"{}", "old/a.txt": b"a", "old/b.txt": b"b", "model.safetensors": b"old weights"}


@pytest.fixture(scope="module")
def hub():
    with HubServer() as server:
        yield server


@pytest.fixture(scope="module")
def child(hub, tmp_path_factory):
    folder = tmp_path_factory.mktemp("raw")
    variables = environment(hub.url, folder / "home", xet=False)
    with Child(Path(__file__).with_name("raw_client.py"), variables, folder) as child:
        yield child


@pytest.fixture
def ask(child, hub):
    """Call a method of HfApi and return what it returned; or check its exception and status, and return its text."""

    def call(method, *, token=WRITER, refused=None, **arguments):
        answer = child.ask(method=method, token=token, **arguments)
        if refused is None:
            assert "error" not in answer, answer
            return answer["result"]
        assert (answer.get("error"), answer.get("status")) == refused, answer
        return answer["message"]

    yield call
    hub.heal()
    assert "unknown" not in hub.names()


def packed(**files):
    return {name.replace("__", "/").replace("_", "."): base64.b64encode(data).decode() for name, data in files.items()}


def test_commit_of_small_large_and_multipart_files_comes_back_as_it_was(hub, ask):
    ask("create_repo", repo_id="ann/all")
    hub.calls.clear()
    files = packed(README_md=b"---\nlicense: mit\n---\n# A\n", a_safetensors=SMALL, sub__b_safetensors=LARGE)
    ask("commit", repo_id="ann/all", add=files, delete=[])
    assert sorted(hub.names()) == sorted(
        ["validate", "preupload", "batch", "put", "verify", "part", "part", "part", "complete", "verify", "commit"]
    )
    assert [call.authorized for call in hub.calls if call.name in ("put", "part", "complete")] == [False] * 5
    for path, data in (("a.safetensors", SMALL), ("sub/b.safetensors", LARGE)):
        assert hub.store.repos["model", "ann/all"].files()[path] == data
        assert base64.b64decode(ask("read", repo_id="ann/all", filename=path)) == data
    ask("read", repo_id="ann/all", filename="c.safetensors", refused=("RemoteEntryNotFoundError", 404))


def test_same_files_again_make_no_commit_and_send_no_object(hub, ask):
    repo = hub.store.fill("ann/same", OLD)
    before = dict(repo.commits)
    hub.calls.clear()
    files = packed(config_json=b"{}", model_safetensors=b"old weights")
    ask("commit", repo_id="ann/same", add=files, delete=[])
    assert repo.commits == before and not {"put", "part", "commit"} & set(hub.names())


def test_files_and_folders_are_deleted_in_the_same_commit(hub, ask):
    repo = hub.store.fill("ann/less", OLD)
    ask("commit", repo_id="ann/less", add=packed(new_txt=TEXT), delete=["old/", "config.json"])
    assert repo.files().keys() == {".gitattributes", "model.safetensors", "new.txt"}
    before = repo.files()
    ask(
        "commit",
        repo_id="ann/less",
        add=packed(b_txt=TEXT),
        delete=["none"],
        refused=("RemoteEntryNotFoundError", 404),
    )
    assert repo.files() == before


def test_stale_parent_is_refused_and_nothing_changes(hub, ask):
    repo = hub.store.fill("ann/raced", OLD)
    parent = repo.refs["refs/heads/main"]
    ask("commit", repo_id="ann/raced", add=packed(a_txt=TEXT), delete=[], parent_commit=parent)
    before = repo.files()
    stale = {"repo_id": "ann/raced", "add": packed(b_txt=TEXT), "delete": [], "parent_commit": parent}
    assert "A commit has happened since" in ask("commit", **stale, refused=("HfHubHTTPError", 412))
    assert repo.files() == before


def test_branch_and_pull_request_leave_main_as_it_is(hub, ask):
    repo = hub.store.fill("ann/refs", OLD)
    main = repo.files()
    ask("create_branch", repo_id="ann/refs", branch="next")
    ask("create_branch", repo_id="ann/refs", branch="next", refused=("HfHubHTTPError", 409))
    ask("create_branch", repo_id="ann/refs", branch="refs/pr/7", refused=("BadRequestError", 400))
    ask("commit", repo_id="ann/refs", add=packed(a_txt=TEXT), delete=[], revision="next")
    opened = ask("commit", repo_id="ann/refs", add=packed(b_txt=TEXT), delete=[], create_pr=True, token=STRANGER)
    assert opened["pull_request"] == "refs/pr/1"
    ask("commit", repo_id="ann/refs", add=packed(c_txt=TEXT), delete=[], revision="refs/pr/1")
    assert ask("branches", repo_id="ann/refs") == ["refs/heads/main", "refs/heads/next", "refs/pr/1"]
    assert repo.files("next") == {**main, "a.txt": TEXT}
    assert repo.files("refs/pr/1") == {**main, "b.txt": TEXT, "c.txt": TEXT}
    assert repo.files() == main
    assert base64.b64decode(ask("read", repo_id="ann/refs", filename="c.txt", revision="refs/pr/1")) == TEXT
    nowhere = {"repo_id": "ann/refs", "add": packed(a_txt=TEXT), "delete": [], "revision": "refs/pr/2"}
    ask("commit", **nowhere, refused=("RevisionNotFoundError", 404))


def test_trees_are_listed_whole_and_by_folder(hub, ask):
    hub.store.fill("ann/tree", OLD)
    flat = [f".gitattributes {len(ATTRIBUTES)}", "config.json 2", "model.safetensors 11", "old/a.txt 1", "old/b.txt 1"]
    assert ask("tree", repo_id="ann/tree", recursive=True) == flat
    assert ask("tree", repo_id="ann/tree") == ["old folder", *flat[:3]]
    assert ask("tree", repo_id="ann/tree", path_in_repo="old") == flat[3:]
    ask("tree", repo_id="ann/tree", path_in_repo="none", refused=("RemoteEntryNotFoundError", 404))
    ask("tree", repo_id="ann/tree", revision="none", refused=("RevisionNotFoundError", 404))
    found = ask("get_paths_info", repo_id="ann/tree", paths=["config.json", "old", "none"])
    assert [row.partition("(")[0] for row in found] == ["RepoFile", "RepoFolder"]


def test_range_of_a_file(hub, ask):
    hub.store.fill("ann/range", {"a.txt": b"0123456789"})
    path = "/ann/range/resolve/main/a.txt"
    assert ask("part", path=path, span="7-") == [206, "789", "bytes 7-9/10"]
    assert ask("part", path=path, span="2-4") == [206, "234", "bytes 2-4/10"]
    assert ask("part", path=path, span="10-")[0] == 416


def test_private_repository_is_missing_to_others(hub, ask):
    ask("create_repo", repo_id="org/closed", private=True)
    ask("repo_info", repo_id="org/closed", token=READER)
    missing = "RepositoryNotFoundError"
    ask("repo_info", repo_id="org/closed", token=STRANGER, refused=(missing, 404))
    ask("repo_info", repo_id="org/closed", token=False, refused=(missing, 401))
    ask("read", repo_id="org/closed", filename=".gitattributes", token=STRANGER, refused=(missing, 404))
    assert hub.store.repos["model", "org/closed"].private


@pytest.mark.parametrize("token, status", [(False, 401), (READER, 403), (STRANGER, 403), ("hf_nobody", 401)])
def test_writing_needs_a_token_that_may_write_there(hub, ask, token, status):
    repo = hub.store.fill("org/open", OLD)
    before = repo.files()
    ask("create_repo", repo_id="org/new", token=token, refused=("HfHubHTTPError", status))
    commit = {"repo_id": "org/open", "add": packed(a_txt=TEXT), "delete": []}
    ask("commit", **commit, token=token, refused=("HfHubHTTPError", status))
    assert repo.files() == before and ("model", "org/new") not in hub.store.repos


def test_whoami_and_a_repository_without_namespace(hub, ask):
    assert ask("whoami")["name"] == "ann"
    ask("whoami", token="hf_nobody", refused=("HfHubHTTPError", 401))
    assert ask("create_repo", repo_id="bare").endswith("/ann/bare")
    ask("create_repo", repo_id="bare", refused=("HfHubHTTPError", 409))
    assert ask("create_repo", repo_id="bare", exist_ok=True).endswith("/ann/bare")


def test_model_and_dataset_of_one_name_are_two_repositories(hub, ask):
    hub.store.fill("ann/two", {"a.txt": b"model"})
    ask("create_repo", repo_id="ann/two", repo_type="dataset")
    files = packed(a_parquet=LARGE)
    ask("commit", repo_id="ann/two", add=files, delete=[], repo_type="dataset")
    assert hub.store.repos["dataset", "ann/two"].files()["a.parquet"] == LARGE
    assert base64.b64decode(ask("read", repo_id="ann/two", filename="a.parquet", repo_type="dataset")) == LARGE
    assert hub.store.repos["model", "ann/two"].files()["a.txt"] == b"model"


BAD_CARDS = {
    "no yaml": "a: [",
    "list": "- a",
    "path as base": "base_model: /data/base",
    "language": "language: [swahili]",
    "relation": "base_model: org/base\nbase_model_relation: child",
    "empty": "datasets: []",
    "no value": "model-index: [{name: a, results: [{task: {type: t}, dataset: {name: d, type: d}, metrics: [{}]}]}]",
}


@pytest.mark.parametrize("header", BAD_CARDS.values(), ids=BAD_CARDS)
def test_bad_card_is_refused(hub, ask, header):
    repo = hub.store.create("ann/card")
    card = f"---\n{header}\n---\n".encode()
    message = ask("commit", repo_id="ann/card", add=packed(README_md=card), delete=[], refused=("ValueError", None))
    assert "Invalid metadata in README.md" in message
    assert "README.md" not in repo.files()


ACTS = [
    (Status(404, "RepoNotFound"), "RepositoryNotFoundError"),
    (Status(503), "HfHubHTTPError"),
    (Reset(), "ReadError"),
    (Reset(done=True), "ReadError"),
    (Garbage(), "JSONDecodeError"),
    (Truncated(), "RemoteProtocolError"),
]


@pytest.mark.parametrize("act, error", ACTS, ids=str)
def test_a_fault_shows_as_what_it_is_and_only_once(hub, ask, act, error):
    repo = hub.store.fill("ann/fault", OLD)
    before = repo.files()
    hub.break_with(Fault("commit", act))
    commit = {"repo_id": "ann/fault", "add": packed(a_txt=TEXT), "delete": []}
    ask("commit", **commit, refused=(error, act.status if isinstance(act, Status) else None))
    done = isinstance(act, Truncated) or (isinstance(act, Reset) and act.done)
    assert repo.files() == ({**before, "a.txt": TEXT} if done else before)
    ask("commit", **commit)
    assert repo.files() == {**before, "a.txt": TEXT}


def test_reset_in_the_middle_of_a_part_is_made_good_by_the_client(hub, ask):
    repo = hub.store.create("ann/part")
    fault = Fault("part", Reset(after_bytes=1000), skip=1)
    hub.break_with(fault)
    ask("commit", repo_id="ann/part", add=packed(a_safetensors=LARGE), delete=[])
    assert fault.met == 1 and repo.files()["a.safetensors"] == LARGE


def test_part_that_was_not_stored_is_noticed(hub, ask):
    repo = hub.store.create("ann/lost")
    before = repo.files()
    hub.break_with(Fault("part", Status(200), skip=1))
    ask("commit", repo_id="ann/lost", add=packed(a_safetensors=LARGE), delete=[], refused=("RuntimeError", None))
    assert repo.files() == before
