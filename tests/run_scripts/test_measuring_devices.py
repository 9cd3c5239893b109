"""What measures models reads them where they lie: on a GPU that is there in name only."""

import pytest
from fake_gpu import FakeGpu
from sense_models import make_backpack

from xlzoo.run_scripts.measuring.text_perplexity import Reading, text_perplexity
from xlzoo.run_scripts.models.decoders import load_decoder, load_decoder_tokenizer
from xlzoo.run_scripts.stages.retrieval import Pooling, sentence_vectors

TEXTS = ["The farmer was here.", "Moja, mbili, tatu na tena moja mbili tatu.", "Hapana"]


@pytest.fixture(scope="module")
def backpack(tmp_path_factory):
    return str(make_backpack(tmp_path_factory.mktemp("backpack")))


def test_perplexity(backpack):
    """In windows, each of which begins in the one before."""
    model, tokenizer = load_decoder(backpack), load_decoder_tokenizer(backpack)
    here = text_perplexity(model, tokenizer, TEXTS, Reading(max_length=8))
    with FakeGpu() as gpu:
        assert text_perplexity(gpu.put(model), tokenizer, TEXTS, Reading(max_length=8)) == here


@pytest.mark.parametrize("kind", ["mean", "last", "senses"])
def test_sentence_vectors(backpack, kind):
    model, tokenizer = load_decoder(backpack), load_decoder_tokenizer(backpack)
    here = sentence_vectors(model, tokenizer, TEXTS, Pooling(kind))
    with FakeGpu() as gpu:
        assert sentence_vectors(gpu.put(model), tokenizer, TEXTS, Pooling(kind)).equal(here)
