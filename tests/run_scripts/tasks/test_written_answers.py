"""Spans as MLQA's program counts them, and ROUGE by hand and as rouge_score's own words give it."""

import numpy as np
import pytest
from lm_eval.tasks.mlqa import utils as mlqa
from rouge_score.rouge_scorer import RougeScorer

from xlzoo.run_scripts.tasks.span_questions import Ends, best_span
from xlzoo.run_scripts.tasks.spans import answer_scores, words_of_answer
from xlzoo.run_scripts.tasks.summaries import KINDS, Words, rouge_scores

SPANS = {
    "en": [("The  Panthers' defence, a", "Panthers defence"), ("Theatre", "the theatre"), ("", "a")],
    "de": [("Der Berg!", "Berg"), ("dem hohen Berg", "einen Berg"), ("DERBE Berge", "Berg")],
    "es": [("Los Ángeles (California)", "Los Angeles"), ("la casa", "una casa")],
    "vi": [("những ngọn núi của Việt Nam", "núi Việt Nam")],
    "ar": [("الجبل الكبير", "جبل كبير"), ("و الجبل", "الجبل")],
    "hi": [("यह पहाड़ है।", "पहाड़")],
    "zh": [("1984年，在北京。", "北京"), ("UTF编码8", "编码 utf")],
}


@pytest.mark.parametrize(
    ("language", "found", "gold"), [(code, *pair) for code, pairs in SPANS.items() for pair in pairs]
)
def test_spans_are_counted_as_by_mlqa(language, found, gold):
    """The oracle is lm-eval's copy of MLQA's own program."""
    other = "Berg 7"
    expected = mlqa.process_results_lang({"answers": [other, gold]}, [found], language)
    assert answer_scores(found, [other, gold], language) == pytest.approx({k: float(v) for k, v in expected.items()})


def test_spans_by_hand():
    """Of "der hohe Berg" two words count, one of them in "Berge Berg": precision and recall are 1 / 2."""
    assert answer_scores("der hohe Berg", ["Berge, Berg"], "de") == {"exact_match": 0.0, "f1": 0.5}
    assert answer_scores("", ["Berg"], "de") == {"exact_match": 0.0, "f1": 0.0}
    # Languages that MLQA does not have: every word counts, in Thai every character.
    assert words_of_answer("The Βουνό!", "el") == ["the", "βουνό"] and words_of_answer("กขค", "th") == list("กขค")


def test_rouge_of_plain_english_is_the_stock_one():
    texts = ["The cat sat on the mat, quietly.", "On the mat sat a Cat; it slept 2 hours"]
    stock = RougeScorer([*KINDS]).score(texts[1], texts[0])
    assert rouge_scores(*texts) == {kind: stock[kind].fmeasure for kind in KINDS}


def test_rouge_in_other_scripts():
    """Of 2 and 3 words 1 is common: 2 x 1 / 5. Of 4 and 3 characters 3 are, in order, and 1 of 3 and 2 pairs is."""
    assert rouge_scores("Дождь сильный", "дождь слабый.. всюду") == pytest.approx(
        {"rouge1": 0.4, "rouge2": 0, "rougeL": 0.4}
    )
    assert rouge_scores("大雨下了", "大雨了") == pytest.approx({"rouge1": 6 / 7, "rouge2": 2 / 5, "rougeL": 6 / 7})
    assert Words().tokenize("यह पहाड़ है। กิน OK_2") == ["यह", "पहाड़", "है", "กิ", "น", "ok", "2"]


def test_answers_as_squad_scores_them_in_every_language():
    """By hand: no ASCII punctuation, no English articles; a dash and German articles are words or parts of them."""
    assert words_of_answer("The  cat's, a dog", None) == ["cats", "dog"]
    assert words_of_answer("Der «Hund»", None) == ["der", "«hund»"]
    assert answer_scores("der Berg", ["Berg"], None) == {"exact_match": 0.0, "f1": pytest.approx(2 / 3)}
    assert answer_scores("der Berg", ["Berg"], "de") == {"exact_match": 1.0, "f1": 1.0}


def ends(*triples):
    return Ends(*(np.array(column) for column in zip(*triples, strict=True)))


def test_the_best_span_by_hand():
    """Scores, tokens, characters: 9 + 8 would go backwards, 9 + 7 is of four tokens, so 3 + 8 of one; 5 + 7 wins."""
    first = ends((9.0, 5, 50), (3.0, 2, 20)), ends((8.0, 2, 25), (7.0, 8, 85))
    assert best_span([first], longest=3) == (20, 25)
    assert best_span([first], longest=4) == (50, 85)
    second = ends((5.0, 1, 10)), ends((7.0, 1, 13))
    assert best_span([first, second], longest=3) == (10, 13)
    assert best_span([(ends((9.0, 5, 50)), ends((8.0, 2, 25)))], longest=3) == (0, 0)
    nothing = -float("inf")
    assert best_span([(ends((nothing, 0, -1)), ends((nothing, 0, -1)))], longest=3) == (0, 0)
