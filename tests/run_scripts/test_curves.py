"""The training curve shows the values that were logged, and is left out where there is nothing to show."""

import importlib.util

import pytest
from matplotlib.figure import Figure

from xlzoo.hub_cards import Figure as Shown
from xlzoo.run_scripts.stages.curves import CURVE_FILE, draw_curve, points

LOG = [
    {"step": 10, "loss": 3.0, "learning_rate": 0.1},
    {"step": 10, "eval_f1": 0.25, "eval_loss": 2.5},
    {"step": 20, "loss": 2.0},
    {"step": 30, "loss": 1.5},
    {"step": 30, "eval_f1": 0.5},
    {"step": 30, "eval_f1": 0.75, "epoch": 3},
    {"step": 30, "train_loss": 2.1},
]


@pytest.fixture
def drawn(monkeypatch):
    """The figures that are saved, by file."""
    saved, original = {}, Figure.savefig

    def savefig(self, path, **options):
        saved[path] = self
        original(self, path, **options)

    monkeypatch.setattr(Figure, "savefig", savefig)
    return saved


def lines(figure):
    return [
        [list(map(float, line.get_xdata())), list(map(float, line.get_ydata()))]
        for axes in figure.axes
        for line in axes.get_lines()
    ]


def test_points_of_a_step_are_the_last_ones():
    assert points(LOG, "loss") == [(10, 3.0), (20, 2.0), (30, 1.5)]
    assert points(LOG, "eval_f1") == [(10, 0.25), (30, 0.75)]
    assert points(LOG, "eval_accuracy") == []


def test_loss_and_score_over_the_steps(tmp_path, drawn):
    (tmp_path / "a").mkdir()
    folders = [tmp_path, tmp_path / "a"]
    shown = draw_curve(LOG, "eval_f1", folders)
    assert shown == (Shown(CURVE_FILE, "Training loss and validation f1 over 30 steps."),)
    for folder in folders:
        assert (folder / CURVE_FILE).read_bytes().startswith(b"\x89PNG")
        figure = drawn[folder / CURVE_FILE]
        assert lines(figure) == [[[10, 20, 30], [3, 2, 1.5]], [[10, 30], [0.25, 0.75]]]
        assert [axes.get_ylabel() for axes in figure.axes] == ["training loss", "validation f1"]
    assert (tmp_path / CURVE_FILE).read_bytes() == (tmp_path / "a" / CURVE_FILE).read_bytes()


def test_loss_alone(tmp_path, drawn):
    (shown,) = draw_curve(LOG, "eval_accuracy", [tmp_path])
    assert shown.caption == "Training loss over 30 steps."
    (figure,) = drawn.values()
    assert lines(figure) == [[[10, 20, 30], [3, 2, 1.5]]]


@pytest.mark.parametrize("log", [[], LOG[:2], [{"step": 5, "loss": 1.0}, {"step": 5, "loss": 2.0}]])
def test_nothing_is_drawn_of_one_point(tmp_path, log):
    assert draw_curve(log, "eval_f1", [tmp_path]) == ()
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_drawn_without_matplotlib(tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert draw_curve(LOG, "eval_f1", [tmp_path]) == ()
    assert list(tmp_path.iterdir()) == []
