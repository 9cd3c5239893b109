"""The answer in a text that a model wrote: the last whole number in it."""

import re

NUMBER = re.compile(r"(?<![\d.])-?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?!\d)")


def last_number(text: str) -> float | None:
    """Return the last number in a text, None where there is none; commas between groups of thousands are dropped."""
    found = NUMBER.findall(text)
    return float(found[-1].replace(",", "")) if found else None


def is_right(text: str, answer: float) -> bool:
    """Say whether the last number in a text is the answer: 18, 18.0 and $18. are the same, 1.8 is not."""
    return last_number(text) == answer
