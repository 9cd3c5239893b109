"""Publishing when something fails: the Hub holds the old tree or the new one, and the user gets one sentence."""

import re
import shutil
import signal
import socket
import threading
import time
from pathlib import Path

import pytest
from fault_cases import CASES
from hub_server.accounts import READER, STRANGER, WRITER
from hub_server.clients import Child, environment
from hub_server.faults import Fault, Garbage, Hang, Meanwhile, Reset, Status
from hub_server.server import HubServer
from publications import LEFT_OUT, NEW, OLD, Publication, check_sentence, files, staged_in, write
from totals import FAULTS

PROGRAM = Path(__file__).with_name("fault_client.py")


@pytest.fixture
def injected(record_property):
    """Call it with the number of faults that a test injected; the last lines of the run give their total."""
    return lambda number=1: record_property(FAULTS, number)


@pytest.fixture(scope="module")
def server():
    with HubServer() as server:
        yield server


@pytest.fixture(scope="module")
def child(server, tmp_path_factory):
    """A process that publishes; whatever happens to it, it shows neither a traceback nor the token."""
    folder = tmp_path_factory.mktemp("child")
    with Child(PROGRAM, environment(server.url, folder / "home", WRITER), folder) as child:
        yield child
    assert WRITER not in child.said() and "Traceback" not in child.said()


@pytest.fixture(scope="module")
def make(server, child, tmp_path_factory):
    """Prepare the publication of a kind to a repository; the card is that of a publication without faults."""
    prepared = {}

    def call(repo_id, kind="model"):
        if kind not in prepared:
            folder = write(tmp_path_factory.mktemp(kind), kind)
            clean = Publication(server, child, folder, "org/clean", b"", kind)
            answer = clean.publish()
            assert answer["where"] == f"{server.url}/{'datasets/' * (kind == 'dataset')}org/clean"
            card = clean.found().pop("README.md")
            assert b"license: mit" in card and b"# Toy" in card and clean.found() == {**NEW[kind], "README.md": card}
            prepared[kind] = folder, card
        return Publication(server, child, prepared[kind][0], repo_id, prepared[kind][1], kind)

    return call


@pytest.fixture
def publication(server, make, request):
    """The model's publication to a repository of this test's own."""
    name = re.sub(r"\W+", "-", request.node.name.removeprefix("test_")).strip("-")
    publication = make(f"org/{name}")
    yield publication
    server.heal()
    assert files(publication.folder) == {**NEW["model"], **LEFT_OUT}


def test_the_table_names_every_call_of_a_publication(server, publication):
    publication.fill()
    server.calls.clear()
    publication.publish(options={"revision": "next"})
    assert set(server.names()) == {case.call for case in CASES.values()}
    assert len(CASES) > 100


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_fault(publication, injected, case):
    revision = case.options.get("revision", "main")
    if not case.new:
        publication.fill()
    # An untouched tree; or its beginnings, a repository without files or a branch with those of main.
    old = [publication.found(revision), {} if case.new else OLD["model"]]
    new = publication.staged if case.new else publication.complete
    commits, fault = publication.commits(), case.fault()
    with publication.broken(fault):
        answer = publication.publish(options=case.options, silence=case.silence)
    injected(fault.met)
    assert fault.met < 100, "a server in trouble is asked again, but not without end"
    if "error" in answer:
        assert not case.passes, answer["message"]
        message = check_sentence(answer, case.words)
        assert publication.found(revision) in [*old, new]
        assert files(staged_in(message)) == publication.staged
    else:
        assert not case.fails
        assert publication.found(revision) == new
    again = publication.publish(options=case.options)
    assert "error" not in again, again
    assert publication.found(revision) == new
    assert revision == "main" or publication.found() == OLD["model"]
    assert publication.commits() == commits + 1 + case.new


@pytest.mark.parametrize("call", ["create", "preupload", "part", "commit"])
def test_wait_that_a_busy_server_asks_for_is_kept(publication, injected, call):
    publication.fill()
    fault = Fault(call, Status(429, headers={"Retry-After": "17"}))
    with publication.broken(fault):
        answer = publication.publish()
    injected(fault.met)
    assert publication.found() == publication.complete and sum(answer["waits"]) >= 17


def test_many_faults_of_one_publication_are_all_overcome(publication, injected):
    publication.fill()
    calls = ("create", "tree", "preupload", "batch", "put", "part", "complete", "verify", "commit")
    faults = [Fault(call, Status(503) if index % 2 else Reset()) for index, call in enumerate(calls)]
    with publication.broken(*faults):
        answer = publication.publish()
    injected(sum(fault.met for fault in faults))
    assert "error" not in answer, answer
    assert publication.found() == publication.complete


TOKENS = {"reader": (READER, "write access"), "stranger": (STRANGER, "write access"), "nobody": ("hf_none", "log in")}


@pytest.mark.parametrize("token, word", TOKENS.values(), ids=TOKENS)
def test_token_that_may_not_write(publication, token, word):
    publication.fill()
    message = check_sentence(publication.publish(options={"token": token}), (word,))
    assert token not in message and publication.found() == OLD["model"]


def test_token_of_the_login_is_used_and_its_absence_said(server, publication, tmp_path):
    publication.fill()
    login = tmp_path / "home/token"
    login.parent.mkdir()
    login.write_text(f"{WRITER}\n")
    with Child(PROGRAM, environment(server.url, tmp_path / "home"), tmp_path) as child:
        publication.child, before = child, publication.child
        assert "error" not in publication.publish()
        login.unlink()
        check_sentence(publication.publish(), ("there is no token", "hf auth login", "HF_TOKEN"))
        assert WRITER not in child.said()
    publication.child = before
    assert publication.found() == publication.complete


