"""What views do to words, and how well an encoder's pieces fit the languages of a test: counts for a table."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from xlzoo.run_scripts.corpora.dictionaries import Dictionary, read_dictionaries
from xlzoo.run_scripts.corpora.readers import read_tagged
from xlzoo.run_scripts.corpora.squad import read_squad
from xlzoo.run_scripts.corpora.unigram import sampler_of
from xlzoo.run_scripts.corpora.views import Augmentation, WordPieces
from xlzoo.run_scripts.objectives.consistency_config import PUBLISHED, TRANSFER
from xlzoo.run_scripts.stages.score_bars import language_title

MARKS = re.compile(r"\w+|[^\w\s]")
Sentences = Sequence[Sequence[str]]


def views_table(recipe: Mapping[str, Any], encoder: Path, tests: Mapping[str, str]) -> str:
    """Count words and pieces of the sentences of training, of their views, and of the tests by language."""
    tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(encoder)
    train = read_words(Path(recipe["train_file"][0]))
    view = augmentation(recipe, tokenizer)
    seen, brought = vocabularies(train, view.dictionaries)
    cut = WordPieces(tokenizer)
    rows = {"training": (train, [cut(words) for words in train]), "its views": drawn(view, train, cut)}
    for language, file in tests.items():
        words = read_words(Path(file))
        rows[f"test, {language_title(language)}"] = words, [cut(one) for one in words]
    known = {"words of training, %": seen, **({"words that views can bring in, %": brought} if brought else {})}
    lines = [f"| | {' | '.join(known)} | pieces a word | unknown pieces, % |", "|---|" + "---:|" * (len(known) + 2)]
    for name, (words, pieces) in rows.items():
        shares = " | ".join(f"{share(words, some):.1f}" for some in known.values())
        ids = [number for sentence in pieces for word in sentence for number in word]
        unknown = 100 * ids.count(int(tokenizer.unk_token_id)) / len(ids)
        lines.append(f"| {name} | {shares} | {len(ids) / sum(map(len, words)):.2f} | {unknown:.1f} |")
    return "\n".join([*lines, "", changed(rows)])


def vocabularies(train: Sentences, dictionaries: Mapping[str, Dictionary]) -> tuple[set[str], set[str]]:
    """Return the words of training, and those that dictionaries can put in their places, in lower case."""
    seen = {word.lower() for words in train for word in words}
    found = (dictionary.get(word, ()) for dictionary in dictionaries.values() for word in seen)
    return seen, {translation.lower() for translations in found for translation in translations}


def read_words(path: Path) -> Sentences:
    """Read a file's sentences, or its passages and questions, as words and marks."""
    if path.suffix != ".json":
        return list(read_tagged(path)["tokens"])
    rows = read_squad(path)
    return [MARKS.findall(text) for text in dict.fromkeys([*rows["context"], *rows["question"]])]


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


def share(sentences: Sentences, known: set[str]) -> float:
    """Return how many of all words, in lower case, are known, in per cent."""
    words = [word.lower() for sentence in sentences for word in sentence]
    return 100 * sum(word in known for word in words) / len(words)


def changed(rows: Mapping[str, tuple[Sentences, list[list[list[int]]]]]) -> str:
    """Say how many words the views change."""
    (before, cut), (after, recut) = list(rows.values())[:2]
    words = [word for sides in zip(before, cut, after, recut, strict=True) for word in zip(*sides, strict=True)]
    other = sum(old != new or pieces != others for old, pieces, new, others in words)
    return f"A view changes {100 * other / len(words):.1f} % of the words."
