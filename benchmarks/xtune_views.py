"""What views do to words, and how well an encoder's pieces fit the languages of a test: counts for a table."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from xlzoo.run_scripts.corpora.dictionaries import read_dictionaries
from xlzoo.run_scripts.corpora.readers import read_tagged
from xlzoo.run_scripts.corpora.unigram import sampler_of
from xlzoo.run_scripts.corpora.views import Augmentation, WordPieces
from xlzoo.run_scripts.objectives.consistency_config import PUBLISHED, TRANSFER
from xlzoo.run_scripts.stages.score_bars import language_title

Sentences = Sequence[Sequence[str]]
COLUMNS = ("words of training, %", "words that views can bring in, %", "pieces a word", "unknown pieces, %")


def views_table(recipe: Mapping[str, Any], encoder: Path, tests: Mapping[str, str]) -> str:
    """Count words and pieces of the sentences of training, of their views, and of the tests by language."""
    tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(encoder)
    train = read_tagged(Path(recipe["train_file"][0]))["tokens"]
    view = augmentation(recipe, tokenizer)
    seen = {word.lower() for words in train for word in words}
    brought = {
        translation.lower()
        for dictionary in view.dictionaries.values()
        for word in seen
        for translation in dictionary.get(word, ())
    }
    cut = WordPieces(tokenizer)
    rows = {"training": (train, [cut(words) for words in train]), "its views": drawn(view, train, cut)}
    for language, file in tests.items():
        words = read_tagged(Path(file))["tokens"]
        rows[f"test, {language_title(language)}"] = words, [cut(one) for one in words]
    lines = [f"| | {' | '.join(COLUMNS)} |", "|---|" + "---:|" * len(COLUMNS)]
    for name, (words, pieces) in rows.items():
        counted = [share(words, seen.__contains__), share(words, brought.__contains__) if brought else None]
        ids = [number for sentence in pieces for word in sentence for number in word]
        unknown = 100 * ids.count(int(tokenizer.unk_token_id)) / len(ids)
        cells = [*("" if one is None else f"{one:.1f}" for one in counted)]
        lines.append(f"| {name} | {' | '.join(cells)} | {len(ids) / sum(map(len, words)):.2f} | {unknown:.1f} |")
    return "\n".join([*lines, "", changed(rows)])


def augmentation(recipe: Mapping[str, Any], tokenizer: PreTrainedTokenizerBase) -> Augmentation:
    """Return the views of a recipe, at the published rates."""
    published, kinds = PUBLISHED[recipe["task_name"], TRANSFER], frozenset(recipe["augmentation"])
    named = recipe.get("dictionaries")
    return Augmentation(
        kinds=kinds,
        subword_rate=published.subword_rate,
        code_switch_rate=published.code_switch_rate,
        sampler=sampler_of(tokenizer, 0.3) if "subword" in kinds else None,
        dictionaries=read_dictionaries(named, "eng", recipe["dictionary_languages"]) if named else {},
    )


def drawn(view: Augmentation, sentences: Sentences, cut: WordPieces) -> tuple[Sentences, list[list[list[int]]]]:
    """Draw a view of every sentence: its words, and their pieces."""
    random = np.random.default_rng(0)
    switched = [view.switched(words, random) for words in sentences]
    return switched, [view.recut(words, cut(words), random) for words in switched]


def share(sentences: Sentences, chosen: Callable[[str], bool]) -> float:
    """Return how many of all words, in lower case, are chosen, in per cent."""
    words = [word.lower() for sentence in sentences for word in sentence]
    return 100 * sum(map(chosen, words)) / len(words)


def changed(rows: Mapping[str, tuple[Sentences, list[list[list[int]]]]]) -> str:
    """Say how many words the views change."""
    (before, cut), (after, recut) = list(rows.values())[:2]
    words = [word for sides in zip(before, cut, after, recut, strict=True) for word in zip(*sides, strict=True)]
    other = sum(old != new or pieces != others for old, pieces, new, others in words)
    return f"A view changes {100 * other / len(words):.1f} % of the words."
