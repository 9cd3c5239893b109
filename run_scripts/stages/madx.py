"""MAD-X from one recipe: encoder, language adapters, taggers, and every tagger on every language."""

import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xlzoo.run_scripts.arguments import ModelArguments, parse, recipe_flags
from xlzoo.run_scripts.corpora.languages import iso639_3
from xlzoo.run_scripts.data_arguments import DataArguments
from xlzoo.run_scripts.destination import Destination, chosen
from xlzoo.run_scripts.encoder_adapters import EncoderAdapterArguments
from xlzoo.run_scripts.errors import UserError
from xlzoo.run_scripts.objectives.masked_lm import MaskedLMConfig
from xlzoo.run_scripts.objectives.tagging import TaggingConfig
from xlzoo.run_scripts.runs import read_results
from xlzoo.run_scripts.stages.masked_lm import train_masked_lm
from xlzoo.run_scripts.stages.tagging import train_tagger

logger = logging.getLogger(__name__)
Flags = dict[str, Any]

SETTINGS: dict[str, Flags] = {
    "full": {},
    "task": {"train_adapter": True},
    "madx": {"train_adapter": True},
    "madx2": {"train_adapter": True, "leave_out_last_layer": True},
}
ON_LANGUAGE = ("madx", "madx2")
"""The settings whose task adapter stands on a language adapter."""
EVALUATION_FLAGS = {
    "task_name",
    "max_seq_length",
    "max_eval_samples",
    "per_device_eval_batch_size",
    "text_column_name",
    "label_column_name",
}
"""The flags of a tagger's training that its evaluations keep."""
TITLES = {"full": "full fine-tuning", "task": "task adapter alone", "madx": "MAD-X", "madx2": "MAD-X 2.0"}


@dataclass
class MadxRecipe:
    """One MAD-X experiment; flags are those of `run_mlm.py` and `run_ner.py`, without the dashes."""

    output_dir: str
    source: str
    """The language with task data, in any spelling."""
    targets: list[str]
    """The languages to transfer to."""
    language_data: dict[str, Flags]
    """Per language, the flags that name its raw text."""
    task_data: dict[str, Flags]
    """Per language, the flags that name its tagged words; of the targets only the test split is used."""
    encoder: Flags | str = "xlm-roberta-base"
    """A checkpoint, or the flags that train one."""
    language_adapter: Flags = field(default_factory=dict)
    """Flags of every language adapter's training."""
    task: Flags = field(default_factory=dict)
    """Flags of every tagger's training."""
    full: Flags = field(default_factory=dict)
    """What full fine-tuning does otherwise, its learning rate say."""
    settings: list[str] = field(default_factory=lambda: list(SETTINGS))
    seeds: list[int] = field(default_factory=lambda: [0])
    data: str = "."
    """What `{data}` stands for in file names."""
    hub_dir: str | None = None
    """Where to publish the adapters and the composed models of the first seed; `{output_dir}` may be part of it."""
    push_to_hub: bool = False
    hub_namespace: str | None = None
    """The user or organisation to publish under; by default the one whose token it is."""
    hub_private_repo: bool = False
    hub_revision: str | None = None
    """A branch, `refs/pr/N` for an open pull request, or `pr` for a new one, of every repository."""
    hub_token: str | None = None
    dry_run: bool = False
    """Do all of publishing but the upload, and print what would go."""

    def __post_init__(self) -> None:
        self.hub_dir = self.hub_dir and self.hub_dir.replace("{output_dir}", self.output_dir)
        self.source, self.targets = iso639_3(self.source), [iso639_3(target) for target in self.targets]
        self.language_data = {iso639_3(language): flags for language, flags in self.language_data.items()}
        self.task_data = {iso639_3(language): flags for language, flags in self.task_data.items()}
        for name, rows in (("language_data", self.language_data), ("task_data", self.task_data)):
            for language in self.languages:
                if language not in rows:
                    raise UserError(f"The recipe's {name} has no entry for {language}; it has {', '.join(rows)}.")
        for setting in self.settings:
            if setting not in SETTINGS:
                raise UserError(f"Unknown setting {setting!r} in the recipe; expected some of {', '.join(SETTINGS)}.")
        if self.publishes and "madx" not in self.settings:
            raise UserError("What is published is of the setting 'madx', which the recipe's settings lack; add it.")

    @property
    def publishes(self) -> bool:
        """Say whether the adapters and models go anywhere; UserError where they cannot go there."""
        return chosen(self.destination("madx"), push_to_hub=self.push_to_hub) is not None

    def destination(self, name: str) -> Destination:
        """Return where a thing of this name is published."""
        return Destination(
            repo_id=f"{self.hub_namespace}/{name}" if self.hub_namespace else name,
            hub_dir=Path(self.hub_dir) if self.hub_dir else None,
            private=self.hub_private_repo,
            revision=self.hub_revision,
            token=self.hub_token,
            dry_run=self.dry_run,
        )

    @property
    def languages(self) -> list[str]:
        """The source, then the targets."""
        return [self.source, *(target for target in self.targets if target != self.source)]

    def filled(self, flags: Flags) -> Flags:
        """Return flags with the data folder's path in the place of `{data}`."""
        return {key: _fill(value, self.data) for key, value in flags.items()}

    @property
    def task_name(self) -> str:
        """`ner` or `pos`."""
        return self.task.get("task_name", "ner")

    @property
    def encoder_path(self) -> str:
        """The checkpoint that all stages start from."""
        return self.encoder if isinstance(self.encoder, str) else str(Path(self.output_dir) / "encoder")

    def adapter_path(self, seed: int, language: str) -> str:
        """The language adapter's folder."""
        return str(Path(self.output_dir) / f"seed-{seed}" / f"language-{language}" / language)

    def tagger_path(self, seed: int, setting: str) -> Path:
        """The tagger's folder."""
        return Path(self.output_dir) / f"seed-{seed}" / setting


