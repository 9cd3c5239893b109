"""Arguments that say which adapters are merged, how, and what the result is."""

from dataclasses import dataclass, field, fields
from itertools import pairwise
from math import isfinite
from pathlib import Path
from typing import Any, ClassVar

from xlzoo.run_scripts.arguments import Reprinted
from xlzoo.run_scripts.corpora.languages import iso639_3
from xlzoo.run_scripts.data_arguments import REPEATABLE, require_at_least
from xlzoo.run_scripts.destination import Destination, chosen
from xlzoo.run_scripts.errors import UserError
from xlzoo.run_scripts.eval_arguments import EvalArguments
from xlzoo.run_scripts.merging.layout import parse_layers
from xlzoo.run_scripts.merging.rules import RULES

GRID = (0.0, 0.25, 0.5, 0.75, 1.0)
"""What `--tune` tries where no t is given."""
PARENTS = ("task_adapter", "target_reference", "source_reference")
SPACES = ("factors", "product")


@dataclass
class MergeArguments(Reprinted):
    """Which three adapters are merged, and how."""

    script: ClassVar[str] = "run_merge.py"
    task_adapter: str = field(default="", metadata={"help": "Folder or Hub id: the task in the source language."})
    target_reference: str = field(default="", metadata={"help": "The reference task in the target language."})
    source_reference: str = field(default="", metadata={"help": "The reference task in the source language."})
    output_dir: str = field(default="", metadata={"help": "Folder for the merged adapter."})
    t: list[float] = field(
        default_factory=list,
        metadata={
            "help": "How much of the languages' difference is added, 1; several: one folder each.",
            **REPEATABLE,
        },
    )
    t_per_layer: list[str] = field(
        default_factory=list, metadata={"help": "Layers with a t of their own: 0-3=0.5 7=1.", **REPEATABLE}
    )
    rule: str = field(
        default="adamergex",
        metadata={"help": "By default what suits the adapters.", "choices": ["adamergex", *RULES]},
    )
    lora_merge: str = field(
        default="factors",
        metadata={"help": "LoRA's two factors each, as published, or their product.", "choices": [*SPACES]},
    )
    rank: int | None = field(default=None, metadata={"help": "Cut a merged product to this rank; exact by default."})
    measure_error: bool = field(
        default=False, metadata={"help": "Measure how far merged factors are from the merged product."}
    )
    density: float | None = field(default=None, metadata={"help": "Share of numbers that TIES and DARE keep, 0.5."})
    weights: list[float] = field(
        default_factory=list, metadata={"help": "The three of --rule linear, instead of 1 t -t.", **REPEATABLE}
    )
    seed: int = field(default=0, metadata={"help": "Seed of what DARE drops."})
    allow_rescale: bool = field(
        default=False, metadata={"help": "Accept other scales (and ranks, of products) where that is exact."}
    )
    base_model: str | None = field(
        default=None, metadata={"help": "Folder or Hub id of the model that all three adapters were trained on."}
    )
    merge_into_base: bool = field(
        default=False, metadata={"help": "Write the whole model with the merged adapter in its weights."}
    )
    language: str | None = field(default=None, metadata={"help": "The target language, any spelling, for the card."})
    trust_remote_code: bool = field(default=False, metadata={"help": "Run code from the base model's repository."})
    overwrite_output_dir: bool = field(default=False, metadata={"help": "Delete the run that output_dir holds."})
    tune: bool = field(default=False, metadata={"help": "Choose the t that is best on --task, and draw the curve."})

    def __post_init__(self) -> None:
        if missing := [name for name in (*PARENTS, "output_dir") if not vars(self)[name]]:
            raise UserError(f"--{missing[0]} is missing; expected three adapters and an --output_dir, see --help.")
        if self.language is not None:
            iso639_3(self.language)
        self.t = self.t or (list(GRID) if self.tune else [1.0])
        self.layers = parse_layers(self.t_per_layer)
        self._check_numbers()
        self._check_idle()

    def _check_numbers(self) -> None:
        require_at_least(1, self, "rank")
        require_at_least(0, self, "seed")
        if not all(isfinite(number) for number in (*self.t, *self.weights, *self.layers.values())):
            raise UserError("--t and --weights must be numbers; expected such as 0.5.")
        if self.weights and len(self.weights) != 3:
            raise UserError(f"--weights has {len(self.weights)} numbers; expected three, one for each adapter.")
        if self.density is not None and not 0 < self.density < 1:
            raise UserError(f"--density is {self.density}; expected a share between 0 and 1.")
        if twice := [first for first, second in pairwise(sorted(self.t)) if first == second]:
            raise UserError(f"--t names {twice[0]:g} twice; give each once.")
        if self.seed >= 2**31:
            raise UserError("--seed must be below 2147483648.")

    def _check_idle(self) -> None:
        """Refuse flags that would do nothing, and those that do not go together."""
        rule, is_product = RULES.get(self.rule), self.lora_merge == "product"
        if self.density is not None and not (rule and rule.has_density):
            raise UserError("--density goes with --rule ties, magnitude_prune, dare_linear and dare_ties.")
        if self.weights and self.rule != "linear":
            raise UserError("--weights goes with --rule linear.")
        if self.weights and (self.t != [1.0] or self.layers):
            raise UserError("--weights takes the place of --t; give one of them.")
        if self.rank and not is_product:
            raise UserError("--rank goes with --lora_merge product; merged factors keep their rank.")
        if self.measure_error and is_product:
            raise UserError("--measure_error is for factors; what --rank leaves out of a product is always measured.")
        if self.measure_error and rule and not rule.is_sum:
            raise UserError(
                f"--measure_error compares sums of updates, and --rule {self.rule} makes none; leave it out."
            )
        if is_product and rule and not rule.is_sum and self.rank is None:
            raise UserError(f"--rule {self.rule} makes updates of full rank; give the --rank to cut them to.")
        if self.rule == "multiplicative" and is_product:
            raise UserError("--rule multiplicative is for factors; leave --lora_merge product out.")
        if self.merge_into_base and len(self.t) > 1 and not self.tune:
            raise UserError("--merge_into_base writes one model; give one --t.")

    @property
    def folder(self) -> Path:
        """`output_dir` as a path."""
        return Path(self.output_dir)

    @property
    def parents(self) -> tuple[str, str, str]:
        """The three adapters' folders or Hub ids."""
        return self.task_adapter, self.target_reference, self.source_reference


