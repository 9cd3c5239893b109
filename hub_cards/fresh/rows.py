"""What a dataset holds, in few words: splits, columns, class names, row counts, and a digest of the rows."""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

Forbidden = tuple[str, str, str]
"""What it is, a string without which it is not there, and the regular expression."""


def describe_splits(dataset: Any, forbidden: Iterable[Forbidden] = ()) -> dict[str, dict[str, Any]]:
    """Return split -> columns, classes, number of rows and the SHA-256 of the rows in their order.

    `dataset` is a DatasetDict, or a Dataset, which is a train split. ValueError for the first row in whose text one of
    the `forbidden` patterns is found.
    """
    splits = dataset.items() if isinstance(dataset, Mapping) else [("train", dataset)]
    patterns = [(what, needle, re.compile(pattern)) for what, needle, pattern in forbidden]
    return {str(split): _describe(rows.with_format(None), str(split), patterns) for split, rows in splits}


def _describe(rows: Any, split: str, patterns: list[tuple[str, str, re.Pattern[str]]]) -> dict[str, Any]:
    digest = hashlib.sha256()
    for number, row in enumerate(rows):
        text = json.dumps(row, sort_keys=True, ensure_ascii=False, default=repr)
        for what, needle, pattern in patterns:
            if needle in text and pattern.search(text):
                raise ValueError(f"row {number} of the split {split!r} holds {what}")
        digest.update(text.encode("utf-8", errors="surrogatepass") + b"\n")
    return {
        "columns": sorted(rows.column_names),
        "rows": len(rows),
        "classes": dict(_classes(rows.features, "")),
        "digest": digest.hexdigest(),
    }


def _classes(feature: Any, place: str) -> Iterator[tuple[str, list[str]]]:
    """Yield the place and the class names of every ClassLabel, however deep in lists and structures."""
    if isinstance(feature, Mapping):
        for name, inner in feature.items():
            yield from _classes(inner, f"{place}.{name}".lstrip("."))
    elif isinstance(feature, list):
        for inner in feature:
            yield from _classes(inner, place)
    elif hasattr(feature, "feature"):
        yield from _classes(feature.feature, place)
    elif type(feature).__name__ == "ClassLabel":
        yield place, list(feature.names)
