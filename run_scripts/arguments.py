"""Arguments shared by the scripts, and how a command line, a recipe file, or both become dataclasses."""

import difflib
import json
import logging
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, NoReturn

import torch
import yaml
from transformers import HfArgumentParser, TrainingArguments
from transformers.integrations import get_available_reporting_integrations, get_reporting_integration_callbacks
from transformers.trainer_utils import HubStrategy
from transformers.utils import is_torch_bf16_gpu_available
from transformers.utils import logging as transformers_logging

from xlzoo.hub_cards import PublishError
from xlzoo.modeling.adapter_config import AdapterError
from xlzoo.run_scripts.data_arguments import REPEATABLE, require_at_least
from xlzoo.run_scripts.destination import Destination, chosen
from xlzoo.run_scripts.errors import UserError
from xlzoo.run_scripts.given_flags import given_flags

POSITIVE = ("per_device_train_batch_size", "per_device_eval_batch_size", "gradient_accumulation_steps")
USAGE = "%(prog)s [RECIPE.yaml] [--FLAG VALUE ...]"
HELP = frozenset({"-h", "--help"})


@dataclass
class ModelArguments:
    """Which encoder to start from."""

    model_name_or_path: str | None = field(default=None, metadata={"help": "Hub id or folder of an XLM-R checkpoint."})
    model_type: str | None = field(default=None, metadata={"help": "Train from scratch: 'xlm-roberta'."})
    config_name: str | None = field(default=None, metadata={"help": "Train from scratch with this configuration."})
    config_overrides: str | None = field(default=None, metadata={"help": "From scratch: 'hidden_size=256,...'."})
    tokenizer_name: str | None = field(default=None, metadata={"help": "Hub id or folder, if not the model's."})
    tokenizer_vocab_size: int | None = field(
        default=None, metadata={"help": "From scratch: train a Unigram tokenizer of this size on the training text."}
    )
    trust_remote_code: bool = field(default=False, metadata={"help": "Run code from the model's repository."})


@dataclass
class AdapterArguments:
    """Which adapters to train or load."""

    train_adapter: bool = field(default=False, metadata={"help": "Train an adapter and freeze the encoder."})
    adapter_config: str = field(
        default="seq_bn", metadata={"help": "seq_bn, seq_bn_inv, pfeiffer+inv, seq_bn[reduction_factor=8], ..."}
    )
    adapter_name: str | None = field(default=None, metadata={"help": "Its name; by default the language or task."})
    load_adapter: list[str] = field(
        default_factory=list, metadata={"help": "Folder(s) or Hub id(s), language first.", **REPEATABLE}
    )
    load_lang_adapter: str | None = field(default=None, metadata={"help": "Language adapter to stack the task on."})
    leave_out_last_layer: bool = field(
        default=False, metadata={"help": "MAD-X 2.0: language adapters without their last layer."}
    )


class Reprinted:
    """Arguments of a script whose flags a card reprints."""

    script: ClassVar[str] = ""
    """The name of the script, for the card."""
    recipe: dict[str, Any]
    """The flags that were given; filled in by `parse`."""


