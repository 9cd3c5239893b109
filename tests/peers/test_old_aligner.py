"""A published aligner works on transformers 4.57.6, alone and as a pipeline, and so does its pre-training."""

import pytest
import torch
from alignment.pretraining import pretraining_model
from alignment.published import ask, check, check_pretraining
from alignment.tiny import PAIRS, aligner, tokenizer
from peer_process import PYTHON

from xlzoo.modeling.modeling_xlm_align import XLMAlignModel
from xlzoo.modeling.modeling_xlm_align_pretraining import XLMAlignForPreTraining

pytestmark = pytest.mark.peers


def test_transformers_4_aligns(tmp_path):
    check(ask(PYTHON, tmp_path))
    assert XLMAlignModel.from_pretrained(tmp_path / "again").align(PAIRS) == aligner().align(PAIRS, tokenizer())


def test_transformers_4_loads_the_pretraining_model(tmp_path):
    check_pretraining(PYTHON, tmp_path)
    again, model = XLMAlignForPreTraining.from_pretrained(tmp_path / "again"), pretraining_model()
    for (name, one), other in zip(model.state_dict().items(), again.state_dict().values(), strict=True):
        assert torch.equal(one, other), name
