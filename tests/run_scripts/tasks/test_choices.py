"""Preferences, priors and answers, by hand."""

import math

import pytest

from xlzoo.run_scripts.tasks.answers import is_right, last_number
from xlzoo.run_scripts.tasks.choices import (
    are_letters,
    letter_prompt,
    mutual_information,
    per_character,
    preferred,
    prior_pairs,
)


def test_three_scorings_prefer_three_answers():
    """Probabilities .5, .3 and .2 in 2, 6 and 2 characters; the priors are .5, .5 and .1.

    Likelihood: .5 is the largest. Per character: ln .5 / 2 = -.35, ln .3 / 6 = -.20, ln .2 / 2 = -.80. Mutual
    information: the ratios are 1, .6 and 2.
    """
    likelihoods, answers = [math.log(p) for p in (0.5, 0.3, 0.2)], ["no", "nobody", "na"]
    assert preferred(likelihoods) == 0
    assert per_character(likelihoods, answers) == pytest.approx([-0.34657, -0.20066, -0.80472], abs=1e-5)
    assert preferred(per_character(likelihoods, answers)) == 1
    information = mutual_information(likelihoods, [math.log(p) for p in (0.5, 0.5, 0.1)])
    assert [math.exp(value) for value in information] == pytest.approx([1, 0.6, 2])
    assert preferred(information) == 2
    assert preferred([-1.0, -1.0]) == 0


def test_priors_hold_nothing_of_the_example():
    doc = {"premise": "The sun rose. "}
    assert prior_pairs("xcopa", doc, "The sun rose because", ["a", "b"]) == [("because", "a"), ("because", "b")]
    assert prior_pairs("xcopa", doc, "another text", ["a"]) == [("", "a")]
    assert prior_pairs("belebele", {}, "P: text\nQ: why\nA: 1\nAnswer:", ["A"]) == [("Answer:", "A")]
    assert prior_pairs("xstorycloze", {}, "Once upon a time.", ["The end."]) == [("", "The end.")]


def test_what_whole_texts_begin_with_is_their_context():
    texts = ["It rains, right? Yes, wet", "It rains, right? Also, wet", "It rains, right? No, wet"]
    assert prior_pairs("xnli", {}, "", texts) == [("", "Yes, wet"), ("", "Also, wet"), ("", "No, wet")]
    assert prior_pairs("xnli", {}, "", ["a b", "a b"]) == [("", "b"), ("", "b")]
    assert prior_pairs("xnli", {}, "", ["a", "a b"]) == [("", "a"), ("", "a b")]


def test_letters():
    assert are_letters(["A", "B"]) and not are_letters(["B", "A"]) and not are_letters(["Ndiyo", "Hapana"])
    assert letter_prompt("Why?", ["x", "y z"]) == "Why?\nA: x\nB: y z\nAnswer:"


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("it is 7, so 18.", 18),
        ("$2,125 in all", 2125),
        ("3 and -4", -4),
        ("18.0", 18),
        ("1.8", 1.8),
        ("5-3=2", 2),
        ("1,2,3", 3),
        ("١٨", 18),
        ("none", None),
    ],
)
def test_last_number(text, number):
    assert last_number(text) == number


def test_is_right():
    assert is_right("ni 18.", 18) and not is_right("ni 1.8", 18) and not is_right("", 0)
