"""Arguments that say where prompts with completions come from: rows of them, or sentence pairs put as questions."""

from dataclasses import dataclass, field

from datasets import DatasetDict

from xlzoo.run_scripts.corpora.text_pairs import PAIR
from xlzoo.run_scripts.errors import UserError
from xlzoo.run_scripts.pair_arguments import PairSource
from xlzoo.run_scripts.tasks.text_pairs import PAIR_TASKS


@dataclass
class PromptSource(PairSource):
    """Where prompts with completions come from."""

    task_name: str | None = field(
        default=None,
        metadata={"help": "Ask these sentence pairs as questions: xnli or pawsx.", "choices": sorted(PAIR_TASKS)},
    )
    prompt_column_name: str | None = field(default=None, metadata={"help": "Column with prompts, if not 'prompt'."})
    completion_column_name: str | None = field(default=None, metadata={"help": "The same, if not 'completion'."})

    def __post_init__(self) -> None:
        super().__post_init__()
        of_pairs = {name: vars(self)[name] for name in ("text_pair_column_name", "label_column_name")}
        of_rows = {name: vars(self)[name] for name in ("prompt_column_name", "completion_column_name")}
        for name in (name for name, value in (of_rows if self.task_name else of_pairs).items() if value):
            raise UserError(f"--{name} goes {'without' if self.task_name else 'with'} --task_name; leave it out.")

    @property
    def prompt_columns(self) -> dict[str, str]:
        """The columns that hold prompts and completions, where they are rows of such."""
        named = {"prompt": self.prompt_column_name, "completion": self.completion_column_name}
        return {ours: theirs or ours for ours, theirs in named.items()}

    def prompts(self) -> DatasetDict:
        """Load every split as `{"prompt", "completion"}` rows."""
        if self.task_name is None:
            return self.load("text", self.prompt_columns)
        task = PAIR_TASKS[self.task_name]
        return DatasetDict(
            {
                split: rows.map(task.ask, input_columns=list(PAIR), remove_columns=rows.column_names)
                for split, rows in self.pairs(task).items()
            }
        )
