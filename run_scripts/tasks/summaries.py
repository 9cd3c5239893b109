"""ROUGE of summaries in any script: words at spaces and punctuation, and characters where there are no spaces."""

import re
import unicodedata

from rouge_score.rouge_scorer import RougeScorer

KINDS = ("rouge1", "rouge2", "rougeL")
UNSPACED = (
    r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Burmese, Khmer.
    r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"  # Kana and Chinese characters.
)
MARK = "\u02bc"
WORD = re.compile(rf"[{UNSPACED}]{MARK}*|[^\W_{UNSPACED}]+")


class Words:
    """A tokenizer for rouge_score, whose own drops every letter that is not ASCII."""

    def tokenize(self, text: str) -> list[str]:
        """Return the words of a text in lower case, vowel signs with their letters."""
        # A vowel sign is no letter to `re`, and would cut a Hindi word in pieces.
        marked = "".join(MARK if unicodedata.category(letter)[0] == "M" else letter for letter in text)
        return [text[found.start() : found.end()].lower() for found in WORD.finditer(marked)]


def rouge_scores(text: str, summary: str) -> dict[str, float]:
    """Return the F-measures of ROUGE-1, ROUGE-2 and ROUGE-L of a text against the right summary, from 0 to 1."""
    found = RougeScorer([*KINDS], tokenizer=Words()).score(summary, text)
    return {kind: found[kind].fmeasure for kind in KINDS}
