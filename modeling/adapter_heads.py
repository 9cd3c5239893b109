"""How AdapterHub stores each prediction head: which of our modules stands at which place, and what the config says."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class HeadLayout:
    """One head: module name -> place in the stored head, and the stored configuration, labels aside."""

    modules: Mapping[str, str]
    config: Mapping[str, Any]
    pretrained: bool = False
    """Whether the head belongs to the pretrained model, so that adapters are trained under it, not with it."""


_PLAIN = {"activation_function": "tanh", "dropout_prob": None}

HEADS = {
    "masked_lm": HeadLayout(
        {"lm_head.dense": "0", "lm_head.layer_norm": "2", "lm_head.decoder": "3"},
        {"layers": 2, "activation_function": "gelu", "layer_norm": True, "bias": True, "shift_labels": False},
        pretrained=True,
    ),
    "tagging": HeadLayout({"classifier": "1"}, {"layers": 1, **_PLAIN}),
    "classification": HeadLayout(
        {"classifier.dense": "1", "classifier.out_proj": "4"},
        {"layers": 2, "bias": True, "use_pooler": False, **_PLAIN},
    ),
    "question_answering": HeadLayout({"qa_outputs": "1"}, {"layers": 1, **_PLAIN}),
    "multiple_choice": HeadLayout(
        {"roberta.pooler.dense": "1", "classifier": "4"}, {"layers": 2, "use_pooler": False, **_PLAIN}
    ),
}
