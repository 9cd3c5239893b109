"""Arguments that say what a model is evaluated on, how choices are scored, and where the results go."""

from dataclasses import dataclass, field
from typing import Any

from xlzoo.run_scripts.data_arguments import REPEATABLE, require_at_least
from xlzoo.run_scripts.errors import UserError
from xlzoo.run_scripts.tasks.choices import LISTED, SCORINGS, USUAL
from xlzoo.run_scripts.tasks.retrieval import POOLINGS
from xlzoo.run_scripts.tasks.templates import TEMPLATES


@dataclass
class EvalArguments:
    """What a model is evaluated on."""

    task: list[str] = field(
        metadata={
            "help": "xcopa, belebele, xstorycloze, mgsm, xnli, xquad, xlsum, tatoeba, word_alignment, or lm-eval's "
            "name of any.",
            **REPEATABLE,
        }
    )
    lang: list[str] = field(
        default_factory=list, metadata={"help": "Language(s) in any spelling (sw, Swahili), or all.", **REPEATABLE}
    )
    split: str | None = field(default=None, metadata={"help": "By default test where there is one, else validation."})
    data_dir: str | None = field(
        default=None, metadata={"help": "Folder with the data (xcopa/sw/test.jsonl, mgsm/sw.tsv, ...), not the Hub."}
    )
    scoring: list[str] = field(
        default_factory=list,
        metadata={
            "help": "How choices are scored: likelihood (conditional likelihood), normalized (per character), "
            "pmi (mutual information), letter (option letter); by default all but letter, which Belebele has too.",
            **REPEATABLE,
        },
    )
    template: str | None = field(
        default=None,
        metadata={"help": f"Prompts ({', '.join(TEMPLATES)}) in place of lm-eval's.", "choices": [*TEMPLATES]},
    )
    num_fewshot: int | None = field(default=None, metadata={"help": "Solved examples in the prompt; the task's own."})
    batch_size: int = field(default=16, metadata={"help": "Rows at a time; halved where they do not fit."})
    max_length: int | None = field(default=None, metadata={"help": "Tokens of context; all the model takes."})
    max_new_tokens: int = field(default=256, metadata={"help": "Tokens of an answer that is written freely."})
    pooling: str = field(default="mean", metadata={"help": "Sentence vectors for tatoeba.", "choices": [*POOLINGS]})
    sense_temperature: float = field(default=0.7, metadata={"help": "The softmax over senses, of --pooling senses."})
    align_layer: int | None = field(
        default=None, metadata={"help": "Layer whose states word_alignment compares; the model's own."}
    )
    max_samples: int | None = field(default=None, metadata={"help": "Use only the first examples of each task."})
    output_file: str | None = field(
        default=None,
        metadata={"help": "JSON with the results, a table (.md) and facts for a card (.facts.json) beside it."},
    )
    overwrite: bool = field(default=False, metadata={"help": "Measure what output_file holds already again."})

    def __post_init__(self) -> None:
        self.scoring = list(dict.fromkeys(self.scoring))
        require_at_least(1, self, "batch_size", "max_length", "max_new_tokens", "max_samples")
        require_at_least(0, self, "num_fewshot", "align_layer")
        if not self.sense_temperature > 0:
            raise UserError(f"--sense_temperature is {self.sense_temperature}; expected a positive number.")
        if self.template not in (None, *TEMPLATES):
            raise UserError(
                f"--template is {self.template!r}; expected {', '.join(TEMPLATES)}, or none for lm-eval's."
            )
        if unknown := [name for name in self.scoring if name not in SCORINGS]:
            raise UserError(f"--scoring is {unknown[0]!r}; expected some of {', '.join(SCORINGS)}.")
        if self.output_file and not self.output_file.endswith(".json"):
            raise UserError(f"--output_file is {self.output_file}; expected a name ending in .json.")

    def scorings(self, task: str) -> tuple[str, ...]:
        """Return how a task's choices are scored: as asked for, else by their text, and as lm-eval does by letter."""
        return tuple(self.scoring or USUAL + ("letter",) * any(task.startswith(listed) for listed in LISTED))

    @property
    def settings(self) -> dict[str, Any]:
        """What results depend on, besides task and language: all but the size of the batches."""
        names: tuple[str, ...] = ("split", "data_dir", "scoring", "num_fewshot", "max_length", "max_new_tokens")
        names += ("template", "pooling", "sense_temperature", "align_layer", "max_samples")
        return {name: vars(self)[name] for name in names}
