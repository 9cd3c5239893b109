"""Sentence pairs and the links between their words, all read and checked before a model is loaded."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import torch

from xlzoo.modeling.alignment_words import SEPARATORS, word_spans
from xlzoo.run_scripts.ablation_arguments import FEWEST_LINKS, AblationText
from xlzoo.run_scripts.corpora.alignments import GoldLinks, Link, read_gold
from xlzoo.run_scripts.corpora.bitext import SentencePair
from xlzoo.run_scripts.corpora.flores import open_flores
from xlzoo.run_scripts.errors import UserError
from xlzoo.run_scripts.measuring.sense_words import Pieces, ReadText, Span
from xlzoo.run_scripts.stages.word_alignment import load_aligner

Side = tuple[str, list[Span]]
"""A text and the places of its words."""


@dataclass(frozen=True)
class TextPair:
    """A sentence and its translation; `place` names the pair in messages."""

    place: str
    source: Side
    target: Side
    gold: GoldLinks | None = None


def read_pairs(args: AblationText) -> list[TextPair]:
    """Read the first pairs, with the gold links that come with them or stand in a file.

    Raises UserError where they cannot be read, none has text on both sides, or the links do not fit.
    """
    gold = read_gold(Path(args.links_file)) if args.links_file else None
    count, pairs = 0, []
    for number, pair in enumerate(islice(_pairs(args), args.max_samples)):
        count += 1
        source, target = (_side(pair, number_of_side, args.segment) for number_of_side in (0, 1))
        links = pair.gold if gold is None else gold[number]
        if links is not None:
            links.check(f"The links of {pair.place}", len(source[1]), len(target[1]))
        if source[1] and target[1]:
            pairs.append(TextPair(pair.place, source, target, links))
    if gold is not None:
        gold.check_length(count, is_whole=count < args.max_samples)
    if not pairs:
        raise UserError(f"None of the {count} pairs has text on both sides; give other pairs.")
    return pairs


def _pairs(args: AblationText) -> Iterator[SentencePair]:
    if args.bitext is not None:
        return args.bitext.open()()
    name = str(args.eval_dataset_name)
    flores = open_flores(name)
    sources, targets = (flores.texts(flores.code_of(language), args.split) for language in (args.src, args.tgt))
    if len(sources) != len(targets):
        raise UserError(f"{name} has {len(sources)} sentences in {args.src}, {len(targets)} in {args.tgt}.")
    both = zip(sources, targets, strict=True)
    return (SentencePair(f"row {row} of {name}", one, other) for row, (one, other) in enumerate(both))


def _side(pair: SentencePair, number: int, segment: str) -> Side:
    """Return a side's text and where its words are: those that it comes as, else what `segment` calls words."""
    given = (pair.source, pair.target)[number]
    if not isinstance(given, str):
        text = pair.written[number] if pair.written else " ".join(given)
        return text, _found(given, text, pair.place)
    return given, [word.span() for word in SEPARATORS.finditer(given)] if segment == "spaces" else word_spans(given)


def _found(words: Sequence[str], text: str, place: str) -> list[Span]:
    spans, stop = [], 0
    for word in words:
        start = text.find(word, stop)
        if start < 0:
            raise UserError(f"In {place} the word {word!r} is not where {text!r} has it; correct the data.")
        stop = start + len(word)
        spans.append((start, stop))
    return spans


def find_links(pairs: Sequence[TextPair], args: AblationText, device: torch.device) -> list[set[Link]]:
    """Return each pair's links: those of the aligner if one is named, else the sure ones that the pairs came with."""
    if args.aligner is None:
        return [pair.gold.sure if pair.gold else set() for pair in pairs]
    tokenizer, model = load_aligner(args.aligner, device)
    last = model.config.num_hidden_layers
    if (args.align_layer or 0) > last:
        raise UserError(
            f"--align_layer is {args.align_layer}; {args.aligner_model!r} has 0 (its embeddings) to {last}."
        )
    layers = args.aligner.layers(last, model.config.align_layer)
    words = [tuple([text[start:stop] for start, stop in spans] for text, spans in (p.source, p.target)) for p in pairs]
    found = model.align_layers([(one, other) for one, other in words], tokenizer, layers, **args.aligner.options)
    return [set(links) for links in found[layers[0]]]


def require_links(pairs: Sequence[TextPair], args: AblationText) -> None:
    """Raise UserError where words are to be compared, but neither data nor arguments say how to link them."""
    if args.aligner is None and not any(pair.gold for pair in pairs):
        raise UserError(
            "The pairs come without links between their words; give --links_file, or find them with --aligner_model."
        )


@dataclass(frozen=True)
class LinkedWords:
    """Linked words in the sentences as a model reads them."""

    texts: tuple[list[ReadText], list[ReadText]]
    links: list[tuple[int, int, int]]
    """The number of the pair, the source word's and the target word's."""

    def wanted(self, side: int) -> list[tuple[int, int]]:
        """Return each link's word of a side, 0 for the source: the number of its text, and its own."""
        return [(link[0], link[1 + side]) for link in self.links]

    def pieces(self, side: int) -> list[Pieces]:
        """Return the pieces of each link's word of a side."""
        return [self.texts[side][text].pieces(word) for text, word in self.wanted(side)]


def choose_links(
    pairs: Sequence[TextPair],
    links: Sequence[set[Link]],
    texts: tuple[list[ReadText], list[ReadText]],
    most: int,
    seed: int,
) -> tuple[LinkedWords, dict[str, int]]:
    """Keep the links between words with a letter or digit that are read whole, at most so many of them, drawn evenly.

    Returns them with the numbers of links that were there and that were kept, and of those that join a word with
    itself, which say nothing of a model and are left out. Raises UserError where too few are left.
    """
    found, same = [], 0
    for number, pair in enumerate(pairs):
        for one, other in sorted(links[number]):
            sides = (texts[0][number], one, pair.source), (texts[1][number], other, pair.target)
            if not all(text.words[word] and _says_something(side, word) for text, word, side in sides):
                continue
            same += (is_same := sides[0][0].pieces(one) == sides[1][0].pieces(other))
            found += [] if is_same else [(number, one, other)]
    generator = torch.Generator().manual_seed(seed)
    kept = sorted(torch.randperm(len(found), generator=generator)[:most].tolist())
    linked = LinkedWords(texts, [found[place] for place in kept])
    if len(distinct := set(linked.pieces(0))) < FEWEST_LINKS:
        raise UserError(
            f"The links join {len(distinct)} different words with other words; expected {FEWEST_LINKS}, give more."
        )
    return linked, {"links": sum(map(len, links)), "same_word": same, "used": len(kept)}


def _says_something(side: Side, word: int) -> bool:
    start, stop = side[1][word]
    return any(map(str.isalnum, side[0][start:stop]))
