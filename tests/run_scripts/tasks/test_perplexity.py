"""Window arithmetic and metrics; the expected numbers are worked out by hand."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xlzoo.run_scripts.errors import UserError
from xlzoo.run_scripts.tasks.perplexity import Amount, Window, perplexity_metrics, perplexity_table, windows

LENGTHS = st.integers(1, 40).flatmap(lambda length: st.tuples(st.just(length), st.integers(1, length)))


def test_windows_by_hand():
    """Seven predictions, five tokens at a time: the second window needs to add only two."""
    assert list(windows(7, 5, 3)) == [Window(0, 0, 5), Window(2, 5, 7)]
    assert list(windows(7, 5, 1)) == [Window(0, 0, 5), Window(1, 5, 6), Window(2, 6, 7)]
    assert list(windows(5, 5, 1)) == [Window(0, 0, 5)]
    assert list(windows(0, 5, 1)) == []
    assert list(windows(3, 1, 1)) == [Window(0, 0, 1), Window(1, 1, 2), Window(2, 2, 3)]


@given(st.integers(0, 200), LENGTHS)
def test_every_prediction_counts_once_with_all_the_context_it_may_have(predictions, lengths):
    max_length, stride = lengths
    counted = []
    for window in windows(predictions, max_length, stride):
        assert 0 <= window.start <= window.first < window.stop <= predictions
        assert window.stop - window.start <= max_length
        for prediction in range(window.first, window.stop):
            read = prediction + 1 - window.start
            assert read >= min(prediction + 1, max_length - stride + 1)
            counted.append(prediction)
    assert counted == list(range(predictions))


@given(st.integers(1, 200), LENGTHS)
def test_as_many_windows_as_the_stride_calls_for_and_no_more(predictions, lengths):
    max_length, stride = lengths
    assert len(list(windows(predictions, max_length, stride))) == 1 + max(
        0, math.ceil((predictions - max_length) / stride)
    )


@given(st.integers(1, 200), st.integers(1, 40), st.integers(1, 40))
def test_windows_are_those_of_lm_eval(tokens, max_length, context):
    """lm-eval's rolling windows for a desired context of `context` tokens, written out from its documentation:

    the first window predicts up to `max_length` tokens from the start token on; each further one predicts the next
    `max_length - context + 1` tokens, or those that are left, and reads the `max_length` tokens before the last one.
    """
    context = min(context, max_length)
    text = ["start", *range(tokens)]
    done = min(max_length, tokens)
    expected = [(text[:done], text[1 : done + 1])]
    while done < tokens:
        step = min(tokens - done, max_length - context + 1)
        done += step
        expected.append((text[done - max_length : done], text[done - step + 1 : done + 1]))
    ours = windows(tokens, max_length, max_length - context + 1)
    assert [(text[w.start : w.stop], text[w.first + 1 : w.stop + 1]) for w in ours] == expected


@pytest.mark.parametrize(("max_length", "stride"), [(5, 6), (5, 0), (0, 0), (5, -1)])
def test_strides_that_lose_tokens(max_length, stride):
    with pytest.raises(UserError, match=f"--stride is {stride}; expected 1 to {max_length}"):
        list(windows(9, max_length, stride))


def test_metrics_by_hand():
    """Twelve bits over eight tokens: 1.5 bits a token, 2 ** 1.5 = 2.828...; over 16 bytes 0.75, 12 characters 1."""
    found = perplexity_metrics(12 * math.log(2), Amount(sentences=2, tokens=8, bytes=16, characters=12))
    assert found.pop("loss") == pytest.approx(1.5 * 0.6931471805599453)
    assert found.pop("perplexity") == pytest.approx(2.8284271247461903)
    assert found == {
        "sentences": 2,
        "tokens": 8,
        "bytes": 16,
        "characters": 12,
        "unknown_tokens": 0,
        "bits_per_byte": 0.75,
        "bits_per_character": 1.0,
    }


def test_numbers_that_mean_nothing():
    one = Amount(sentences=1, tokens=1, bytes=1, characters=1)
    for nats in (math.nan, math.inf, 1e9):
        with pytest.raises(UserError, match="--dtype float32"):
            perplexity_metrics(nats, one)
    for nothing in (Amount(1, 0, 4, 4), Amount(1, 1, 0, 0)):
        with pytest.raises(UserError, match="nothing to predict"):
            perplexity_metrics(0.0, nothing)


def test_table():
    metrics = perplexity_metrics(12 * math.log(2), Amount(sentences=2, tokens=8, bytes=16, characters=12))
    assert perplexity_table({"swh_Latn": metrics}).splitlines()[-1] == (
        "| swh_Latn | 2 | 8 | 1.0397 | 2.83 | 0.7500 | 1.0000 |"
    )
