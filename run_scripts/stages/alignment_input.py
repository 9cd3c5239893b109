"""The pairs of a bitext as they are aligned: cut into words, limited, with their gold links."""

from collections.abc import Iterator, Sequence
from itertools import islice

from xlzoo.modeling.alignment_words import split_words
from xlzoo.run_scripts.corpora.alignments import Gold
from xlzoo.run_scripts.corpora.bitext import Bitext, Sentence, SentencePair
from xlzoo.run_scripts.errors import UserError
from xlzoo.run_scripts.word_align_arguments import BitextArguments


def read_pairs(bitext: Bitext, args: BitextArguments, gold: Gold | None) -> Iterator[SentencePair]:
    """Read the pairs; texts become words at spaces, or stay for the aligner to cut where that was asked for."""
    for number, pair in enumerate(islice(bitext(), args.max_samples)):
        source, target = (
            side.split() if isinstance(side, str) and args.segment == "spaces" else side
            for side in (pair.source, pair.target)
        )
        yield SentencePair(pair.place, source, target, pair.gold if gold is None else gold[number])


def words_of(sentence: Sentence) -> Sequence[str]:
    """Return the words that the links of a sentence count."""
    return split_words(sentence) if isinstance(sentence, str) else sentence


def check_pairs(pairs: Iterator[SentencePair], gold: Gold | None, is_whole: bool) -> tuple[int, bool]:
    """Read all pairs and return their number, and whether they have gold links.

    Raises UserError where the text cannot be read, is empty, or does not fit its gold.
    """
    count, scored = 0, gold is not None
    for pair in pairs:
        count += 1
        if pair.gold is not None:
            scored = True
            pair.gold.check(f"The gold of {pair.place}", len(words_of(pair.source)), len(words_of(pair.target)))
    if not count:
        raise UserError("The text holds no pairs of sentences; expected at least one.")
    if gold is not None:
        gold.check_length(count, is_whole)
    return count, scored
