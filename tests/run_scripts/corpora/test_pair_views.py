"""Views of sentence pairs: what is unchanged reads as for a plain classifier, what changes does so in both halves."""

import pytest
import torch
from datasets import Dataset
from tiny_runs import sentences

from xlzoo.run_scripts.corpora.pair_views import PairViewCollator, as_pair_rows
from xlzoo.run_scripts.corpora.phrasebook import load_phrasebook
from xlzoo.run_scripts.corpora.text_pairs import as_text_pairs
from xlzoo.run_scripts.corpora.translations import Translation
from xlzoo.run_scripts.corpora.unigram import sampler_of
from xlzoo.run_scripts.corpora.view_rows import ViewRows
from xlzoo.run_scripts.corpora.views import Augmentation
from xlzoo.run_scripts.models.new_tokenizers import train_tokenizer
from xlzoo.run_scripts.tasks.text_pairs import PAIR_TASKS

LABELS = PAIR_TASKS["xnli"].labels
ODD = [
    "  two  spaces ",
    "a\ttab\u00a0and\u3000more",
    "",
    "\u200b",
    "男は寝る。",
    "นอน",
    "x" * 40,
    "Amina <s> sees",
    "\x07 a",
]
STILL = Augmentation(frozenset())


@pytest.fixture(scope="module")
def tokenizer():
    return train_tokenizer([row["text"] for row in sentences("eng", 150)], 250)


def rows_of(*pairs, doubled=False, tokenizer=None, length=64):
    columns = {"first": [a for a, _ in pairs], "second": [b for _, b in pairs], "label": ["neutral"] * len(pairs)}
    return ViewRows(as_pair_rows(Dataset.from_dict(columns), tokenizer, LABELS, length), doubled)


def words_of(tokenizer, ids):
    return tokenizer.decode(ids, skip_special_tokens=True)


@pytest.mark.parametrize("length", [64, 23, 22, 9, 5])
@pytest.mark.parametrize("kinds", [(), ("subword", "code_switch")])
def test_what_is_unchanged_reads_as_for_the_classifier(tokenizer, length, kinds):
    """Both sides, with augmentations that never strike; long pairs are cut at the same places."""
    pairs = load_phrasebook("eng", sizes={"train": 30})["train"]
    data = [*zip(pairs["premise"], pairs["hypothesis"], strict=True), *zip(ODD, ODD[::-1], strict=True)]
    columns = {"first": [a for a, _ in data], "second": [b for _, b in data], "label": ["neutral"] * len(data)}
    plain = as_text_pairs(Dataset.from_dict(columns), tokenizer, LABELS, length)["input_ids"][:]
    rows = rows_of(*data, doubled=True, tokenizer=tokenizer, length=length)
    never = Augmentation(frozenset(kinds), 0.0, 0.0, sampler=sampler_of(tokenizer, 0.1), dictionaries={"deu": {}})
    collator = PairViewCollator(tokenizer, never, never, length, 0)
    number = len(data)
    for index in (*range(number), *range(number, 2 * number)):
        (own, _), (view, noise) = collator.draw(rows[index])
        assert own == view == plain[index % number], data[index % number]
        assert noise == 0
    assert list(rows.lengths) == 2 * list(map(len, plain))
    batch = collator([rows[i] for i in range(4)])
    assert torch.equal(batch["input_ids"][:4], batch["input_ids"][4:]) and batch["labels"].tolist() == [1] * 4


def test_words_of_both_sentences_are_switched(tokenizer):
    """Every word that a dictionary has, whatever its case and the punctuation around it."""
    dictionaries = {"deu": {"amina": ["She"], "man": ["sees"], "the": ["a"]}}
    change = Augmentation(frozenset({"code_switch"}), code_switch_rate=1.0, dictionaries=dictionaries)
    rows = rows_of(('"The man," Amina\'s man', "He, the: the-man ."), tokenizer=tokenizer)
    (own, _), (view, _) = PairViewCollator(tokenizer, change, None, 64, 0).draw(rows[0])
    expected = tokenizer('"a sees," Amina\'s sees', "He, a: the-man .")["input_ids"]
    assert view == expected and own == rows[0]["input_ids"] != view


def test_pieces_of_both_sentences_are_drawn(tokenizer):
    every = Augmentation(frozenset({"subword"}), subword_rate=1.0, sampler=sampler_of(tokenizer, 0.0))
    rows = rows_of(("Amina sees Nairobi", "Amina is there"), tokenizer=tokenizer)
    rows.start(3)
    (own, _), (view, _) = PairViewCollator(tokenizer, every, None, 64, 0).draw(rows[0])
    end = tokenizer.sep_token_id
    halves = [[ids[: ids.index(end)], ids[ids.index(end) + 1 :]] for ids in (own, view)]
    for plain, drawn in zip(*halves, strict=True):
        assert plain != drawn and words_of(tokenizer, plain) == words_of(tokenizer, drawn)


