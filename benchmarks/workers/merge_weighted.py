"""PEFT's own way: one model with three adapters, and `add_weighted_adapter` with the weights 1, 1 and -1."""

from merge_server import ROLES, options, serve
from peft import PeftModel
from transformers import LlamaForCausalLM

chosen = options()


def merge() -> None:
    """Load the model and the adapters, combine them, and save the result."""
    model = PeftModel.from_pretrained(
        LlamaForCausalLM.from_pretrained(chosen.folder / "base"), chosen.folder / ROLES[0], adapter_name=ROLES[0]
    )
    for role in ROLES[1:]:
        model.load_adapter(chosen.folder / role, role)
    model.add_weighted_adapter(list(ROLES), [1.0, 1.0, -1.0], "merged", combination_type=chosen.way)
    model.save_pretrained(chosen.output, selected_adapters=["merged"])


serve(merge)
