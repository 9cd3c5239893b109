"""Pairs longer than the encoder's positions are read in parts, and no piece is lost."""

import itertools
import random

import pytest
import torch
from alignment.oracles import mutual, transport
from alignment.tiny import PAIRS, aligner, links_of_states, pieces, states, stock, tokenizer

from xlzoo.modeling.alignment_plan import part
from xlzoo.modeling.alignment_words import PieceCutter

POSITIONS = 38
DRAW = random.Random(4)
# Drawn, for exactly equal parts would have exactly equal states, and links among these depend on the last bit.
LONG = DRAW.choices("We saw the dogs , and the cat was good . a an".split(), k=44)
OTHER = DRAW.choices("Wir sahen die Hunde , und die Katze war gut . ein eine".split(), k=55)


def cut(words):
    [side] = PieceCutter(tokenizer()).cut([words])
    return side


@pytest.mark.parametrize("most", [9, 17, 36, 10**4])
@pytest.mark.parametrize("words", [LONG, OTHER, ["x" * 200], ["a"]])
def test_parts_are_the_whole_sentence(words, most):
    """Whole words where they fit, after a stop where there is one in the second half."""
    side = cut(words)
    parts = part(side, most, tokenizer())
    assert parts[0][0] == 0 and parts[-1][1] == len(side.ids)
    assert all(stop == start for (_, stop), (start, _) in itertools.pairwise(parts))
    assert all(0 < stop - start <= most for start, stop in parts)
    assert len(parts) == 1 or max(len(words), len(side.ids)) > most
    for start, stop in parts[:-1]:
        ends = range(start + most // 2 + 1, start + most + 1)
        stops = [end for end in ends if words[side.last[end - 1]] in ".," and side.last[end - 1] < side.first[end]]
        borders = [end for end in ends if side.last[end - 1] < side.first[end]]
        assert stop == max(stops or borders or ends)


def test_long_sentences_read_separately():
    """By hand: each side's states are those of its parts, one after the other."""
    model = aligner()
    encoder, sides = stock(model), []
    for words in (LONG, OTHER):
        ids, _ = pieces(words)
        spans = part(cut(words), POSITIONS - 2, tokenizer())
        assert len(spans) > 1
        sides.append(torch.cat([states(encoder, [0, *ids[a:b], 2], 2)[1:-1] for a, b in spans]))
    for method in ("ot", "argmax", "itermax"):
        found = links_of_states(*sides, method)
        expected = sorted({(pieces(LONG)[1][i], pieces(OTHER)[1][j]) for i, j in found})
        [links, short] = model.align([(LONG, OTHER), PAIRS[0]], tokenizer(), method, 2, "separate")
        assert links == expected and max(links)[0] > 20
        assert short == model.align([PAIRS[0]], tokenizer(), method, 2, "separate")[0]


@pytest.mark.parametrize("source, target", [(LONG, OTHER), (LONG, ["Ja", "."]), (["Ja", "."], OTHER)])
@pytest.mark.parametrize("method", ["ot", "argmax"])
def test_long_pairs_read_jointly(source, target, method):
    """By hand: each part of the source is read with each part of the target; similarities come from there."""
    model = aligner()
    encoder, room = stock(model), POSITIONS - 3
    (one, one_words), (other, other_words) = pieces(source), pieces(target)
    spans = (
        part(cut(source), max(room // 2, room - len(other)), tokenizer()),
        part(cut(target), max(room // 2, room - len(one)), tokenizer()),
    )
    similarity = torch.zeros(len(one), len(other), dtype=torch.float64)
    for a, b in spans[0]:
        for c, d in spans[1]:
            row = [0, *one[a:b], 2, *other[c:d], 2]
            assert len(row) <= POSITIONS
            both = states(encoder, row, 2)
            if method == "argmax":
                both = torch.nn.functional.normalize(both, dim=1)
            similarity[a:b, c:d] = both[1 : 1 + b - a] @ both[2 + b - a : -1].T
    if method == "argmax":
        similarity = (similarity + 1) / 2
    matrix = similarity.tolist()
    found = transport(matrix) if method == "ot" else mutual(matrix, matrix)
    expected = sorted({(one_words[i], other_words[j]) for i, j in found})
    assert model.align([PAIRS[0], (source, target)], tokenizer(), method, 2)[1] == expected


def test_all_layers_of_long_pairs():
    model = aligner()
    found = model.align_layers([(LONG, OTHER), PAIRS[0]], tokenizer())
    for layer, links in found.items():
        assert [list(each) for each in links] == model.align([(LONG, OTHER), PAIRS[0]], tokenizer(), layer=layer)
