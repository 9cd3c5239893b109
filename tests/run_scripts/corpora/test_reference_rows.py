"""Reference rows worked out by hand, and what holds of all of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from known_models import words_tokenizer

from xlzoo.run_scripts.corpora.reference_rows import (
    Shape,
    characters,
    closing_rows,
    running_rows,
    tokens,
    usual_unit,
    words,
)

DOCUMENTS = ["a b  c\nd", "e f", "", "g h i j k"]


def rows(cut, prompt, completion, units=words, documents=DOCUMENTS):
    made = cut(documents, Shape(prompt, completion, is_spaced=units is words), units)
    return [(row["prompt"], row["completion"]) for row in made]


def test_running_text_is_cut_across_documents():
    """By hand: eleven words are three pieces of three, and two words are left."""
    assert rows(running_rows, 2, 1) == [("a b", "c"), ("d e", "f"), ("g h", "i")]
    assert rows(running_rows, 1, 2) == [("a", "b c"), ("d", "e f"), ("g", "h i")]
    assert rows(running_rows, 11, 1) == []


def test_the_last_words_of_a_document():
    """By hand: the second document has no word left for a prompt, and of long ones the beginning is left out."""
    assert rows(closing_rows, 3, 2) == [("a b", "c d"), ("g h i", "j k")]
    assert rows(closing_rows, 1, 2) == [("b", "c d"), ("i", "j k")]


def test_characters_need_no_spaces():
    assert rows(running_rows, 3, 1, characters, ["我爱你们", "你好"]) == [("我爱你", "们")]
    # The fifth character is the space between the documents, and alone it is nothing to predict.
    assert rows(running_rows, 4, 1, characters, ["abcd", "ef"]) == []
    assert rows(running_rows, 2, 2, characters, ["ab", "cd"]) == [("ab", " c")]


def test_tokens_leave_nothing_between_prompt_and_completion():
    tokenizer = words_tokenizer("x", "a", "b", "c", "d", unk_token="x")
    assert rows(running_rows, 2, 1, tokens(tokenizer)) == [("a b", " c"), ("d e", " f"), ("g h", " i")]


@given(
    st.lists(st.text(alphabet=" \nabcé我", max_size=30), max_size=6),
    st.integers(1, 5),
    st.integers(1, 4),
    st.sampled_from(["words", "characters"]),
)
def test_no_word_is_lost_or_doubled(documents, prompt, completion, unit):
    """Whatever is cut: rows have their sizes, and are the running text in order but for blank ones and the rest."""
    units = words if unit == "words" else characters
    made = rows(running_rows, prompt, completion, units, documents)
    assert all(len(units(p)) == prompt and p.strip() and c.strip() for p, c in made)
    text = " ".join(plain for document in documents if (plain := " ".join(document.split())))
    if unit == "words":
        assert all(len(units(c)) == completion for _, c in made)
        all_words = text.split()
        whole = len(all_words) // (prompt + completion) * (prompt + completion)
        assert [word for row in made for part in row for word in part.split()] == all_words[:whole]
    else:
        assert all(p + c in text for p, c in made)


@pytest.mark.parametrize(
    ("language", "unit"),
    [("zho", "characters"), ("Japanese", "characters"), ("th", "characters"), ("swh", "words"), ("ko", "words")],
)
def test_units_of_languages(language, unit):
    assert usual_unit(language) == unit and usual_unit(None) == "words"
