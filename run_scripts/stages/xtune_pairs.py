"""xTune of labelled sentence pairs: XNLI and PAWS-X."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, ClassVar

from datasets import Dataset
from transformers import XLMRobertaForSequenceClassification
from transformers.models.xlm_roberta.modeling_xlm_roberta import XLMRobertaPreTrainedModel

from xlzoo.hub_cards import Facts
from xlzoo.modeling.modeling_madx import MadxForSequenceClassification, MadxPreTrainedModel
from xlzoo.run_scripts.corpora.pair_views import PairViewCollator, as_pair_rows
from xlzoo.run_scripts.corpora.text_pairs import as_text_pairs
from xlzoo.run_scripts.corpora.view_rows import Recall
from xlzoo.run_scripts.corpora.views import Augmentation
from xlzoo.run_scripts.errors import UserError
from xlzoo.run_scripts.objectives.consistency import PairConsistencyTrainer
from xlzoo.run_scripts.objectives.consistency_config import ConsistencyConfig
from xlzoo.run_scripts.stages.classification_facts import classifier_adapter_facts, classifier_facts
from xlzoo.run_scripts.stages.facts import Record
from xlzoo.run_scripts.stages.snippets import classifier_usage
from xlzoo.run_scripts.stages.xtune_kinds import Examples, Inputs, Kind, read_splits
from xlzoo.run_scripts.tasks.text_pairs import PairTask
from xlzoo.run_scripts.xtune_arguments import TaskData

SHORTEST = 6
"""The marks of a pair, and a piece of either sentence."""


@dataclass(frozen=True)
class Pairs(Kind):
    """A task of labelling sentence pairs, whose labels are known."""

    task: PairTask
    plain: ClassVar[type[XLMRobertaPreTrainedModel]] = XLMRobertaForSequenceClassification
    composed: ClassVar[type[MadxPreTrainedModel]] = MadxForSequenceClassification
    peft_type: ClassVar[str] = "SEQ_CLS"

    def read(self, data: TaskData, args: ConsistencyConfig) -> Examples:
        """Load rows of `{"first", "second", "label"}`, the labels by their names."""
        if (data.max_seq_length or SHORTEST) < SHORTEST:
            raise UserError(
                f"--max_seq_length {data.max_seq_length} holds no pair; expected at least {SHORTEST} pieces."
            )
        _, needed, tests = read_splits(lambda given: given.pairs(self.task), data, args)
        return Examples(needed, tests, list(self.task.labels))

    def sentences(self, rows: Dataset) -> Iterator[str]:
        """Return the first sentences of the pairs, and the second ones."""
        return chain(rows["first"], rows["second"])

    def train_rows(self, inputs: Inputs) -> Dataset:
        """Join the sentences, which stay in their rows."""
        return as_pair_rows(inputs.rows["train"], inputs.tokenizer, inputs.labels, inputs.length)

    def collator(
        self, inputs: Inputs, copies: Augmentation | None, seed: int, recall: Recall | None
    ) -> PairViewCollator:
        """Return what augments the sentences of pairs."""
        return PairViewCollator(inputs.tokenizer, inputs.view, copies, inputs.length, seed, recall)

    def encode(self, rows: Dataset, inputs: Inputs) -> Dataset:
        """Return joined sentences and their labels."""
        return as_text_pairs(rows, inputs.tokenizer, inputs.labels, inputs.length)

    def trainer(self, inputs: Inputs, **given: Any) -> PairConsistencyTrainer:
        """Return the Trainer that scores pairs."""
        return PairConsistencyTrainer(**given)

    def model_facts(self, run: Record, inputs: Inputs, adapters: Sequence[str]) -> Facts:
        """Describe a classifier."""
        shown = inputs.rows["train"][0]
        usage = classifier_usage((shown["first"], shown["second"]), own_code=bool(adapters))
        return classifier_facts(run, self.task, usage, has_adapters=bool(adapters))

    def peft_facts(self, run: Record, inputs: Inputs, method: str) -> Facts:
        """Describe an adapter of PEFT's for classification."""
        return classifier_adapter_facts(run, self.task, method)
