"""Scores of word alignments from four counts: Och and Ney 2003 (https://aclanthology.org/J03-1002)."""

from collections.abc import Iterable
from dataclasses import dataclass

Link = tuple[int, int]


@dataclass
class AlignmentCounts:
    """How many links were found and expected, over any number of sentences."""

    links: int = 0
    """Links found, |A|."""
    sure: int = 0
    """Links that gold says must be there, |S|."""
    links_in_sure: int = 0
    links_in_possible: int = 0
    """Found links that gold allows, |A & P|; the sure ones are among the possible ones."""

    def add(self, links: Iterable[Link], sure: Iterable[Link], possible: Iterable[Link] = ()) -> None:
        """Count a sentence's links against its gold, from which neither order nor repetition matters."""
        found, must = set(map(tuple, links)), set(map(tuple, sure))
        may = must | set(map(tuple, possible))
        self.links += len(found)
        self.sure += len(must)
        self.links_in_sure += len(found & must)
        self.links_in_possible += len(found & may)

    def scores(self) -> dict[str, float]:
        """Return precision |A & P| / |A|, recall |A & S| / |S|, their F1, and AER.

        AER is 1 - (|A & S| + |A & P|) / (|A| + |S|), the lower the better. Where nothing was found or nothing is sure
        precision or recall is 0; where neither is the case there was no error to make, and AER is 0.
        """
        precision, recall = self.links_in_possible / (self.links or 1), self.links_in_sure / (self.sure or 1)
        total = self.links + self.sure
        return {
            "precision": precision,
            "recall": recall,
            "f1": 2 * precision * recall / ((precision + recall) or 1),
            "aer": 1 - (self.links_in_sure + self.links_in_possible) / total if total else 0.0,
        }
