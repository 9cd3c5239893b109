"""Arguments that say which Backpacks are looked into across languages, on which sentences, and how."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xlzoo.modeling.alignment_settings import METHODS
from xlzoo.run_scripts.corpora.languages import iso639_3
from xlzoo.run_scripts.corpora.sources import PHRASEBOOK
from xlzoo.run_scripts.data_arguments import REPEATABLE, require_at_least
from xlzoo.run_scripts.errors import UserError
from xlzoo.run_scripts.perplexity_arguments import FLORES_PLUS, MeasuredModel
from xlzoo.run_scripts.tasks.senses.mutual_information import CriticSettings
from xlzoo.run_scripts.word_align_arguments import AlignerArguments, BitextArguments

TOPOLOGY, PROCRUSTES, INFORMATION, MIXING = ANALYSES = ("topology", "procrustes", "mutual_information", "mixing")
FEWEST_LINKS = 20
"""With fewer links, or source words, there is nothing to hold out or to compare with chance."""


@dataclass
class AblatedModels:
    """Which Backpacks are looked into, and how they are run."""

    model_name_or_path: str = field(
        default="", metadata={"aliases": ["--model"], "help": "Folder or Hub id of an adapted Backpack."}
    )
    base_model: str | None = field(default=None, metadata={"help": "The Backpack before it was adapted, to compare."})
    tokenizer_name: str | None = field(
        default=None, metadata={"aliases": ["--tokenizer"], "help": "Hub id or folder, if not the model's."}
    )
    dtype: str = field(default="auto", metadata={"help": "auto (as stored), float32, float16 or bfloat16."})
    bf16: bool = field(default=False, metadata={"help": "Short for --dtype bfloat16."})
    fp16: bool = field(default=False, metadata={"help": "Short for --dtype float16."})
    device: str | None = field(
        default=None, metadata={"help": "cuda, cuda:1, cpu, ...; a GPU by default if there is one."}
    )

    def __post_init__(self) -> None:
        if not self.model_name_or_path:
            raise UserError("Name the adapted Backpack with --model_name_or_path.")
        if self.base_model == self.model_name_or_path:
            raise UserError("--base_model is --model_name_or_path itself; name the model before it was adapted.")
        run = {name: vars(self)[name] for name in ("tokenizer_name", "dtype", "bf16", "fp16", "device")}
        self.measured = MeasuredModel(self.model_name_or_path, **run)

    @property
    def names(self) -> dict[str, str]:
        """What the models are to each other, and their names."""
        before = {"base": self.base_model} if self.base_model else {}
        return {**before, "adapted": self.model_name_or_path}

    @property
    def settings(self) -> dict[str, Any]:
        """What results depend on, besides the model."""
        return {"tokenizer": self.tokenizer_name or self.model_name_or_path, "dtype": self.measured.dtype}


@dataclass
class AblationText:
    """Which sentence pairs are read, and which of their words are linked."""

    src: str = field(default="", metadata={"help": "Language that the model knew, any spelling: eng, en, English."})
    tgt: str = field(default="", metadata={"help": "Language that the model has learnt."})
    source_file: str | None = field(default=None, metadata={"help": "Text in --src, a sentence a line."})
    target_file: str | None = field(default=None, metadata={"help": "Its translation into --tgt, line by line."})
    dataset_name: str | None = field(
        default=None, metadata={"help": "Instead: Hub id or folder with a column translation, or 'phrasebook'."}
    )
    dataset_config_name: str | None = field(
        default=None, metadata={"aliases": ["--dataset_config"], "help": "Hub config."}
    )
    eval_dataset_name: str | None = field(
        default=None, metadata={"help": f"FLORES or alike; {FLORES_PLUS} if no other data are named."}
    )
    split: str | None = field(default=None, metadata={"help": "By default the only one, devtest, or test."})
    max_samples: int = field(default=5000, metadata={"help": "Use only the first pairs."})
    segment: str = field(
        default="spaces",
        metadata={"help": "spaces, or characters: the same, and scripts without spaces by single characters."},
    )
    links_file: str | None = field(
        default=None, metadata={"help": "Links between the words, 0-0 1-2, a line per pair; 1p2 is left out."}
    )
    aligner_model: str | None = field(
        default=None, metadata={"help": "XLM-R, XLM-Align or InfoXLM checkpoint that finds the links."}
    )
    align_method: str = field(default="ot", metadata={"help": f"How it finds them: {', '.join(METHODS)}."})
    align_layer: int | None = field(default=None, metadata={"help": "Its layer whose states are compared."})

    def __post_init__(self) -> None:
        if not (self.src and self.tgt):
            raise UserError("Name the language that the model knew with --src, and the one it has learnt with --tgt.")
        if iso639_3(self.src) == iso639_3(self.tgt):
            raise UserError(f"--src and --tgt are both {iso639_3(self.src)}; expected two languages.")
        require_at_least(1, self, "max_samples")
        if self.links_file and self.aligner_model:
            raise UserError("--links_file and --aligner_model both give links between words; choose one of them.")
        if self.align_method not in METHODS:
            raise UserError(f"--align_method is {self.align_method!r}; expected one of {', '.join(METHODS)}.")
        if self.align_layer is not None and not self.aligner_model:
            raise UserError("--align_layer goes with --aligner_model; name one, or leave it out.")
        require_at_least(0, self, "align_layer")
        if self.eval_dataset_name and (self.source_file or self.target_file or self.dataset_name):
            raise UserError("Give one of --source_file with --target_file, --dataset_name, and --eval_dataset_name.")
        if not (self.source_file or self.target_file or self.dataset_name):
            self.eval_dataset_name = self.eval_dataset_name or FLORES_PLUS
        self.bitext = None if self.eval_dataset_name else self._bitext()
        self.aligner = self._aligner() if self.aligner_model else None

    def _bitext(self) -> BitextArguments:
        config = self.dataset_config_name
        if self.dataset_name == PHRASEBOOK and config is None:
            config = "-".join(self.languages)
        sides = self.languages if self.dataset_name else (None, None)
        return BitextArguments(
            source_file=self.source_file,
            target_file=self.target_file,
            dataset_name=self.dataset_name,
            dataset_config_name=config,
            split=self.split,
            source_language=sides[0],
            target_language=sides[1],
            segment=self.segment,
            max_samples=self.max_samples,
        )

    def _aligner(self) -> AlignerArguments:
        layer = [] if self.align_layer is None else [str(self.align_layer)]
        return AlignerArguments(str(self.aligner_model), method=self.align_method, layer=layer)

    @property
    def languages(self) -> tuple[str, str]:
        """The ISO 639-3 codes of source and target."""
        return iso639_3(self.src), iso639_3(self.tgt)

    @property
    def settings(self) -> dict[str, Any]:
        """What results depend on if no links are needed."""
        names = ("source_file", "target_file", "dataset_name", "dataset_config_name", "eval_dataset_name", "split")
        chosen = {name: vars(self)[name] for name in (*names, "max_samples")}
        return {"languages": list(self.languages), **chosen}

    @property
    def link_settings(self) -> dict[str, Any]:
        """What results depend on if links are needed."""
        names = ("segment", "links_file", "aligner_model", "align_method", "align_layer")
        return {**self.settings, **{name: vars(self)[name] for name in names}}


@dataclass
class Ablations:
    """What is done, and where the results go."""

    analyses: list[str] = field(
        default_factory=list, metadata={"help": f"Some of {', '.join(ANALYSES)}; by default all.", **REPEATABLE}
    )
    output_dir: str = field(
        default="", metadata={"aliases": ["--out_dir"], "help": "Folder for tables, JSON and pictures."}
    )
    overwrite: bool = field(default=False, metadata={"help": "Repeat the analyses that output_dir holds."})
    plots: bool = field(default=True, metadata={"help": "Draw a picture of each analysis, with matplotlib."})
    batch_size: int = field(default=16, metadata={"help": "Sentences at a time; the results do not depend on it."})
    max_length: int | None = field(
        default=None, metadata={"help": "Tokens that are read at once; by default all the model takes."}
    )
    max_pairs: int = field(default=20000, metadata={"help": "Links that are used at most, a sample of them."})
    sense_pool_temp: float = field(default=1.0, metadata={"help": "Temperature of the mixture of a word's senses."})
    held_out: float = field(default=0.2, metadata={"help": "Share of the source words that are only tested on."})
    shuffles: int = field(default=5, metadata={"help": "How often words, or senses, are dealt out at random."})
    critic_steps: int = field(default=800, metadata={"help": "mutual_information: training steps of the critic."})
    critic_batch_size: int = field(default=2048, metadata={"help": "Links in a step of the critic."})
    critic_learning_rate: float = field(default=1e-4, metadata={"help": "Its learning rate."})
    critic_hidden: int = field(default=128, metadata={"help": "Width of the critic's two layers."})
    seed: int = field(default=0, metadata={"help": "Seed of everything random."})

    def __post_init__(self) -> None:
        if not self.output_dir:
            raise UserError("Name a folder for the results with --output_dir.")
        if unknown := [name for name in self.analyses if name not in ANALYSES]:
            raise UserError(f"--analyses is {unknown[0]!r}; expected some of {', '.join(ANALYSES)}.")
        self.analyses = [name for name in ANALYSES if name in self.analyses or not self.analyses]
        require_at_least(1, self, "batch_size", "shuffles", "critic_steps", "critic_batch_size", "critic_hidden")
        require_at_least(2, self, "max_length")
        require_at_least(FEWEST_LINKS, self, "max_pairs")
        require_at_least(0, self, "seed")
        if not 0 < self.held_out < 1:
            raise UserError(f"--held_out is {self.held_out}; expected a share between 0 and 1, such as 0.2.")
        for name in ("sense_pool_temp", "critic_learning_rate"):
            if not 0 < vars(self)[name] < float("inf"):
                raise UserError(f"--{name} is {vars(self)[name]}; expected a number above 0.")
        if Path(self.output_dir).is_file():
            raise UserError(f"--output_dir {self.output_dir} is a file; name a folder.")

    @property
    def critic(self) -> CriticSettings:
        """How critics are trained."""
        return CriticSettings(
            steps=self.critic_steps,
            batch_size=self.critic_batch_size,
            learning_rate=self.critic_learning_rate,
            hidden=self.critic_hidden,
            shuffles=self.shuffles,
        )

    def settings(self, analysis: str) -> dict[str, Any]:
        """What an analysis depends on, besides models and text."""
        names = ["seed", "shuffles", "max_length"]
        names += [] if analysis == MIXING else ["max_pairs"]
        names += ["sense_pool_temp", "held_out"] if analysis in (PROCRUSTES, INFORMATION) else []
        names += [name for name in vars(self) if name.startswith("critic_")] if analysis == INFORMATION else []
        return {name: vars(self)[name] for name in names}
