"""xTune of questions that a span of a passage answers: XQuAD, MLQA and TyDiQA-GoldP."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from datasets import Dataset, DatasetDict
from transformers import XLMRobertaForQuestionAnswering
from transformers.models.xlm_roberta.modeling_xlm_roberta import XLMRobertaPreTrainedModel

from xlzoo.hub_cards import Facts
from xlzoo.modeling.modeling_madx import MadxForQuestionAnswering, MadxPreTrainedModel
from xlzoo.run_scripts.corpora.languages import hub_tag
from xlzoo.run_scripts.corpora.span_translations import SpanTranslations, read_span_translations
from xlzoo.run_scripts.corpora.span_views import SpanViewCollator
from xlzoo.run_scripts.corpora.span_windows import AskedWindows, WindowSizes, as_asked_windows, as_span_rows
from xlzoo.run_scripts.corpora.view_rows import Recall
from xlzoo.run_scripts.corpora.views import Augmentation
from xlzoo.run_scripts.errors import UserError
from xlzoo.run_scripts.language_tests import OWN, tests_among
from xlzoo.run_scripts.objectives.consistency_config import ConsistencyConfig
from xlzoo.run_scripts.objectives.span_consistency import SpanConsistencyTrainer
from xlzoo.run_scripts.stages.facts import Record, task_peft_facts
from xlzoo.run_scripts.stages.span_facts import reader_facts
from xlzoo.run_scripts.stages.xtune_kinds import Examples, Inputs, Kind, read_splits
from xlzoo.run_scripts.tasks.span_questions import LABELS, SpanTask
from xlzoo.run_scripts.xtune_arguments import TaskData, ViewArguments


@dataclass(frozen=True)
class Spans(Kind):
    """A task of answering questions with spans of passages."""

    task: SpanTask
    plain: ClassVar[type[XLMRobertaPreTrainedModel]] = XLMRobertaForQuestionAnswering
    composed: ClassVar[type[MadxPreTrainedModel]] = MadxForQuestionAnswering
    peft_type: ClassVar[str] = "QUESTION_ANS"
    tested_here: ClassVar[bool] = True
    translates_rows: ClassVar[bool] = True

    def read(self, data: TaskData, args: ConsistencyConfig) -> Examples:
        """Load rows of `with_answers`, with the tag of their `language` where answers are normalised for it."""
        _sizes(data.max_seq_length or args.published.length, data)

        def load(given: TaskData) -> DatasetDict:
            splits = given.questions()
            if given.only_tests and not tests_among(splits, ""):
                # To test on, the Hub's XQuAD and TyDiQA have no other split than this one.
                splits = DatasetDict({split.replace("validation", "test", 1): rows for split, rows in splits.items()})
            return splits

        _, needed, tests = read_splits(load, data, args)
        own = {split: self._in_language(rows, data.source_name) for split, rows in needed.items()}
        others = {language: self._in_language(rows, language) for language, rows in tests.items()}
        return Examples(DatasetDict(own), DatasetDict(others), list(LABELS))

    def _in_language(self, rows: Dataset, name: str) -> Dataset:
        if not self.task.by_language:
            return rows
        return rows.add_column("language", [_tag(name)] * len(rows))

    def check_view(self, view: Augmentation) -> None:
        """Raise UserError where the view is a translation, whose tokens are none of the example's."""
        if "translation" in view.kinds:
            raise UserError(
                "The view of a question cannot be its translation, with which it has no words in common; give "
                "another --augmentation, and translation as --copy_augmentation."
            )

    def translated(self, views: ViewArguments, rows: DatasetDict) -> Dataset:
        """Read translations of the questions to train on, with their passages and answers."""
        return read_span_translations(views.translations, rows["train"]["id"], views.translation_languages)

    def train_rows(self, inputs: Inputs) -> Dataset:
        """Cut passages into windows of words."""
        return as_span_rows(inputs.rows["train"], inputs.tokenizer, _sizes(inputs.length, inputs.data))

    def collator(
        self, inputs: Inputs, copies: Augmentation | None, seed: int, recall: Recall | None
    ) -> SpanViewCollator:
        """Return what finds the answers of windows in their views."""
        sizes, found = _sizes(inputs.length, inputs.data), None
        if copies is not None and inputs.translated is not None:
            found = SpanTranslations(inputs.translated, inputs.tokenizer, sizes)
        return SpanViewCollator(inputs.tokenizer, inputs.view, copies, sizes, seed, recall, found)

    def encode(self, rows: Dataset, inputs: Inputs) -> AskedWindows:
        """Return windows that know their questions."""
        return as_asked_windows(rows, inputs.tokenizer, _sizes(inputs.length, inputs.data))

    def trainer(self, inputs: Inputs, **given: Any) -> SpanConsistencyTrainer:
        """Return the Trainer that scores answers."""
        n_best, longest = inputs.data.n_best_size, inputs.data.max_answer_length
        return SpanConsistencyTrainer(task=self.task, n_best=n_best, longest=longest, **given)

    def model_facts(self, run: Record, inputs: Inputs, adapters: Sequence[str]) -> Facts:
        """Describe a model that answers questions."""
        return reader_facts(run, self.task, adapters)

    def peft_facts(self, run: Record, inputs: Inputs, method: str) -> Facts:
        """Describe an adapter of PEFT's for answering."""
        return task_peft_facts(run, self.task, method, len(LABELS), "AutoModelForQuestionAnswering")


def _sizes(length: int, data: TaskData) -> WindowSizes:
    return WindowSizes(length, data.doc_stride, data.max_query_length)


def _tag(name: str) -> str:
    """Return the tag of the passages' language: of `de`, and of MLQA's configurations such as `mlqa.de.en`."""
    parts = name.split(".")
    if name == OWN:
        return "en"
    try:
        return hub_tag(parts[1] if len(parts) > 1 else name)
    except UserError as error:
        raise UserError(
            f"Answers of MLQA are normalised for their language, and {name!r} names none; give --language, or tests "
            "as --test_language_file de=test.json."
        ) from error
