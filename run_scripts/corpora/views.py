"""Views of a sentence of words: translated, code-switched, cut into other pieces, and with noise on its embeddings.

What is drawn depends on the generator alone, so that of (seed, epoch, row) makes the same view in every worker.
"""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from transformers import PreTrainedTokenizerBase

from xlzoo.run_scripts.errors import UserError

from .dictionaries import Dictionary
from .translations import Translation, Translations
from .unigram import UnigramSampler

KINDS = ("subword", "noise", "code_switch", "translation")
MOST_WORDS = 200_000
"""Words that are kept with their pieces."""


@dataclass(frozen=True)
class Augmentation:
    """How a view differs from its sentence; what its kinds do not name stays as it is.

    Kinds are applied in the order translation, code switch, subword, noise.
    """

    kinds: frozenset[str]
    subword_rate: float = 0.3
    """Share of words that are cut into drawn pieces."""
    code_switch_rate: float = 0.3
    """Share of words that are looked up in a dictionary; those that it lacks stay."""
    translation_rate: float = 1.0
    """Share of the sentences with a translation that are replaced by one."""
    sampler: UnigramSampler | None = None
    dictionaries: Mapping[str, Dictionary] = field(default_factory=dict)
    translations: Translations = field(default_factory=dict)

    def limited(self, kinds: Iterable[str]) -> "Augmentation":
        """Return the same of those kinds alone."""
        return replace(self, kinds=self.kinds & set(kinds))

    def translation(self, words: Sequence[str], random: np.random.Generator) -> Translation | None:
        """Draw one of the sentence's translations, or none."""
        if "translation" not in self.kinds:
            return None
        chance, choice = random.random(2)
        known = self.translations.get(" ".join(words), ())
        return known[int(choice * len(known))] if known and chance < self.translation_rate else None

    def translated(
        self, texts: Sequence[str], random: np.random.Generator, apart_from: str | None = None
    ) -> tuple[Sequence[str], str | None]:
        """Return texts that belong together in a language that is drawn for all of them, and its code, or None.

        Drawn from are the languages that one of them has a translation into; a text that has none into the drawn one
        stays, and so do all where that is the language `apart_from`.
        """
        if "translation" not in self.kinds:
            return texts, None
        chance, where, *which = random.random(2 + len(texts)).tolist()
        known = [self.translations.get(" ".join(text.split()), ()) for text in texts]
        languages = sorted({translation.language for found in known for translation in found})
        if not languages or chance >= self.translation_rate:
            return texts, None
        language = languages[int(where * len(languages))]
        if language == apart_from:
            return texts, None
        made = []
        for text, found, choice in zip(texts, known, which, strict=True):
            fitting = [translation for translation in found if translation.language == language]
            made.append(" ".join(fitting[int(choice * len(fitting))].words) if fitting else text)
        return made, language

    def require_links(self) -> None:
        """Raise UserError unless all translations are linked, as those that are to be compared word by word are."""
        for sentence, known in self.translations.items() if "translation" in self.kinds else ():
            if any(translation.links is None for translation in known):
                raise UserError(
                    f"The translations of {sentence[:60]!r} have no links between words; expected a fourth column of "
                    "links i-j where --augmentation has translation."
                )

    def switched(self, words: Sequence[str], random: np.random.Generator) -> list[str]:
        """Return the words with some in other languages, the language being drawn word by word."""
        if "code_switch" not in self.kinds:
            return list(words)
        languages = list(self.dictionaries)
        switched = []
        for word, (chance, where, which) in zip(words, random.random((len(words), 3)).tolist(), strict=True):
            found = self.dictionaries[languages[int(where * len(languages))]].get(word.lower(), ())
            switched.append(found[int(which * len(found))] if found and chance < self.code_switch_rate else word)
        return switched

    def switched_words(self, words: Sequence[str], random: np.random.Generator) -> list[str]:
        """Return words of a text likewise; punctuation around them is not looked up, and stays."""
        if "code_switch" not in self.kinds:
            return list(words)
        cores = list(map(_core, words))
        changes = zip(words, cores, self.switched(cores, random), strict=True)
        return [word if core == other else word.replace(core, other, 1) for word, core, other in changes]

    def switched_text(self, text: str, random: np.random.Generator) -> str:
        """Return a text with some words in other languages, as `switched_words` does."""
        words = text.split()
        switched = self.switched_words(words, random)
        return text if switched == words else " ".join(switched)

    def recut(self, words: Sequence[str], pieces: list[list[int]], random: np.random.Generator) -> list[list[int]]:
        """Return the words' pieces with those of some words drawn anew."""
        if "subword" not in self.kinds or self.sampler is None:
            return pieces
        chances = random.random(len(words)).tolist()
        pairs = zip(words, pieces, chances, strict=True)
        return [
            self.sampler.draw(word, random) or usual if chance < self.subword_rate else usual
            for word, usual, chance in pairs
        ]

    def noise_seed(self, random: np.random.Generator) -> int:
        """Draw the seed of the noise on a sentence's embeddings, 0 for none."""
        return int(random.integers(1, 2**62)) if "noise" in self.kinds else 0


class WordPieces:
    """A tokenizer's usual pieces of words, remembered word by word."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self.tokenizer = tokenizer
        self.known: dict[str, list[int]] = {}

    def __call__(self, words: Sequence[str]) -> list[list[int]]:
        """Return each word's piece ids; a word without any, a lone control character say, is one unknown piece."""
        unknown = [int(self.tokenizer.unk_token_id)]
        return [pieces or unknown for pieces in self.bare(words)]

    def bare(self, words: Sequence[str]) -> list[list[int]]:
        """Return each word's piece ids, or none."""
        new = list(dict.fromkeys(word for word in words if word not in self.known))
        made = dict(zip(new, self._cut(new), strict=True)) if new else {}
        if len(self.known) < MOST_WORDS:
            self.known |= made
        return [made[word] if word in made else self.known[word] for word in words]

    def _cut(self, words: list[str]) -> list[list[int]]:
        encoded = self.tokenizer(words, is_split_into_words=True, add_special_tokens=False, verbose=False)
        pieces: list[list[int]] = [[] for _ in words]
        for piece, place in zip(encoded["input_ids"], encoded.word_ids(), strict=True):
            pieces[place].append(piece)
        return pieces


def _core(word: str) -> str:
    """Return a word without the punctuation and symbols around it, unless it is nothing else."""
    if word.isalnum():
        return word
    inner = [place for place, letter in enumerate(word) if unicodedata.category(letter)[0] not in "PS"]
    return word[inner[0] : inner[-1] + 1] if inner else word
