"""Arguments of xTune: rows of a task in several languages, and what their views are made from."""

from dataclasses import dataclass, field
from typing import ClassVar

from datasets import DatasetDict
from transformers import PreTrainedTokenizerBase

from xlzoo.run_scripts.corpora.dictionaries import read_dictionaries
from xlzoo.run_scripts.corpora.languages import iso639_3
from xlzoo.run_scripts.corpora.translations import Translations
from xlzoo.run_scripts.corpora.unigram import sampler_of
from xlzoo.run_scripts.corpora.views import Augmentation
from xlzoo.run_scripts.data_arguments import REPEATABLE, require_at_least
from xlzoo.run_scripts.errors import UserError
from xlzoo.run_scripts.objectives.consistency_config import ConsistencyConfig
from xlzoo.run_scripts.objectives.embedding_noise import KINDS, Noise
from xlzoo.run_scripts.pair_arguments import PairSource
from xlzoo.run_scripts.span_arguments import SpanSource


@dataclass
class TaskData(PairSource, SpanSource):
    """Where a task's rows come from, in the language of training and in others to test on, and their columns."""

    max_seq_length: int | None = field(
        default=None, metadata={"help": "Longest input in pieces; by default as published for the task."}
    )
    xtreme_dir: str | None = field(
        default=None,
        metadata={
            "help": "XTREME's folder `download`: the task's files where no data are named, and its translations where "
            "some are needed and none are named; --test_config_name chooses languages."
        },
    )

    one_language: ClassVar[bool] = True

    def takes_configs(self) -> bool:
        """Say whether there are configurations, or languages of XTREME's, to name."""
        return super().takes_configs() or self.xtreme_dir is not None

    @property
    def source_name(self) -> str:
        """What the tests call the language of training."""
        return self._own_name()

    def tagged(self, column: str) -> DatasetDict:
        """Load every split as `{"tokens", column}` rows."""
        words = self.text_column_name or "tokens"
        return self.load("tokens", {"tokens": words, column: self.label_column_name or column})


@dataclass
class ViewArguments:
    """What views are made from, and how far they differ."""

    subword_rate: float | None = field(default=None, metadata={"help": "subword: share of words cut anew."})
    sampling_alpha: float = field(default=0.3, metadata={"help": "subword: the larger, the more usual the pieces."})
    subword_model: str | None = field(
        default=None, metadata={"help": "subword: SentencePiece model, if not the tokenizer's own."}
    )
    code_switch_rate: float | None = field(default=None, metadata={"help": "code_switch: share of words looked up."})
    dictionaries: str | None = field(default=None, metadata={"help": "code_switch: folder with en-de.txt, ..."})
    dictionary_languages: list[str] = field(
        default_factory=list, metadata={"help": "code_switch: some of these; by default all.", **REPEATABLE}
    )
    translation_rate: float = field(default=1.0, metadata={"help": "translation: share of sentences."})
    translations: list[str] = field(
        default_factory=list,
        metadata={
            "help": "File(s): sentence, language, translation and perhaps links, by tabs; of questions de=FILE in "
            "SQuAD's form, with the ids of those to train on.",
            **REPEATABLE,
        },
    )
    translation_languages: list[str] = field(
        default_factory=list, metadata={"help": "translation: languages; by default all.", **REPEATABLE}
    )
    noise_rate: float = field(default=1.0, metadata={"help": "noise: share of tokens with it."})
    noise_scale: float = field(default=1e-5, metadata={"help": "noise: standard deviation, or bound if uniform."})
    noise_kind: str = field(default="uniform", metadata={"help": "noise: which numbers.", "choices": list(KINDS)})

    def __post_init__(self) -> None:
        for name in ("subword_rate", "code_switch_rate", "translation_rate", "noise_rate"):
            rate = vars(self)[name]
            if rate is not None and not 0 <= rate <= 1:
                raise UserError(f"--{name} is {rate}; expected a share from 0 to 1.")
        require_at_least(0, self, "sampling_alpha", "noise_scale")

    def noise(self) -> Noise:
        """Return the noise that views with it get."""
        return Noise(self.noise_kind, self.noise_scale, self.noise_rate)

    def require_sources(self, kinds: set[str]) -> None:
        """Raise UserError where an augmentation lacks what it is made from, or there is something for none."""
        made_from = {
            "code_switch": ("dictionaries", bool(self.dictionaries)),
            "translation": ("translations", bool(self.translations)),
        }
        for kind, (flag, given) in made_from.items():
            if kind in kinds and not given:
                raise UserError(f"The augmentation {kind} needs --{flag}; give it, or other augmentations.")
            if given and kind not in kinds:
                raise UserError(
                    f"--{flag} is for the augmentation {kind}, which is not used; add it to --augmentation."
                )
        for flag, kind in (("dictionary_languages", "dictionaries"), ("translation_languages", "translations")):
            if vars(self)[flag] and not vars(self)[kind]:
                raise UserError(f"--{flag} goes with --{kind}.")
        if self.subword_model and "subword" not in kinds:
            raise UserError("--subword_model is for the augmentation subword, which is not used; add it.")

    def augmentation(
        self, args: ConsistencyConfig, tokenizer: PreTrainedTokenizerBase, language: str | None, found: Translations
    ) -> Augmentation:
        """Read what the kinds of a run are made from; `language` is the data's, by default English."""
        source = iso639_3(language or "eng")
        kinds, published = args.kinds, args.published
        dictionaries = self.dictionaries if "code_switch" in kinds else None
        return Augmentation(
            kinds=frozenset(kinds),
            subword_rate=published.subword_rate if self.subword_rate is None else self.subword_rate,
            code_switch_rate=published.code_switch_rate if self.code_switch_rate is None else self.code_switch_rate,
            translation_rate=self.translation_rate,
            sampler=sampler_of(tokenizer, self.sampling_alpha, self.subword_model) if "subword" in kinds else None,
            dictionaries=read_dictionaries(dictionaries, source, self.dictionary_languages) if dictionaries else {},
            translations=found,
        )
