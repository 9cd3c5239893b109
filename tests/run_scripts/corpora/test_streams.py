"""Streams hold what loading would give, and what cannot be streamed is refused before a row is asked for."""

import gzip
import json

import pytest
from datasets import Dataset, IterableDataset
from tiny_runs import refused, sentences

from xlzoo.run_scripts.corpora.sources import Source, load
from xlzoo.run_scripts.corpora.streams import first_row, stream
from xlzoo.run_scripts.text_arguments import TextArguments, with_validation


@pytest.fixture
def files(tmp_path):
    with gzip.open(tmp_path / "train.txt.gz", "wt") as file:
        file.write("one\n\ntwo\nthree\n")
    rows = [{"prompt": "a", "completion": "b"}, {"prompt": "c", "completion": "d"}]
    (tmp_path / "dev.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    (tmp_path / "table.csv").write_text("text\nx\n")
    (tmp_path / "bad.jsonl").write_text('{"text": "x"}\n[1]\n')
    return tmp_path


def test_files_and_folders(files):
    alone = stream(Source(files={"train": [str(files / "train.txt.gz"), str(files / "train.txt.gz")]}))
    assert [row["text"] for row in alone["train"]] == ["one", "two", "three"] * 2
    (files / "bad.jsonl").unlink()
    folder = stream(Source(name=str(files)))
    assert set(folder) == {"train", "validation"} and all(
        isinstance(rows, IterableDataset) for rows in folder.values()
    )
    assert list(folder["validation"])[1] == {"prompt": "c", "completion": "d"}


def test_a_repository_streams_what_it_loads(tmp_path):
    """A folder in the Hub's layout, whose files `datasets` finds by itself."""
    (tmp_path / "data").mkdir()
    rows = Dataset.from_dict({"text": sentences(number=12)["text"]})
    rows.to_parquet(tmp_path / "data" / "train-00000-of-00001.parquet")
    source = Source(name=str(tmp_path))
    assert list(stream(source)["train"]) == list(load(source)["train"])


def test_the_phrasebook():
    rows = stream(Source(name="phrasebook", sizes={"train": 5}))["train"]
    assert [row["text"] for row in rows] == sentences(number=5)["text"]


def test_what_cannot_be_streamed(files):
    refused(lambda: stream(Source(files={"train": [str(files / "table.csv")]})), ".txt or .jsonl")
    refused(lambda: stream(Source(files={"train": [str(files / "no.txt")]})), "no file")
    refused(lambda: stream(Source()), "one source")
    rows = stream(Source(files={"train": [str(files / "bad.jsonl")]}))["train"]
    refused(lambda: list(rows), "line 2", "an object")
    (files / "empty.txt").write_text("\n")
    empty = stream(Source(files={"train": [str(files / "empty.txt")]}))["train"]
    refused(lambda: first_row(empty, "train"), "train stream holds no rows")


def rows_of(**fields):
    return TextArguments(**fields).rows()


def test_columns_and_limits(files):
    data = {"train_file": [str(files / "train.txt.gz")], "validation_file": str(files / "train.txt.gz")}
    found = rows_of(**data, streaming=True, max_train_samples=2, max_eval_samples=1)
    assert list(found["train"]) == [{"text": "one"}, {"text": "two"}]
    assert list(found["validation"]) == [{"text": "one"}] and isinstance(found["validation"], Dataset)
    pairs = {"train_file": [str(files / "dev.jsonl")]}
    for streaming in (False, True):
        assert list(next(iter(rows_of(**pairs, streaming=streaming)["train"]))) == ["prompt", "completion"]
        renamed = rows_of(
            **pairs, streaming=streaming, prompt_column_name="completion", completion_column_name="prompt"
        )
        assert next(iter(renamed["train"])) == {"prompt": "b", "completion": "a"}
        alone = rows_of(**pairs, streaming=streaming, text_column_name="completion")["train"]
        assert next(iter(alone)) == {"text": "b"}
        refused(lambda s=streaming: rows_of(**pairs, streaming=s, text_column_name="words"), "words")


def test_validation_rows_are_the_first_of_the_training_rows():
    rows = Dataset.from_dict({"text": [str(i) for i in range(40)]})
    parted = with_validation({"train": rows}, 5)
    assert parted["validation"]["text"] == ["0", "1"] and parted["train"]["text"][0] == "2"
    assert with_validation({"train": rows, "validation": rows}, 5)["train"] is rows
    refused(lambda: with_validation({"train": rows.select([0])}, 5), "one training row")
    refused(lambda: TextArguments(validation_split_percentage=0), "1 to 50")
    refused(lambda: TextArguments(text_column_name="a", prompt_column_name="b"), "--text_column_name")
