"""Arguments that put a LoRA, IA3 or prefix adapter on a model, under the names that peft and trl use."""

from dataclasses import dataclass, field, fields
from typing import Any

import torch
from peft import IA3Config, LoraConfig, PeftConfig, PeftModel, PrefixTuningConfig, get_peft_model
from peft.utils import get_peft_model_state_dict, set_peft_model_state_dict
from peft.utils.constants import TRANSFORMERS_MODELS_TO_IA3_FEEDFORWARD_MODULES_MAPPING as IA3_FEEDFORWARD
from peft.utils.constants import TRANSFORMERS_MODELS_TO_IA3_TARGET_MODULES_MAPPING as IA3_TARGETS
from transformers import PreTrainedModel

from xlzoo.run_scripts.data_arguments import REPEATABLE, require_at_least
from xlzoo.run_scripts.errors import UserError
from xlzoo.run_scripts.models.model_configs import FAMILY
from xlzoo.run_scripts.models.peft_adapters import load_peft, takes_prefix
from xlzoo.run_scripts.runs import adapter_folder

KINDS = ("lora", "ia3", "prefix")
SHAPES = {"lora_r": "lora", "lora_alpha": "lora", "lora_dropout": "lora", "num_virtual_tokens": "prefix"}
"""Which kind of adapter a flag is for."""
HEADED = ("SEQ_CLS", "TOKEN_CLS", "QUESTION_ANS")
"""PEFT's types of tasks with a head of their own, which it trains and saves with the adapter."""


@dataclass
class NewPeftArguments:
    """Which new adapter of PEFT's to train."""

    use_peft: bool = field(default=False, metadata={"help": "Train an adapter of PEFT's and freeze the model."})
    peft_type: str = field(default="lora", metadata={"help": "lora, ia3 or prefix.", "choices": list(KINDS)})
    target_modules: list[str] = field(
        default_factory=list,
        metadata={"help": "Modules to adapt, or all-linear; by default PEFT's choice.", **REPEATABLE},
    )
    feedforward_modules: list[str] = field(
        default_factory=list, metadata={"help": "IA3: which of the targets are feed-forward.", **REPEATABLE}
    )
    modules_to_save: list[str] = field(
        default_factory=list, metadata={"help": "Modules trained as a whole, saved with the adapter.", **REPEATABLE}
    )
    lora_r: int = field(default=8, metadata={"help": "LoRA: rank."})
    lora_alpha: int = field(default=16, metadata={"help": "LoRA: the update is scaled by this over the rank."})
    lora_dropout: float = field(default=0.05, metadata={"help": "LoRA: dropout before the update."})
    num_virtual_tokens: int = field(default=20, metadata={"help": "Prefix tuning: length of the prefix."})

    def __post_init__(self) -> None:
        require_at_least(1, self, "lora_r", "num_virtual_tokens")
        if not 0 <= self.lora_dropout < 1:
            raise UserError(f"--lora_dropout is {self.lora_dropout}; expected 0 to less than 1.")
        idle = {"target_modules": self.target_modules, "modules_to_save": self.modules_to_save}
        idle |= {"feedforward_modules": self.feedforward_modules}
        for name in (name for name, value in idle.items() if value and not self.makes_new):
            raise UserError(f"--{name} shapes a new adapter; it goes with --use_peft and without --load_adapter.")
        for name in (name for name, value in idle.items() if value and self.peft_type == "prefix"):
            raise UserError(f"--{name} is for lora and ia3; a prefix stands before every layer, leave it out.")
        defaults = {one.name: one.default for one in fields(NewPeftArguments)}
        shaped = [name for name in SHAPES if vars(self)[name] != defaults[name]]
        for name in shaped:
            if not (self.makes_new and self.peft_type == SHAPES[name]):
                raise UserError(f"--{name} shapes a new adapter of the kind {SHAPES[name]}; leave it out here.")
        if self.peft_type == "ia3" and bool(self.target_modules) != bool(self.feedforward_modules):
            raise UserError("IA3 wants --target_modules and --feedforward_modules together, or neither.")

    @property
    def makes_new(self) -> bool:
        """Whether a new adapter is trained, not one that is there trained on."""
        return self.use_peft

    def add_new(self, model: PreTrainedModel, task_type: str | None) -> PeftModel:
        """Put the new adapter on the model; `task_type` is PEFT's ("CAUSAL_LM"). UserError where it has no place.

        One seed begins all adapters alike, a task's and a language's; factors can be merged only from there.
        """
        if self.peft_type == "prefix" and not takes_prefix(model):
            raise UserError(f"{type(model).__name__} takes no prefix; give --peft_type lora or ia3, or another model.")
        try:
            with torch.random.fork_rng(devices=[]):
                # Loading has drawn numbers for a task's new head, and none for a language.
                torch.default_generator.manual_seed(torch.initial_seed())
                adapted: Any = get_peft_model(model, self._config(model, task_type))
        except ValueError as error:
            reason = " ".join(str(error).split())[:200].rstrip(".")
            raise UserError(
                f"No adapter could be added: {reason}; name modules of it with --target_modules."
            ) from error
        return adapted

    def _config(self, model: PreTrainedModel, task_type: str | None) -> PeftConfig:
        if self.peft_type == "prefix":
            return PrefixTuningConfig(task_type=task_type, num_virtual_tokens=self.num_virtual_tokens)
        targets, feedforward = self.target_modules, self.feedforward_modules
        if self.peft_type == "ia3" and not targets and model.config.model_type in FAMILY:
            # PEFT has no choice for XLM-R, which is a RoBERTa.
            targets, feedforward = IA3_TARGETS["roberta"], IA3_FEEDFORWARD["roberta"]
        elif not targets and model.config.model_type in FAMILY:
            targets = ["query", "value"]
        shared: dict[str, Any] = {
            "target_modules": "all-linear" if targets == ["all-linear"] else targets or None,
            "modules_to_save": self.modules_to_save or None,
            "task_type": task_type,
        }
        if self.peft_type == "ia3":
            return IA3Config(**shared, feedforward_modules=feedforward or None)
        return LoraConfig(**shared, r=self.lora_r, lora_alpha=self.lora_alpha, lora_dropout=self.lora_dropout)


