"""Rows of labelled sentence pairs, and their token ids for encoders."""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from datasets import Dataset, DatasetDict, Features, Value
from transformers import PreTrainedTokenizerBase

from xlzoo.run_scripts.errors import UserError

from .checks import require_text
from .sources import as_strings

PAIR = ("first", "second", "label")
logger = logging.getLogger(__name__)


def with_labels(dataset: DatasetDict, name_label: Callable[[object], str]) -> DatasetDict:
    """Return `{"first", "second", "label"}` rows with the labels' names, all of them strings.

    `name_label` turns a cell into a name, or raises UserError, which is told with the row. Raises UserError where a
    sentence is missing.
    """
    for column in PAIR[:2]:
        require_text(dataset, column)
    features = Features({column: Value("string") for column in PAIR})

    def name(row: Mapping[str, Any], place: int, split: str) -> dict[str, str]:
        try:
            return {"label": name_label(row["label"])}
        except UserError as error:
            raise UserError(f"Row {place} of the {split} split: {error}") from error

    return DatasetDict(
        {
            split: rows.map(
                name, with_indices=True, fn_kwargs={"split": split}, features=features, desc="Reading labels"
            )
            for split, rows in as_strings(dataset, "label").items()
        }
    )


def as_text_pairs(rows: Dataset, tokenizer: PreTrainedTokenizerBase, labels: Sequence[str], length: int) -> Dataset:
    """Turn `{"first", "second", "label"}` rows into `{"input_ids", "labels"}`, the label as its number.

    XLM-R's `<s> first </s></s> second </s>`. Of a pair of more than `length` pieces the longer sentence loses its end;
    how many pairs that met is logged.
    """
    numbers = {label: number for number, label in enumerate(labels)}

    def encode(batch: Mapping[str, list[str]]) -> dict[str, list[Any]]:
        pairs = batch["first"], batch["second"]
        encoded = tokenizer(*pairs, truncation="longest_first", max_length=length, verbose=False)["input_ids"]
        return {"input_ids": encoded, "labels": [numbers[label] for label in batch["label"]]}

    made = rows.map(encode, batched=True, remove_columns=rows.column_names, desc="Joining sentences")
    if cut := sum(len(ids) == length for ids in made["input_ids"]):
        logger.info("%d of %d pairs fill --max_seq_length %d, and may have been cut", cut, len(rows), length)
    return made
