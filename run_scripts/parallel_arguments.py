"""Arguments that say from which corpora a parallel dataset is built, what is kept, and where it is built."""

import json
import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xlzoo.run_scripts.corpora.languages import iso639_3
from xlzoo.run_scripts.corpora.parallel.cleaning import Cleaner, Cleaning
from xlzoo.run_scripts.corpora.parallel.deduplication import MODES
from xlzoo.run_scripts.corpora.parallel.opus import OpusCorpus
from xlzoo.run_scripts.corpora.parallel.opus_filters import IDENTIFIERS, known_languages
from xlzoo.run_scripts.corpora.parallel.opus_tree import LATEST, PREPROCESSINGS, Wanted
from xlzoo.run_scripts.corpora.parallel.plan import Origin, Similarity
from xlzoo.run_scripts.corpora.parallel.sentence_similarity import LABSE
from xlzoo.run_scripts.corpora.parallel.text_files import TextFiles
from xlzoo.run_scripts.corpora.parallel.translations import Translations
from xlzoo.run_scripts.data_arguments import REPEATABLE, require_at_least
from xlzoo.run_scripts.errors import UserError

logger = logging.getLogger(__name__)


@dataclass
class CorpusArguments:
    """Where the pairs come from."""

    src: str = field(default="", metadata={"help": "Language of the source side, any spelling: eng, en, English."})
    tgt: str = field(default="", metadata={"help": "Language of the target side."})
    corpora: list[str] = field(default_factory=list, metadata={"help": "OPUS corpora: CCMatrix QED.", **REPEATABLE})
    opus_root: str | None = field(default=None, metadata={"help": "A local OPUS tree; otherwise they are downloaded."})
    opus_download_dir: str = field(default="opus_cache", metadata={"help": "Where downloads are kept."})
    opus_release: str = field(default=LATEST, metadata={"help": "The release of OPUS corpora, v1 say."})
    preprocess: str = field(
        default="moses",
        metadata={"help": "OPUS's lines (moses), XML of words (xml) or text (raw).", "choices": [*PREPROCESSINGS]},
    )
    max_per_corpus: int = field(default=0, metadata={"help": "Read only the first pairs of an OPUS corpus; 0: all."})
    hf_corpora: list[str] = field(
        default_factory=list,
        metadata={"help": "Hub ids or folders with a column translation, ID:CONFIG for one of several.", **REPEATABLE},
    )
    hf_corpora_split: str = field(default="train", metadata={"help": "Which split of these."})
    source_file: list[str] = field(default_factory=list, metadata={"help": "Texts, a sentence a line.", **REPEATABLE})
    target_file: list[str] = field(
        default_factory=list, metadata={"help": "The translation of each, line by line.", **REPEATABLE}
    )
    pair_file: list[str] = field(
        default_factory=list, metadata={"help": "Files of 'source TAB target' or 'source ||| target'.", **REPEATABLE}
    )
    max_per_dataset: int = field(default=0, metadata={"help": "Like --max_per_corpus, of other data sets and files."})
    on_error: str = field(
        default="refuse",
        metadata={
            "help": "What cannot be reached, read or told: refuse, or skip it with a warning and a line in the card.",
            "choices": ["refuse", "skip"],
        },
    )

    def __post_init__(self) -> None:
        if not (self.src and self.tgt):
            raise UserError("Name the languages with --src and --tgt.")
        self.source, self.target = iso639_3(self.src), iso639_3(self.tgt)
        if self.source == self.target:
            raise UserError(f"--src and --tgt are both {self.source}; expected two languages.")
        require_at_least(0, self, "max_per_corpus", "max_per_dataset")
        if len(self.source_file) != len(self.target_file):
            raise UserError(
                f"--source_file and --target_file name {len(self.source_file)} and {len(self.target_file)} files; "
                "expected a translation of each file."
            )
        if not (self.corpora or self.hf_corpora or self.source_file or self.pair_file):
            raise UserError("Give corpora: --corpora, --hf_corpora, --pair_file, or --source_file and --target_file.")
        if self.opus_root is not None and not Path(self.opus_root).expanduser().is_dir():
            raise UserError(f"--opus_root {self.opus_root} is no folder; give the one with OPUS's corpora in it.")

    @property
    def skips(self) -> bool:
        """Whether what cannot be read is left out."""
        return self.on_error == "skip"

    def origins(self) -> tuple[Origin, ...]:
        """Return the corpora in the order in which the first of equal pairs stays."""
        root = Path(self.opus_root).expanduser() if self.opus_root else None
        cache = Path(self.opus_download_dir).expanduser()
        wanted = [
            Wanted(corpus, self.source, self.target, self.opus_release, self.preprocess) for corpus in self.corpora
        ]
        two = [(Path(one), Path(other)) for one, other in zip(self.source_file, self.target_file, strict=True)]
        found: list[Origin] = [OpusCorpus(each, root, cache, self.max_per_corpus) for each in wanted]
        for name in self.hf_corpora:
            found.append(Translations(name, self.hf_corpora_split, self.source, self.target, self.max_per_dataset))
        found += [TextFiles(one, other, self.max_per_dataset) for one, other in two]
        found += [TextFiles(Path(path), None, self.max_per_dataset) for path in self.pair_file]
        return tuple(found)