@dataclass
class PeftArguments(NewPeftArguments):
    """Which adapter of PEFT's to train, or to load."""

    load_adapter: str | None = field(
        default=None, metadata={"help": "Folder or Hub id of an adapter: trained on with --use_peft, else as it is."}
    )

    @property
    def makes_new(self) -> bool:
        """Whether a new adapter is trained, not one that is there trained on."""
        return self.use_peft and not self.load_adapter

    def adapt(self, model: PreTrainedModel, task_type: str) -> PreTrainedModel | PeftModel:
        """Return the model with the adapter that is asked for, or as it is; UserError where it has no place."""
        if self.load_adapter:
            return load_adapted(model, self.load_adapter, trainable=self.use_peft)
        return self.add_new(model, task_type) if self.use_peft else model


def load_adapted(model: PreTrainedModel, path: str, trainable: bool, task_type: str | None = None) -> PeftModel:
    """Put an adapter from a folder, a run's or its own, or from the Hub on the model, to be trained on if asked.

    One that learned no task, a language's, is trained on with the new head of a model for a task of PEFT's type.
    """
    adapted = load_peft(model, adapter_folder(path))
    config = adapted.active_peft_config
    if trainable and task_type in HEADED and config.task_type is None:
        return _with_head(adapted, str(task_type))
    if trainable:
        config.inference_mode = False
        if config.is_prompt_learning:
            adapted.prompt_encoder.requires_grad_(True)
        else:
            adapted.set_requires_grad("default", requires_grad=True)
    return adapted


def _with_head(adapted: Any, task_type: str) -> PeftModel:
    """Return an adapter for a task that starts from one of a language; PEFT adds the head for this type."""
    learned, config = get_peft_model_state_dict(adapted), adapted.active_peft_config
    config.task_type, config.inference_mode = task_type, False
    begun: Any = get_peft_model(adapted.unload(), config)
    set_peft_model_state_dict(begun, {**get_peft_model_state_dict(begun), **learned})
    return begun


def require_trainable(adapted: PreTrainedModel | PeftModel, gradient_checkpointing: bool) -> None:
    """Refuse to learn a prefix with `--gradient_checkpointing`, under which models do not read it."""
    if isinstance(adapted, PeftModel) and adapted.active_peft_config.is_prompt_learning and gradient_checkpointing:
        raise UserError("A prefix cannot be learned with --gradient_checkpointing; leave it out.")
