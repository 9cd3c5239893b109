"""Scores of word alignments by layer, counted sentence by sentence."""

from collections.abc import Iterable, Mapping, Sequence

from xlzoo.run_scripts.tasks.aer.alignment_counts import AlignmentCounts, Link

COLUMNS = {"precision": "precision", "recall": "recall", "f1": "F1", "aer": "AER"}


class AlignmentTally:
    """Counts of several layers' links against the same gold."""

    def __init__(self, layers: Sequence[int]) -> None:
        self.counts = {layer: AlignmentCounts() for layer in layers}

    def add(self, links: Mapping[int, Iterable[Link]], sure: Iterable[Link], possible: Iterable[Link]) -> None:
        """Count one sentence's links, {layer: links}."""
        sure, possible = set(sure), set(possible)
        for layer, found in links.items():
            self.counts[layer].add(found, sure, possible)

    def scores(self) -> dict[int, dict[str, float]]:
        """Return {layer: precision, recall, f1, aer}, from 0 to 1."""
        return {layer: counts.scores() for layer, counts in self.counts.items()}


def best_layer(scores: Mapping[int, Mapping[str, float]]) -> int:
    """Return the layer with the lowest AER, the lower one of two equal ones."""
    return min(scores, key=lambda layer: (scores[layer]["aer"], layer))


def alignment_table(scores: Mapping[int, Mapping[str, float]]) -> str:
    """Lay scores out as Markdown, in percent, the best layer in bold."""
    best = best_layer(scores)
    lines = [
        f"| layer | {' | '.join(f'{name}, %' for name in COLUMNS.values())} |",
        f"|{'---:|' * (1 + len(COLUMNS))}",
    ]
    for layer, values in scores.items():
        cells = [str(layer), *(f"{100 * values[name]:.2f}" for name in COLUMNS)]
        if layer == best and len(scores) > 1:
            cells = [f"**{cell}**" for cell in cells]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)
