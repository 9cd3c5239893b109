"""What a MAD-X experiment found: languages x settings as Markdown, JSON and a bar chart."""

import importlib.util
import json
import logging
from pathlib import Path
from statistics import mean, stdev

from xlzoo.run_scripts.corpora.languages import display_name
from xlzoo.run_scripts.runs import read_results
from xlzoo.run_scripts.stages.madx import TITLES, MadxRecipe, evaluation_folder
from xlzoo.run_scripts.stages.score_bars import draw_bars
from xlzoo.run_scripts.tasks import TASKS

logger = logging.getLogger(__name__)
Scores = dict[str, dict[str, list[float]]]


def collect(recipe: MadxRecipe) -> Scores:
    """Return setting -> language -> the task's score per seed, in percent."""
    key = f"test_{TASKS[recipe.task_name].metric}"
    scores: Scores = {}
    for setting in recipe.settings:
        scores[setting] = {}
        for language in recipe.languages:
            found = [read_results(evaluation_folder(recipe, seed, setting, language)) for seed in recipe.seeds]
            scores[setting][language] = [100 * results[key] for results in found if results is not None]
    return scores


def write_report(recipe: MadxRecipe, scores: Scores) -> str:
    """Write `results.json`, `results.md` and, with matplotlib, `results.png` to `output_dir`; return the table."""
    folder = Path(recipe.output_dir)
    table = markdown_table(recipe, scores)
    report = {"task": recipe.task_name, "source": recipe.source, "seeds": recipe.seeds, "scores": scores}
    (folder / "results.json").write_text(json.dumps(report, indent=2) + "\n")
    (folder / "results.md").write_text(table + "\n")
    if importlib.util.find_spec("matplotlib") is None:
        logger.warning("No picture: matplotlib is missing, install xlzoo[plot].")
    else:
        draw(recipe, scores, folder / "results.png")
    return table


def markdown_table(recipe: MadxRecipe, scores: Scores) -> str:
    """Return settings x languages, mean ± standard deviation over the seeds."""
    metric = TASKS[recipe.task_name].metric
    heads = [f"{display_name(language)}{' (source)' * (language == recipe.source)}" for language in recipe.languages]
    lines = [f"| {recipe.task_name} {metric}, % | {' | '.join(heads)} |", "|---|" + "---:|" * len(heads)]
    for setting, by_language in scores.items():
        cells = [mean_and_spread(by_language[language]) for language in recipe.languages]
        lines.append(f"| {TITLES[setting]} | {' | '.join(cells)} |")
    return "\n".join(lines)


def mean_and_spread(values: list[float]) -> str:
    """Return `71.2 ± 0.8`, or `71.2` for a single value."""
    spread = f" ± {stdev(values):.1f}" if len(values) > 1 else ""
    return f"{mean(values):.1f}{spread}"


def draw(recipe: MadxRecipe, scores: Scores, path: Path) -> None:
    """Draw a group of bars per language, a bar per setting, with the spread over seeds."""
    named = {TITLES[setting]: {code: found[code] for code in recipe.languages} for setting, found in scores.items()}
    draw_bars(named, f"{recipe.task_name} {TASKS[recipe.task_name].metric}, %", path)
