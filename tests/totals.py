"""The last lines of a test run: how many faults and hostile folders it tried.

Tests say so with pytest's `record_property`. What they record is part of their reports, so the totals are those of
all workers where the run has several (pytest-xdist), and nothing is kept between tests.
"""

from collections import Counter
from collections.abc import Iterable, Iterator

from pytest import TestReport

FAULTS = "faults injected"
"""The property with the number of faults that a test injected."""
HOSTILE = "hostile folder"
"""The property with the kind of a hostile folder and what became of it: "kind: refused" or "kind: loaded"."""


def totals(reports: Iterable[TestReport]) -> Iterator[str]:
    """Yield a line for each of the two properties that any test recorded."""
    recorded = [pair for report in reports if report.when == "call" for pair in report.user_properties]
    if faults := sum(number for name, number in recorded if name == FAULTS):
        yield f"{faults} faults injected while publishing"
    tried = Counter(outcome for name, outcome in recorded if name == HOSTILE)
    if tried:
        kinds = {outcome.rpartition(": ")[0] for outcome in tried}
        refused = sum(number for outcome, number in tried.items() if outcome.endswith(": refused"))
        yield (
            f"hostile folders: {tried.total()} of {len(kinds)} kinds tried, {refused} refused, "
            f"{tried.total() - refused} loaded"
        )
