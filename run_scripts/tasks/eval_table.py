"""Results of several tasks and languages as one table."""

from collections.abc import Mapping
from typing import Any

COLUMNS = ("task", "language", "split", "examples")


def eval_table(results: Mapping[str, Mapping[str, Any]]) -> str:
    """Return a Markdown table with a row for each result and a column for each score, `value ± standard error`."""
    names = list(dict.fromkeys(name for result in results.values() for name in result["scores"]))
    lines = [f"| {' | '.join([*COLUMNS, *names])} |", f"|---|---|---|---:|{'---:|' * len(names)}"]
    for result in results.values():
        cells = [str(result[column]) for column in COLUMNS]
        cells += [_cell(result["scores"].get(name), result["errors"].get(name)) for name in names]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(value: float | None, error: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.4f}" if error is None else f"{value:.4f} ± {error:.4f}"
