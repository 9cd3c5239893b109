"""What the stages of xTune ask about a task, so that they are the same for all kinds of tasks."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

from datasets import Dataset, DatasetDict
from transformers import PreTrainedTokenizerBase
from transformers.models.xlm_roberta.modeling_xlm_roberta import XLMRobertaPreTrainedModel

from xlzoo.hub_cards import Facts
from xlzoo.modeling.modeling_madx import MadxPreTrainedModel
from xlzoo.run_scripts.arguments import ModelArguments
from xlzoo.run_scripts.corpora.view_rows import Recall, ViewCollator
from xlzoo.run_scripts.corpora.views import Augmentation
from xlzoo.run_scripts.encoder_adapters import EncoderAdapterArguments
from xlzoo.run_scripts.language_tests import joined
from xlzoo.run_scripts.objectives.consistency import ConsistencyTrainer
from xlzoo.run_scripts.objectives.consistency_config import ConsistencyConfig
from xlzoo.run_scripts.runs import needed_splits
from xlzoo.run_scripts.stages.facts import Record
from xlzoo.run_scripts.tasks import Scored
from xlzoo.run_scripts.xtune_arguments import TaskData, ViewArguments


class Examples(NamedTuple):
    """The rows that a run needs, those for testing by language, and the labels of a task that has some."""

    rows: DatasetDict
    tests: DatasetDict
    labels: list[str]


@dataclass(frozen=True)
class Kind(ABC):
    """A task and what its kind is: a subclass for every kind, an object for every task."""

    task: Scored
    plain: ClassVar[type[XLMRobertaPreTrainedModel]]
    """The stock model, for training all weights and under adapters of PEFT's."""
    composed: ClassVar[type[MadxPreTrainedModel]]
    """The model that takes MAD-X's adapters."""
    peft_type: ClassVar[str]
    """PEFT's name of the kind of task."""
    tested_here: ClassVar[bool] = False
    """Whether no other script tests its models."""
    translates_rows: ClassVar[bool] = False
    """Whether its translations are of whole rows, read by `translated`, in place of sentences."""

    @abstractmethod
    def read(self, data: TaskData, args: ConsistencyConfig) -> Examples:
        """Load the rows that a run needs; UserError where they are not what the task takes."""

    def check_view(self, view: Augmentation) -> None:  # noqa: B027 (most kinds compare with every view)
        """Raise UserError where an example cannot be compared with such a view of it."""

    def sentences(self, rows: Dataset) -> Iterable[str]:
        """Return the sentences whose translations are views, of a kind that does not translate whole rows."""
        return ()

    def translated(self, views: ViewArguments, rows: DatasetDict) -> Dataset | None:
        """Return the translations of whole rows to train on, of a kind that has these."""
        return None

    @abstractmethod
    def train_rows(self, inputs: "Inputs") -> Dataset:
        """Return the rows that `collator` draws views of, with their "length" in pieces."""

    @abstractmethod
    def collator(
        self, inputs: "Inputs", copies: Augmentation | None, seed: int, recall: Recall | None
    ) -> ViewCollator:
        """Return what makes batches of examples with their views, and of the rows that `encode` returns."""

    @abstractmethod
    def encode(self, rows: Dataset, inputs: "Inputs") -> Any:
        """Return rows for evaluation as token ids, a data set."""

    @abstractmethod
    def trainer(self, inputs: "Inputs", **given: Any) -> ConsistencyTrainer:
        """Return the Trainer of what is `given`, which evaluates as the task is scored."""

    @abstractmethod
    def model_facts(self, run: Record, inputs: "Inputs", adapters: Sequence[str]) -> Facts:
        """Describe a whole model, which has these MAD-X adapters in it."""

    @abstractmethod
    def peft_facts(self, run: Record, inputs: "Inputs", method: str) -> Facts:
        """Describe an adapter of PEFT's with its head, a "LoRA" say."""


@dataclass(frozen=True)
class Inputs:
    """What all stages share: the task, the arguments but for the training's, and the data with the labels' names."""

    kind: Kind
    model: ModelArguments
    data: TaskData
    views: ViewArguments
    adapters: EncoderAdapterArguments
    rows: DatasetDict
    tests: DatasetDict
    labels: list[str]
    tokenizer: PreTrainedTokenizerBase
    length: int
    """The longest input in pieces."""
    view: Augmentation | None
    """Of what R1 compares an example with, None where it has no weight; of the whole run all that any stage uses."""
    copies: Augmentation | None
    """Likewise of what stage 2 adds."""
    translated: Dataset | None = None
    """Translations of whole rows."""

    @property
    def task(self) -> Scored:
        """The task."""
        return self.kind.task


def read_splits(
    load: Callable[[TaskData], DatasetDict], data: TaskData, args: ConsistencyConfig
) -> tuple[DatasetDict, DatasetDict, DatasetDict]:
    """Return all splits that `load` finds, those that the run needs but for the tests, and the tests by language.

    Raises UserError where one is missing.
    """
    splits = load(data)
    tests = data.tests(load, splits) if args.do_predict else DatasetDict()
    needed = needed_splits(args, DatasetDict({**splits, **joined(tests)}))
    return splits, DatasetDict({split: rows for split, rows in needed.items() if split != "test"}), tests
