"""Arguments that say where labelled sentence pairs come from."""

from dataclasses import dataclass, field

from datasets import DatasetDict

from xlzoo.run_scripts.corpora.text_pairs import with_labels
from xlzoo.run_scripts.errors import UserError
from xlzoo.run_scripts.language_tests import LanguageTests
from xlzoo.run_scripts.tasks.text_pairs import PairTask


@dataclass
class PairSource(LanguageTests):
    """Where labelled sentence pairs come from, and their columns."""

    text_pair_column_name: str | None = field(default=None, metadata={"help": "Column with the second sentence."})
    label_column_name: str | None = field(
        default=None, metadata={"help": "Column with the label, if neither 'label' nor 'gold_label'."}
    )

    def pairs(self, task: PairTask) -> DatasetDict:
        """Load every split as `{"first", "second", "label"}` rows, with the names of the task's labels."""
        named = self.text_column_name, self.text_pair_column_name
        if any(named) and not all(named):
            raise UserError("--text_column_name and --text_pair_column_name name the two sentences; give both.")
        labels = [self.label_column_name] if self.label_column_name else ["gold_label", "label"]
        columns = [named] if all(named) else task.columns
        pairs = [{"first": str(first), "second": str(second)} for first, second in columns]
        choices = [{**pair, "label": label} for label in labels for pair in pairs]
        return with_labels(self.load("pairs", *choices), task.label)


@dataclass
class PairArguments(PairSource):
    """Where labelled sentence pairs come from, and how long they may be."""

    max_seq_length: int = field(default=128, metadata={"help": "Longest pair in pieces; longer ones are cut."})
