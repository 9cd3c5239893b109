"""Arguments that say where questions on passages come from, how passages are cut, and how answers are found."""

from dataclasses import dataclass, field

from datasets import DatasetDict

from xlzoo.run_scripts.corpora.squad import ASKED, with_answers
from xlzoo.run_scripts.data_arguments import require_at_least
from xlzoo.run_scripts.language_tests import LanguageTests


@dataclass
class SpanSource(LanguageTests):
    """Where questions on passages come from, in SQuAD's form or with its columns on the Hub."""

    doc_stride: int = field(
        default=128, metadata={"help": "Questions: a window of the passage begins every so many pieces."}
    )
    max_query_length: int = field(default=64, metadata={"help": "Questions: their longest part that is read."})
    n_best_size: int = field(
        default=20, metadata={"help": "Questions: of a window so many likely beginnings and ends are tried."}
    )
    max_answer_length: int = field(default=30, metadata={"help": "Questions: the longest answer in pieces."})

    def __post_init__(self) -> None:
        super().__post_init__()
        require_at_least(1, self, "doc_stride", "max_query_length", "n_best_size", "max_answer_length")

    def questions(self) -> DatasetDict:
        """Load every split as rows of `with_answers`."""
        return with_answers(self.load("questions", {name: name for name in ASKED}))
