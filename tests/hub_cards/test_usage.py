"""The usage code of a card is run where a reader would run it, and the card says what it gave."""

from pathlib import Path

import pytest

from xlzoo.hub_cards import Facts, PublishError, publish, usage

READ_WEIGHTS = 'print(open("{repo_id}/model.safetensors", "rb").read())'


def card(folder, tmp_path, **facts):
    return (Path(publish(folder, "org/toy", Facts(**facts), hub_dir=tmp_path / "hub")) / "README.md").read_text()


def test_output_of_the_code_lands_in_the_card_with_the_repository_id(folder, tmp_path):
    text = card(folder, tmp_path, usage=READ_WEIGHTS + '\nprint("  from {repo_id}")', usage_output="a guess")
    assert 'print(open("org/toy/model.safetensors", "rb").read())\nprint("  from org/toy")' in text
    assert "It prints:\n\n```\nb'weights'\n  from org/toy\n```" in text
    assert "a guess" not in text


def test_code_runs_where_the_project_cannot_be_imported(folder, tmp_path):
    code = """
for name in ("xlzoo", "xlzoo.hub_cards", "hub_cards", "modeling"):
    try:
        __import__(name)
    except ModuleNotFoundError as error:
        print(error)
from huggingface_hub import constants
print(constants.HF_HUB_OFFLINE)
"""
    text = card(folder, tmp_path, usage=code)
    expected = "".join(f"No module named {name!r}\n" for name in ("xlzoo", "xlzoo", "hub_cards", "modeling"))
    assert f"```\n{expected}True\n```" in text


def test_code_sees_neither_caches_nor_token_nor_modules_of_the_user(folder, tmp_path, monkeypatch):
    (tmp_path / "mine.py").touch()
    for name in ("HF_TOKEN", "HF_MODULES_CACHE", "PYTHONPATH"):
        monkeypatch.setenv(name, str(tmp_path))
    text = card(folder, tmp_path, usage='import os; print([name for name in os.environ if name.startswith("HF_")])')
    assert "```\n['HF_HOME', 'HF_HUB_OFFLINE']\n```" in text
    with pytest.raises(PublishError, match="No module named 'mine'"):
        card(folder, tmp_path, usage="import mine")


@pytest.mark.parametrize(
    "code, sentence",
    [
        ("import xlzoo", "ModuleNotFoundError: No module named 'xlzoo'"),
        ('open("{repo_id}/missing.json")', "No such file or directory: 'org/toy/missing.json'"),
        ("raise SystemExit(3)", "exit code 3"),
    ],
)
def test_failing_code_publishes_nothing(folder, hub, code, sentence):
    with pytest.raises(PublishError) as error:
        publish(folder, "org/toy", Facts(usage=code))
    assert str(error.value).startswith("The usage code of README.md fails") and sentence in str(error.value)
    assert hub.created == [] and hub.commits == []


def test_code_that_hangs_publishes_nothing(folder, hub, monkeypatch):
    monkeypatch.setattr(usage, "TIMEOUT_SECONDS", 0.2)
    with pytest.raises(PublishError, match=r"did not end within 0\.2 seconds"):
        publish(folder, "org/toy", Facts(usage="while True: pass"))
    assert hub.created == []


def test_code_that_needs_more_than_the_folder_is_printed_without_output(folder, tmp_path):
    text = card(folder, tmp_path, usage="import missing", usage_output="a guess", usage_is_executable=False)
    assert "```python\nimport missing\n```" in text
    assert "It prints" not in text and "a guess" not in text


def test_what_the_code_leaves_in_the_folder_is_checked_too(folder, hub):
    with pytest.raises(PublishError, match=r"dump\.pkl may hold a pickle"):
        publish(folder, "org/toy", Facts(usage='open("{repo_id}/dump.pkl", "w").close()'))
    assert hub.commits == []