@dataclass
class RunArguments(Reprinted, TrainingArguments):
    """transformers' training arguments, and what this project adds for every script."""

    overwrite_output_dir: bool = field(default=False, metadata={"help": "Delete the run that output_dir holds."})
    warmup_ratio: float | None = field(default=None, metadata={"help": "Share of the steps that warm up."})
    hub_dir: str | None = field(default=None, metadata={"help": "Publish to this local folder instead of the Hub."})
    hub_private_repo: bool | None = field(default=False, metadata={"help": "Make a new repository private."})
    hub_revision: str | None = field(
        default=None, metadata={"help": "A branch, refs/pr/N for an open pull request, or pr for a new one."}
    )
    dry_run: bool = field(default=False, metadata={"help": "Do all of publishing but the upload, and print it."})
    hub_strategy: HubStrategy | str = field(
        default="end", metadata={"help": "Only 'end': what is published is checked, and so complete."}
    )
    recipe: dict[str, Any] = field(default_factory=dict, init=False, repr=False)
    """The flags that were given, for the card; filled in by `parse`."""

    def __post_init__(self) -> None:
        asked = self.push_to_hub
        # None leaves the choice to the organisation, whose default may be private; False would overrule it.
        self.hub_private_repo = self.hub_private_repo or None
        # The stock Trainer must not upload checkpoints by itself: publishing has one door.
        self.push_to_hub = False
        self.disable_tqdm = bool(self.disable_tqdm)
        self.dataloader_pin_memory = self.dataloader_pin_memory and torch.cuda.is_available()
        if self.warmup_ratio is not None:
            self.warmup_steps = self._warmup(self.warmup_ratio)
        require_at_least(1, self, *POSITIVE)
        require_at_least(0, self, "dataloader_num_workers", "seed", "data_seed", "learning_rate", "num_train_epochs")
        if max(self.seed, self.data_seed or 0) >= 2**32:
            raise UserError("--seed and --data_seed must be below 4294967296.")
        if self.bf16 and not self.use_cpu and not is_torch_bf16_gpu_available():
            raise UserError("--bf16 needs a GPU that has it; give --use_cpu too, or --bf16 false.")
        super().__post_init__()
        if self.fp16 and self.device.type == "cpu":
            raise UserError("--fp16 needs a GPU; give --bf16 --use_cpu in its place, or --fp16 false.")
        if self.dataloader_drop_last and (self.do_eval or self.do_predict):
            raise UserError("--dataloader_drop_last would leave rows out of evaluations too; evaluate in another run.")
        # The Trainer would find an unknown or missing tracker only when it is made.
        get_reporting_integration_callbacks(self.report_to)
        missing = [name for name in self.report_to or () if name not in get_available_reporting_integrations()]
        if missing:
            raise UserError(f"--report_to {missing[0]} needs a package that is missing; install it, or give none.")
        self.destination = self._destination(asked)

    def _warmup(self, ratio: float) -> float:
        if self.warmup_steps:
            raise UserError("--warmup_ratio and --warmup_steps say the same; give one of them.")
        if not 0 <= ratio < 1:
            raise UserError(f"--warmup_ratio is {ratio}; expected a share of the training from 0 to less than 1.")
        return ratio

    def _destination(self, push_to_hub: bool) -> Destination | None:
        """Return where the trained thing is to be published, None for nowhere; UserError for flags that cannot be."""
        if self.hub_strategy != HubStrategy.END or self.hub_always_push:
            raise UserError(
                "Checkpoints are not pushed: what is published is checked first, once, when training is done; "
                "leave --hub_strategy and --hub_always_push out."
            )
        destination = Destination(
            repo_id=self.hub_model_id or self.folder.name,
            hub_dir=Path(self.hub_dir) if self.hub_dir else None,
            private=bool(self.hub_private_repo),
            revision=self.hub_revision,
            token=self.hub_token,
            dry_run=self.dry_run,
        )
        own_private = "trackio" not in (self.report_to or ())  # It takes the flag for its Space.
        found = chosen(destination, push_to_hub=push_to_hub, named=self.hub_model_id, own_private=own_private)
        if found and (self.do_eval or self.do_predict) and not self.do_train:
            raise UserError("Nothing is trained, so nothing would be published; add --do_train, or use publish.py.")
        return found

    def __getstate__(self) -> dict[str, Any]:
        """Return what the Trainer saves as `training_args.bin` with every checkpoint: all but the token."""
        return {**vars(self), "hub_token": None, "destination": None}

    @property
    def folder(self) -> Path:
        """`output_dir` as a path; transformers fills in a name where none was given."""
        return Path(str(self.output_dir))


class _Parser(HfArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message[:1].upper()}{message[1:]}; see --help.")


