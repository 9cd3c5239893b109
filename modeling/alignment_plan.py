"""What the encoder reads to align pairs: rows of pieces, and where in them the two sentences of each pair lie.

A pair, or in separate encoding a sentence, that is longer than the encoder's positions is read in parts: every part of
the source meets every part of the target, and the similarities of all pieces are put together from these blocks.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from transformers import PreTrainedTokenizerBase

from .alignment_words import Pieces

STOPS = frozenset(".,;:!?…·。、，；：！？」』）؟،؛।॥|)")
"""Characters after which a long sentence is parted rather than elsewhere."""


class Span(NamedTuple):
    """Pieces `start` to `start + size` of a row."""

    row: int
    start: int
    size: int


Grid = list[list[tuple[Span, Span]]]
"""The blocks of a pair, a list for each part of the source; nearly always one block."""


@dataclass
class Plan:
    """The rows to encode, special tokens included, and each pair's blocks, none where a side has no pieces."""

    rows: list[list[int]] = field(default_factory=list)
    grids: list[Grid] = field(default_factory=list)

    def add(self, ids: list[int]) -> int:
        """Add a row and return its number."""
        self.rows.append(ids)
        return len(self.rows) - 1


def plan_pairs(
    pairs: Sequence[tuple[Pieces, Pieces]], tokenizer: PreTrainedTokenizerBase, encode: str, positions: int
) -> Plan:
    """Lay out pairs for an encoder of so many positions: both sentences in one row ("joint"), or each ("separate")."""
    plan, lay = Plan(), _lay_jointly if encode == "joint" else _lay_separately
    for source, target in pairs:
        plan.grids.append(lay(plan, source, target, tokenizer, positions) if source.ids and target.ids else [])
    return plan


def _lay_jointly(
    plan: Plan, source: Pieces, target: Pieces, tokenizer: PreTrainedTokenizerBase, positions: int
) -> Grid:
    """Lay out `<s> source </s> target </s>`, XLM-Align's one row, for each source part with each target part."""
    begin, end, room = tokenizer.cls_token_id, tokenizer.sep_token_id, positions - 3
    lengths = len(source.ids), len(target.ids)
    most = max(room // 2, room - lengths[1]), max(room // 2, room - lengths[0])
    grid: Grid = []
    for start, stop in part(source, most[0], tokenizer):
        blocks = []
        for first, last in part(target, most[1], tokenizer):
            row = plan.add([begin, *source.ids[start:stop], end, *target.ids[first:last], end])
            blocks.append((Span(row, 1, stop - start), Span(row, 2 + stop - start, last - first)))
        grid.append(blocks)
    return grid


def _lay_separately(
    plan: Plan, source: Pieces, target: Pieces, tokenizer: PreTrainedTokenizerBase, positions: int
) -> Grid:
    """Lay out `<s> source </s>` and `<s> target </s>`, SimAlign's two rows."""
    begin, end = tokenizer.cls_token_id, tokenizer.sep_token_id
    spans: list[list[Span]] = []
    for side in (source, target):
        parts = part(side, positions - 2, tokenizer)
        rows = [plan.add([begin, *side.ids[start:stop], end]) for start, stop in parts]
        spans.append([Span(row, 1, stop - start) for row, (start, stop) in zip(rows, parts, strict=True)])
    return [[(one, other) for other in spans[1]] for one in spans[0]]


def part(side: Pieces, most: int, tokenizer: PreTrainedTokenizerBase) -> list[tuple[int, int]]:
    """Return (start, stop) of parts of at most `most` pieces that make up the whole sentence.

    A part ends after a comma or the like if there is one in its second half, else between two words, and inside a word
    only where that word alone is too long.
    """
    length, start, parts = len(side.ids), 0, []
    tokens = tokenizer.convert_ids_to_tokens(side.ids) if length > most else []
    while length - start > most:
        ends = range(start + most, start + most // 2, -1)
        stop = max(ends, key=lambda end: (_fitness(side, tokens, end), end))
        parts.append((start, stop))
        start = stop
    return [*parts, (start, length)]


def _fitness(side: Pieces, tokens: Sequence[str], end: int) -> int:
    """Say how well a part can end before piece `end`: not inside a word, best after a stop."""
    between = side.last[end - 1] < side.first[end]
    return between + (between and tokens[end - 1][-1:] in STOPS)
