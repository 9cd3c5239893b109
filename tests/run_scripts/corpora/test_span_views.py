"""Views of questions and passages: the answer is found again, and what is compared stands on both sides."""

from dataclasses import replace

import pytest
import torch
from datasets import Dataset
from tiny_runs import refused, sentences

from xlzoo.run_scripts.corpora.pieces import IGNORED
from xlzoo.run_scripts.corpora.span_translations import (
    SpanTranslations,
    language_of,
    read_span_translations,
)
from xlzoo.run_scripts.corpora.span_views import SpanViewCollator
from xlzoo.run_scripts.corpora.span_windows import WindowSizes, as_asked_windows, as_span_rows, word_windows
from xlzoo.run_scripts.corpora.unigram import sampler_of
from xlzoo.run_scripts.corpora.view_rows import ViewRows
from xlzoo.run_scripts.corpora.views import Augmentation
from xlzoo.run_scripts.models.new_tokenizers import train_tokenizer

SIZES = WindowSizes(length=64, stride=16, question=20)
NOTHING = Augmentation(frozenset())
PASSAGE = "Amina sees the (old) cat, and Amina runs."
ROWS = [
    {"id": "a", "question": "Who sees the cat?", "context": PASSAGE, "text": "Amina", "start": 0},
    {"id": "b", "question": "What does Amina see?", "context": PASSAGE, "text": "the (old) cat", "start": 11},
    {"id": "c", "question": "Which cat ?", "context": PASSAGE, "text": "old", "start": 16},
]


@pytest.fixture(scope="module")
def tokenizer():
    return train_tokenizer(
        [*sentences("eng", 150)["text"], PASSAGE, "Kater sieht rennt wer alt", *["abcdefghijklmnopqrstuvwxyz"] * 3],
        280,
    )


@pytest.fixture(scope="module")
def switch():
    words = {
        "cat": ["Kater"],
        "sees": ["sieht"],
        "runs": ["rennt"],
        "amina": ["Mina"],
        "who": ["wer"],
        "old": ["alt"],
    }
    return Augmentation(frozenset({"code_switch"}), code_switch_rate=1.0, dictionaries={"deu": words})


@pytest.fixture(scope="module")
def subword(tokenizer):
    return Augmentation(frozenset({"subword"}), subword_rate=1.0, sampler=sampler_of(tokenizer, 0.0))


def rows_of(tokenizer, rows=ROWS, sizes=SIZES, doubled=False):
    given = [{"answers": [row["text"]], **row} for row in rows]
    return ViewRows(as_span_rows(Dataset.from_list(given), tokenizer, sizes), doubled)


def texts(tokenizer, side):
    """What a side reads: the question, the passage and the answer."""
    question, passage = side.ids[1 : side.head - 2], side.ids[side.head : -1]
    first, last = side.answer
    return [tokenizer.decode(part) for part in (question, passage, side.ids[first : last + 1])]


def test_without_a_change_both_sides_are_the_windows_that_are_evaluated(tokenizer):
    contexts = sentences("eng", 30)
    long = " ".join(contexts["context"])
    rows = [
        {"id": str(i), "question": row["question"], "context": long, "text": row["answers"]["text"][0], "start": start}
        for i, row in enumerate(contexts)
        if (start := long.find(row["answers"]["text"][0])) >= 0
    ]
    made = rows_of(tokenizer, rows)
    expected = as_asked_windows(Dataset.from_list(rows), tokenizer, SIZES)
    assert len(made) == len(expected) > 60
    collator = SpanViewCollator(tokenizer, NOTHING, None, SIZES, 0)
    answered = 0
    for i in range(len(made)):
        drawn = collator.draw(made[i])
        assert drawn.own.ids == drawn.view.ids == expected[i]["input_ids"]
        assert list(drawn.own.answer) == expected[i]["positions"]
        inside = [place for place, begin in enumerate(expected[i]["begins"]) if begin >= 0]
        assert drawn.pairs == [(place, place) for place in [0, *inside]]
        answered += drawn.own.answer != (0, 0)
    assert 20 < answered < len(made)


