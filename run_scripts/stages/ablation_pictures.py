"""Pictures of the analyses of senses, for one model or several side by side."""

import importlib.util
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from xlzoo.run_scripts.ablation_arguments import INFORMATION, MIXING, PROCRUSTES, TOPOLOGY
from xlzoo.run_scripts.errors import UserError
from xlzoo.run_scripts.tasks.senses.mixing import INTACT, UNIFORM, alone, dropped, shuffled
from xlzoo.run_scripts.tasks.senses.tables import CRITICS, FITS, Results
from xlzoo.run_scripts.tasks.senses.topology import BINS

COLOURS = {"base": "tab:gray", "adapted": "tab:blue"}
BAR = 0.38
"""Width of a bar; two stand side by side."""


def require_matplotlib() -> None:
    """Raise UserError where pictures cannot be drawn."""
    if importlib.util.find_spec("matplotlib") is None:
        raise UserError(
            "The pictures need matplotlib; install it with: pip install 'xlzoo[plot]', or give --no_plots."
        )


def _canvas(width: float, height: float, rows: int, columns: int) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    canvas = Figure(figsize=(width, height), layout="constrained")
    return canvas, canvas.subplots(rows, columns, squeeze=False)


def _save(canvas: Any, path: Path) -> None:
    # Without the version that matplotlib writes, equal results draw equal files.
    canvas.savefig(path, dpi=120, metadata={"Software": None})


def draw_topology(results: Results, path: Path) -> None:
    """Draw how often which rho occurs among linked words, and dashed among shuffled ones."""
    canvas, ((axes,),) = _canvas(6, 3.4, 1, 1)
    edges = [-1 + 2 * place / BINS for place in range(BINS + 1)]
    for role, found in results.items():
        for key, style, words in (("histogram", "-", "rho"), ("control_histogram", ":", "control")):
            label = f"{role}{', shuffled' if style == ':' else ''}: mean {found[words]:.2f}"
            axes.stairs(found[key], edges, color=COLOURS[role], linestyle=style, label=label)
    axes.set_xlabel("rho of the senses' similarities in linked words")
    axes.set_ylabel("share of links")
    axes.legend(frameon=False, fontsize="small")
    _save(canvas, path)


def _draw_bars(results: Results, readings: Mapping[str, str], measures: Mapping[str, str], path: Path) -> None:
    """Draw a panel per measure with a row per reading, and a bar per model."""
    canvas, (panels,) = _canvas(4.5 + 2.5 * len(measures), 1.2 + 0.5 * len(readings), 1, len(measures))
    for axes, (measure, title) in zip(panels, measures.items(), strict=True):
        for number, (role, found) in enumerate(results.items()):
            places = [place + BAR * (number - (len(results) - 1) / 2) for place in range(len(readings))]
            values = [found[reading][measure] for reading in readings]
            axes.barh(places, values, BAR, color=COLOURS[role], label=role)
        axes.set_yticks(range(len(readings)), readings.values() if axes is panels[0] else [""] * len(readings))
        axes.invert_yaxis()
        axes.axvline(0, color="black", linewidth=0.8)
        axes.set_xlabel(title)
    panels[-1].legend(frameon=False, fontsize="small")
    _save(canvas, path)


def draw_procrustes(results: Results, path: Path) -> None:
    """Draw cosine and R2 of each reading."""
    _draw_bars(results, FITS, {"cosine": "cosine", "r2": "R2"}, path)


def draw_information(results: Results, path: Path) -> None:
    """Draw gap and divergence of each critic."""
    _draw_bars(results, CRITICS, {"gap": "gap, nats", "jsd": "JSD, bits"}, path)


def draw_mixing(results: Results, path: Path) -> None:
    """Draw what leaving each sense out costs, and each sense alone beside uniform and shuffled senses, by language."""
    languages = list(next(iter(results.values()))["losses"])
    canvas, grid = _canvas(4.5 * len(languages), 5.5, 2, len(languages))
    for column, language in enumerate(languages):
        for role, found in results.items():
            cost = {name: loss - found["losses"][language][INTACT] for name, loss in found["losses"][language].items()}
            senses = [sense for sense in range(len(cost)) if dropped(sense) in cost]
            for row, of_sense in enumerate((dropped, alone)):
                costs = [cost[of_sense(sense)] for sense in senses]
                grid[row][column].plot(senses, costs, "o", color=COLOURS[role], label=role)
            for name, style in ((UNIFORM, "--"), (shuffled(), ":")):
                grid[1][column].axhline(cost[name], color=COLOURS[role], linestyle=style, label=f"{role}, {name}")
        for row, words in enumerate(("left out", "alone")):
            grid[row][column].set_title(f"{language}: sense {words}", fontsize="medium")
            grid[row][column].set_ylabel("nats per token more")
            grid[row][column].xaxis.get_major_locator().set_params(integer=True)
        grid[1][column].set_xlabel("sense")
    canvas.legend(*grid[1][-1].get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False)
    _save(canvas, path)


PICTURES: dict[str, Callable[[Results, Path], None]] = {
    TOPOLOGY: draw_topology,
    PROCRUSTES: draw_procrustes,
    INFORMATION: draw_information,
    MIXING: draw_mixing,
}
