"""How AdapterHub stores each prediction head: which of our modules stands at which place, and what the config says."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class HeadLayout:
    """One head: module name -> place in the stored head, and the stored configuration, labels aside."""

    modules: Mapping[str, str]
    config: Mapping[str, Any]
    decisive: tuple[str, ...] = ("layers",)
    """Keys of `config` in which a stored head must agree, for its tensors would mean something else otherwise."""
    counts: str = "num_labels"
    """The stored name of the number of labels."""
    pretrained: bool = False
    """Whether the head belongs to the pretrained model, so that adapters are trained under it, not with it."""


_PLAIN = {"activation_function": "tanh", "dropout_prob": None}
_POOLED = {"layers": 2, "use_pooler": False, **_PLAIN}

HEADS = {
    "masked_lm": HeadLayout(
        {"lm_head.dense": "0", "lm_head.layer_norm": "2", "lm_head.decoder": "3"},
        {"layers": 2, "activation_function": "gelu", "layer_norm": True, "bias": True, "shift_labels": False},
        decisive=("layers", "activation_function", "layer_norm"),
        pretrained=True,
    ),
    "tagging": HeadLayout({"classifier": "1"}, {"layers": 1, **_PLAIN}),
    "classification": HeadLayout(
        {"classifier.dense": "1", "classifier.out_proj": "4"},
        {**_POOLED, "bias": True},
        decisive=("layers", "activation_function", "use_pooler"),
    ),
    "question_answering": HeadLayout({"qa_outputs": "1"}, {"layers": 1, **_PLAIN}),
    "multiple_choice": HeadLayout(
        {"roberta.pooler.dense": "1", "classifier": "4"},
        _POOLED,
        decisive=("layers", "activation_function", "use_pooler"),
        counts="num_choices",
    ),
}
