"""Tasks of lm-eval that are answered in free text, with scores that it does not compute."""

from typing import Any

from lm_eval.api.task import ConfigurableTask

from xlzoo.run_scripts.tasks.answers import is_right
from xlzoo.run_scripts.tasks.choice_tasks import MEAN
from xlzoo.run_scripts.tasks.spans import answer_scores
from xlzoo.run_scripts.tasks.summaries import KINDS, rouge_scores


class NumberTask(ConfigurableTask):
    """MGSM: besides lm-eval's own metrics the last number in an answer is compared."""

    accuracies = ("last_number",)

    def process_results(self, doc: dict[str, Any], results: list[str]) -> dict[str, Any]:
        """Return lm-eval's scores of a (filtered) answer, and `last_number`."""
        right = is_right(results[0], float(doc["answer_number"]))
        return {**super().process_results(doc, results), "last_number": float(right)}

    def aggregation(self) -> dict[str, Any]:
        """Average the added score as the others."""
        [mean] = {*super().aggregation().values()}
        return {**super().aggregation(), "last_number": mean}

    def higher_is_better(self) -> dict[str, bool]:
        """Say so of the added score too."""
        return {**super().higher_is_better(), "last_number": True}


def span_fields(language: str) -> dict[str, Any]:
    """Return the fields of a task whose answers are parts of a text, in "de" say, compared as MLQA does."""

    def compare(doc: dict[str, Any], results: list[str]) -> dict[str, float]:
        return answer_scores(results[0], doc["answers"]["text"], language)

    return {"process_results": compare, "metric_list": [{"metric": name, **MEAN} for name in ("exact_match", "f1")]}


def summary_fields() -> dict[str, Any]:
    """Return the fields of a task whose answers are summaries, compared by ROUGE."""

    def compare(doc: dict[str, Any], results: list[str]) -> dict[str, float]:
        return rouge_scores(results[0], doc["summary"])

    return {"process_results": compare, "metric_list": [{"metric": name, **MEAN} for name in KINDS]}
