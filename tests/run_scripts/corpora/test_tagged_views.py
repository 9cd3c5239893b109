"""Rows and batches of tagged sentences for xTune: the predictions that belong together."""

import pytest
import torch
from datasets import Dataset, DatasetDict
from tiny_runs import sentences

from xlzoo.run_scripts.corpora.collators import TaggingCollator
from xlzoo.run_scripts.corpora.phrasebook import NER_TAGS
from xlzoo.run_scripts.corpora.pieces import IGNORED, as_windows
from xlzoo.run_scripts.corpora.sources import as_strings
from xlzoo.run_scripts.corpora.tagged_views import TaggedViewCollator, as_word_windows
from xlzoo.run_scripts.corpora.translations import Translation
from xlzoo.run_scripts.corpora.unigram import sampler_of
from xlzoo.run_scripts.corpora.view_rows import ViewRows
from xlzoo.run_scripts.corpora.views import Augmentation
from xlzoo.run_scripts.models.new_tokenizers import train_tokenizer

LABELS = ["O", "B-PER", "B-LOC"]
SENTENCE = {"tokens": ["Amina", "sees", "Nairobi"], "tags": [1, 0, 2], "length": 9}


@pytest.fixture(scope="module")
def tokenizer():
    return train_tokenizer([row["text"] for row in sentences("eng", 150)], 250)


@pytest.fixture(scope="module")
def subword(tokenizer):
    return Augmentation(frozenset({"subword"}), subword_rate=0.7, sampler=sampler_of(tokenizer, 0.1))


def rows_of(*changes, doubled=False):
    return ViewRows(Dataset.from_list([{**SENTENCE, **change} for change in changes]), doubled)


def test_rows_are_the_windows_of_the_tagger(tokenizer):
    tagged = sentences("eng", 30)
    named = as_strings(DatasetDict({"train": tagged}), "ner_tags")["train"]
    windows = as_windows(named, tokenizer, list(NER_TAGS), "ner_tags", 16)
    rows = as_word_windows(named, tokenizer, list(NER_TAGS), "ner_tags", 16)
    assert len(rows) == len(windows) > 30
    assert rows["length"] == [len(ids) for ids in windows["input_ids"]]
    batch = TaggedViewCollator(tokenizer, Augmentation(frozenset()), None, 16, 0)(
        [ViewRows(rows, False)[i] for i in range(20)]
    )
    expected = TaggingCollator(tokenizer)([windows[i] for i in range(20)])
    assert torch.equal(batch["input_ids"], torch.cat([expected["input_ids"]] * 2))
    assert torch.equal(batch["attention_mask"], torch.cat([expected["attention_mask"]] * 2))
    labelled = (expected["labels"] != IGNORED).flatten().nonzero()[:, 0]
    assert torch.equal(batch["places"], labelled)
    assert torch.equal(batch["labels"], expected["labels"].flatten()[labelled])
    assert torch.equal(batch["own"], labelled) and torch.equal(batch["other"], labelled + 20 * 16)
    assert "noise" not in batch and "teacher" not in batch and not len(batch["taught"])


