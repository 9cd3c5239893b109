"""The arguments of sense adaptation: the schedule, the vectors, and the published names of the Trainer's own."""

from dataclasses import dataclass, field
from typing import Any

from transformers.trainer_utils import IntervalStrategy

from xlzoo.run_scripts.arguments import RunArguments
from xlzoo.run_scripts.data_arguments import require_at_least
from xlzoo.run_scripts.devices import require_one_gpu
from xlzoo.run_scripts.errors import UserError
from xlzoo.run_scripts.objectives.sense_schedule import LossWeights, SenseSchedule


def also(name: str, default: Any, **more: Any) -> Any:
    """Return a field of the Trainer's arguments that may also be given as `--name`."""
    return field(default=default, metadata={"aliases": [f"--{name}"], "help": f"Also --{name}.", **more})


@dataclass
class SenseAdaptationConfig(RunArguments):
    """What sense adaptation adds to the training arguments; the defaults are the published run's."""

    script = "run_adaptation.py"

    output_dir: str | None = also("save_dir", None)
    per_device_train_batch_size: int = also("train_batch_size", 8)
    per_device_eval_batch_size: int = also("test_batch_size", 8)
    max_grad_norm: float = also("clip_grad_norm", 1.0)
    label_smoothing_factor: float = also("label_smoothing", 0.0)
    fp16: bool = also("use_fp16", False)
    eval_steps: float | None = also("eval_every_n_steps", None)
    save_steps: float = also("save_every", 500)
    save_total_limit: int | None = also("max_checkpoints", None)
    logging_steps: float = also("log_every_n_steps", 500)
    run_name: str | None = also("wandb_run_name", None)
    resume_from_checkpoint: str | None = field(
        default=None,
        metadata={"help": "A checkpoint; alone, the last one, if there is any.", "nargs": "?", "const": "last"},
    )
    use_wandb: bool = field(default=False, metadata={"help": "As --report_to wandb."})

    add_lm_loss: bool = field(default=True, metadata={"help": "Learn to predict the target language too."})
    sense_pool_temp: float = field(default=0.7, metadata={"help": "Temperature of the pooling of senses."})
    normalize_sense_pooling: bool = field(
        default=True, metadata={"help": "Pooled senses have length one where evaluation compares them."}
    )
    normalize_last_token_embeds: bool = field(
        default=True, metadata={"help": "The same of the contextual vectors of last tokens."}
    )
    freeze_senses_in_polish: bool = field(
        default=False, metadata={"help": "Sense network and sense weights stay as they are in the last phase."}
    )
    align_pct: float = field(default=0.2, metadata={"help": "Share of the training in which aligning comes first."})
    polish_pct: float = field(
        default=0.5, metadata={"help": "Share of the training, its last, with the tail weights."}
    )
    w_ctx_align: float = field(default=0.45, metadata={"help": "Weight of the contrast of contexts at first."})
    w_sns_align: float = field(default=0.55, metadata={"help": "Weight of the contrast of senses at first."})
    w_lm_align: float = field(default=0.02, metadata={"help": "Weight of the language model at first."})
    w_ctx_mid: float = field(default=0.40, metadata={"help": "Weight of the contrast of contexts after --align_pct."})
    w_sns_mid: float = field(default=0.40, metadata={"help": "Weight of the contrast of senses after --align_pct."})
    w_lm_mid: float = field(default=0.20, metadata={"help": "Weight of the language model after --align_pct."})
    w_ctx_tail: float = field(default=0.15, metadata={"help": "Weight of the contrast of contexts in --polish_pct."})
    w_sns_tail: float = field(default=0.15, metadata={"help": "Weight of the contrast of senses in --polish_pct."})
    w_lm_tail: float = field(default=0.70, metadata={"help": "Weight of the language model in --polish_pct."})
    tau_ctx_start: float = field(default=0.07, metadata={"help": "Temperature of the contrast of contexts at first."})
    tau_ctx_end: float = field(default=0.07, metadata={"help": "Temperature of the contexts after --align_pct."})
    tau_sns_start: float = field(default=0.05, metadata={"help": "Temperature of the contrast of senses at first."})
    tau_sns_end: float = field(default=0.05, metadata={"help": "Temperature of the senses after --align_pct."})

    def __post_init__(self) -> None:
        if not self.sense_pool_temp > 0:
            raise UserError(f"--sense_pool_temp is {self.sense_pool_temp}; expected a positive number.")
        require_at_least(0, self, "label_smoothing_factor", "max_grad_norm")
        if self.label_smoothing_factor >= 1:
            raise UserError(f"--label_smoothing is {self.label_smoothing_factor}; expected less than 1.")
        self.schedule = self._schedule()
        if self.use_wandb:
            given = [self.report_to] if isinstance(self.report_to, str) else list(self.report_to or [])
            self.report_to = [*(name for name in given if name not in ("none", "wandb")), "wandb"]
        if self.eval_steps is not None and self.eval_strategy == IntervalStrategy.NO:
            # The Trainer would take evaluating for all that was asked for.
            self.do_train = self.do_train or not (self.do_eval or self.do_predict)
            self.eval_strategy = IntervalStrategy.STEPS
        super().__post_init__()
        require_one_gpu(self)

    def _schedule(self) -> SenseSchedule:
        phases = {}
        for name in ("align", "mid", "tail"):
            ctx, sns, lm = (getattr(self, f"w_{part}_{name}") for part in ("ctx", "sns", "lm"))
            phases[name] = LossWeights(ctx, sns, lm if self.add_lm_loss else 0.0)
        return SenseSchedule(
            **phases,
            tau_ctx=(self.tau_ctx_start, self.tau_ctx_end),
            tau_sns=(self.tau_sns_start, self.tau_sns_end),
            align_pct=self.align_pct,
            polish_pct=self.polish_pct,
        )
