"""Scores of xTune by language: their mean, what is lost on the way from the language of training, and a table."""

import importlib.util
import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from xlzoo.run_scripts.stages.score_bars import draw_bars, language_title
from xlzoo.run_scripts.tasks import Scored, metrics_of

logger = logging.getLogger(__name__)
TITLES = {"1": "xTune, stage 1", "2": "xTune, stage 2", "test": "as it was saved"}
Results = Mapping[str, Any]


def scores_of(results: Results, metric: str, languages: Sequence[str]) -> dict[str, float]:
    """Return a score by language, from 0 to 1."""
    if len(languages) == 1:
        return {languages[0]: float(results[f"test_{metric}"])}
    return {language: float(results[f"test_{language}_{metric}"]) for language in languages}


def add_means(results: dict[str, Any], task: Scored, languages: Sequence[str], source: str) -> None:
    """Add the mean over languages, that of all but the source's, and the transfer gap, the source's score minus it."""
    if len(languages) < 2:
        return
    for metric in metrics_of(task):
        scores = scores_of(results, metric, languages)
        results[f"test_mean_{metric}"] = mean(scores.values())
        if source in scores:
            others = mean(score for language, score in scores.items() if language != source)
            results[f"test_transfer_{metric}"] = others
            results[f"test_gap_{metric}"] = scores[source] - others


def write_report(
    folder: Path, task: Scored, languages: Sequence[str], source: str, results: Mapping[str, Results]
) -> None:
    """Write `results.json`, `results.md` and, with matplotlib, `results.png` of the stages, where there was a test.

    The picture is of the score that people compare; the others have a table each, and their names in the JSON.
    """
    if not languages:
        return
    metric, *further = metrics_of(task)
    scores = {stage: scores_of(found, metric, languages) for stage, found in results.items()}
    report = {"task": task.name, "metric": metric, "source": source, "scores": scores}
    for other in further:
        report[other] = {stage: scores_of(found, other, languages) for stage, found in results.items()}
    for name in ("mean", "transfer", "gap"):
        key = f"test_{name}_{metric}"
        report[name] = {stage: found[key] for stage, found in results.items() if key in found}
    (folder / "results.json").write_text(json.dumps(report, indent=2) + "\n")
    tables = (markdown_table(f"{task.name} {name}", name, languages, source, results) for name in metrics_of(task))
    (folder / "results.md").write_text("\n\n".join(tables) + "\n")
    if importlib.util.find_spec("matplotlib") is None:
        logger.warning("No picture: matplotlib is missing, install xlzoo[plot].")
    else:
        named = {TITLES[stage]: {code: [100 * one] for code, one in found.items()} for stage, found in scores.items()}
        draw_bars(named, f"{task.name} {task.metric}, %", folder / "results.png")


def markdown_table(
    title: str, metric: str, languages: Sequence[str], source: str, results: Mapping[str, Results]
) -> str:
    """Return stages x languages in percent, with the mean and the transfer gap where there are several languages."""
    heads = [f"{language_title(language)}{' (source)' * (language == source)}" for language in languages]
    sums = [name for name in ("mean", "gap") if all(f"test_{name}_{metric}" in one for one in results.values())]
    columns = [*heads, *({"mean": "mean", "gap": "transfer gap"}[name] for name in sums)]
    lines = [f"| {title}, % | {' | '.join(columns)} |", "|---|" + "---:|" * len(columns)]
    for stage, found in results.items():
        cells = [*scores_of(found, metric, languages).values(), *(found[f"test_{name}_{metric}"] for name in sums)]
        lines.append(f"| {TITLES[stage]} | {' | '.join(f'{100 * cell:.1f}' for cell in cells)} |")
    return "\n".join(lines)
