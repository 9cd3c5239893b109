"""A picture of the weights that a Backpack gives to the senses of the words in a text."""

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from xlzoo.run_scripts.errors import UserError

LONGEST = 40
"""Tokens that still can be read in a picture."""
CELL = 0.14
"""Inches for one sense of one token."""


def require_matplotlib() -> None:
    """Raise UserError where pictures cannot be drawn."""
    if importlib.util.find_spec("matplotlib") is None:
        raise UserError("--plot needs matplotlib; install it with: pip install 'xlzoo[plot]'")


def require_short(tokens: int, positions: int) -> None:
    """Raise UserError for a text of more tokens than a model takes, or than can be read in a picture."""
    most = min(LONGEST, positions)
    if tokens > most:
        raise UserError(f"--plot shows at most {most} tokens, the text has {tokens}; give a shorter one.")


def draw_senses(weights: torch.Tensor, tokens: Sequence[str], path: Path) -> None:
    """Draw `weights` `[L (i), L (j), K]`, of sense k of token j for what follows token i, into a PNG.

    A row for each position, whose next token is predicted; a block of K columns for each token that is looked at.
    """
    from matplotlib.figure import Figure

    length, _, count = weights.shape
    width, height = 2.2 + CELL * length * count, 1.6 + 0.26 * length
    canvas = Figure(figsize=(width, height), layout="constrained")
    axes: Any = canvas.subplots()
    image = axes.imshow(
        weights.flatten(1).float().cpu().numpy(), aspect="auto", cmap="Blues", vmin=0, interpolation="nearest"
    )
    centres = [place * count + (count - 1) / 2 for place in range(length)]
    axes.set_xticks(centres, tokens, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(length), tokens)
    axes.set_xticks([place * count - 0.5 for place in range(1, length)], minor=True)
    axes.grid(which="minor", axis="x", color="0.8", linewidth=0.6)
    axes.tick_params(which="both", length=0)
    axes.set_xlabel(f"senses 0 to {count - 1} of each token")
    axes.set_ylabel("what follows")
    canvas.colorbar(image, ax=axes, label="weight", shrink=0.8)
    # Without the version that matplotlib writes, equal weights draw equal files.
    canvas.savefig(path, dpi=150, metadata={"Software": None})
