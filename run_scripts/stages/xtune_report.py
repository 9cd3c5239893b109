"""Scores of xTune by language: their mean, what is lost on the way from the language of training, and a table."""

import importlib.util
import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from xlzoo.run_scripts.stages.score_bars import draw_bars, language_title
from xlzoo.run_scripts.tasks import Scored

logger = logging.getLogger(__name__)
TITLES = {"1": "xTune, stage 1", "2": "xTune, stage 2"}
Results = Mapping[str, Any]


def scores_of(results: Results, task: Scored, languages: Sequence[str]) -> dict[str, float]:
    """Return the score that people compare, by language, from 0 to 1."""
    if len(languages) == 1:
        return {languages[0]: float(results[f"test_{task.metric}"])}
    return {language: float(results[f"test_{language}_{task.metric}"]) for language in languages}


def add_means(results: dict[str, Any], task: Scored, languages: Sequence[str], source: str) -> None:
    """Add the mean over languages, that of all but the source's, and the transfer gap, the source's score minus it."""
    scores = scores_of(results, task, languages)
    if len(scores) < 2:
        return
    results[f"test_mean_{task.metric}"] = mean(scores.values())
    if source in scores:
        others = mean(score for language, score in scores.items() if language != source)
        results[f"test_transfer_{task.metric}"] = others
        results[f"test_gap_{task.metric}"] = scores[source] - others


def write_report(
    folder: Path, task: Scored, languages: Sequence[str], source: str, results: Mapping[str, Results]
) -> None:
    """Write `results.json`, `results.md` and, with matplotlib, `results.png` of the stages, where there was a test."""
    if not languages:
        return
    scores = {stage: scores_of(found, task, languages) for stage, found in results.items()}
    report = {"task": task.name, "metric": task.metric, "source": source, "scores": scores}
    for name in ("mean", "transfer", "gap"):
        key = f"test_{name}_{task.metric}"
        report[name] = {stage: found[key] for stage, found in results.items() if key in found}
    (folder / "results.json").write_text(json.dumps(report, indent=2) + "\n")
    (folder / "results.md").write_text(markdown_table(task, languages, source, results) + "\n")
    if importlib.util.find_spec("matplotlib") is None:
        logger.warning("No picture: matplotlib is missing, install xlzoo[plot].")
    else:
        named = {TITLES[stage]: {code: [100 * one] for code, one in found.items()} for stage, found in scores.items()}
        draw_bars(named, f"{task.name} {task.metric}, %", folder / "results.png")


def markdown_table(task: Scored, languages: Sequence[str], source: str, results: Mapping[str, Results]) -> str:
    """Return stages x languages in percent, with the mean and the transfer gap where there are several languages."""
    heads = [f"{language_title(language)}{' (source)' * (language == source)}" for language in languages]
    sums = [name for name in ("mean", "gap") if all(f"test_{name}_{task.metric}" in one for one in results.values())]
    columns = [*heads, *({"mean": "mean", "gap": "transfer gap"}[name] for name in sums)]
    lines = [f"| {task.name} {task.metric}, % | {' | '.join(columns)} |", "|---|" + "---:|" * len(columns)]
    for stage, found in results.items():
        cells = [*scores_of(found, task, languages).values(), *(found[f"test_{name}_{task.metric}"] for name in sums)]
        lines.append(f"| {TITLES[stage]} | {' | '.join(f'{100 * cell:.1f}' for cell in cells)} |")
    return "\n".join(lines)
