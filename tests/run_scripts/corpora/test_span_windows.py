"""Windows of passages: every piece in one, answers where they are, and back again by their characters."""

import json

import pytest
import torch
from datasets import Dataset, DatasetDict
from tiny_runs import refused, sentences
from transformers import XLMRobertaTokenizer

from xlzoo.run_scripts.corpora.languages import hub_tag
from xlzoo.run_scripts.corpora.span_windows import (
    AskedCollator,
    LocatedPieces,
    WindowSizes,
    as_asked_windows,
    as_span_rows,
    cut_passage,
)
from xlzoo.run_scripts.corpora.squad import read_squad, with_answers
from xlzoo.run_scripts.models.new_tokenizers import SPECIAL_TOKENS, train_tokenizer
from xlzoo.run_scripts.tasks.spans import answer_scores

SMALL = WindowSizes(length=40, stride=12, question=10)


@pytest.fixture(scope="module")
def tokenizer():
    return train_tokenizer([row["text"] for row in sentences("eng", 150)], 250)


def asked(**changes):
    row = {
        "id": "q",
        "question": "Who sees it ?",
        "context": "Amina sees the (old) cat.",
        "answers": ["Amina"],
        "start": 0,
    }
    row |= changes
    return {**row, "text": row["answers"][0]}


def located(*rows):
    return Dataset.from_list(list(rows))


def test_windows_of_a_passage_by_hand():
    """40 pieces, of which 10 are the question's and 4 stand around: 26 of the passage, a window every 12 pieces."""
    assert SMALL.of_passage(26, 10) == [(0, 26)]
    assert SMALL.of_passage(27, 10) == [(0, 26), (12, 27)]
    assert SMALL.of_passage(60, 10) == [(0, 26), (12, 38), (24, 50), (36, 60)]
    assert SMALL.of_passage(27, 9) == [(0, 27)] and SMALL.of_passage(3, 1) == [(0, 3)]
    refused(lambda: WindowSizes(40, 27, 10), "--doc_stride", "--max_seq_length")


def test_pieces_are_the_tokenizer_s_of_the_whole_text(tokenizer):
    """Word by word as all at once, and every piece at its characters."""
    texts = sentences("eng", 40)["context"]
    cut = LocatedPieces(tokenizer)
    for text in [*texts, "  Amina\u00a0sees\t\tit ", "5½ cats"]:
        passage = cut_passage(text, cut)
        assert passage.ids == tokenizer(text, add_special_tokens=False)["input_ids"]
        pieces = tokenizer.convert_ids_to_tokens(passage.ids)
        for piece, begin, end in zip(pieces, passage.begins, passage.ends, strict=True):
            assert piece in ("▁", "<unk>") or text[begin:end] == piece.lstrip("▁")
    assert cut(["\u0007"])[0].ids


def test_a_window_asks_and_answers(tokenizer):
    rows = as_asked_windows(located(asked(answers=["cat"], start=21)), tokenizer, WindowSizes())
    window = rows[0]
    pair = tokenizer("Who sees it ?", "Amina sees the (old) cat.")["input_ids"]
    assert len(rows) == 1 and window["input_ids"] == pair
    first, last = window["positions"]
    assert tokenizer.decode(window["input_ids"][first : last + 1]).strip() == "cat"
    assert (window["begins"][first], window["ends"][last]) == (21, 24)
    marks = [begin >= 0 for begin in window["begins"]]
    head = len(tokenizer("Who sees it ?")["input_ids"]) + 1
    assert marks == [False] * head + [True] * (len(pair) - head - 1) + [False]


def test_every_piece_of_a_long_passage_is_in_a_window_and_the_answer_in_some(tokenizer):
    context = " ".join(sentences("eng", 12)["context"])
    start = context.rindex(" ") + 1
    row = asked(context=context, answers=[context[start:]], start=start)
    windows = as_asked_windows(located(row), tokenizer, SMALL)
    whole = cut_passage(context, LocatedPieces(tokenizer))
    characters = {begin for window in windows for begin in window["begins"] if begin >= 0}
    assert characters == set(whole.begins) and len(windows) > 4
    assert all(len(window["input_ids"]) <= 40 and window["place"] == 0 for window in windows)
    answered = [window for window in windows if window["positions"] != [0, 0]]
    assert 1 <= len(answered) < len(windows)
    for window in answered:
        first, last = window["positions"]
        assert context[window["begins"][first] : window["ends"][last]] == row["text"]
    rows = as_span_rows(located(row), tokenizer, SMALL)
    assert [len(window["input_ids"]) for window in windows] == rows["length"][:]
    assert [bool(answer) for answer in rows["answer"]] == [window["positions"] != [0, 0] for window in windows]


