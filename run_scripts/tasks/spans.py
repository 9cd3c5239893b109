"""Exact match and F1 of short answers, normalised for each language as MLQA does (https://arxiv.org/abs/1910.07475).

Or, where no language is given, as SQuAD does (https://arxiv.org/abs/1606.05250), which XTREME keeps to for XQuAD and
TyDiQA-GoldP in all their languages: English articles and ASCII's punctuation do not count.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

ARTICLES = {
    "ar": r"(?:^|\s)ال",
    "de": r"\b(ein|eine|einen|einem|eines|einer|der|die|das|den|dem|des)\b",
    "en": r"\b(a|an|the)\b",
    "es": r"\b(un|una|unos|unas|el|la|los|las)\b",
    "vi": r"\b(của|là|cái|chiếc|những)\b",
}
"""Words that do not count; of languages that MLQA does not have, all words do."""
LETTERS = {"zh": re.compile(r"([\u4e00-\u9fa5])"), "th": re.compile(r"([\u0e00-\u0e7f])")}
"""Characters that are words of their own; MLQA has Chinese alone."""
ASCII_SYMBOLS = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")


def words_of_answer(text: str, language: str | None) -> list[str]:
    """Return the words of an answer that count: lower case, without punctuation and articles.

    `language` is a tag such as "de", or None for SQuAD's own way.
    """
    if language is None:
        kept = "".join(letter for letter in text.lower() if letter not in ASCII_SYMBOLS)
        return re.sub(ARTICLES["en"], " ", kept).split()
    kept = "".join(letter for letter in text.lower() if not _is_punctuation(letter))
    if language in ARTICLES:
        kept = re.sub(ARTICLES[language], " ", kept)
    if language in LETTERS:
        kept = LETTERS[language].sub(r" \1 ", kept)
    return kept.split()


def answer_scores(text: str, answers: Sequence[str], language: str | None) -> dict[str, float]:
    """Return exact match and F1 of an answer, from 0 to 1, against that of several right ones which it fits best."""
    found = words_of_answer(text, language)
    golds = [words_of_answer(answer, language) for answer in answers]
    return {"exact_match": max(float(found == gold) for gold in golds), "f1": max(_f1(found, gold) for gold in golds)}


def _f1(found: list[str], gold: list[str]) -> float:
    """Return the harmonic mean of precision and recall of words, each as often as it stands there."""
    same = sum((Counter(found) & Counter(gold)).values())
    return 2 * same / (len(found) + len(gold)) if same else 0.0


def _is_punctuation(letter: str) -> bool:
    return letter in ASCII_SYMBOLS or unicodedata.category(letter).startswith("P")
