"""Questions with their passages in the JSON of SQuAD 1.1, as XQuAD comes, plain or `.gz`, and where answers stand."""

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from datasets import Dataset, DatasetDict, Features, List, Value

from xlzoo.run_scripts.errors import UserError

from .checks import require_text
from .raw_files import check_json
from .readers import read_lines

ASKED = ("id", "question", "context", "answers")
"""The columns of questions on the Hub that count; `answers` holds `text` and `answer_start`, a list each."""
LOCATED = Features(
    {
        "id": Value("string"),
        "question": Value("string"),
        "context": Value("string"),
        "answers": List(Value("string")),
        "text": Value("string"),
        "start": Value("int32"),
    }
)
"""Of `with_answers`: all right answers, and the first of them with the character of the passage where it begins."""
logger = logging.getLogger(__name__)


def read_squad(path: Path) -> Dataset:
    """Read a file as rows of id, title, context, question and answers, as the Hub has them.

    Raises UserError where it is no such file, or holds no question, or one without an answer.
    """
    lines = [line for _, line in read_lines(path)]
    check_json(lines, path)
    try:
        rows = [
            _row(article, paragraph["context"], asked)
            for article in json.loads("\n".join(lines))["data"]
            for paragraph in article["paragraphs"]
            for asked in paragraph["qas"]
        ]
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise UserError(
            f"{path} is not in the form of SQuAD ({type(error).__name__}: {error}); expected data, paragraphs, "
            "qas, and at least one answer to each question."
        ) from error
    if not rows:
        raise UserError(f"{path} holds no question; expected at least one.")
    return Dataset.from_list(rows)


def _row(article: dict[str, Any], context: str, asked: dict[str, Any]) -> dict[str, Any]:
    row = {"id": asked["id"], "title": article.get("title", ""), "context": context, "question": asked["question"]}
    texts = [answer["text"] for answer in asked["answers"]]
    if not texts or not all(isinstance(text, str) and text for text in (*texts, context, row["question"])):
        raise ValueError(f"the question {row['id']} lacks its text, its passage or an answer")
    places = [int(answer["answer_start"]) for answer in asked["answers"]]
    return {**row, "answers": {"text": texts, "answer_start": places}}


def with_answers(dataset: DatasetDict) -> DatasetDict:
    """Turn rows with the columns `ASKED` into those of `LOCATED`.

    An answer that is not where the data say is taken from the nearest place where it is, and the number of these is
    logged. Raises UserError naming the row where it is nowhere in the passage, or a text is missing.
    """
    for column in ("question", "context"):
        require_text(dataset, column)
    found = {}
    for split, rows in dataset.items():
        moved = [0]

        def locate(row: Mapping[str, Any], place: int, split: str = split, moved: list[int] = moved) -> dict[str, Any]:
            located = locate_answer(row)
            if located is None:
                raise UserError(
                    f"Row {place} of the {split} split ({str(row['question'])[:60]!r}) has no question, or no answer "
                    "that its passage holds; expected answers with text and answer_start, correct the data."
                )
            moved[0] += located.pop("moved")
            return located

        found[split] = rows.map(
            locate, with_indices=True, remove_columns=rows.column_names, features=LOCATED, desc="Finding answers"
        )
        if moved[0]:
            logger.warning("%d of %d answers of the %s split were moved to their text", moved[0], len(rows), split)
    return DatasetDict(found)


def locate_answer(row: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return a row of `LOCATED` and whether its answer was `moved`; None where it has none that the passage holds."""
    answers = row["answers"] if isinstance(row["answers"], Mapping) else {}
    texts, starts = answers.get("text"), answers.get("answer_start")
    if not (isinstance(texts, list) and isinstance(starts, list) and texts and starts and row["question"].strip()):
        return None
    if not (all(isinstance(text, str) for text in texts) and texts[0].strip() and isinstance(starts[0], int)):
        return None
    text = texts[0].strip()
    told = starts[0] + len(texts[0]) - len(texts[0].lstrip())
    start = nearest(row["context"], text, max(told, 0))
    if start < 0:
        return None
    kept = {"id": str(row["id"]), "question": row["question"], "context": row["context"]}
    return {**kept, "answers": list(texts), "text": text, "start": start, "moved": int(start != told)}


def nearest(context: str, text: str, place: int) -> int:
    """Return where the text stands in the context nearest to a place, -1 for nowhere."""
    behind, before = context.find(text, place), context.rfind(text, 0, place + len(text))
    if min(behind, before) < 0:
        return max(behind, before)
    return behind if behind - place <= place - before else before
