"""The set-ups in which `adapters` and xlzoo are held against each other."""

from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from tiny_models import TINY_ENCODER

from xlzoo.modeling.modeling_madx import (
    MadxForMaskedLM,
    MadxForMultipleChoice,
    MadxForQuestionAnswering,
    MadxForSequenceClassification,
    MadxForTokenClassification,
)

CLASSES = {
    "default": MadxForMaskedLM,
    "masked_lm": MadxForMaskedLM,
    "tagging": MadxForTokenClassification,
    "classification": MadxForSequenceClassification,
    "question_answering": MadxForQuestionAnswering,
    "multiple_choice": MadxForMultipleChoice,
}
LABELS = ["O", "B-LOC", "I-LOC"]
LANG, TASK, BOTH = {"en": ("seq_bn_inv", {})}, {"ner": ("seq_bn", {"reduction_factor": 8})}, ["en", "ner"]
ODD = {"hidden_size": 33, "num_attention_heads": 3}


@dataclass(frozen=True)
class Setup:
    """Adapters by name (kind and options), the active stack, the head above them, and what is special."""

    adapters: dict[str, tuple[str, dict[str, Any]]]
    stack: list[str]
    head: str
    leave_out: tuple[int, ...] = ()
    """Layers dropped at load time."""
    shape: dict[str, Any] = field(default_factory=dict)

    def as_request(self) -> dict[str, Any]:
        """Return what the workers read."""
        return {**asdict(self), "shape": {**TINY_ENCODER, **self.shape}, "rows": self.rows}

    @property
    def rows(self) -> str:
        """Which of `inputs()` it is run on."""
        return "choices" if self.head == "multiple_choice" else "texts"

    @property
    def config(self) -> dict[str, Any]:
        """What our model's configuration needs beside the base's."""
        named = self.head in ("tagging", "classification", "multiple_choice")
        return {"num_labels": len(LABELS)} if named else {}


def one(kind: str, head: str = "masked_lm", **options: Any) -> Setup:
    """Return the set-up of a single adapter."""
    return Setup({"en": (kind, options)}, ["en"], head)


SETUPS = {
    "no_adapter": Setup({}, [], "default"),
    "language_under_the_base_head": Setup(LANG, ["en"], "default"),
    "language": Setup(LANG, ["en"], "masked_lm"),
    "stack_tagging": Setup(LANG | TASK, BOTH, "tagging"),
    "stack_masked_lm": Setup(LANG | TASK, BOTH, "masked_lm"),
    "stack_classification": Setup(LANG | TASK, BOTH, "classification"),
    "stack_question_answering": Setup(LANG | TASK, BOTH, "question_answering"),
    "stack_multiple_choice": Setup(LANG | TASK, BOTH, "multiple_choice"),
    "task_first": Setup(LANG | TASK, ["ner", "en"], "tagging"),
    "task_alone": Setup(TASK, ["ner"], "tagging"),
    "classification_alone": Setup(TASK, ["ner"], "classification"),
    "leave_out": one("seq_bn_inv", leave_out=[2]),
    "leave_out_at_load": Setup(LANG | TASK, BOTH, "tagging", leave_out=(2,)),
    "leave_out_twice": Setup({"en": ("seq_bn_inv", {"leave_out": [0]})}, ["en"], "masked_lm", leave_out=(2,)),
    "scaled": one("seq_bn_inv", scaling=0.5, dropout=0.3, non_linearity="gelu"),
    "learned_scaling": one("seq_bn_inv", scaling="learned", non_linearity="leakyrelu"),
    "channel_scaling": one("seq_bn_inv", scaling="channel", non_linearity="tanh"),
    "double": one("double_seq_bn_inv"),
    "double_stack": Setup({"en": ("double_seq_bn_inv", {}), "ner": ("double_seq_bn", {})}, BOTH, "tagging"),
    "double_leave_out": one("double_seq_bn_inv", leave_out=[1]),
    "odd_sizes": Setup(
        {"en": ("seq_bn_inv", {"reduction_factor": 7, "inv_adapter_reduction_factor": 5})},
        ["en"],
        "masked_lm",
        shape=ODD,
    ),
    "factor_per_layer": one("seq_bn_inv", reduction_factor={"1": 3, "default": 6}),
    "wider_than_the_model": one("seq_bn", reduction_factor=0.5),
    "narrower_than_one": one("seq_bn", reduction_factor=64),
}


def inputs() -> dict[str, torch.Tensor]:
    """Return padded rows: texts `[3, 9]` and choices `[2, 3, 9]`."""
    generator = torch.Generator().manual_seed(7)
    ids = torch.randint(4, TINY_ENCODER["vocab_size"], (2, 3, 9), generator=generator)
    ids[..., 0] = 0
    mask = torch.ones_like(ids)
    for row, length in ((1, 6), (2, 3)):
        ids[:, row, length:], mask[:, row, length:] = 1, 0
    return {
        "texts.input_ids": ids[0].clone(),
        "texts.attention_mask": mask[0].clone(),
        "choices.input_ids": ids,
        "choices.attention_mask": mask,
    }


def logits(model: Any, rows: str) -> torch.Tensor:
    """Run our model on those rows; start and end logits as two columns."""
    tensors = inputs()
    with torch.no_grad():
        output = model.eval()(**{part: tensors[f"{rows}.{part}"] for part in ("input_ids", "attention_mask")})
    if "start_logits" in output:
        return torch.stack([output.start_logits, output.end_logits], -1)
    return output.logits