@dataclass
class FilterArguments:
    """Which pairs are kept, and how many."""

    min_len: int = field(default=4, metadata={"help": "Fewest words of a side."})
    max_len: int = field(default=64, metadata={"help": "Most words of a side."})
    len_ratio_low: float = field(default=0.67, metadata={"help": "Least ratio of words, or of its inverse."})
    len_ratio_high: float = field(default=1.5, metadata={"help": "Largest ratio of words, or of its inverse."})
    normalize_punctuation: bool = field(default=True, metadata={"help": "Normalise punctuation as Moses does."})
    language_id: str = field(
        default="langid", metadata={"help": f"OpusFilter's check of languages: {', '.join(IDENTIFIERS)}, none."}
    )
    opusfilter: list[str] = field(
        default_factory=list,
        metadata={"help": """Further filters of OpusFilter: '{"LongWordFilter": {"threshold": 40}}'.""", **REPEATABLE},
    )
    dedup: str = field(
        default="exact",
        metadata={
            "help": "exact: equal texts; normalized: also but for case, width, spaces, punctuation; none.",
            "choices": [*MODES],
        },
    )
    labse_threshold: float = field(
        default=0.82,
        metadata={
            "help": "Least cosine of a pair's embeddings; 0: do not ask.",
            "aliases": ["--similarity_threshold"],
        },
    )
    similarity_model: str = field(default=LABSE, metadata={"help": "A sentence-transformers model, Hub id or folder."})
    batch_size: int = field(default=512, metadata={"help": "Sentences that are embedded at a time."})
    target_size: int = field(default=2_000_000, metadata={"help": "Pairs to draw from those that are left; 0: all."})
    shuffle_seed: int = field(default=13, metadata={"help": "Seed of the draw and of the order."})

    def __post_init__(self) -> None:
        require_at_least(1, self, "min_len", "batch_size")
        require_at_least(0, self, "target_size", "shuffle_seed", "len_ratio_low")
        for low, high in (("min_len", "max_len"), ("len_ratio_low", "len_ratio_high")):
            if not vars(self)[low] <= vars(self)[high]:
                raise UserError(f"--{low} is {vars(self)[low]} and --{high} {vars(self)[high]}; expected a range.")
        if not 0 <= self.labse_threshold <= 1:
            raise UserError(f"--labse_threshold is {self.labse_threshold}; expected a cosine from 0 to 1.")
        if self.shuffle_seed >= 2**64:
            raise UserError("--shuffle_seed must be below 2^64.")
        if self.language_id not in (*IDENTIFIERS, "none"):
            raise UserError(f"--language_id is {self.language_id}; expected {', '.join(IDENTIFIERS)} or none.")

    def cleaning(self, source: str, target: str, skips: bool) -> Cleaning:
        """Return the filters for two languages; UserError for one that is not to be had, or knows a language not."""
        unknown: tuple[str, ...] = ()
        if self.language_id != "none":
            known = known_languages(self.language_id, (source, target))
            unknown = tuple(code for code in (source, target) if code not in known)
        if unknown and not skips:
            raise UserError(
                f"{self.language_id} cannot tell {' or '.join(unknown)}; give another --language_id, none, or "
                "--on_error skip to leave that side unchecked."
            )
        for code in unknown:
            logger.warning("%s cannot tell %s, which goes unchecked", self.language_id, code)
        made = Cleaning(
            source=source,
            target=target,
            **{name: vars(self)[name] for name in ("min_len", "max_len", "len_ratio_low", "len_ratio_high")},
            normalize_punctuation=self.normalize_punctuation,
            language_id=self.language_id,
            unidentified=unknown,
            opusfilter=tuple(map(_filter, self.opusfilter)),
        )
        Cleaner(made)
        return made

    @property
    def similarity(self) -> Similarity | None:
        """What is asked of embeddings, None for nothing."""
        asked = Similarity(self.labse_threshold, self.similarity_model, self.batch_size)
        return asked if self.labse_threshold > 0 else None


def _filter(text: str) -> dict[str, dict[str, Any]]:
    """Read a filter's name and settings."""
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not (isinstance(found, dict) and len(found) == 1 and isinstance(next(iter(found.values())), dict)):
        raise UserError(
            f"""--opusfilter is {text!r}; expected JSON such as {{"LongWordFilter": {{"threshold": 40}}}}."""
        )
    return found