def test_views_pair_word_by_word_at_different_lengths(tokenizer, subword):
    tagged = sentences("eng", 24)
    rows = Dataset.from_dict({"tokens": tagged["tokens"], "tags": tagged["ner_tags"], "length": [9] * 24})
    batch = TaggedViewCollator(tokenizer, subword, None, 128, 3)([ViewRows(rows, False)[i] for i in range(24)])
    ids, width = batch["input_ids"], batch["input_ids"].shape[1]
    assert not torch.equal(ids[:24], ids[24:])
    lengths = batch["attention_mask"].sum(1)
    assert (lengths[:24] != lengths[24:]).any() and width == -(-int(lengths.max()) // 8) * 8
    words = [word for row in tagged["tokens"] for word in row]
    assert len(batch["own"]) == len(batch["other"]) == len(words)
    flat = ids.flatten().tolist()
    for word, own, other in zip(words, batch["own"].tolist(), batch["other"].tolist(), strict=True):
        if not set(word) <= set(tokenizer.get_vocab()):
            continue  # An unknown character reads as <unk>.
        for place in (own, other):
            text = tokenizer.decode(flat[place : place + 40], skip_special_tokens=True)
            assert text.replace(" ", "").startswith(word), (word, text)
            assert tokenizer.convert_ids_to_tokens(flat[place])[0] == "▁"
    for row in range(24):
        texts = [tokenizer.decode(ids[side], skip_special_tokens=True) for side in (row, 24 + row)]
        if "<unk>" not in "".join(tokenizer.convert_ids_to_tokens(ids[[row, 24 + row]].flatten().tolist())):
            assert texts[0] == texts[1] == " ".join(tagged["tokens"][row])


def test_a_view_that_grows_too_long_loses_words_and_their_pairs(tokenizer):
    every = Augmentation(frozenset({"subword"}), subword_rate=1.0, sampler=sampler_of(tokenizer, 0.0))
    words = ["sees"] * 12
    rows = rows_of({"tokens": words, "tags": [0] * 12})
    usual = len(tokenizer(words, is_split_into_words=True)["input_ids"])
    batch = TaggedViewCollator(tokenizer, every, None, usual, 0)([rows[0]])
    assert len(batch["places"]) == 12 > len(batch["own"]) == len(batch["other"]) > 0
    assert batch["attention_mask"].sum(1).max() <= usual


def test_copies_are_augmented_and_known_to_the_teacher(tokenizer, subword):
    rows = rows_of({}, {"tokens": ["Amina", "lives"], "tags": [1, 0]}, doubled=True)
    answers = {0: torch.full((3, 3), 0.25), 1: torch.full((2, 3), 0.5)}
    collator = TaggedViewCollator(
        tokenizer, Augmentation(frozenset()), subword, 64, 1, lambda epoch, number: answers[number] + epoch
    )
    rows.start(2)
    assert len(rows) == 4 and rows.lengths == [9, 9, 9, 9] and [rows[i]["is_copy"] for i in range(4)] == [0, 0, 1, 1]
    batch = collator([rows[3], rows[0], rows[2]])
    own = [collator.draw(rows[i]).own for i in (3, 0, 2)]
    width = batch["input_ids"].shape[1]
    expected = own[0].places + [2 * width + place for place in own[2].places]
    assert batch["taught"].tolist() == expected and batch["labels"].tolist() == [1, 0, 1, 0, 2, 1, 0, 2]
    assert torch.equal(batch["teacher"], torch.cat([answers[1], answers[0]]) + 2)
    # The teacher reads the same copies.
    asked = collator.copies([rows[3], rows[2]])
    assert asked["sizes"].tolist() == [2, 3]
    for place, row in enumerate((0, 2)):
        mask = batch["attention_mask"][row].bool()
        assert torch.equal(
            asked["input_ids"][place][asked["attention_mask"][place].bool()], batch["input_ids"][row][mask]
        )
    with pytest.raises(IndexError):
        rows[4]


def test_translations_have_no_labels_as_copies_and_pairs_by_links_as_views(tokenizer):
    linked = Translation("deu", ("Nairobi", "sieht", "auch", "Amina"), ((0, 3), (1, 1), (1, 2), (2, 0)))
    change = Augmentation(frozenset({"translation"}), translations={"Amina sees Nairobi": [linked]})
    rows = rows_of({}, doubled=True)
    as_copy = TaggedViewCollator(tokenizer, Augmentation(frozenset()), change, 64, 0).draw(rows[1])
    assert len(as_copy.own.places) == 4 and as_copy.tags == [IGNORED] * 4
    assert as_copy.pairs == [(0, 0), (1, 1), (2, 2), (3, 3)] and as_copy.view.ids == as_copy.own.ids
    as_view = TaggedViewCollator(tokenizer, change, None, 64, 0).draw(rows[0])
    assert as_view.tags == [1, 0, 2] and len(as_view.view.places) == 4
    assert as_view.pairs == [(0, 3), (2, 0)], "a word with two partners has none of its own"
