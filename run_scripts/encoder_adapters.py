"""Arguments of encoders that take MAD-X's adapters and PEFT's: which to train, and which to load."""

from dataclasses import dataclass

from xlzoo.modeling.adapter_config import AdapterError
from xlzoo.modeling.safe_files import find_file, read_json
from xlzoo.run_scripts.arguments import AdapterArguments
from xlzoo.run_scripts.errors import UserError
from xlzoo.run_scripts.models.peft_adapters import CONFIG
from xlzoo.run_scripts.peft_arguments import NewPeftArguments
from xlzoo.run_scripts.runs import adapter_folder


@dataclass
class EncoderAdapterArguments(AdapterArguments, NewPeftArguments):
    """Which adapters to train or load: MAD-X's, which can be stacked, or one of PEFT's."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.use_peft and (self.train_adapter or self.load_lang_adapter):
            raise UserError(
                "--use_peft trains an adapter of PEFT's, without MAD-X's; leave --train_adapter and "
                "--load_lang_adapter out, or --use_peft."
            )
        if self.use_peft and self.load_adapter and self.peft_path() is None:
            raise UserError(f"--use_peft goes on with an adapter of PEFT's; {self.load_adapter[0]} is one of MAD-X's.")

    @property
    def makes_new(self) -> bool:
        """Whether a new adapter of PEFT's is trained, not one that is there trained on."""
        return self.use_peft and not self.load_adapter

    def peft_path(self) -> str | None:
        """Return the adapter of PEFT's that is to be loaded, or None; UserError where it would be stacked."""
        kinds = [path for path in self.load_adapter if _is_peft(path)]
        if kinds and len(self.load_adapter) + bool(self.load_lang_adapter) + self.train_adapter > 1:
            raise UserError(f"{kinds[0]} is an adapter of PEFT's, and not stacked with others; give it alone.")
        return kinds[0] if kinds else None

    @property
    def of_madx(self) -> bool:
        """Whether MAD-X's adapters are trained or loaded."""
        return self.train_adapter or bool(self.load_lang_adapter) or (bool(self.load_adapter) and not self.peft_path())


def _is_peft(path: str) -> bool:
    """Say whether a folder or Hub id holds an adapter of PEFT's; what holds no adapter is told elsewhere."""
    try:
        found = find_file(adapter_folder(path), CONFIG)
        return found is not None and "peft_type" in read_json(found)
    except AdapterError:
        return False
