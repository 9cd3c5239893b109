"""Alignment scores with numbers worked out by hand, as a tally by layer and as a metric of `evaluate`."""

import subprocess
import sys
from pathlib import Path

import evaluate
import pytest

from xlzoo.run_scripts.tasks.aer.alignment_counts import AlignmentCounts
from xlzoo.run_scripts.tasks.word_alignment import AlignmentTally, alignment_table, best_layer

METRIC = Path(__file__).parents[2] / "run_scripts" / "tasks" / "aer"
LINKS = [[(0, 0), (1, 1), (2, 2), (3, 0)], [(0, 1)]]
SURE = [[(0, 0), (1, 1), (1, 2)], [(0, 0)]]
POSSIBLE = [[(2, 2), (2, 1)], []]
# |A| = 4 + 1, |S| = 3 + 1, |A & S| = 2 (0-0, 1-1), |A & P| = 3 (and 2-2): precision 3/5, recall 2/4,
# F1 = 2 * .6 * .5 / 1.1, AER = 1 - (2 + 3) / (5 + 4).
BY_HAND = {"precision": 3 / 5, "recall": 1 / 2, "f1": 6 / 11, "aer": 4 / 9}


def counts(*sentences):
    found = AlignmentCounts()
    for sentence in sentences:
        found.add(*sentence)
    return found.scores()


def test_scores_by_hand():
    assert counts(*zip(LINKS, SURE, POSSIBLE, strict=True)) == pytest.approx(BY_HAND)


def test_order_and_repetition_do_not_matter():
    twice = [
        (one[::-1] + one, two[::-1] + two, three * 2) for one, two, three in zip(LINKS, SURE, POSSIBLE, strict=True)
    ]
    assert counts(*twice[::-1]) == pytest.approx(BY_HAND)
    # A link that gold calls both sure and possible is sure, and counts once.
    assert counts(([(0, 0)], [(0, 0)], [(0, 0)])) == {"precision": 1.0, "recall": 1.0, "f1": 1.0, "aer": 0.0}


@pytest.mark.parametrize(
    "sentence, expected",
    [
        (([], [], []), (0.0, 0.0, 0.0, 0.0)),
        (([(0, 0)], [], []), (0.0, 0.0, 0.0, 1.0)),
        (([], [(0, 0)], []), (0.0, 0.0, 0.0, 1.0)),
        # Nothing sure, one possible found: AER = 1 - (0 + 1) / (1 + 0).
        (([(0, 0)], [], [(0, 0)]), (1.0, 0.0, 0.0, 0.0)),
    ],
)
def test_nothing_found_or_nothing_sure(sentence, expected):
    assert tuple(counts(sentence).values()) == expected


def test_layers_are_counted_apart():
    tally = AlignmentTally([0, 3])
    for links, sure, possible in zip(LINKS, SURE, POSSIBLE, strict=True):
        tally.add({0: links, 3: sure}, iter(sure), iter(possible))
    scores = tally.scores()
    assert scores[0] == pytest.approx(BY_HAND) and scores[3]["aer"] == 0.0
    assert best_layer(scores) == 3 and best_layer({1: {"aer": 0.5}, 0: {"aer": 0.5}}) == 0
    rows = alignment_table(scores).splitlines()
    assert rows[2:] == [
        "| 0 | 60.00 | 50.00 | 54.55 | 44.44 |",
        "| **3** | **100.00** | **100.00** | **100.00** | **0.00** |",
    ]
    assert "**" not in alignment_table({3: scores[3]})


def test_the_metric_of_evaluate():
    metric = evaluate.load(str(METRIC))
    assert metric.compute(predictions=LINKS, references=SURE, possible=POSSIBLE) == pytest.approx(BY_HAND)
    # Without possible links 2-2 is an error: precision 2/5, AER = 1 - 4 / 9.
    assert metric.compute(predictions=LINKS, references=SURE)["aer"] == pytest.approx(5 / 9)
    for links, sure, possible in zip(LINKS, SURE, POSSIBLE, strict=True):
        metric.add_batch(predictions=[links], references=[sure], possible=[possible])
    assert metric.compute() == pytest.approx(BY_HAND)


def test_the_metric_needs_nothing_of_ours(tmp_path):
    code = (
        "import sys; sys.modules['xlzoo'] = None; import evaluate; "
        f"print(evaluate.load({str(METRIC)!r}).compute(predictions=[[[0, 0]]], references=[[[0, 0]]])['aer'])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "0.0"