@dataclass(frozen=True)
class Stage:
    """One training or evaluation run: its folder, its flags, and the function that runs it."""

    folder: Path
    title: str
    flags: Flags
    run: Callable[[list[str]], dict[str, Any]]


def run_stages(recipe: MadxRecipe) -> None:
    """Run every stage whose output is not complete; an interrupted one goes on where it was."""
    stages = list(plan(recipe))
    for number, stage in enumerate(stages, start=1):
        head = f"[{number}/{len(stages)}] {stage.title}"
        if read_results(stage.folder) is not None:
            _require_same_flags(stage)
            logger.info("%s: complete, skipped", head)
            continue
        logger.info("%s", head)
        if stage.folder.is_dir() and any(stage.folder.iterdir()):  # Interrupted: its checkpoints are of its flags.
            _require_same_flags(stage)
        stage.folder.parent.mkdir(parents=True, exist_ok=True)
        _flags_file(stage).write_text(json.dumps(stage.flags, indent=2) + "\n")
        stage.run(recipe_flags({**stage.flags, "output_dir": str(stage.folder), "resume_from_checkpoint": "last"}))


def plan(recipe: MadxRecipe) -> Iterator[Stage]:
    """Yield all stages in order."""
    if not isinstance(recipe.encoder, str):
        yield Stage(Path(recipe.encoder_path), "encoder", recipe.filled(recipe.encoder), run_mlm)
    for seed in recipe.seeds:
        for language in recipe.languages:
            yield _language_stage(recipe, seed, language)
        for setting in recipe.settings:
            yield _tagger_stage(recipe, seed, setting)
            for language in recipe.languages:
                yield _evaluation_stage(recipe, seed, setting, language)


def evaluation_folder(recipe: MadxRecipe, seed: int, setting: str, language: str) -> Path:
    """Return where a tagger's scores on a language lie."""
    return recipe.tagger_path(seed, setting) / f"test-{language}"


def _language_stage(recipe: MadxRecipe, seed: int, language: str) -> Stage:
    flags = {
        "model_name_or_path": recipe.encoder_path,
        "train_adapter": True,
        "adapter_config": "seq_bn_inv",
        "adapter_name": language,
        "language": language,
        "seed": seed,
        **recipe.language_adapter,
        **recipe.language_data[language],
    }
    folder = Path(recipe.adapter_path(seed, language)).parent
    return Stage(folder, f"language adapter {language}, seed {seed}", recipe.filled(flags), run_mlm)


def _tagger_stage(recipe: MadxRecipe, seed: int, setting: str) -> Stage:
    flags = {
        "model_name_or_path": recipe.encoder_path,
        "do_train": True,
        "seed": seed,
        **recipe.task,
        **(recipe.full if setting == "full" else {}),
        **recipe.task_data[recipe.source],
        **SETTINGS[setting],
    }
    if setting in ON_LANGUAGE:
        flags["load_lang_adapter"] = recipe.adapter_path(seed, recipe.source)
    title = f"{TITLES[setting]} on {recipe.source}, seed {seed}"
    return Stage(recipe.tagger_path(seed, setting), title, recipe.filled(flags), run_ner)


def _evaluation_stage(recipe: MadxRecipe, seed: int, setting: str, language: str) -> Stage:
    tagger = recipe.tagger_path(seed, setting)
    flags: Flags = {key: value for key, value in recipe.task.items() if key in EVALUATION_FLAGS}
    flags |= {"do_predict": True, **recipe.task_data[language]}
    if setting == "full":
        flags["model_name_or_path"] = str(tagger)
    else:
        flags["model_name_or_path"] = recipe.encoder_path
        flags["load_adapter"] = [str(tagger / recipe.task_name)]
        if setting in ON_LANGUAGE:
            flags["load_adapter"].insert(0, recipe.adapter_path(seed, language))
        if SETTINGS[setting].get("leave_out_last_layer"):
            flags["leave_out_last_layer"] = True
    folder = evaluation_folder(recipe, seed, setting, language)
    return Stage(folder, f"{TITLES[setting]} tested on {language}, seed {seed}", recipe.filled(flags), run_ner)


def run_mlm(flags: list[str]) -> dict[str, Any]:
    """Run masked LM with these flags."""
    return train_masked_lm(*parse(flags, ModelArguments, DataArguments, EncoderAdapterArguments, MaskedLMConfig))


def run_ner(flags: list[str]) -> dict[str, Any]:
    """Run token classification with these flags."""
    return train_tagger(*parse(flags, ModelArguments, DataArguments, EncoderAdapterArguments, TaggingConfig))


def _fill(value: Any, data: str) -> Any:
    if isinstance(value, list):
        return [_fill(item, data) for item in value]
    return value.replace("{data}", data) if isinstance(value, str) else value


def _flags_file(stage: Stage) -> Path:
    return stage.folder.with_name(f"{stage.folder.name}.flags.json")


def _require_same_flags(stage: Stage) -> None:
    if not _flags_file(stage).is_file():
        raise UserError(f"{stage.folder} holds no run of this recipe; delete it or choose another output_dir.")
    made = json.loads(_flags_file(stage).read_text())
    different = sorted(key for key in made.keys() | stage.flags.keys() if made.get(key) != stage.flags.get(key))
    if different:
        key = different[0]
        raise UserError(
            f"{stage.folder} was made with {key} {made.get(key)}, the recipe now says {stage.flags.get(key)}; "
            "delete that folder or choose another output_dir."
        )
