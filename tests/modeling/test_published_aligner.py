"""A published aligner works in a fresh process from its folder alone, with two lines and as a pipeline."""

import json
import sys

import pytest
from alignment.published import ask, check
from alignment.tiny import PAIRS, aligner, tokenizer

from xlzoo.modeling.configuration_xlm_align import AUTO_MAP, PIPELINES
from xlzoo.modeling.modeling_xlm_align import XLMAlignModel

CODE = {
    "alignment_engine.py",
    "alignment_links.py",
    "alignment_plan.py",
    "alignment_settings.py",
    "alignment_states.py",
    "alignment_words.py",
    "configuration_xlm_align.py",
    "denoising_alignment.py",
    "modeling_xlm_align.py",
    "modeling_xlm_align_pretraining.py",
    "momentum_contrast.py",
    "optimal_transport.py",
    "token_loss.py",
    "word_alignment_pipeline.py",
}


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    folder = tmp_path_factory.mktemp("published")
    return folder, ask(sys.executable, folder)


def test_the_same_links_there(published):
    check(published[1])


def test_what_is_published(published):
    names = {path.name for path in (published[0] / "aligner").iterdir()}
    assert names == CODE | {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"}
    config = json.loads((published[0] / "aligner" / "config.json").read_text())
    assert config["auto_map"] == AUTO_MAP and config["custom_pipelines"] == PIPELINES
    assert config["model_type"] == "xlm-align"


def test_saved_there_loaded_here(published):
    again = published[0] / "again"
    for name in CODE:
        assert (again / name).read_bytes() == (published[0] / "aligner" / name).read_bytes(), name
    config = json.loads((again / "config.json").read_text())
    assert config["auto_map"] == AUTO_MAP and config["custom_pipelines"] == PIPELINES
    assert XLMAlignModel.from_pretrained(again).align(PAIRS) == aligner().align(PAIRS, tokenizer())
