"""Lines, blocks and windows: nothing is lost, nothing is twice, nothing is too long."""

from itertools import chain

import pytest
from datasets import Dataset
from torch.utils.data import DataLoader
from transformers import AutoTokenizer

from xlzoo.run_scripts.corpora.phrasebook import load_phrasebook
from xlzoo.run_scripts.corpora.pieces import EpochRows, as_blocks, as_lines, as_windows

LABELS = ["O", "B-PER", "I-PER"]


@pytest.fixture(scope="module")
def tokenizer(base):
    return AutoTokenizer.from_pretrained(base)


@pytest.fixture(scope="module")
def texts():
    return load_phrasebook("eng", sizes={"train": 30})["train"]["text"][:]


def bare(rows):
    """The pieces of rows without `<s>` and `</s>`, which must frame each row."""
    assert all(row[0] == 0 and row[-1] == 2 and not {0, 1, 2} & set(row[1:-1]) for row in rows["input_ids"])
    return list(chain.from_iterable(row[1:-1] for row in rows["input_ids"]))


@pytest.mark.parametrize("length", [3, 7, 20, 512])
def test_lines_and_blocks_keep_every_piece(tokenizer, texts, length):
    pieces = list(chain.from_iterable(tokenizer(text, add_special_tokens=False)["input_ids"] for text in texts))
    for cut in (as_lines, as_blocks):
        rows = cut(Dataset.from_dict({"text": texts}), tokenizer, length)
        assert bare(rows) == pieces
        assert max(map(len, rows["input_ids"])) <= length
    assert all(len(row) == length for row in rows["input_ids"][:-1])


def test_lines_stay_apart(tokenizer, texts):
    rows = as_lines(Dataset.from_dict({"text": texts}), tokenizer, 512)
    assert rows["input_ids"][:] == tokenizer(texts)["input_ids"]


def windows(tokenizer, sentences, length, labels=LABELS):
    rows = Dataset.from_dict({"tokens": [words for words, _ in sentences], "tags": [tags for _, tags in sentences]})
    return as_windows(rows, tokenizer, labels, "tags", length)


def test_windows_by_hand(tokenizer):
    """With room for three pieces, words of 1, 2, 1, 5 and 1 pieces fall into (1, 2), (1), (5 cut to 3), (1)."""
    sizes = {}
    for word in chain.from_iterable(load_phrasebook("eng", sizes={"train": 150})["train"]["tokens"]):
        sizes.setdefault(len(tokenizer.tokenize(word)), word)
    words = [sizes[size] for size in (1, 2, 1, 5, 1)]
    found = windows(tokenizer, [(words, ["O", "B-PER", "I-PER", "O", "B-PER"]), ([], []), ([words[0]], ["O"])], 5)
    ids = [tokenizer(word, add_special_tokens=False)["input_ids"] for word in words]
    inner = [ids[0] + ids[1], ids[2], ids[3][:3], ids[4], ids[0]]
    assert found["input_ids"][:] == [[0, *pieces, 2] for pieces in inner]
    marks = [[0, 1, -100], [2], [0, -100, -100], [1], [0]]
    assert found["labels"][:] == [[-100, *mark, -100] for mark in marks]
    assert found["place"][:] == [[0, 0], [0, 1], [0, 2], [0, 3], [2, 0]]


@pytest.mark.parametrize("length", [3, 4, 9, 30])
def test_every_word_is_labelled_once_whatever_the_length(tokenizer, length):
    rows = load_phrasebook("swh", sizes={"train": 40})["train"]
    strange = (["\u200b", "a\u00a0b", "", "x" * 100, "ﷺ"], ["B-PER", "O", "I-PER", "O", "B-PER"])
    sentences = [(words, ["O"] * len(words)) for words in rows["tokens"]] + [strange]
    found = windows(tokenizer, sentences, length)
    assert max(map(len, found["input_ids"])) <= length
    tags = {}
    for (sentence, _), labels in zip(found["place"], found["labels"], strict=True):
        tags.setdefault(sentence, []).extend(LABELS[label] for label in labels if label != -100)
    assert [tags[i] for i in range(len(sentences))] == [expected for _, expected in sentences]


def test_long_enough_windows_are_whole_sentences(tokenizer):
    words = load_phrasebook("eng", sizes={"train": 1})["train"]["tokens"][0]
    found = windows(tokenizer, [(words, ["O"] * len(words))], 512)
    assert found["input_ids"][0] == tokenizer(words, is_split_into_words=True)["input_ids"]


@pytest.mark.parametrize("workers", [0, 2])
def test_rows_know_their_epoch_also_in_workers_that_outlive_it(workers):
    rows = EpochRows(Dataset.from_dict({"input_ids": [[5], [6], [7]]}))
    loader = DataLoader(rows, batch_size=None, num_workers=workers, persistent_workers=workers > 0)
    for epoch in (0, 3, 1):
        rows.start(epoch)
        found = [(row["input_ids"][0], row["index"], row["epoch"]) for row in loader]
        assert found == [(5, 0, epoch), (6, 1, epoch), (7, 2, epoch)]
