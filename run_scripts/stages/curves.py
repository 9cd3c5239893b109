"""The training curve of a run: its loss, and its evaluation score where it was evaluated on the way."""

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from xlzoo.hub_cards import Figure

CURVE_FILE = "training_curve.png"
Points = list[tuple[int, float]]
Log = Sequence[dict[str, float]]


def points(log: Log, key: str) -> Points:
    """Return (step, value) of every entry of a Trainer's log that holds the key, the last one of a step."""
    found = {int(entry["step"]): float(entry[key]) for entry in log if key in entry}
    return sorted(found.items())


def draw_curve(log: Log, score: str, folders: Sequence[Path]) -> tuple[Figure, ...]:
    """Draw loss and `score` ("eval_f1" say) over the steps into every folder; return what to show in a card.

    Nothing is drawn where fewer than two losses were logged, or where matplotlib, the extra [plot], is missing.
    """
    losses, scores = points(log, "loss"), points(log, score)
    if len(losses) < 2 or importlib.util.find_spec("matplotlib") is None:
        return ()
    caption = "Training loss"
    if scores:
        caption += f" and validation {_readable(score)}"
    for folder in folders:
        _draw(losses, scores, _readable(score), folder / CURVE_FILE)
    return (Figure(CURVE_FILE, f"{caption} over {losses[-1][0]} steps."),)


def _readable(score: str) -> str:
    return score.removeprefix("eval_")


def _draw(losses: Points, scores: Points, name: str, path: Path) -> None:
    from matplotlib.figure import Figure as Canvas

    canvas = Canvas(figsize=(6, 3.2), layout="constrained")
    axes: Any = canvas.subplots()
    lines = axes.plot(*zip(*losses, strict=True), color="tab:blue", label="training loss")
    axes.set_xlabel("step")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set_ylabel("training loss")
    if scores:
        other = axes.twinx()
        lines += other.plot(*zip(*scores, strict=True), color="tab:orange", marker="o", label=f"validation {name}")
        other.set_ylabel(f"validation {name}")
    axes.legend(handles=lines, frameon=False, fontsize="small")
    # Without the date and the version that matplotlib writes, equal runs draw equal files.
    canvas.savefig(path, dpi=120, metadata={"Software": None})
