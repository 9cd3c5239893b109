"""Which of several answers a model prefers: by likelihood, per character, by mutual information, or by letter.

- likelihood: the largest log P(answer | context).
- normalized: the largest log P(answer | context) / characters of the answer, lm-eval's `acc_norm`.
- pmi: the largest log P(answer | context) - log P(answer | prior), where the prior is what is left of the context
  without the example's own text, so that an answer is not preferred for being a usual sentence
  (https://arxiv.org/abs/2104.08315).
- letter: answers are listed as A, B, ... in the context, and the largest P(letter | context) wins; lm-eval's Belebele.

Of equals the first one is preferred, as in lm-eval.
"""

from collections.abc import Callable, Mapping, Sequence
from string import ascii_uppercase
from typing import Any

SCORINGS = {"likelihood": "acc", "normalized": "acc_norm", "pmi": "acc_pmi", "letter": "acc_letter"}
"""Scorings and the names of their accuracies."""
USUAL = ("likelihood", "normalized", "pmi")
"""Those of a task that does not list its answers."""

Doc = Mapping[str, Any]


def preferred(scores: Sequence[float]) -> int:
    """Return the place of the largest score."""
    return max(range(len(scores)), key=scores.__getitem__)


def per_character(likelihoods: Sequence[float], answers: Sequence[str]) -> list[float]:
    """Divide log-likelihoods by the answers' lengths in characters."""
    return [value / len(answer) for value, answer in zip(likelihoods, answers, strict=True)]


def mutual_information(likelihoods: Sequence[float], priors: Sequence[float]) -> list[float]:
    """Return the pointwise mutual information of each answer and the context, in nats, up to a constant."""
    return [value - prior for value, prior in zip(likelihoods, priors, strict=True)]


def are_letters(answers: Sequence[str]) -> bool:
    """Say whether the answers are letters already, as in Belebele."""
    return list(answers) == list(ascii_uppercase[: len(answers)])


def letter_prompt(context: str, answers: Sequence[str]) -> str:
    """List the answers under letters after the context, and ask for one."""
    listed = "\n".join(f"{letter}: {answer}" for letter, answer in zip(ascii_uppercase, answers, strict=False))
    return f"{context}\n{listed}\nAnswer:"


def prior_pairs(task: str, doc: Doc, question: str, answers: Sequence[str]) -> list[tuple[str, str]]:
    """Return (prior context, answer) for each answer: the same words to predict, without the example's own text.

    Where the question is empty, as in lm-eval's XNLI, the answers are whole texts: what they begin with in common, the
    premise among it, is the context, and only the rest of each counts.
    """
    if not question:
        shared = _shared_words(answers)
        return [("", " ".join(answer.split(" ")[shared:])) for answer in answers]
    prior = PRIORS.get(task, _nothing)(doc, question)
    return [(prior, answer) for answer in answers]


def _shared_words(answers: Sequence[str]) -> int:
    """Count the words that all answers begin with; one is left of each."""
    places = list(zip(*(answer.split(" ")[:-1] for answer in answers), strict=False))
    return next((place for place, words in enumerate(places) if len(set(words)) > 1), len(places))


def _nothing(doc: Doc, question: str) -> str:
    return ""


def _without_premise(doc: Doc, question: str) -> str:
    """Leave the connective, "because" or "so": lm-eval puts it after the premise, whose full stop it drops."""
    premise = doc["premise"].strip()[:-1]
    return question.removeprefix(premise).strip() if premise and question.startswith(premise) else ""


def _last_line(doc: Doc, question: str) -> str:
    """Leave "Answer:"."""
    return question.rpartition("\n")[2]


LAST_LINE = "last line"
PRIORS: dict[str, Callable[[Doc, str], str]] = {
    "xcopa": _without_premise,
    "belebele": _last_line,
    LAST_LINE: _last_line,
}
"""What is left of a task's question without the example's text; of other tasks nothing but the start token.

Prompts that stand before lm-eval's own end in a line such as "Answer:", which is what is left of them.
"""
LISTED: dict[str, dict[str, Any]] = {
    "belebele": {
        "doc_to_text": "P: {{flores_passage}}\nQ: {{question.strip()}}\nAnswer:",
        "doc_to_choice": "{{[mc_answer1, mc_answer2, mc_answer3, mc_answer4]}}",
    }
}
"""Tasks whose answers lm-eval lists after letters, and the same question without the list, answered by their text."""
