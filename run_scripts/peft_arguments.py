"""Arguments that put a LoRA or IA3 adapter on a model, under the names that peft and trl use."""

from dataclasses import dataclass, field
from typing import Any

from peft import IA3Config, LoraConfig, PeftConfig, PeftModel, get_peft_model
from transformers import PreTrainedModel

from xlzoo.run_scripts.data_arguments import REPEATABLE, require_at_least
from xlzoo.run_scripts.errors import UserError
from xlzoo.run_scripts.peft_adapters import load_peft
from xlzoo.run_scripts.runs import adapter_folder

KINDS = ("lora", "ia3")


@dataclass
class PeftArguments:
    """Which adapter of PEFT's to train, or to load."""

    use_peft: bool = field(default=False, metadata={"help": "Train an adapter and freeze the model."})
    peft_type: str = field(default="lora", metadata={"help": "lora or ia3.", "choices": list(KINDS)})
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
    lora_r: int = field(default=8, metadata={"help": "Rank."})
    lora_alpha: int = field(default=16, metadata={"help": "Scale of the update times the rank."})
    lora_dropout: float = field(default=0.05, metadata={"help": "Dropout before the update."})
    load_adapter: str | None = field(
        default=None, metadata={"help": "Folder or Hub id of an adapter: trained on with --use_peft, else as it is."}
    )

    def __post_init__(self) -> None:
        require_at_least(1, self, "lora_r")
        if not 0 <= self.lora_dropout < 1:
            raise UserError(f"--lora_dropout is {self.lora_dropout}; expected 0 to less than 1.")
        idle = {"target_modules": self.target_modules, "modules_to_save": self.modules_to_save}
        idle |= {"feedforward_modules": self.feedforward_modules}
        for name in (name for name, value in idle.items() if value and (not self.use_peft or self.load_adapter)):
            raise UserError(f"--{name} shapes a new adapter; it goes with --use_peft and without --load_adapter.")
        if self.peft_type == "ia3" and bool(self.target_modules) != bool(self.feedforward_modules):
            raise UserError("IA3 wants --target_modules and --feedforward_modules together, or neither.")

    def adapt(self, model: PreTrainedModel) -> PreTrainedModel | PeftModel:
        """Return the model with the adapter that is asked for, or as it is; UserError where it has no place."""
        if self.load_adapter:
            return self._loaded(model)
        if not self.use_peft:
            return model
        try:
            return get_peft_model(model, self._config())
        except ValueError as error:
            reason = " ".join(str(error).split())[:200].rstrip(".")
            raise UserError(
                f"No adapter could be added: {reason}; name modules of it with --target_modules."
            ) from error

    def _loaded(self, model: PreTrainedModel) -> PeftModel:
        adapted = load_peft(model, adapter_folder(str(self.load_adapter)))
        if self.use_peft:
            adapted.set_requires_grad("default", requires_grad=True)
            adapted.peft_config["default"].inference_mode = False
        return adapted

    def _config(self) -> PeftConfig:
        chosen: Any = self.target_modules or None
        shared: dict[str, Any] = {
            "target_modules": "all-linear" if chosen == ["all-linear"] else chosen,
            "modules_to_save": self.modules_to_save or None,
            "task_type": "CAUSAL_LM",
        }
        if self.peft_type == "ia3":
            return IA3Config(**shared, feedforward_modules=self.feedforward_modules or None)
        return LoraConfig(**shared, r=self.lora_r, lora_alpha=self.lora_alpha, lora_dropout=self.lora_dropout)
