"""Checks of the rows themselves, once their columns are known to be there."""

from datasets import Dataset, DatasetDict, LargeList, List, Value

from xlzoo.run_scripts.errors import UserError


def require_text(dataset: DatasetDict, column: str) -> None:
    """Raise UserError unless every row of the column is a string."""
    for split, rows in dataset.items():
        if not is_text(rows.features[column]):
            raise UserError(f"{column} of the {split} split holds {rows[column][:1]}; expected strings.")
        if None in rows[column]:
            place = rows[column][:].index(None)
            raise UserError(f"{column} of the {split} split is empty in row {place}; expected a string, correct it.")


def require_tagged_words(dataset: DatasetDict, column: str) -> None:
    """Raise UserError unless every row has as many labels in `column` as words in `tokens`, and each split a word."""
    for split, rows in dataset.items():
        for name in ("tokens", column):
            if not isinstance(rows.features[name], (List, LargeList)):
                raise UserError(
                    f"{name} of the {split} split holds {rows[name][:1]}; expected lists, one per sentence."
                )
        if not is_text(rows.features["tokens"].feature):
            raise UserError(f"tokens of the {split} split holds {rows['tokens'][:1]}; expected lists of strings.")
        _require_pairs(split, rows, column)


def _require_pairs(split: str, rows: Dataset, column: str) -> None:
    words = 0
    for place, (tokens, tags) in enumerate(zip(rows["tokens"], rows[column], strict=True)):
        if tokens is None or tags is None or None in tokens or None in tags:
            raise UserError(f"Row {place} of the {split} split lacks a word or a label; expected one label per word.")
        if len(tokens) != len(tags):
            raise UserError(
                f"Row {place} of the {split} split has {len(tokens)} words and {len(tags)} labels; "
                "expected one label per word, correct the data."
            )
        words += len(tokens)
    if not words:
        raise UserError(f"The {split} split holds no words; expected at least one sentence.")


def is_text(feature: object) -> bool:
    """Say whether a column of this type holds strings."""
    return isinstance(feature, Value) and feature.dtype in ("string", "large_string")
