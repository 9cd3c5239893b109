"""The settings of xTune, and the published values of those that depend on the task."""

from dataclasses import dataclass, field

import torch

from xlzoo.run_scripts.arguments import RunArguments
from xlzoo.run_scripts.corpora.views import KINDS
from xlzoo.run_scripts.data_arguments import REPEATABLE, require_at_least
from xlzoo.run_scripts.devices import require_one_gpu
from xlzoo.run_scripts.errors import UserError

SETTINGS = ("cross-lingual-transfer", "translate-train-all")
STAGES = ("1", "2", "both")
BESIDE_GPU = 2
"""Workers that draw views while a GPU trains; a CPU takes so long for a step that it needs none."""


@dataclass(frozen=True)
class Published:
    """What the paper's program does for a task in a setting; rates are those of views and copies alike."""

    view: tuple[str, ...]
    copy: tuple[str, ...]
    model_weight: float
    length: int
    """The longest input in pieces."""
    subword_rate: float = 0.3
    code_switch_rate: float = 0.3
    hard_labels: bool = False
    later_view: tuple[str, ...] = ()
    """The view of stage 2, where it is another."""


TRANSFER, TRANSLATE = SETTINGS
PUBLISHED = {
    ("ner", TRANSFER): Published(("subword",), ("subword",), 5.0, 128, hard_labels=True),
    ("pos", TRANSFER): Published(("subword",), ("subword",), 0.3, 128, subword_rate=0.5),
    ("xnli", TRANSFER): Published(("code_switch",), ("code_switch",), 5.0, 256),
    ("pawsx", TRANSFER): Published(("code_switch",), ("code_switch",), 2.0, 256, code_switch_rate=0.5),
    ("xquad", TRANSFER): Published(("code_switch",), ("subword",), 5.0, 384, later_view=("subword",)),
    ("mlqa", TRANSFER): Published(("code_switch",), ("subword",), 5.0, 384, later_view=("subword",)),
    ("tydiqa", TRANSFER): Published(("subword",), ("subword",), 5.0, 384),
    ("ner", TRANSLATE): Published(("subword",), ("translation",), 1.0, 128, hard_labels=True),
    ("pos", TRANSLATE): Published(("subword",), ("translation",), 0.3, 128, subword_rate=0.5),
    ("xnli", TRANSLATE): Published(("translation",), ("translation",), 1.0, 256),
    ("pawsx", TRANSLATE): Published(("translation",), ("translation",), 1.0, 256, code_switch_rate=0.5),
    ("xquad", TRANSLATE): Published(("code_switch",), ("translation",), 0.1, 384, later_view=("subword",)),
    ("mlqa", TRANSLATE): Published(("code_switch",), ("translation",), 0.5, 384, later_view=("subword",)),
    ("tydiqa", TRANSLATE): Published(("subword",), ("translation",), 0.3, 384),
}
TASK_CHOICES = tuple(dict.fromkeys(task for task, _ in PUBLISHED))


@dataclass
class ConsistencyConfig(RunArguments):
    """What xTune adds to the training arguments; what is not given is as published for the task and setting."""

    script = "run_xtune.py"

    task_name: str = field(default="ner", metadata={"help": f"{', '.join(TASK_CHOICES)}.", "choices": TASK_CHOICES})
    setting: str = field(
        default=SETTINGS[0], metadata={"help": f"{' or '.join(SETTINGS)}: whose defaults to use.", "choices": SETTINGS}
    )
    stage: str = field(default="both", metadata={"help": "1, 2, or both one after the other.", "choices": STAGES})
    teacher: str | None = field(default=None, metadata={"help": "--stage 2: the folder of stage 1."})
    augmentation: list[str] = field(
        default_factory=list,
        metadata={"help": f"How the views of R1 are made: some of {', '.join(KINDS)}.", **REPEATABLE},
    )
    later_augmentation: list[str] = field(init=False, default_factory=list)
    copy_augmentation: list[str] = field(
        default_factory=list, metadata={"help": "How the copies that stage 2 adds are made.", **REPEATABLE}
    )
    r1_weight: float = field(default=5.0, metadata={"help": "Weight of R1 (an example and its view agree), lambda 1."})
    r2_weight: float | None = field(default=None, metadata={"help": "Weight of R2 (stages 1 and 2 agree), lambda 2."})
    hard_labels: bool | None = field(
        default=None, metadata={"help": "true or false: R2 with the best labels of stage 1."}
    )
    stage_2_max_steps: int | None = field(
        default=None, metadata={"help": "Steps of stage 2 and of its schedule, if not --max_steps or the epochs."}
    )
    dataloader_num_workers: int = field(
        default=-1, metadata={"help": "Processes that draw views; by default 2 where a GPU trains, 0 on the CPU."}
    )

    def __post_init__(self) -> None:
        published = PUBLISHED[self.task_name, self.setting]
        views = (published.view, published.later_view or published.view) if self.r1_weight else ((), ())
        first, later = (self.augmentation or list(view) for view in views)
        self.augmentation, self.later_augmentation = later if self.stage == "2" else first, later
        self.copy_augmentation = self.copy_augmentation or list(published.copy)
        self.r2_weight = published.model_weight if self.r2_weight is None else self.r2_weight
        self.hard_labels = published.hard_labels if self.hard_labels is None else self.hard_labels
        for name in ("augmentation", "copy_augmentation"):
            for kind in (kind for kind in vars(self)[name] if kind not in KINDS):
                raise UserError(f"--{name} {kind!r} is unknown; expected some of {', '.join(KINDS)}.")
        require_at_least(0, self, "r1_weight", "r2_weight")
        require_at_least(1, self, "stage_2_max_steps")
        self.max_steps = self.steps_of(self.stage)
        untaught = self.stage == "2" and self.r2_weight and not self.teacher
        if untaught or (self.teacher and self.stage != "2"):
            raise UserError("--teacher names the folder of stage 1 for --stage 2; give both, or neither.")
        if self.label_smoothing_factor or self.fsdp or self.deepspeed:
            raise UserError("--label_smoothing_factor, --fsdp, --deepspeed do not go with xTune; leave them out.")
        if self.dataloader_num_workers == -1:
            self.dataloader_num_workers = BESIDE_GPU if torch.cuda.is_available() and not self.use_cpu else 0
        super().__post_init__()
        require_one_gpu(self)
        if self.torch_compile and "noise" in self.kinds:
            raise UserError("Noise on embeddings is lost in a compiled model; leave --torch_compile or noise out.")

    @property
    def published(self) -> Published:
        """The published values for the task and setting."""
        return PUBLISHED[self.task_name, self.setting]

    def steps_of(self, stage: str) -> int:
        """Return the `max_steps` of a stage, -1 where its epochs decide."""
        return self.stage_2_max_steps or self.max_steps if stage == "2" else self.max_steps

    @property
    def kinds(self) -> set[str]:
        """All augmentations that the stage uses, none where nothing is trained."""
        if not self.do_train and (self.do_eval or self.do_predict):
            return set()
        later = (*self.later_augmentation, *self.copy_augmentation) if self.stage != "1" else ()
        return {*self.augmentation, *later}