PAIR = ("The cat sleeps", "It is awake")
GERMAN = Translation("deu", ("die", "Katze"), None), Translation("deu", ("sie", "wacht"), None)
FRENCH = Translation("fra", ("le", "chat"), None)
KNOWN = {"The cat sleeps": [GERMAN[0], FRENCH], "It is awake": [GERMAN[1]]}


def drawn_texts(tokenizer, view, copy, index, draws=200):
    """Which texts the two sides are, over many epochs."""
    rows, found = rows_of(PAIR, doubled=True, tokenizer=tokenizer), []
    collator = PairViewCollator(tokenizer, view, copy, 64, 0)
    original = collator._joined
    collator._joined = lambda first, second: (words_of(tokenizer, first), words_of(tokenizer, second))
    for epoch in range(draws):
        rows.start(epoch)
        own, other = (side for side, _ in collator.draw(rows[index]))
        found.append((PAIR if own == rows[index]["input_ids"] else own, other))
    assert original(rows[0]["input_ids"][1:4], [7])[0] == tokenizer.cls_token_id
    return found


def plain_text(tokenizer, *texts):
    return tuple(words_of(tokenizer, tokenizer(text)["input_ids"]) for text in texts)


def test_a_pair_is_translated_into_one_language(tokenizer):
    """Into French only its first sentence; of the languages each has the same chance."""
    change = Augmentation(frozenset({"translation"}), translations=KNOWN)
    german, french = plain_text(tokenizer, "die Katze", "sie wacht"), plain_text(tokenizer, "le chat", PAIR[1])
    found = drawn_texts(tokenizer, change, None, 0)
    assert {own for own, _ in found} == {PAIR} and {view for _, view in found} == {german, french}
    assert sum(view == german for _, view in found) / 200 == pytest.approx(0.5, abs=0.12)


def test_the_view_of_a_translated_copy_is_in_another_language(tokenizer):
    """Where the draw falls on the copy's own, it is the pair itself."""
    change = Augmentation(frozenset({"translation"}), translations=KNOWN)
    german, french = plain_text(tokenizer, "die Katze", "sie wacht"), plain_text(tokenizer, "le chat", PAIR[1])
    pair = plain_text(tokenizer, *PAIR)
    assert set(drawn_texts(tokenizer, change, change, 1)) == {
        *((german, view) for view in (french, pair)),
        *((french, view) for view in (german, pair)),
    }
    # Views that are not translated are of the copy's own words.
    assert set(drawn_texts(tokenizer, STILL, change, 1)) == {(german, german), (french, french)}


def test_copies_keep_their_labels_and_are_known_to_the_teacher(tokenizer):
    change = Augmentation(frozenset({"translation", "noise"}), translations=KNOWN)
    rows = rows_of(PAIR, ("Amina lives", "Amina sees"), doubled=True, tokenizer=tokenizer)
    answers = {0: torch.full((1, 3), 0.25), 1: torch.full((1, 3), 0.5)}
    collator = PairViewCollator(tokenizer, STILL, change, 64, 1, lambda epoch, number: answers[number] + epoch)
    rows.start(2)
    batch = collator([rows[3], rows[0], rows[2]])
    assert batch["labels"].tolist() == [1, 1, 1] and batch["taught"].tolist() == [0, 2]
    assert batch["places"].tolist() == batch["own"].tolist() == [0, 1, 2] and batch["other"].tolist() == [3, 4, 5]
    assert torch.equal(batch["teacher"], torch.cat([answers[1], answers[0]]) + 2)
    asked = collator.copies([rows[3], rows[2]])
    assert asked["places"].tolist() == [0, 1] and asked["sizes"].tolist() == [1, 1]
    for place, row in enumerate((0, 2)):
        mask = batch["attention_mask"][row].bool()
        assert torch.equal(
            asked["input_ids"][place][asked["attention_mask"][place].bool()], batch["input_ids"][row][mask]
        )
        assert asked["noise"][place] == batch["noise"][row] > 0
    assert batch["noise"].tolist()[1] == 0 and not batch["noise"][3:].any()
    evaluated = {"input_ids": [0, 5, 2, 2, 6, 2], "labels": 2}
    assert collator([evaluated]).keys() == {"input_ids", "attention_mask", "labels"}
