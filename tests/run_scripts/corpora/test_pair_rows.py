"""Sentence pairs as rows of pieces, text and pairs side by side, and the batches of pre-training."""

import gzip

import datasets
import pytest
import torch
from alignment.tiny import tokenizer
from datasets import Dataset

from xlzoo.run_scripts.corpora.bitext import two_files
from xlzoo.run_scripts.corpora.collators import MaskingCollator, PreTrainingCollator
from xlzoo.run_scripts.corpora.pair_rows import MixedRows, as_pairs, read_bitext, translations
from xlzoo.run_scripts.corpora.phrasebook import load_phrasebook
from xlzoo.run_scripts.corpora.pieces import EpochRows
from xlzoo.run_scripts.corpora.sources import Source
from xlzoo.run_scripts.errors import UserError

SOURCE = Source(name="some/data")


def refused(call, *words):
    with pytest.raises(UserError) as caught:
        call()
    assert all(word in str(caught.value) for word in words), str(caught.value)


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "datasets")


def rows_of(*pairs):
    return Dataset.from_list([{"source": source, "target": target} for source, target in pairs])


def test_two_languages_of_several_in_any_spelling():
    rows = Dataset.from_list([{"translation": {"en": "a dog", "de": "ein Hund", "fr": "un chien"}, "id": 1}])
    assert translations(rows, [], SOURCE).to_list() == [{"source": "a dog", "target": "ein Hund"}]
    assert translations(rows, ["French", "eng"], SOURCE).to_list() == [{"source": "un chien", "target": "a dog"}]


def test_the_phrasebooks_words_are_set_off_as_its_gold_counts_them():
    rows = load_phrasebook("eng-deu", sizes={"train": 5})["train"]
    found = translations(rows, [], SOURCE)
    for row, made in zip(rows, found, strict=True):
        assert made["source"].split() == row["tokens"]["eng"] and made["target"].split() == row["tokens"]["deu"]


def test_rows_without_a_text():
    rows = Dataset.from_list([{"translation": {"en": "a", "de": "b"}}, {"translation": {"en": "a", "de": None}}])
    refused(lambda: translations(rows, [], SOURCE), "Row 1", "some/data", "de", "None")
    refused(lambda: translations(rows, ["en", "fr"], SOURCE), "no language fr", "en, de")
    refused(lambda: translations(rows_of(("a", "b")), [], SOURCE), "no column translation")
    numbers = Dataset.from_list([{"translation": {"en": 1, "de": 2}}])
    refused(lambda: translations(numbers, [], SOURCE), "Row 0", "1")
    refused(lambda: translations(Dataset.from_list([{"translation": "a"}]), [], SOURCE), "a text for each language")


def test_line_parallel_files(tmp_path):
    (tmp_path / "a.en").write_text("one\n\nthree\n")
    (tmp_path / "a.de.gz").write_bytes(gzip.compress(b"eins\nzwei\ndrei\n"))
    found = read_bitext(two_files(tmp_path / "a.en", tmp_path / "a.de.gz"))
    assert found["source"][:] == ["one", "", "three"] and found["target"][:] == ["eins", "zwei", "drei"]


def test_pairs_as_one_row_with_one_separator(caplog):
    caplog.set_level("INFO")
    pieces = tokenizer()
    rows = rows_of(("Das ist gut .", "That is good ."), ("", "nothing"), ("nichts", " "), ("very " * 9, "long " * 9))
    (row,) = as_pairs(rows, pieces, 24)
    source, target = (pieces(text, add_special_tokens=False)["input_ids"] for text in rows[0].values())
    assert row["input_ids"] == [0, *source, 2, *target, 2]
    assert row["sides"] == [0, *[1] * len(source), 0, *[2] * len(target), 0]
    assert "3 of 4 pairs left out" in caplog.text
    exact = len(row["input_ids"])
    assert len(as_pairs(rows.select([0]), pieces, exact)) == 1
    refused(lambda: as_pairs(rows.select([0]), pieces, exact - 1), "None of the 1", f"at most {exact - 1}")


def mixed(text, pairs, seed=0):
    numbered = [
        EpochRows(Dataset.from_dict({"number": list(range(first, first + size))})) if size else None
        for first, size in ((0, text), (100, pairs))
    ]
    return MixedRows(*numbered, seed=seed)


