"""The Hub is out of reach, or stands in with the exceptions that `datasets` and `huggingface_hub` themselves raise."""

import logging
from types import SimpleNamespace

import datasets
import pytest
from datasets.exceptions import DatasetNotFoundError
from huggingface_hub import HfApi
from huggingface_hub.errors import RevisionNotFoundError

from xlzoo.run_scripts.corpora.sources import Source, load
from xlzoo.run_scripts.errors import UserError

ONE_ROW = datasets.Dataset.from_dict({"tokens": [["a"]], "tags": [[1]]})


def test_hub_out_of_reach():
    with pytest.raises(UserError, match="cannot reach the Hub for 'nobody/nothing': give a local folder"):
        load(Source(name="nobody/nothing"))


def hub_with(monkeypatch, error=None, files=None, parquet=None):
    """Let `load_dataset_builder` raise, the branch list its files, and the Parquet builder give one split per key."""
    asked = []

    def builder(name, config=None, data_files=None):
        asked.append((name, config, data_files))
        if name != "parquet":
            raise error
        return SimpleNamespace(
            config=SimpleNamespace(data_files=data_files),
            download_and_prepare=lambda: None,
            as_dataset=lambda: datasets.DatasetDict({split: parquet for split in data_files}),
        )

    def list_repo_files(api, name, *, repo_type, revision):
        assert (name, repo_type, revision) == ("team/old", "dataset", "refs/convert/parquet")
        if files is None:
            raise RevisionNotFoundError("404", response=SimpleNamespace(headers={}, request=None))
        return files

    monkeypatch.setattr(datasets, "load_dataset_builder", builder)
    monkeypatch.setattr(HfApi, "list_repo_files", list_repo_files)
    return asked


SCRIPT = RuntimeError("Dataset scripts are no longer supported, but found old.py")
BRANCH = [".gitattributes", "hau/train/0000.parquet"]
BRANCH += [f"swa/{file}" for file in ("test/0000.parquet", "partial-train/0001.parquet", "partial-train/0000.parquet")]


def test_script_is_replaced_by_its_parquet_copy(monkeypatch, caplog):
    asked = hub_with(monkeypatch, SCRIPT, BRANCH, ONE_ROW)
    with caplog.at_level(logging.WARNING):
        dataset = load(Source(name="team/old", config="swa"))
    assert list(dataset) == ["train", "test"]
    url = "hf://datasets/team/old@refs%2Fconvert%2Fparquet/swa"
    train = [f"{url}/partial-train/0000.parquet", f"{url}/partial-train/0001.parquet"]
    assert asked == [
        ("team/old", "swa", None),
        ("parquet", None, {"train": train, "test": [f"{url}/test/0000.parquet"]}),
    ]
    assert [record.getMessage() for record in caplog.records] == [
        "team/old has a loading script, which never runs: reading its Parquet copy (incomplete)"
    ]


@pytest.mark.parametrize(
    ("config", "files", "message"),
    [
        ("ibo", BRANCH, r"team/old has no configuration 'ibo': choose one of \['hau', 'swa'\]"),
        (None, BRANCH, r"team/old has several configurations: choose one of \['hau', 'swa'\]"),
        (None, None, "no Parquet copy: use a copy without a script, or download its files and pass them"),
        (None, [".gitattributes"], "no Parquet copy"),
    ],
)
def test_parquet_copy_without_what_is_asked(monkeypatch, config, files, message):
    hub_with(monkeypatch, SCRIPT, files)
    with pytest.raises(UserError, match=message):
        load(Source(name="team/old", config=config))


def test_only_configuration_or_the_default_one_needs_no_name(monkeypatch):
    for files in (["only/train/0000.parquet"], ["other/train/0000.parquet", "default/train/0000.parquet"]):
        hub_with(monkeypatch, SCRIPT, files, ONE_ROW)
        assert list(load(Source(name="team/old"))) == ["train"]


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ConnectionError("Couldn't reach 'team/old' on the Hub"), "cannot reach the Hub for 'team/old': give a local"),
        (DatasetNotFoundError("Dataset 'team/old' doesn't exist."), "no data set 'team/old': .* check the spelling"),
        (
            ValueError("BuilderConfig 'x' not found. Available: ['a', 'b']"),
            r"no configuration 'x': choose one of \['a', 'b'\]",
        ),
        (OSError("disk\nfull"), "cannot read 'team/old': disk full, correct"),
    ],
)
def test_failures_of_the_hub_are_one_sentence(monkeypatch, error, message):
    hub_with(monkeypatch, error)
    with pytest.raises(UserError, match=message) as caught:
        load(Source(name="team/old", config="x"))
    assert "\n" not in str(caught.value)


def test_other_runtime_errors_are_not_hidden(monkeypatch):
    hub_with(monkeypatch, RuntimeError("a bug"))
    with pytest.raises(RuntimeError, match="a bug"):
        load(Source(name="team/old"))
