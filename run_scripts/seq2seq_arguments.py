"""Arguments that say what a sequence-to-sequence model reads and writes, and how long it may be."""

from dataclasses import dataclass, field

from xlzoo.run_scripts.data_arguments import require_at_least
from xlzoo.run_scripts.prompt_arguments import PromptSource


@dataclass
class Seq2SeqArguments(PromptSource):
    """Where prompts with completions come from, and how long they may be."""

    max_source_length: int = field(
        default=160, metadata={"help": "Longest prompt in tokens; longer ones lose their beginning."}
    )
    max_target_length: int = field(
        default=40, metadata={"help": "Longest completion in tokens; longer ones lose their end."}
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        require_at_least(3, self, "max_source_length", "max_target_length")
