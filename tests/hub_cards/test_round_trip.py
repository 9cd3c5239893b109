"""Train, publish, and load by id in another process: what arrives answers like what was trained."""

from pathlib import Path

import pytest
from hub_server.accounts import STRANGER, WRITER
from hub_server.clients import Child, environment
from hub_server.server import HubServer

# Two rows of tokens; no padding, so that no mask is needed.
ROWS = [[0, 11, 52, 7, 99, 2], [0, 8, 8, 119, 40, 2]]


@pytest.fixture(scope="module")
def server():
    with HubServer() as server:
        yield server
        assert "unknown" not in server.names()


@pytest.fixture(scope="module")
def author(server, tmp_path_factory):
    """Call a step of the author's process and return its answer."""
    folder = tmp_path_factory.mktemp("author")
    program = Path(__file__).with_name("round_trip_author.py")
    with Child(program, environment(server.url, folder / "home", WRITER), folder) as child:
        yield lambda step, **question: result(child.ask(step=step, **question))


@pytest.fixture(scope="module")
def read(server, tmp_path_factory):
    """Let a reader's process, which has no token, load something."""
    folder = tmp_path_factory.mktemp("reader")
    program = Path(__file__).with_name("round_trip_reader.py")
    with Child(program, environment(server.url, folder / "home"), folder) as child:
        yield lambda loader, repo_id, **question: child.ask(loader=loader, repo_id=repo_id, **question)


@pytest.fixture(scope="module")
def live(author):
    """What the live models answer; all of them are published."""
    answers = author("make", rows=ROWS)
    for folder in ("host", "stock", "adapter", "peft"):
        author("publish", folder=folder, repo_id=f"org/{folder}")
    author("publish", folder="model", repo_id="org/model", probe=True)
    return answers


def result(answer):
    assert "error" not in answer, answer
    return answer["result"]


def close(found, expected):
    flat = [value for rows in found for row in rows for value in row]
    return len(flat) == 36 and flat == pytest.approx([v for rows in expected for row in rows for v in row], abs=1e-6)


@pytest.mark.parametrize(
    "kind, loader, question",
    [
        ("model", "model", {"repo_id": "org/model"}),
        ("adapter", "adapter", {"repo_id": "org/adapter", "host": "org/host"}),
        ("peft", "peft", {"repo_id": "org/peft", "base": "org/stock"}),
        ("peft", "auto_peft", {"repo_id": "org/peft"}),
    ],
)
def test_loaded_by_id_it_answers_like_the_live_one(live, read, kind, loader, question):
    assert close(result(read(loader, rows=ROWS, **question)), live[kind])


def test_training_has_changed_what_is_loaded(live, read):
    host, stock = (result(read("model", f"org/{name}", rows=ROWS)) for name in ("host", "stock"))
    assert not close(host, live["adapter"]) and not close(stock, live["peft"])


def test_dataset_has_the_same_rows(author, read):
    rows = author("write_rows", folder="rows", count=7)
    author("publish", folder="rows", repo_id="org/rows")
    assert result(read("dataset", "org/rows")) == rows and len(rows["train"]) == 5


def test_code_is_not_run_without_trust(live, read):
    assert "trust_remote_code" in read("untrusted", "org/model", rows=ROWS)["error"]


def test_second_publication_leaves_no_old_shard_behind(live, server, author, read):
    author("publish", folder="model", repo_id="org/shards")
    repo = server.store.repos["model", "org/shards"]
    assert "model-00002-of" in str(repo.files().keys()) and "model.safetensors.index.json" in repo.files()
    author("save_whole")
    author("publish", folder="whole", repo_id="org/shards")
    weights = [name for name in repo.files() if "safetensors" in name]
    assert weights == ["model.safetensors"] and len(repo.commits) == 3
    assert close(result(read("model", "org/shards", rows=ROWS)), live["model"])


def test_private_model_and_dataset_need_a_token_to_load(live, server, author, read):
    author("write_rows", folder="rows", count=7)
    author("publish", folder="model", repo_id="org/secret", private=True)
    author("publish", folder="rows", repo_id="org/secret-rows", private=True)
    repos = server.store.repos
    assert repos["model", "org/secret"].private and repos["dataset", "org/secret-rows"].private
    # First those that are refused, because what was loaded once is in the reader's cache.
    for token in (False, STRANGER):
        assert "error" in read("model", "org/secret", rows=ROWS, token=token)
        assert "error" in read("dataset", "org/secret-rows", token=token)
    assert close(result(read("model", "org/secret", rows=ROWS, token=WRITER)), live["model"])
    assert len(result(read("dataset", "org/secret-rows", token=WRITER))["train"]) == 5


@pytest.mark.parametrize("revision, named", [("next", "next"), ("pr", "refs/pr/1")])
def test_branch_or_pull_request_holds_the_new_rows_and_main_the_old_ones(server, author, read, revision, named):
    repo_id = f"org/rows-{revision}"
    old, new = author("write_rows", folder="rows", count=7), author("write_rows", folder="more", count=9)
    author("publish", folder="rows", repo_id=repo_id)
    where = author("publish", folder="more", repo_id=repo_id, revision=revision)["where"]
    page = f"{server.url}/datasets/{repo_id}"
    assert where == (f"{page}/tree/next" if revision == "next" else f"{page}/discussions/1")
    assert result(read("dataset", repo_id)) == old
    assert result(read("dataset", repo_id, revision=named)) == new


def test_new_commit_on_an_open_pull_request(server, author, read):
    for count in (7, 8, 9):
        rows = author("write_rows", folder="more", count=count)
        revision = {7: None, 8: "pr", 9: "refs/pr/1"}[count]
        author("publish", folder="more", repo_id="org/rows-twice", revision=revision)
    assert result(read("dataset", "org/rows-twice", revision="refs/pr/1")) == rows
    assert server.store.repos["dataset", "org/rows-twice"].pulls == ["Publish org/rows-twice"]


def test_dry_run_makes_no_request_and_names_the_same_files(live, server, author):
    server.calls.clear()
    rehearsed = author("publish", folder="peft", repo_id="org/rehearsed", dry_run=True)
    assert server.calls == [] and ("model", "org/rehearsed") not in server.store.repos
    done = author("publish", folder="peft", repo_id="org/rehearsed")
    assert rehearsed == {**done, "dry_run": True}
    assert sorted(done["files"]) == sorted(
        set(server.store.repos["model", "org/rehearsed"].files()) - {".gitattributes"}
    )
