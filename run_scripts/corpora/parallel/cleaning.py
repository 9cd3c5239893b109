"""Cleaning pairs: Moses' normalisation of punctuation, then filters in turn, each with the number that it dropped.

Lengths are in words, set off by spaces. The filters beyond length and ratio are OpusFilter's own.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any

from xlzoo.run_scripts.corpora.languages import hub_tag
from xlzoo.run_scripts.errors import UserError

from .opus_filters import language_filter, opus_filter
from .shards import Pair

Keeps = Callable[[Sequence[Pair]], Iterable[bool]]
"""Says of each pair whether it stays."""
LENGTH, RATIO, LANGUAGE = "length", "length ratio", "language"


@dataclass(frozen=True)
class Cleaning:
    """What pairs must be like; the fields are flags of the script."""

    source: str
    target: str
    min_len: int = 4
    max_len: int = 64
    len_ratio_low: float = 0.67
    len_ratio_high: float = 1.5
    normalize_punctuation: bool = True
    language_id: str = "langid"
    unidentified: tuple[str, ...] = ()
    """Languages that `language_id` does not know and that are not checked."""
    opusfilter: tuple[Mapping[str, Mapping[str, Any]], ...] = field(default=(), hash=False)
    """Further filters in OpusFilter's own form, `{"LongWordFilter": {"threshold": 40}}`."""

    def filters(self) -> dict[str, Keeps]:
        """Return the filters in their order by name; UserError where one cannot be made."""
        made: dict[str, Keeps] = {
            LENGTH: partial(right_length, least=self.min_len, most=self.max_len),
            RATIO: partial(right_ratio, low=self.len_ratio_low, high=self.len_ratio_high),
        }
        checked = tuple(None if code in self.unidentified else code for code in (self.source, self.target))
        if self.language_id != "none" and any(checked):
            made[LANGUAGE] = language_filter(self.language_id, checked)
        for number, entry in enumerate(self.opusfilter):
            ((name, settings),) = entry.items()
            made[name if name not in made else f"{name} {number + 1}"] = opus_filter(name, settings)
        return made


def right_length(pairs: Sequence[Pair], least: int, most: int) -> list[bool]:
    """Keep pairs whose sides both have from `least` to `most` words."""
    return [all(least <= len(text.split()) <= most for text in pair) for pair in pairs]


def right_ratio(pairs: Sequence[Pair], low: float, high: float) -> list[bool]:
    """Keep pairs whose ratio of words, source to target or target to source, is from `low` to `high`."""
    kept = []
    for source, target in pairs:
        one, other = len(source.split()), len(target.split())
        ratios = (one / max(1, other), other / max(1, one))
        kept.append(any(low <= ratio <= high for ratio in ratios))
    return kept


class Cleaner:
    """Cleans lists of pairs."""

    def __init__(self, cleaning: Cleaning) -> None:
        self.filters = cleaning.filters()
        codes = (cleaning.source, cleaning.target)
        self.normalizers = tuple(map(_normalizer, map(hub_tag, codes))) if cleaning.normalize_punctuation else None

    def clean(self, pairs: Sequence[Pair]) -> tuple[list[Pair], Counter[str]]:
        """Return the pairs that stay, normalised, and how many each filter dropped."""
        left = list(pairs)
        if self.normalizers:
            one, other = self.normalizers
            left = [(one(source), other(target)) for source, target in left]
        dropped: Counter[str] = Counter()
        for name, keeps in self.filters.items():
            before = len(left)
            left = [pair for pair, stays in zip(left, keeps(left), strict=True) if stays]
            dropped[name] = before - len(left)
        return left, dropped


@cache
def _normalizer(language: str) -> Callable[[str], str]:
    """Return Moses' normalisation of punctuation for a language; UserError where sacremoses is missing."""
    try:
        from sacremoses import MosesPunctNormalizer
    except ImportError as error:
        raise UserError(
            "Normalising punctuation needs sacremoses; pip install 'xlzoo[corpus]', or give "
            "--normalize_punctuation false."
        ) from error
    return MosesPunctNormalizer(lang=language).normalize
