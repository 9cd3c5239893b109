"""xTune of tagged words: named entities and parts of speech."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from datasets import Dataset
from transformers import XLMRobertaForTokenClassification
from transformers.models.xlm_roberta.modeling_xlm_roberta import XLMRobertaPreTrainedModel

from xlzoo.hub_cards import Facts
from xlzoo.modeling.modeling_madx import MadxForTokenClassification, MadxPreTrainedModel
from xlzoo.run_scripts.corpora.checks import require_tagged_words
from xlzoo.run_scripts.corpora.pieces import as_windows
from xlzoo.run_scripts.corpora.sources import as_strings, label_names, require_known_labels
from xlzoo.run_scripts.corpora.tagged_views import TaggedViewCollator, as_word_windows
from xlzoo.run_scripts.corpora.view_rows import Recall
from xlzoo.run_scripts.corpora.views import Augmentation
from xlzoo.run_scripts.objectives.consistency import TaggingConsistencyTrainer
from xlzoo.run_scripts.objectives.consistency_config import ConsistencyConfig
from xlzoo.run_scripts.stages.facts import Record, tagger_facts, task_peft_facts
from xlzoo.run_scripts.stages.snippets import tagger_usage
from xlzoo.run_scripts.stages.xtune_kinds import Examples, Inputs, Kind, read_splits
from xlzoo.run_scripts.tasks import Task
from xlzoo.run_scripts.xtune_arguments import TaskData


@dataclass(frozen=True)
class Tagging(Kind):
    """A task of tagging words, whose labels are those of the data's train split."""

    task: Task
    plain: ClassVar[type[XLMRobertaPreTrainedModel]] = XLMRobertaForTokenClassification
    composed: ClassVar[type[MadxPreTrainedModel]] = MadxForTokenClassification
    peft_type: ClassVar[str] = "TOKEN_CLS"

    def read(self, data: TaskData, args: ConsistencyConfig) -> Examples:
        """Load rows of `{"tokens", label column}`, the labels as strings."""
        column = self.task.label_column
        splits, needed, tests = read_splits(lambda given: given.tagged(column), data, args)
        for rows in (needed, tests):
            require_tagged_words(rows, column)
        labels = label_names(splits, column)
        named, tested = as_strings(needed, column), as_strings(tests, column)
        for rows in (named, tested):
            require_known_labels(rows, column, labels)
        return Examples(named, tested, labels)

    def check_view(self, view: Augmentation) -> None:
        """Raise UserError where translations have no links, for words are compared with words."""
        view.require_links()

    def sentences(self, rows: Dataset) -> Iterator[str]:
        """Return the words of every row with spaces between."""
        return map(" ".join, rows["tokens"])

    def train_rows(self, inputs: Inputs) -> Dataset:
        """Cut sentences that are too long."""
        rows, column = inputs.rows["train"], self.task.label_column
        return as_word_windows(rows, inputs.tokenizer, inputs.labels, column, inputs.length)

    def collator(
        self, inputs: Inputs, copies: Augmentation | None, seed: int, recall: Recall | None
    ) -> TaggedViewCollator:
        """Return what pairs the words of sentences and views."""
        return TaggedViewCollator(inputs.tokenizer, inputs.view, copies, inputs.length, seed, recall)

    def encode(self, rows: Dataset, inputs: Inputs) -> Dataset:
        """Return windows in which every word has its label once."""
        return as_windows(rows, inputs.tokenizer, inputs.labels, self.task.label_column, inputs.length)

    def trainer(self, inputs: Inputs, **given: Any) -> TaggingConsistencyTrainer:
        """Return the Trainer that scores whole sentences."""
        return TaggingConsistencyTrainer(task=self.task, labels=inputs.labels, **given)

    def model_facts(self, run: Record, inputs: Inputs, adapters: Sequence[str]) -> Facts:
        """Describe a tagger."""
        return tagger_facts(run, self.task, tagger_usage(inputs.rows["train"]["tokens"]), adapters)

    def peft_facts(self, run: Record, inputs: Inputs, method: str) -> Facts:
        """Describe an adapter of PEFT's for tagging."""
        return task_peft_facts(run, self.task, method, len(inputs.labels))
