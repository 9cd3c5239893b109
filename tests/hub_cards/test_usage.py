"""The usage code of a card is run where a reader would run it, and the card says what it gave."""

import time
from pathlib import Path

import pytest

from xlzoo.hub_cards import Facts, PublishError, publish, usage
from xlzoo.hub_cards.usage import run_usage

READ_WEIGHTS = 'print(open("{repo_id}/model.safetensors", "rb").read()[-7:])'
IMPORTS = """
import sys
for name in ("xlzoo", "xlzoo.run_scripts", "xlzoo.modeling", "hub_cards", "modeling", "fresh", "xlzoo_fresh"):
    try:
        __import__(name)
        print(name)
    except ModuleNotFoundError as error:
        print(error)
"""


@pytest.fixture
def run(tmp_path):
    """Run code with `org/toy` beside it."""
    (tmp_path / "tree/org/toy").mkdir(parents=True)
    (tmp_path / "scratch").mkdir()
    return lambda code, **more: run_usage(code, tmp_path / "tree", tmp_path / "scratch", **more)


def card(folder, tmp_path, **facts):
    receipt = publish(folder, "org/toy", Facts(**facts), hub_dir=tmp_path / "hub")
    return (Path(receipt.where) / "README.md").read_text()


def test_output_of_the_code_lands_in_the_card_with_the_repository_id(folder, tmp_path):
    text = card(folder, tmp_path, usage=READ_WEIGHTS + '\nprint("  from {repo_id}")', usage_output="a guess")
    assert 'print(open("org/toy/model.safetensors", "rb").read()[-7:])\nprint("  from org/toy")' in text
    assert "It prints:\n\n```\nb'weights'\n  from org/toy\n```" in text
    assert "a guess" not in text


def test_code_runs_where_the_project_cannot_be_imported(run):
    refused = ("xlzoo", "xlzoo", "xlzoo", "hub_cards", "modeling", "fresh", "xlzoo_fresh")
    assert run(IMPORTS) == "".join(f"No module named {name!r}\n" for name in refused)


def test_code_may_need_the_project_or_a_part_of_it(run):
    outside = "".join(f"No module named {name!r}\n" for name in ("hub_cards", "modeling", "fresh", "xlzoo_fresh"))
    assert run(IMPORTS, needs=("xlzoo",)) == "xlzoo\nxlzoo.run_scripts\nxlzoo.modeling\n" + outside
    part = "xlzoo\nNo module named 'xlzoo.run_scripts'\nxlzoo.modeling\n" + outside
    assert run(IMPORTS, needs=("xlzoo.modeling",)) == part


def test_code_sees_neither_caches_nor_token_nor_modules_of_the_user(run, tmp_path, monkeypatch):
    (tmp_path / "mine.py").touch()
    for name in ("HF_TOKEN", "HF_MODULES_CACHE", "PYTHONPATH", "HUGGING_FACE_HUB_TOKEN", "TRANSFORMERS_CACHE"):
        monkeypatch.setenv(name, str(tmp_path))
    seen = 'import os; print([name for name in os.environ if name.startswith(("HF_", "HUGGING", "TRANSFORMERS"))])'
    assert run(seen) == "['HF_HOME', 'HF_HUB_OFFLINE']\n"
    offline = "from huggingface_hub import constants as c; print(c.HF_HUB_OFFLINE, c.HF_HOME)"
    assert run(offline) == f"True {tmp_path / 'scratch'}\n"
    with pytest.raises(PublishError, match="No module named 'mine'"):
        run("import mine")


@pytest.mark.parametrize(
    "code",
    [
        'import urllib.request; urllib.request.urlopen("http://127.0.0.1:9")',
        'import socket; socket.create_connection(("203.0.113.1", 80))',
        'import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("203.0.113.1", 53))',
        'import socket; socket.getaddrinfo("huggingface.co", 443)',
    ],
)
def test_code_finds_no_network(run, code):
    with pytest.raises(PublishError, match="the network is off in this process"):
        run(code)


def test_sockets_of_this_machine_still_work(run):
    assert run("import socket; a, b = socket.socketpair(); a.send(b'x'); print(b.recv(1))") == "b'x'\n"


@pytest.mark.parametrize(
    "code, sentence",
    [
        ("import xlzoo", "ModuleNotFoundError: No module named 'xlzoo'"),
        ('open("{repo_id}/missing.json")', "No such file or directory: 'org/toy/missing.json'"),
        ("raise SystemExit(3)", "exit code 3"),
        ("import os; os._exit(4)", "exit code 4"),
        ('raise ValueError("one\\ntwo")', "ValueError: one two"),
        ("import os; os.kill(os.getpid(), 9)", "the system ended it with signal 9"),
    ],
)
def test_failing_code_publishes_nothing(folder, hub, code, sentence):
    with pytest.raises(PublishError) as error:
        publish(folder, "org/toy", Facts(usage=code))
    message = str(error.value)
    assert message.startswith("The usage code of README.md fails in a fresh process: ") and sentence in message
    assert "\n" not in message and hub.created == [] and hub.commits == []


def test_code_that_hangs_is_ended_with_all_that_it_started(folder, hub, tmp_path, monkeypatch):
    """The grandchild holds the pipe that we read, which must not make us wait for it."""
    monkeypatch.setattr(usage, "TIMEOUT_SECONDS", 5)
    note = tmp_path / "pid"
    code = (
        'import subprocess; p = subprocess.Popen(["sleep", "60"])\n'
        f'open({str(note)!r}, "w").write(str(p.pid)); p.wait()'
    )
    began = time.monotonic()
    with pytest.raises(PublishError, match=r"did not end within 5 seconds"):
        publish(folder, "org/toy", Facts(usage=code))
    assert hub.created == [] and time.monotonic() - began < 30
    for _ in range(50):
        if not _runs(int(note.read_text())):
            return
        time.sleep(0.1)
    raise AssertionError("the grandchild is still there")


def _runs(pid):
    """Say whether a process is there and no zombie, which nobody here can reap."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_code_that_needs_more_than_the_folder_is_printed_without_output(folder, tmp_path):
    text = card(folder, tmp_path, usage="import missing", usage_output="a guess", usage_is_executable=False)
    assert "```python\nimport missing\n```" in text
    assert "It prints" not in text and "a guess" not in text


def test_what_the_code_leaves_in_the_folder_is_checked_too(folder, hub):
    with pytest.raises(PublishError, match=r"dump\.pkl may hold a pickle"):
        publish(folder, "org/toy", Facts(usage='open("{repo_id}/dump.pkl", "w").close()'))
    assert hub.commits == []
