"""The published way, its misspelt name and its weight of 0 put right: three whole models, whose parameters are added.

Source: https://github.com/DAMO-NLP-SG/AdaMergeX, test_combine_llama2.py.
"""

import torch
from merge_server import ROLES, options, serve
from peft import PeftModel
from transformers import LlamaForCausalLM

chosen = options()


def load(role: str) -> PeftModel:
    """Load the base model and one adapter on it."""
    base = LlamaForCausalLM.from_pretrained(chosen.folder / "base")
    return PeftModel.from_pretrained(base, chosen.folder / role)


def merge() -> None:
    """Add to the task adapter's parameters the difference of the references' (t = 1), and save the adapter."""
    task, target, source = (load(role) for role in ROLES)
    others = dict(target.named_parameters()), dict(source.named_parameters())
    with torch.no_grad():
        for name, parameter in task.named_parameters():
            if "lora_" in name:
                parameter.add_(others[0][name] - others[1][name])
    task.save_pretrained(chosen.output)


serve(merge)
