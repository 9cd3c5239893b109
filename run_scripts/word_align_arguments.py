"""Arguments that say which aligner is run, and on which sentences."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from xlzoo.modeling.alignment_settings import ENCODINGS, METHODS
from xlzoo.run_scripts.corpora.bitext import Bitext, dataset_pairs, joined_file, two_files
from xlzoo.run_scripts.corpora.sources import SPLIT_ORDER, Source
from xlzoo.run_scripts.data_arguments import REPEATABLE, require_at_least
from xlzoo.run_scripts.errors import UserError

ALL = "all"
PLOTS = (".png", ".pdf", ".svg")


@dataclass
class AlignerArguments:
    """Which encoder aligns, and how."""

    model_name_or_path: str = field(metadata={"help": "Hub id or folder of an XLM-R, XLM-Align, InfoXLM checkpoint."})
    tokenizer_name: str | None = field(default=None, metadata={"help": "Hub id or folder, if not the model's."})
    trust_remote_code: bool = field(default=False, metadata={"help": "Run code from the tokenizer's repository."})
    method: str = field(default="ot", metadata={"help": f"How links are found: {', '.join(METHODS)}."})
    layer: list[str] = field(
        default_factory=list,
        metadata={
            "help": "Layer whose states are compared, 0 for the embeddings; several or all to score.",
            **REPEATABLE,
        },
    )
    encode: str = field(default="joint", metadata={"help": "joint (as XLM-Align) or separate (as SimAlign)."})
    sinkhorn_iter: int | None = field(default=None, metadata={"help": "Rounds of ot; by default the model's, 2."})
    max_count: int = field(default=2, metadata={"help": "Rounds of itermax."})
    batch_tokens: int | None = field(default=None, metadata={"help": "Places of an encoder batch, with padding."})
    bf16: bool = field(default=False, metadata={"help": "Multiply in bfloat16."})
    device: str | None = field(default=None, metadata={"help": "cuda, cpu, ...; a GPU by default if there is one."})

    def __post_init__(self) -> None:
        for name, known in (("method", METHODS), ("encode", ENCODINGS)):
            if vars(self)[name] not in known:
                raise UserError(f"--{name} is {vars(self)[name]!r}; expected one of {', '.join(known)}.")
        for layer in self.layer:
            if layer != ALL and not layer.isdecimal():
                raise UserError(f"--layer is {layer!r}; expected numbers from 0 (the embeddings), or all.")
        require_at_least(0, self, "sinkhorn_iter")
        require_at_least(1, self, "max_count", "batch_tokens")

    def layers(self, last: int, usual: int) -> list[int]:
        """Return the numbers of the layers to use in an encoder of `last` layers."""
        if ALL in self.layer:
            return list(range(last + 1))
        for layer in self.layer:
            if int(layer) > last:
                raise UserError(f"--layer is {layer}; this encoder has 0 (its embeddings) to {last}.")
        return list(dict.fromkeys(map(int, self.layer))) or [usual]

    @property
    def several_layers(self) -> bool:
        """Whether more than one layer was asked for."""
        return ALL in self.layer or len(set(self.layer)) > 1

    @property
    def settings(self) -> dict[str, Any]:
        """What links depend on, besides the text."""
        names = (
            "model_name_or_path",
            "tokenizer_name",
            "method",
            "layer",
            "encode",
            "sinkhorn_iter",
            "max_count",
            "bf16",
        )
        return {name: vars(self)[name] for name in names}

    @property
    def options(self) -> dict[str, Any]:
        """Return the arguments of `XLMAlignModel.align_layers`."""
        given = {"sinkhorn_steps": self.sinkhorn_iter, "batch_tokens": self.batch_tokens}
        return {
            "method": self.method,
            "encode": self.encode,
            "max_count": self.max_count,
            "dtype": torch.bfloat16 if self.bf16 else None,
            **{name: value for name, value in given.items() if value is not None},
        }


@dataclass
class BitextArguments:
    """Which sentences are aligned, and where links and scores go."""

    source_file: str | None = field(default=None, metadata={"help": "Text, a sentence a line."})
    target_file: str | None = field(default=None, metadata={"help": "Its translation, line by line."})
    parallel_file: str | None = field(default=None, metadata={"help": "One file of 'source ||| target' instead."})
    dataset_name: str | None = field(
        default=None, metadata={"help": "Instead: Hub id or folder with a column translation, or 'phrasebook'."}
    )
    dataset_config_name: str | None = field(default=None, metadata={"help": "Hub config; phrasebook: eng-deu, ..."})
    split: str | None = field(default=None, metadata={"help": "By default the only one, or test."})
    source_language: str | None = field(default=None, metadata={"help": "Of --dataset_name, if not its first."})
    target_language: str | None = field(default=None, metadata={"help": "Of --dataset_name, if not its second."})
    segment: str = field(
        default="spaces",
        metadata={"help": "spaces, or characters: the same, and scripts without spaces by single characters."},
    )
    max_samples: int | None = field(default=None, metadata={"help": "Align only the first pairs."})
    output_file: str | None = field(default=None, metadata={"help": "Links as 0-0 1-2, a line per pair."})
    overwrite: bool = field(default=False, metadata={"help": "Begin output_file anew instead of continuing it."})
    gold_file: str | None = field(
        default=None, metadata={"help": "Gold links to score: 1-2 (sure) 1p2 (possible), or a table with tabs."}
    )
    plot: str | None = field(default=None, metadata={"help": f"Draw links to this file ({', '.join(PLOTS)})."})
    plot_sentences: list[int] = field(
        default_factory=lambda: [],
        metadata={"help": "Numbers of the pairs to draw, from 1; by default 1.", **REPEATABLE},
    )

    def __post_init__(self) -> None:
        require_at_least(1, self, "max_samples")
        if bool(self.source_file) != bool(self.target_file):
            raise UserError("Give both --source_file and --target_file, or a --parallel_file with both sides.")
        if sum(map(bool, (self.source_file, self.parallel_file, self.dataset_name))) != 1:
            raise UserError("Give one of --source_file with --target_file, --parallel_file, and --dataset_name.")
        if bool(self.source_language) != bool(self.target_language):
            raise UserError("Give both --source_language and --target_language, or none of them.")
        of_dataset = ("dataset_config_name", "split", "source_language")
        if not self.dataset_name and (given := [name for name in of_dataset if vars(self)[name]]):
            raise UserError(f"--{given[0]} goes with --dataset_name; files need none.")
        if self.segment not in ("spaces", "characters"):
            raise UserError(f"--segment is {self.segment!r}; expected spaces or characters.")
        if self.plot and Path(self.plot).suffix.lower() not in PLOTS:
            raise UserError(f"--plot {self.plot} must end in one of {', '.join(PLOTS)}.")
        if self.plot_sentences and not self.plot:
            raise UserError("--plot_sentences needs the file to draw to, --plot.")
        if self.plot_sentences and min(self.plot_sentences) < 1:
            raise UserError(f"--plot_sentences is {min(self.plot_sentences)}; expected numbers from 1.")

    @property
    def settings(self) -> dict[str, Any]:
        """What links depend on, besides the aligner."""
        names = ("source_file", "target_file", "parallel_file", "dataset_name", "dataset_config_name", "split")
        return {name: vars(self)[name] for name in (*names, "source_language", "target_language", "segment")}

    def open(self) -> Bitext:
        """Return the sentence pairs, not read yet where they come from files."""
        if self.dataset_name:
            languages = [code for code in (self.source_language, self.target_language) if code]
            # The phrasebook makes its rows when asked; to other sources sizes say nothing.
            sizes = {split: 0 for split in SPLIT_ORDER if split != (self.split or "test")}
            sizes |= {self.split or "test": self.max_samples} if self.max_samples else {}
            source = Source(name=self.dataset_name, config=self.dataset_config_name, sizes=sizes)
            return dataset_pairs(source, self.split, languages)
        if self.parallel_file:
            return joined_file(Path(self.parallel_file))
        return two_files(Path(str(self.source_file)), Path(str(self.target_file)))