@pytest.mark.parametrize(("text", "pairs"), [(7, 3), (3, 7), (5, 5), (0, 4), (4, 0)])
def test_each_row_comes_in_each_epoch_equally_often(text, pairs):
    rows, beginnings = mixed(text, pairs), set()
    assert len(rows) == max(text, pairs)
    for epoch in range(6):
        rows.start(epoch)
        found = [rows[index] for index in range(len(rows))]
        for name, first, size in (("text", 0, text), ("pair", 100, pairs)):
            numbers = [row[name]["number"] - first for row in found if name in row]
            counts = [numbers.count(number) for number in range(size)]
            assert sum(counts) == (len(rows) if size else 0) and (not counts or max(counts) - min(counts) <= 1)
            assert all(row[name]["epoch"] == epoch for row in found if name in row)
        indices = [row[name]["index"] for row in found for name in row]
        assert len(set(indices)) == len(indices)
        beginnings.add(tuple(part["number"] for part in found[0].values()))
    assert len(beginnings) > 1 or not (text and pairs), "text goes with other pairs in other epochs"
    assert mixed(text, pairs)[1] == mixed(text, pairs)[1]


def batch_rows(epoch=0):
    pieces = tokenizer()
    texts = ["Das ist gut .", "That is quite good , and the dog is big .", "Ja"]
    text = EpochRows(Dataset.from_dict({"input_ids": [pieces(each)["input_ids"] for each in texts]}))
    pairs = rows_of(("Das ist gut .", "That is good ."), ("We saw 3 dogs .", "Wir sahen 3 Hunde ."), ("Ja", "Yes"))
    rows = MixedRows(text, EpochRows(as_pairs(pairs, pieces, 60)), seed=0)
    rows.start(epoch)
    return [rows[index] for index in range(3)]


def test_batches_of_text_pairs_and_single_sentences():
    rows, pieces = batch_rows(), tokenizer()
    batch = PreTrainingCollator(pieces, 0.5, seed=4, contrast=True)(rows)
    alone = MaskingCollator(pieces, 0.5, seed=4)
    for found, expected in (
        (batch, alone([row["text"] for row in rows])),
        (batch["pairs"], alone([row["pair"] for row in rows])),
    ):
        assert all(torch.equal(found[name], value) for name, value in expected.items())
    pairs = batch["pairs"]
    assert pairs["sides"].shape == pairs["labels"].shape and (pairs["labels"] != -100).sum() > 5
    assert not (pairs["labels"] != -100)[pairs["sides"] == 0].any(), "special tokens are not masked"
    assert not (batch["labels"] != -100)[:, :2].equal((pairs["labels"] != -100)[:, :2])
    for number, row in enumerate(rows):
        ids, sides = row["pair"]["input_ids"], row["pair"]["sides"]
        for name, side in (("sources", 1), ("targets", 2)):
            kept = batch[name]["input_ids"][number][batch[name]["attention_mask"][number].bool()]
            assert kept.tolist() == [0, *(piece for piece, of in zip(ids, sides, strict=True) if of == side), 2]
    plain = PreTrainingCollator(pieces, 0.5, seed=4, contrast=False)(rows)
    assert set(plain) == {"input_ids", "attention_mask", "labels", "pairs"}


def test_masks_hang_on_seed_epoch_and_row_alone():
    collate = PreTrainingCollator(tokenizer(), 0.5, seed=4, contrast=False)
    rows = batch_rows()
    whole = collate(rows)["pairs"]["labels"]
    for number, row in enumerate(rows):
        labels = collate([row])["pairs"]["labels"][0]
        assert torch.equal(labels, whole[number, : len(labels)])
    other = PreTrainingCollator(tokenizer(), 0.5, seed=5, contrast=False)(rows)["pairs"]["labels"]
    assert not torch.equal(other, whole)
    row = batch_rows(epoch=1)[0]["pair"]
    same = next(each["pair"] for each in rows if each["pair"]["input_ids"] == row["input_ids"])
    again = collate([{"pair": {**same, "epoch": 1}}])["pairs"]["labels"]
    assert not torch.equal(again, collate([{"pair": same}])["pairs"]["labels"])
