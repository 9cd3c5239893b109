"""Questions with their passages in the JSON of SQuAD 1.1, as XQuAD comes, plain or `.gz`."""

import json
from pathlib import Path
from typing import Any

from datasets import Dataset

from xlzoo.run_scripts.errors import UserError

from .raw_files import check_json
from .readers import read_lines


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
