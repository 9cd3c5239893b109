"""Arguments that say what text a causal language model reads, and rows for it: all at once, or as a stream."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from datasets import Dataset, DatasetDict, IterableDataset, concatenate_datasets

from xlzoo.run_scripts.corpora.streams import first_row, stream
from xlzoo.run_scripts.data_arguments import first_present, require_at_least
from xlzoo.run_scripts.errors import UserError
from xlzoo.run_scripts.prompt_arguments import PromptSource

Splits = dict[str, Dataset | IterableDataset]


@dataclass
class TextArguments(PromptSource):
    """Where text, or prompts with completions, come from, and how they are cut."""

    block_size: int | None = field(
        default=None, metadata={"help": "Tokens of a row; by default all the model's positions, at most 1024."}
    )
    line_by_line: bool = field(default=False, metadata={"help": "Each text is a row of its own, not part of a block."})
    completion_separator: str = field(default="", metadata={"help": "What stands between prompt and completion."})
    validation_split_percentage: int = field(
        default=5, metadata={"help": "Share of the training rows to evaluate on where there is no validation split."}
    )
    streaming: bool = field(
        default=False, metadata={"help": "Read training rows as they are needed; wants max_steps."}
    )
    shuffle_buffer_size: int = field(
        default=10_000, metadata={"help": "Rows of a stream that are shuffled at a time."}
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        require_at_least(2, self, "block_size")
        require_at_least(1, self, "shuffle_buffer_size")
        if not 1 <= self.validation_split_percentage <= 50:
            raise UserError(
                f"--validation_split_percentage is {self.validation_split_percentage}; expected 1 to 50 percent."
            )
        if self.task_name and self.streaming:
            raise UserError("--task_name reads its sentence pairs at once; leave --streaming out.")
        if self.text_column_name and (self.prompt_column_name or self.completion_column_name):
            raise UserError("Give --text_column_name, or --prompt_column_name and --completion_column_name.")

    def rows(self) -> Splits:
        """Return every split as `{"text"}`, or `{"prompt", "completion"}` where the data have these columns."""
        if self.task_name:
            return dict(self.prompts())
        return self._streams() if self.streaming else dict(self.load("text", *self._choices()))

    def _choices(self) -> list[dict[str, str]]:
        text = {"text": self.text_column_name or "text"}
        if self.text_column_name:
            return [text]
        named = self.prompt_column_name or self.completion_column_name
        return [self.prompt_columns] if named else [self.prompt_columns, text]

    def _streams(self) -> Splits:
        """Stream the training rows; the others, which are few, are read."""
        parts = [stream(source) for source in self.sources("text")]
        if lacking := set().union(*parts) - set(parts[0]).intersection(*parts):
            raise UserError(
                f"A --dataset_config_name has no {min(lacking)} split and another one has; name one of them."
            )
        joined = {split: concatenate_datasets([part[split] for part in parts]) for split in parts[0]}
        found: Splits = {}
        for split, rows in joined.items():
            names = list(first_row(rows, split))
            columns = first_present(self._choices(), names)
            if missing := [name for name in columns.values() if name not in names]:
                raise UserError(f"The {split} rows have no column {missing[0]}, only {', '.join(names)}; name it.")
            limit = self.limits.get(split)
            chosen = rows.map(partial(_pick, columns), remove_columns=names)
            chosen = chosen if limit is None else chosen.take(limit)
            found[split] = chosen if split == "train" else Dataset.from_list(list(chosen))
        return found


def _pick(columns: Mapping[str, str], row: Mapping[str, Any]) -> dict[str, Any]:
    return {ours: row[theirs] for ours, theirs in columns.items()}


def with_validation(splits: Mapping[str, Any], percentage: int) -> Mapping[str, Any]:
    """Set the first training rows aside where there is no validation split; a stream cannot spare any."""
    train = splits.get("train")
    if "validation" in splits or not isinstance(train, Dataset):
        return splits
    number = max(1, len(train) * percentage // 100)
    if number == len(train):
        raise UserError("There is one training row and no validation split; give --validation_file.")
    rest = {"train": train.select(range(number, len(train))), "validation": train.select(range(number))}
    return DatasetDict({**splits, **rest})
