"""Drawings of links: a matrix of source and target words for each pair."""

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xlzoo.run_scripts.corpora.alignments import GoldLinks
from xlzoo.run_scripts.errors import UserError

INCHES = 0.28
"""Size of a cell."""


@dataclass(frozen=True)
class DrawnPair:
    """A pair to draw: its number from 1, its words, its links with scores, and its gold links if there are any."""

    number: int
    source: Sequence[str]
    target: Sequence[str]
    links: Sequence[tuple[int, int, float]]
    gold: GoldLinks | None = None


def require_matplotlib() -> None:
    """Raise UserError where matplotlib is missing."""
    if importlib.util.find_spec("matplotlib") is None:
        raise UserError("--plot needs matplotlib, which is not installed; pip install matplotlib, or xlzoo[plot].")


def draw_alignments(pairs: Sequence[DrawnPair], path: Path) -> None:
    """Draw the pairs one below the other; links darker the higher they score, gold as frames (dashed: possible)."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    widths = [INCHES * len(pair.target) + 2 for pair in pairs]
    heights = [INCHES * len(pair.source) + 2 for pair in pairs]
    canvas = Figure(figsize=(max(widths), sum(heights)), layout="constrained")
    grid: Any = canvas.subplots(len(pairs), squeeze=False, gridspec_kw={"height_ratios": heights})
    for pair, (axes,) in zip(pairs, grid, strict=True):
        _draw(pair, axes)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Without dates, versions and random names, equal links draw equal files.
        metadata = {".png": {"Software": None}, ".svg": {"Date": None}, ".pdf": {"CreationDate": None}}
        with rc_context({"svg.hashsalt": "xlzoo"}):
            canvas.savefig(path, dpi=120, metadata=metadata[path.suffix.lower()])
    except OSError as error:
        raise UserError(f"--plot {path} cannot be written: {error.strerror}; name another file.") from error


def _draw(pair: DrawnPair, axes: Any) -> None:
    from matplotlib.patches import Rectangle

    matrix = [[0.0] * max(len(pair.target), 1) for _ in range(max(len(pair.source), 1))]
    for one, other, score in pair.links:
        matrix[one][other] = 0.3 + 0.7 * score
    axes.imshow(matrix, cmap="Blues", vmin=0, vmax=1, aspect="equal")
    axes.set_title(f"pair {pair.number}", loc="left", fontsize="small")
    axes.set_xticks(range(len(pair.target)), pair.target, rotation=90, fontsize="x-small")
    axes.set_yticks(range(len(pair.source)), pair.source, fontsize="x-small")
    axes.set_xticks([place - 0.5 for place in range(len(pair.target) + 1)], minor=True)
    axes.set_yticks([place - 0.5 for place in range(len(pair.source) + 1)], minor=True)
    axes.grid(which="minor", color="0.9", linewidth=0.5)
    axes.tick_params(which="both", length=0)
    if pair.gold is None:
        return
    for links, style in ((pair.gold.sure, "solid"), (pair.gold.possible - pair.gold.sure, "dashed")):
        for one, other in sorted(links):
            frame = Rectangle((other - 0.4, one - 0.4), 0.8, 0.8, fill=False, edgecolor="tab:orange", linestyle=style)
            axes.add_patch(frame)