def parse(argv: Sequence[str] | None, *types: Any) -> tuple[Any, ...]:
    """Fill one dataclass per type from flags, a YAML/JSON recipe, or a recipe followed by flags that override it."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    parser = _Parser(list(types), allow_abbrev=False, usage=USAGE)
    if arguments and not arguments[0].startswith("-"):
        recipe = read_recipe(arguments.pop(0))
        # By destination: a flag may have a second name, under which it overrides the first one.
        named = {flag: action.dest for action in parser._actions for flag in action.option_strings}
        given = (flag.split("=")[0] for flag in arguments if flag.startswith("--"))
        overridden = {named.get(flag, flag) for flag in given}
        kept = {key: value for key, value in recipe.items() if named.get(f"--{key}", f"--{key}") not in overridden}
        arguments = recipe_flags(kept) + arguments
    try:
        *parsed, unknown = parser.parse_args_into_dataclasses(arguments, return_remaining_strings=True)
    except (ValueError, ImportError) as error:
        raise UserError(" ".join(str(error).split())) from error
    if unknown:
        flags = [flag for action in parser._actions for flag in action.option_strings]
        near = difflib.get_close_matches(unknown[0].split("=")[0], flags, n=1)
        raise UserError(f"Unknown argument {unknown[0]!r}; {f'did you mean {near[0]}?' if near else 'see --help.'}")
    for part in parsed:
        if isinstance(part, Reprinted):
            part.recipe = given_flags(parser, arguments)
    return tuple(parsed)


def read_recipe(path: str, readers: tuple[Path, ...] = ()) -> dict[str, Any]:
    """Read a YAML or JSON mapping; `recipes/...` is also looked for beside the scripts.

    `based_on: other.yaml` takes from a recipe beside this one what it does not say itself; `readers` are the recipes
    that are based on this one.
    """
    candidates = [Path(path), Path(__file__).parent / path]
    found = next((p for p in candidates if p.is_file()), None)
    if found is None or found.suffix not in (".yaml", ".yml", ".json"):
        raise UserError(f"There is no recipe {path!r}; expected a .yaml or .json file, or flags starting with --.")
    kind, read = ("JSON", json.loads) if found.suffix == ".json" else ("YAML", yaml.safe_load)
    try:
        recipe = read(found.read_text(encoding="utf-8"))
    except (yaml.YAMLError, ValueError) as error:
        raise UserError(f"The recipe {path!r} is not {kind}: {' '.join(str(error).split())}") from error
    if not isinstance(recipe, dict):
        raise UserError(f"The recipe {path!r} holds no mapping of flags to values.")
    base, chain = recipe.pop("based_on", None), (*readers, found.resolve())
    if base is None:
        return recipe
    below = found.parent / str(base)
    if below.resolve() in chain:
        raise UserError(f"The recipe {path!r} is in the end based on itself; expected a chain with an end.")
    return {**read_recipe(str(below), chain), **recipe}


def recipe_flags(recipe: dict[str, Any]) -> list[str]:
    """Spell a mapping as command-line flags; `null` leaves a flag out, lists give several values."""
    flags: list[str] = []
    for key, value in recipe.items():
        if value is None or value == []:
            continue
        values = value if isinstance(value, list) else [value]
        flags += [f"--{key}", *(json.dumps(v) if isinstance(v, dict) else str(v) for v in values)]
    return flags


def run(main: Callable[[], Any]) -> None:
    """Run a script's `main`; `--help` begins with its docstring, a mistake ends in one sentence and exit code 2."""
    if HELP & set(sys.argv[1:]):
        sys.stdout.write(f"{sys.modules[main.__module__].__doc__}\n")
    logging.basicConfig(format="%(message)s", level=logging.INFO)
    for noisy in ("httpx", "datasets", "filelock"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    try:
        main()
    except (UserError, AdapterError, PublishError) as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(2)