def test_words_that_cannot_change(tokenizer):
    """The answer ends inside the last word, before the full stop; "(old)" holds both of the other answer's ends."""
    rows = as_span_rows(located(asked(answers=["sees the (old) cat"], start=6)), tokenizer, WindowSizes())
    assert rows[0]["passage"] == ["Amina", "sees", "the", "(old)", "cat."] and rows[0]["fixed"] == [4]
    first, begin, last, end = rows[0]["answer"]
    assert (first, begin, last) == (1, 0, 4) and end < len(LocatedPieces(tokenizer)(["cat."])[0].ids) - 1
    assert as_span_rows(located(asked(answers=["old"], start=16)), tokenizer, WindowSizes())[0]["fixed"] == [3]
    assert as_span_rows(located(asked()), tokenizer, WindowSizes())[0]["fixed"] == []


def test_batches_of_windows(tokenizer):
    rows = as_asked_windows(located(asked(), asked(context="Amina")), tokenizer, WindowSizes())
    batch = AskedCollator(tokenizer)([rows[1], rows[0]])
    assert batch["place"].tolist() == [1, 0] and batch["positions"].shape == (2, 2)
    assert batch["begins"].shape == batch["ends"].shape == batch["input_ids"].shape
    assert torch.equal(
        batch["attention_mask"].sum(1), torch.tensor([len(rows[1]["input_ids"]), len(rows[0]["input_ids"])])
    )
    assert (batch["begins"][batch["attention_mask"] == 0] == -1).all()


def hub_row(**changes):
    answers = {"text": ["cat"], "answer_start": [changes.pop("at", 21)]} | changes.pop("answers", {})
    return {"id": 1, "question": "What ?", "context": "Amina sees the (old) cat.", "answers": answers, **changes}


def find(row):
    return with_answers(DatasetDict({"train": Dataset.from_list([row])}))["train"][0]


@pytest.mark.parametrize(
    ("context", "at", "start"),
    [("cat", 0, 0), ("a cat", 0, 2), ("cat cat cat", 5, 4), ("cat cat", 3, 4), ("a cat", 90, 2), ("a cat", -4, 2)],
)
def test_answers_are_moved_to_where_they_are(context, at, start):
    row = find(hub_row(context=context, at=at))
    assert (row["start"], row["text"], row["id"], row["answers"]) == (start, "cat", "1", ["cat"])


def test_spaces_around_an_answer_do_not_belong_to_it():
    row = find(hub_row(answers={"text": [" cat", "old"], "answer_start": [20, 16]}))
    assert (row["start"], row["text"], row["answers"]) == (21, "cat", [" cat", "old"])


@pytest.mark.parametrize(
    "row",
    [
        hub_row(context="Amina sees it."),
        hub_row(answers={"text": [], "answer_start": []}),
        hub_row(answers={"text": [" "]}),
        hub_row(question=" "),
        hub_row(answers={"text": "cat", "answer_start": 21}),
        hub_row(answers={"text": ["cat"], "answer_start": [None]}),
    ],
)
def test_questions_without_an_answer_are_refused(row):
    refused(lambda: find(row), "Row 0 of the train split", "answer_start")


@pytest.mark.shared
@pytest.mark.parametrize("code", ["eng", "zho", "hin"])
def test_every_answer_of_xquad_comes_back_from_its_positions(shared_data, tmp_path, code):
    """All 1190 in their own language: the text between the characters of the gold first and last piece.

    A tokenizer of single characters, so that no piece holds the end of an answer inside it.
    """
    rows = with_answers(DatasetDict({"test": read_squad(shared_data / f"xquad/{hub_tag(code)}.json.gz")}))["test"]
    letters = sorted({letter for text in rows["context"][:] for letter in text if not letter.isspace()})
    pieces = [("▁", -1.0), *((letter, -2.0) for letter in letters)]
    tokenizer = XLMRobertaTokenizer(vocab=[*((name, 0.0) for name in SPECIAL_TOKENS), *pieces, ("<mask>", 0.0)])
    windows = as_asked_windows(rows, tokenizer, WindowSizes())
    found = {}
    for window in windows.windows:
        if window["positions"] != [0, 0]:
            first, last = window["positions"]
            context = rows[window["place"]]["context"]
            found[window["place"]] = context[window["begins"][first] : window["ends"][last]]
    assert len(found) == len(rows) == 1190
    wrong = {place: (text, rows[place]["text"]) for place, text in found.items() if text != rows[place]["text"]}
    assert not wrong, json.dumps(wrong, ensure_ascii=False)[:2000]
    assert all(answer_scores(found[i], rows[i]["answers"], None)["exact_match"] == 1 for i in range(1190))