def test_answers_are_found_again_in_other_words(tokenizer, switch):
    """The first answer is another word now; the second ends, and the third lies, inside a word, which so stays."""
    made, collator = rows_of(tokenizer), SpanViewCollator(tokenizer, switch, None, SIZES, 0)
    first, second, third = (collator.draw(made[i]) for i in range(3))
    assert texts(tokenizer, first.own)[1:] == [PASSAGE, "Amina"]
    question, passage, answer = texts(tokenizer, first.view)
    assert (question, passage, answer) == (
        "wer sieht the Kater?",
        "Mina sieht the (alt) Kater, and Mina rennt.",
        "Mina",
    )
    assert texts(tokenizer, second.view)[1:] == ["Mina sieht the (alt) cat, and Mina rennt.", "the (alt) cat"]
    assert texts(tokenizer, third.view)[1:] == ["Mina sieht the (old) Kater, and Mina rennt.", "old"]


def test_compared_are_the_pieces_of_words_that_stayed(tokenizer, switch):
    made, collator = rows_of(tokenizer), SpanViewCollator(tokenizer, switch, None, SIZES, 0)
    drawn = collator.draw(made[0])
    assert drawn.pairs[0] == (0, 0)
    own, view = zip(*drawn.pairs[1:], strict=True)
    kept = tokenizer.decode([drawn.own.ids[place] for place in own])
    assert kept == tokenizer.decode([drawn.view.ids[place] for place in view]) == "the and"


def test_answers_are_found_again_in_other_pieces(tokenizer, subword):
    made, collator = rows_of(tokenizer), SpanViewCollator(tokenizer, subword, None, WindowSizes(128, 32, 60), 0)
    differ = 0
    for epoch in range(8):
        made.start(epoch)
        for i, row in enumerate(ROWS):
            drawn = collator.draw(made[i])
            assert texts(tokenizer, drawn.view)[1:] == [PASSAGE, row["text"]]
            assert all(drawn.own.ids[one] == drawn.view.ids[other] for one, other in drawn.pairs)
            differ += drawn.view.ids != drawn.own.ids and len(drawn.pairs) < len(drawn.own.ids) - drawn.own.head
    assert differ > 20


