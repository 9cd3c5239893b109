"""Arguments that say which model is measured, and on what."""

from dataclasses import dataclass, field
from typing import Any

import torch

from xlzoo.run_scripts.data_arguments import REPEATABLE, require_at_least
from xlzoo.run_scripts.devices import usable_device
from xlzoo.run_scripts.errors import UserError
from xlzoo.run_scripts.models.decoders import DTYPES

FLORES_PLUS = "openlanguagedata/flores_plus"


@dataclass
class MeasuredModel:
    """Which causal language model is measured, and how it is run."""

    model_path: str = field(metadata={"help": "Folder or Hub id of a causal language model."})
    tokenizer_name: str | None = field(default=None, metadata={"help": "Hub id or folder, if not the model's."})
    load_adapter: str | None = field(
        default=None, metadata={"help": "Folder or Hub id of a LoRA, IA3 or prefix adapter (PEFT)."}
    )
    trust_remote_code: bool = field(default=False, metadata={"help": "Run code from the model's repository."})
    dtype: str = field(default="auto", metadata={"help": f"auto (as stored), {', '.join(DTYPES)}."})
    bf16: bool = field(default=False, metadata={"help": "Short for --dtype bfloat16."})
    fp16: bool = field(default=False, metadata={"help": "Short for --dtype float16."})
    device: str | None = field(
        default=None, metadata={"help": "cuda, cuda:1, cpu, ...; a GPU by default if there is one."}
    )

    def __post_init__(self) -> None:
        named = {self.dtype} - {"auto"}
        named |= {"bfloat16"} if self.bf16 else set()
        named |= {"float16"} if self.fp16 else set()
        if len(named) > 1:
            raise UserError(f"The flags name {' and '.join(sorted(named))}; give one of --dtype, --bf16 and --fp16.")
        if unknown := named - set(DTYPES):
            raise UserError(f"--dtype is {unknown.pop()!r}; expected auto, {', '.join(DTYPES)}.")
        self.dtype = named.pop() if named else "auto"

    @property
    def settings(self) -> dict[str, Any]:
        """What results depend on."""
        return {name: vars(self)[name] for name in ("model_path", "tokenizer_name", "load_adapter", "dtype")}

    def place(self) -> torch.device:
        """Return the device; UserError where there is no such one here."""
        return usable_device(self.device or ("cuda" if torch.cuda.is_available() else "cpu"))


@dataclass
class MeasuredText:
    """What the model is measured on, and where the results go."""

    lang: list[str] = field(
        default_factory=list,
        metadata={"help": "Language(s) in any spelling (sw, swh_Latn, Swahili), or all.", **REPEATABLE},
    )
    dataset_name: str | None = field(
        default=None, metadata={"help": f"FLORES' Hub id or folder, or 'phrasebook'; by default {FLORES_PLUS}."}
    )
    split: str | None = field(default=None, metadata={"help": "By default devtest, else test."})
    text_file: list[str] = field(
        default_factory=list, metadata={"help": "Text file(s) instead, a document a line.", **REPEATABLE}
    )
    text_column_name: str | None = field(default=None, metadata={"help": "Column with the text."})
    join_lines: bool = field(default=False, metadata={"help": "All lines together are one document."})
    max_samples: int | None = field(default=None, metadata={"help": "Use only the first lines."})
    output_file: str | None = field(
        default=None, metadata={"help": "JSON with the results; what it holds already is not measured again."}
    )
    overwrite: bool = field(default=False, metadata={"help": "Measure what output_file holds already again."})

    def __post_init__(self) -> None:
        require_at_least(1, self, "max_samples")
        if bool(self.lang) == bool(self.text_file):
            raise UserError("Give either --lang, for FLORES and the like, or --text_file.")
        if self.text_file and (self.dataset_name or self.split):
            raise UserError("--dataset_name and --split go with --lang; a --text_file is read as a whole.")

    @property
    def settings(self) -> dict[str, Any]:
        """What results depend on, besides the language or file."""
        dataset = None if self.text_file else self.dataset_name or FLORES_PLUS
        names = ("split", "text_column_name", "join_lines", "max_samples")
        return {"dataset_name": dataset, **{name: vars(self)[name] for name in names}}
