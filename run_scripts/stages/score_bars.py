"""Scores by language as a picture: a group of bars per language, a bar per setting."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from xlzoo.run_scripts.corpora.languages import display_name
from xlzoo.run_scripts.errors import UserError

Scores = Mapping[str, Mapping[str, Sequence[float]]]
"""Setting's title -> language -> its scores in percent, one per seed."""


def draw_bars(scores: Scores, label: str, path: Path) -> None:
    """Draw the mean over seeds and, of several, the spread; `label` is what is measured. Needs matplotlib."""
    from matplotlib.figure import Figure

    languages = list(next(iter(scores.values())))
    figure = Figure(figsize=(2 + 2.2 * len(languages), 3.6), layout="constrained")
    axes: Any = figure.subplots()
    width = 0.8 / len(scores)
    for place, (title, by_language) in enumerate(scores.items()):
        values = [by_language[language] for language in languages]
        spread = [stdev(v) if len(v) > 1 else 0 for v in values]
        left = [i - 0.4 + width * (place + 0.5) for i in range(len(values))]
        axes.bar(left, [mean(v) for v in values], width, yerr=spread, capsize=3, label=title)
    axes.set_xticks(range(len(languages)), [language_title(language) for language in languages])
    axes.set_ylabel(label)
    axes.set_ylim(0, 100)
    axes.legend(frameon=False, fontsize="small")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    figure.savefig(path, dpi=150)


def language_title(name: str) -> str:
    """Return a language's English name, or what the data call it where that is no language."""
    try:
        return display_name(name)
    except UserError:
        return name
