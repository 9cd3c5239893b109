"""A published aligner works on transformers 4.57.6, from its folder alone and as a pipeline, and is saved again."""

import pytest
from alignment.published import ask, check
from alignment.tiny import PAIRS, aligner, tokenizer
from peer_process import PYTHON

from xlzoo.modeling.modeling_xlm_align import XLMAlignModel

pytestmark = pytest.mark.peers


def test_transformers_4_aligns(tmp_path):
    check(ask(PYTHON, tmp_path))
    assert XLMAlignModel.from_pretrained(tmp_path / "again").align(PAIRS) == aligner().align(PAIRS, tokenizer())
