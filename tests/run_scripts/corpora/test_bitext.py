"""Sentence pairs from two files, from one, and from data sets, again and again, with the place of what is wrong."""

import datasets
import pytest

from xlzoo.run_scripts.corpora.bitext import dataset_pairs, joined_file, two_files
from xlzoo.run_scripts.corpora.phrasebook import load_phrasebook
from xlzoo.run_scripts.corpora.sources import Source
from xlzoo.run_scripts.errors import UserError


def written(folder, name, text):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def texts(bitext):
    return [(pair.source, pair.target) for pair in bitext()]


def refused(bitext, words):
    with pytest.raises(UserError) as caught:
        list(bitext())
    assert words in str(caught.value) and "\n" not in str(caught.value)


def test_two_files(tmp_path):
    bitext = two_files(written(tmp_path, "a", "ein Hund\n\nJa\n"), written(tmp_path, "b.x", "a dog\n\nyes\n"))
    for _ in range(2):
        assert texts(bitext) == [("ein Hund", "a dog"), ("", ""), ("Ja", "yes")]
    assert [pair.place for pair in bitext()][2] == f"line 3 of {tmp_path}/a and {tmp_path}/b.x"
    assert all(pair.gold is None for pair in bitext())


@pytest.mark.parametrize(
    "one, other, short", [("a\n", "a\nb\n", "a ends after line 1"), ("a\nb\n", "", "b ends after line 0")]
)
def test_two_files_of_other_lengths(one, other, short, tmp_path):
    refused(two_files(written(tmp_path, "a", one), written(tmp_path, "b", other)), f"{tmp_path}/{short}")


def test_one_file(tmp_path):
    bitext = joined_file(written(tmp_path, "ab", "ein Hund ||| a dog\n ||| \nJa|||yes\n"))
    assert texts(bitext) == [("ein Hund", "a dog"), ("", ""), ("Ja", "yes")]


@pytest.mark.parametrize("line", ["a dog", "a ||| b ||| c"])
def test_one_file_with_a_wrong_line(line, tmp_path):
    refused(joined_file(written(tmp_path, "ab", f"a ||| b\n{line}\n")), "ab, line 2: found")


def test_missing_and_broken_files(tmp_path):
    good = written(tmp_path, "a", "a\n")
    (tmp_path / "latin").write_bytes(b"\xff\n")
    refused(two_files(good, tmp_path / "none"), "no file")
    refused(two_files(tmp_path / "latin", good), "latin, line 1: not UTF-8")
    refused(joined_file(tmp_path / "latin"), "latin, line 1: not UTF-8")


def test_the_phrasebook_brings_words_and_gold():
    sizes = {"train": 0, "validation": 1, "test": 20}
    book, source = load_phrasebook("eng-deu", sizes=sizes), Source(name="phrasebook", config="en-de", sizes=sizes)
    for pair, row in zip(dataset_pairs(source, None)(), book["test"], strict=True):
        assert (pair.source, pair.target) == (row["tokens"]["eng"], row["tokens"]["deu"])
        assert pair.gold.sure == set(map(tuple, row["sure"]))
        assert pair.gold.possible == set(map(tuple, row["possible"]))
    [turned], [row] = dataset_pairs(source, "validation", ("German", "en"))(), book["validation"]
    assert (turned.source, turned.target) == (row["tokens"]["deu"], row["tokens"]["eng"])
    assert turned.gold.sure == {(j, i) for i, j in row["sure"]}


@pytest.fixture
def saved(tmp_path):
    """A data set of three languages saved with its split `train`, one text of which is missing."""
    rows = [{"en": "a dog", "sw": "mbwa", "xx": "?"}, {"en": "yes", "sw": None, "xx": "!"}]
    datasets.DatasetDict({"train": datasets.Dataset.from_dict({"translation": rows})}).save_to_disk(tmp_path / "saved")
    return Source(name=str(tmp_path / "saved"))


def test_data_sets(saved):
    assert texts(dataset_pairs(saved, None, ("eng", "xx"))) == [("a dog", "?"), ("yes", "!")]
    assert texts(dataset_pairs(saved, "train", ("xx", "English"))) == [("?", "a dog"), ("!", "yes")]
    refused(dataset_pairs(saved, None), f"In row 1 of {saved.name} there is no text in en or sw")


@pytest.mark.parametrize(
    "split, languages, words",
    [("test", (), "has no test split, only train"), (None, ("en", "de"), "has no language de, only en, sw, xx")],
)
def test_data_sets_without_what_is_asked_for(split, languages, words, saved):
    with pytest.raises(UserError, match=words):
        dataset_pairs(saved, split, languages)


def test_data_sets_without_translations(tmp_path):
    with pytest.raises(UserError, match="has no column translation, only id, text"):
        dataset_pairs(Source(name="phrasebook", config="eng", sizes={"train": 0}), None)