@dataclass
class TuneArguments(EvalArguments):
    """On what `--tune` scores the values of t: any task of run_eval.py."""

    task: list[str] = field(
        default_factory=list, metadata={"help": "--tune on these of run_eval.py's tasks.", **REPEATABLE}
    )
    split: str | None = field(default="validation", metadata={"help": "The development set."})
    output_file: str | None = field(default=None, init=False)
    overwrite: bool = field(default=False, init=False)

    def require_use(self, tune: bool) -> None:
        """Raise UserError where the flags do nothing, or are needed and not there."""
        if tune and not self.task:
            raise UserError("--tune needs a --task to choose t by, such as xcopa, and mostly its --lang.")
        if tune:
            return
        unused = TuneArguments()
        for name in (item.name for item in fields(self) if getattr(self, item.name) != getattr(unused, item.name)):
            raise UserError(f"--{name} says what --tune scores on; add --tune, or leave it out.")


@dataclass
class HubArguments:
    """Where the result is published."""

    push_to_hub: bool = field(default=False, metadata={"help": "Publish the result to the Hub."})
    hub_model_id: str | None = field(default=None, metadata={"help": "The repository; by default output_dir's name."})
    hub_dir: str | None = field(default=None, metadata={"help": "Publish to this local folder instead of the Hub."})
    hub_private_repo: bool = field(default=False, metadata={"help": "Make a new repository private."})
    hub_revision: str | None = field(
        default=None, metadata={"help": "A branch, refs/pr/N for an open pull request, or pr for a new one."}
    )
    hub_token: str | None = field(default=None, metadata={"help": "By default that of HF_TOKEN or of the login."})
    dry_run: bool = field(default=False, metadata={"help": "Do all of publishing but the upload, and print it."})

    def destination(self, args: MergeArguments) -> Destination | None:
        """Return where the result goes, None for nowhere; UserError for flags that cannot be."""
        destination = Destination(
            repo_id=self.hub_model_id or args.folder.absolute().name,
            hub_dir=Path(self.hub_dir) if self.hub_dir else None,
            private=self.hub_private_repo,
            revision=self.hub_revision,
            token=self.hub_token,
            dry_run=self.dry_run,
        )
        found = chosen(destination, push_to_hub=self.push_to_hub, named=self.hub_model_id)
        if found and len(args.t) > 1 and not args.tune:
            raise UserError("Several values of --t make several adapters; give one, or --tune, to publish.")
        return found


def as_told(args: MergeArguments) -> dict[str, Any]:
    """Return the arguments for the record of the run."""
    return {item.name: vars(args)[item.name] for item in fields(args)}