def test_no_server_at_all(publication, injected):
    publication.fill()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        closed = f"http://127.0.0.1:{taken.getsockname()[1]}"
    message = check_sentence(publication.publish(endpoint=closed), ("connection", "try again"))
    injected()
    assert files(staged_in(message)) == publication.staged and publication.found() == OLD["model"]
    publication.publish()
    assert publication.found() == publication.complete


def test_commit_of_somebody_else_in_between_is_not_overwritten(server, publication, injected):
    publication.fill()
    repo = server.store.repos["model", publication.repo_id]
    theirs = {**OLD["model"], "config.json": b'{"theirs": true}'}

    def commit():
        server.store.commit(repo, {"config.json": theirs["config.json"]})

    with publication.broken(Fault("commit", Meanwhile(commit))):
        message = check_sentence(publication.publish(), ("412",))
    injected()
    assert publication.found() == theirs and files(staged_in(message)) == publication.staged
    publication.publish()
    assert publication.found() == publication.complete


ON_DATASETS = {
    "preupload": Status(404),
    "batch": Reset(),
    "part": Reset(after_bytes=9),
    "commit": Garbage(),
}


@pytest.mark.parametrize("times", [1, None])
@pytest.mark.parametrize("call", ON_DATASETS)
def test_dataset(make, injected, call, times):
    publication = make(f"org/dataset-{call}-{times}", "dataset")
    publication.fill()
    fault = Fault(call, ON_DATASETS[call], times)
    with publication.broken(fault):
        answer = publication.publish()
    injected(fault.met)
    if times is None or call == "preupload":
        assert files(staged_in(check_sentence(answer))) == publication.staged
        assert publication.found() == OLD["dataset"]
    publication.publish()
    assert publication.found() == publication.complete


@pytest.mark.parametrize("call, act", [("part", Status(500)), ("commit", Status(503)), ("commit", Reset())])
def test_pull_request_is_opened_once_or_not_at_all(server, publication, injected, call, act):
    publication.fill()
    fault = Fault(call, act, None)
    with publication.broken(fault):
        check_sentence(publication.publish(options={"revision": "pr"}))
    injected(fault.met)
    assert publication.found("refs/pr/1") is None
    answer = publication.publish(options={"revision": "pr"})
    assert answer["where"] == f"{server.url}/{publication.repo_id}/discussions/1"
    assert publication.found("refs/pr/1") == publication.complete and publication.found("refs/pr/2") is None
    assert publication.found() == OLD["model"]


def test_lost_answer_to_a_pull_request_does_not_open_a_second_one(publication, injected):
    publication.fill()
    with publication.broken(Fault("commit", Reset(done=True))):
        message = check_sentence(publication.publish(options={"revision": "pr"}))
    injected()
    assert f"{publication.repo_id}/discussions first" in message
    assert publication.found("refs/pr/1") == publication.complete and publication.found("refs/pr/2") is None
    assert publication.found() == OLD["model"]


# The file in whose middle the disk is full, or how many bytes the system lets a file have.
DISKS = [("full", name) for name in (*NEW["model"], "README.md")] + [("limit", size) for size in (10, 3000, 8000)]


@pytest.mark.parametrize("local", [False, True], ids=["hub", "folder"])
@pytest.mark.parametrize("disk", DISKS, ids=str)
def test_full_disk(publication, injected, tmp_path, disk, local):
    publication.fill()
    placed = tmp_path / publication.repo_id
    shutil.copytree(publication.folder, placed)
    options = {"hub_dir": str(tmp_path)} if local else {}
    message = check_sentence(
        publication.publish(disk=disk, options=options), ("make room", "run the same command again")
    )
    injected()
    assert "No space left" in message or "File too large" in message
    assert publication.found() == OLD["model"] and files(placed) == {**NEW["model"], **LEFT_OUT}
    assert [path.name for path in placed.parent.iterdir()] == [placed.name]
    assert "error" not in publication.publish(options=options)
    assert files(placed) == publication.staged if local else publication.found() == publication.complete


def test_next_run_does_not_send_again_what_has_arrived(server, publication, injected):
    publication.fill()
    fault = Fault("commit", Reset(), None)
    with publication.broken(fault):
        check_sentence(publication.publish())
    injected(fault.met)
    server.calls.clear()
    publication.publish()
    assert publication.found() == publication.complete
    assert "commit" in server.names() and not {"put", "part", "complete"} & set(server.names())


def test_killed_process_leaves_the_old_tree_and_the_next_one_goes_on(server, publication, injected, tmp_path):
    publication.fill()
    with Child(PROGRAM, environment(server.url, tmp_path / "home", WRITER), tmp_path) as doomed:
        publication.child, survivor = doomed, publication.child
        with publication.broken(Fault("part", Hang(), skip=1)), pytest.raises(AssertionError, match="has died"):
            threading.Thread(target=kill_when_it_hangs, args=(doomed, server)).start()
            publication.publish()
    injected()
    assert publication.found() == OLD["model"]
    publication.child = survivor
    publication.publish()
    assert publication.found() == publication.complete


def kill_when_it_hangs(child, server):
    """Kill the child as soon as the server does not answer it."""
    end = time.monotonic() + 60
    while not any(fault.met for fault in server.faults) and time.monotonic() < end:
        time.sleep(0.01)
    child.process.send_signal(signal.SIGKILL)
