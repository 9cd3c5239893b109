"""Views of sentences: what changes and how often, dictionaries and translations from files, and mistakes in these."""

import gzip

import numpy as np
import pytest
from tiny_runs import refused, sentences

from xlzoo.run_scripts.corpora.dictionaries import read_dictionaries
from xlzoo.run_scripts.corpora.translations import Translation, read_translations
from xlzoo.run_scripts.corpora.unigram import sampler_of
from xlzoo.run_scripts.corpora.views import Augmentation, WordPieces
from xlzoo.run_scripts.models.new_tokenizers import train_tokenizer

WORDS = ["The", "cat", "sees", "Amina"]
DICTIONARIES = {"deu": {"the": ["der", "die"], "cat": ["Katze"]}, "fra": {"cat": ["chat"], "sees": ["voit"]}}


@pytest.fixture(scope="module")
def tokenizer():
    return train_tokenizer([row["text"] for row in sentences("eng", 150)], 200)


def test_words_are_switched_as_often_as_asked():
    """By hand, at a rate of 1/2: "cat" is in both dictionaries, becomes Katze in 1/4 and chat in 1/4 of the draws;

    "The" is in one of two: der 1/8, die 1/8; "Amina" is in none. 4000 draws have a deviation of 0.007 or less.
    """
    change = Augmentation(frozenset({"code_switch"}), code_switch_rate=0.5, dictionaries=DICTIONARIES)
    random = np.random.default_rng(3)
    drawn = np.array([change.switched(WORDS, random) for _ in range(4000)])
    expected = [{"der": 1 / 8, "die": 1 / 8}, {"Katze": 1 / 4, "chat": 1 / 4}, {"voit": 1 / 4}, {}]
    for place, shares in enumerate(expected):
        for word, share in {**shares, WORDS[place]: 1 - sum(shares.values())}.items():
            assert np.mean(drawn[:, place] == word) == pytest.approx(share, abs=0.03), word


def test_pieces_are_drawn_as_often_as_asked(tokenizer):
    """With alpha 0 every segmentation is as likely, so hardly any drawn one is the usual one."""
    words = [word for row in sentences("eng", 60)["tokens"] for word in row if len(word) > 5]
    words = [word for word in words if set(word) <= set(tokenizer.get_vocab())]
    change = Augmentation(frozenset({"subword"}), subword_rate=0.3, sampler=sampler_of(tokenizer, 0.0))
    usual = WordPieces(tokenizer)(words)
    drawn = change.recut(words, usual, np.random.default_rng(5))
    changed = sum(a != b for a, b in zip(usual, drawn, strict=True)) / len(words)
    assert len(words) > 50 and changed == pytest.approx(0.3, abs=0.15)
    assert [tokenizer.decode(ids).strip() for ids in drawn] == words
    assert change.switched(words, np.random.default_rng(0)) == words and not change.noise_seed(
        np.random.default_rng(0)
    )


def test_usual_pieces_are_the_tokenizers(tokenizer):
    words = ["Amina", "sees", " ", "two words", "Amina"]
    expected = [tokenizer([word], is_split_into_words=True, add_special_tokens=False)["input_ids"] for word in words]
    expected[2] = [tokenizer.unk_token_id]
    cut = WordPieces(tokenizer)
    assert cut(words) == expected == cut(words)


def test_translations_are_drawn_by_their_rate():
    known = {"The cat": [Translation("deu", ("die", "Katze"), None), Translation("fra", ("le", "chat"), None)]}
    change = Augmentation(frozenset({"translation"}), translation_rate=0.5, translations=known)
    random = np.random.default_rng(1)
    drawn = [change.translation(["The", "cat"], random) for _ in range(2000)]
    shares = [sum(found is not None and found.language == code for found in drawn) / 2000 for code in ("deu", "fra")]
    assert shares == pytest.approx([0.25, 0.25], abs=0.04)
    assert change.translation(["A", "dog"], random) is None


def test_dictionaries_of_a_folder(tmp_path):
    (tmp_path / "en-de.txt").write_text("The der\nthe die\ncat Katze\ncat Katze\n\n")
    with gzip.open(tmp_path / "eng-fr.tsv.gz", "wt") as file:
        file.write("good morning\tbonjour à tous\n")
    (tmp_path / "de-en.txt").write_text("Katze cat\n")
    (tmp_path / "read-me.txt").write_text("nothing")
    found = read_dictionaries(str(tmp_path), "English")
    assert found == {"deu": {"the": ["der", "die"], "cat": ["Katze"]}, "fra": {"good morning": ["bonjour à tous"]}}
    assert list(read_dictionaries(str(tmp_path), "en", ["French"])) == ["fra"]
    refused(lambda: read_dictionaries(str(tmp_path), "en", ["sw"]), "swh", "deu, fra")
    refused(lambda: read_dictionaries(str(tmp_path), "sw"), "no dictionary from sw")
    refused(lambda: read_dictionaries(str(tmp_path / "no"), "sw"), "no folder")
    (tmp_path / "en-de.txt").write_text("cat Katze\ndog\n")
    refused(lambda: read_dictionaries(str(tmp_path), "en"), "en-de.txt, line 2", "'dog'")
    (tmp_path / "en-de.txt").write_text("\n")
    refused(lambda: read_dictionaries(str(tmp_path), "en"), "empty")


@pytest.mark.shared
def test_real_dictionaries(shared_data):
    found = read_dictionaries(str(shared_data / "dictionaries"), "en")
    assert sorted(found) == ["deu", "fin", "fra", "hrv", "ita", "rus", "tur"]
    assert found["deu"]["of"] == ["von"] and all(len(words) > 4900 for words in found.values())


def test_translations_of_a_file(tmp_path):
    (tmp_path / "t.tsv").write_text("The  cat\tde\tdie Katze\t0-0 1/1\nThe cat\tfrench\tle chat\n\n")
    found = read_translations([str(tmp_path / "t.tsv")])
    assert found == {
        "The cat": [
            Translation("deu", ("die", "Katze"), ((0, 0), (1, 1))),
            Translation("fra", ("le", "chat"), None),
        ]
    }
    assert len(read_translations([str(tmp_path / "t.tsv")], ["fr"])["The cat"]) == 1
    refused(lambda: read_translations([str(tmp_path / "t.tsv")], ["sw"]), "no translation into sw")
    asked = [["A dog", " The cat"], ["A dog"]]
    assert read_translations([str(tmp_path / "t.tsv")], sentences=asked[0]) == found
    refused(lambda: read_translations([str(tmp_path / "t.tsv")], sentences=asked[1]), "of a sentence to train on")
    for line, words in (("a\tde", "2 columns"), ("a\tde\tb\t0-1", "0-1"), ("a\tde\tb\tx", "i-j"), ("a\txx\tb", "xx")):
        (tmp_path / "bad.tsv").write_text(f"a\tde\tb\n{line}\n")
        refused(lambda: read_translations([str(tmp_path / "bad.tsv")]), words)