def test_a_view_that_lost_its_answer_is_not_compared_and_a_copy_not_labelled(tokenizer, subword):
    """The answer is the last word of a full window, and a view of smaller pieces is longer."""
    text = "runs " * 9 + "Amina"
    sizes = WindowSizes(len(tokenizer("who", text)["input_ids"]), 8, 6)
    row = {"id": "a", "question": "who", "context": text, "text": "Amina", "start": 45}
    made = rows_of(tokenizer, [row], sizes, doubled=True)
    collator = SpanViewCollator(tokenizer, subword, subword, sizes, 0, lambda epoch, number: torch.ones(20, 2))
    drawn = collator.draw(made[0])
    assert drawn.own.answer and drawn.view.answer is None and drawn.pairs == []
    batch = collator([made[0], made[1]])
    assert (batch["own"][0] == -1).all() and batch["positions"][1].tolist() == [IGNORED, IGNORED]
    assert batch["input_ids"].shape[1] <= -(-sizes.length // 8) * 8


def test_batches_and_copies_are_of_the_same_draws(tokenizer, switch, subword):
    """Copies are drawn for the teacher as for the student, whose logits stand where the tokens are."""
    made = rows_of(tokenizer, doubled=True)
    told = {number: torch.randn(30 + number, 2) for number in range(3)}
    collator = SpanViewCollator(
        tokenizer, switch, subword, WindowSizes(128, 32, 60), 3, lambda epoch, number: told[number]
    )
    batch = collator([made[1], made[5], made[3]])
    drawn = [collator.draw(made[i]) for i in (1, 5, 3)]
    assert batch["taught"].tolist() == [1, 2] and batch["teacher"].shape == (2, batch["input_ids"].shape[1], 2)
    assert torch.equal(batch["teacher"][0, :32], told[2]) and torch.equal(batch["teacher"][1, :30], told[0])
    assert batch["positions"].tolist() == [list(row.own.answer) for row in drawn]
    for place, row in enumerate(drawn):
        for name, side in (("own", 0), ("other", 1)):
            known = batch[name][place][batch[name][place] >= 0].tolist()
            assert known == [pair[side] for pair in row.pairs]
    asked = collator.copies([made[5], made[3]])
    assert asked["sizes"].tolist() == [len(row.own.ids) for row in drawn[1:]]
    flat = asked["input_ids"].flatten()[asked["places"]].tolist()
    assert flat == [*drawn[1].own.ids, *drawn[2].own.ids]
    assert drawn[1].own.ids != collator.draw(made[2]).own.ids, "a copy is augmented, its row is not"
    made.start(1)
    assert collator.draw(made[5]).own.ids != drawn[1].own.ids


GERMAN = "Die alte Katze wird von Amina gesehen."


def translated(tmp_path, *asked, name="squad.translate.train.en-de.json"):
    import json

    qas = [
        {"id": id, "question": "Wer ?", "answers": [{"text": text, "answer_start": GERMAN.find(text)}]}
        for id, text in asked
    ]
    (tmp_path / name).write_text(json.dumps({"data": [{"paragraphs": [{"context": GERMAN, "qas": qas}]}]}))
    return str(tmp_path / name)


def test_copies_are_translations_with_their_own_answers(tokenizer, switch, tmp_path):
    path = translated(tmp_path, ("a", "Amina"), ("b", "alte Katze"), ("b", "Hund"))
    rows = read_span_translations([path], ["a", "b", "c"], ["de"])
    assert rows["id"][:] == ["a", "b"], "the lost answer is left out"
    found = SpanTranslations(rows, tokenizer, SIZES)
    made = rows_of(tokenizer, doubled=True)
    change = Augmentation(
        frozenset({"translation", "code_switch"}), code_switch_rate=1, dictionaries=switch.dictionaries
    )
    view = replace(switch, dictionaries={"deu": {"die": ["cube"], "amina": ["Mina"]}})
    collator = SpanViewCollator(tokenizer, view, change, SIZES, 0, None, found)
    for place, answer in ((3, "Amina"), (4, "alte Katze")):
        drawn = collator.draw(made[place])
        assert texts(tokenizer, drawn.own)[2] == answer
        assert drawn.view.ids == drawn.own.ids, "no dictionary is from the translation's language"
    assert texts(tokenizer, collator.draw(made[0]).own)[1] == PASSAGE
    assert texts(tokenizer, collator.draw(made[5]).own)[1].startswith("Mina"), "without a translation, what is left"
    never = SpanViewCollator(tokenizer, NOTHING, replace(change, translation_rate=0.0), SIZES, 0, None, found)
    assert texts(tokenizer, never.draw(made[3]).own)[0].startswith("wer")


def test_the_window_of_a_long_translation(tokenizer, tmp_path):
    """The window with the answer for the window with the answer, else the one at its place."""
    sizes = WindowSizes(28, 8, 6)
    rows = read_span_translations([translated(tmp_path, ("b", "gesehen"))], ["b"])
    found = SpanTranslations(rows, tokenizer, sizes)
    windows = list(word_windows(rows[0], found.cut, sizes))
    assert len(windows) > 1 and not windows[0]["answer"]
    row = {"id": "b", "answer": [0, 0, 0, 0], "window": 0}
    assert found.window(row, 0.5)["answer"]
    assert found.window({**row, "answer": []}, 0.5)["window"] == 0
    assert found.window({**row, "answer": [], "window": 9}, 0.5)["window"] == len(windows) - 1
    assert found.window({**row, "id": "z"}, 0.5) is None


def test_languages_of_translations_and_what_is_refused(tmp_path):
    assert language_of("x/squad.translate.train.en-tr.json.gz")[0] == "tur"
    assert language_of("sw=a/b=c.json")[0] == "swh" and str(language_of("sw=a/b=c.json")[1]) == "a/b=c.json"
    refused(lambda: language_of("german.json"), "de=german.json")
    path = translated(tmp_path, ("a", "Amina"))
    refused(lambda: read_span_translations([path], ["a"], ["sw"]), "sw")
    refused(lambda: read_span_translations([path], ["x"]), "'x'")
