"""How many hostile folders this run tried, by kind and outcome."""

from collections import Counter

TRIED: Counter[tuple[str, str]] = Counter()
