"""lm-eval's multiple-choice tasks, with answers scored in several ways, see `tasks.choices`."""

from string import ascii_uppercase
from typing import Any

from lm_eval.api.instance import Instance
from lm_eval.api.task import ConfigurableTask

from xlzoo.run_scripts.tasks.choices import (
    SCORINGS,
    letter_prompt,
    mutual_information,
    per_character,
    preferred,
    prior_pairs,
)

MEAN = {"aggregation": "mean", "higher_is_better": True}


class ChoiceTask(ConfigurableTask):
    """A task whose answers are scored by what the model makes of their text after the question."""

    def __init__(self, config: dict[str, Any], family: str, scorings: tuple[str, ...]) -> None:
        """Prepare lm-eval's task, with the accuracies of these scorings for its metrics."""
        self.family, self.scorings = family, scorings
        self.accuracies = names = tuple(SCORINGS[scoring] for scoring in scorings)
        # lm-eval computes nothing itself where process_results is given; this says so, and ours overrides it.
        super().__init__(
            config={**config, "metric_list": [{"metric": name, **MEAN} for name in names], "process_results": _none}
        )

    def construct_requests(self, doc: dict[str, Any], ctx: str, **kwargs: Any) -> list[Instance]:
        """Ask for each answer after the context, then, if that is scored, after the prior."""
        kwargs.pop("apply_chat_template", None)
        kwargs.pop("chat_template", None)
        answers, delimiter = self.doc_to_choice(doc), self.config.target_delimiter
        pairs = [(ctx, delimiter + answer) for answer in answers]
        if "pmi" in self.scorings:
            question = self.doc_to_text(doc)
            pairs += [(prior, delimiter + rest) for prior, rest in prior_pairs(self.family, doc, question, answers)]
        return [
            Instance(request_type="loglikelihood", doc=doc, arguments=pair, idx=place, **kwargs)
            for place, pair in enumerate(pairs)
        ]

    def process_results(self, doc: dict[str, Any], results: list[tuple[float, bool]]) -> dict[str, float]:
        """Say for each scoring whether it prefers the right answer, 1.0 or 0.0."""
        answers, right = self.doc_to_choice(doc), self._right(doc)
        values = [value for value, _ in results]
        given, priors = values[: len(answers)], values[len(answers) :]
        scores = {"likelihood": given, "normalized": per_character(given, answers), "letter": given}
        if "pmi" in self.scorings:
            scores["pmi"] = mutual_information(given, priors)
        return {SCORINGS[name]: float(preferred(scores[name]) == right) for name in self.scorings}

    def require_sound(self) -> None:
        """Look at every example; ValueError, or what lm-eval stumbles over, where one cannot be asked."""
        for number, doc in enumerate(self.eval_docs):
            answers, gold = self.doc_to_choice(doc), self.doc_to_target(doc)
            if not isinstance(self.doc_to_text(doc), str) or not all(isinstance(text, str) for text in answers):
                raise ValueError(f"a question or answer is no text, row {number}")
            if not (gold in answers if isinstance(gold, str) else isinstance(gold, int) and 0 <= gold < len(answers)):
                raise ValueError(f"the right answer is {gold!r}, row {number}")
            if not all(answers):
                raise ValueError(f"an answer is empty, row {number}")

    def _right(self, doc: dict[str, Any]) -> int:
        gold = self.doc_to_target(doc)
        return self.doc_to_choice(doc).index(gold) if isinstance(gold, str) else int(gold)


class LetterTask(ChoiceTask):
    """The same question with the answers listed as A, B, ... after it, solved examples too, and a letter asked for."""

    def __init__(self, config: dict[str, Any], family: str) -> None:
        """Prepare lm-eval's task."""
        super().__init__({**config, "target_delimiter": " "}, family, ("letter",))

    def doc_to_text(self, doc: dict[str, Any], doc_to_text: Any = None) -> str:
        """Return the question with its answers."""
        return letter_prompt(super().doc_to_text(doc, doc_to_text), super().doc_to_choice(doc))

    def doc_to_choice(self, doc: dict[str, Any], doc_to_choice: Any = None) -> list[str]:
        """Return the letters."""
        return list(ascii_uppercase[: len(super().doc_to_choice(doc, doc_to_choice))])

    def doc_to_target(self, doc: dict[str, Any], doc_to_target: Any = None) -> int:
        """Return the place of the right letter."""
        gold = super().doc_to_target(doc, doc_to_target)
        return super().doc_to_choice(doc).index(gold) if isinstance(gold, str) else int(gold)


def _none(doc: Any, results: Any) -> dict[str, float]:
    raise AssertionError("ChoiceTask.process_results takes its place")
