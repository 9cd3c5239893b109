"""Sentence pairs scored by the vectors of a sentence-transformers model, and dropped below a threshold."""

import pytest
import torch
from corpus_runs import PLAIN, build, numbered, rows_of
from opus_folders import write_moses_zip
from tiny_runs import sentences


@pytest.fixture(scope="module")
def sentence_model(tmp_path_factory, base):
    """A sentence-transformers model: a tiny encoder with random weights, and the mean of its tokens."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer

    folder = tmp_path_factory.mktemp("sentences") / "model"
    encoder = Transformer(str(base), max_seq_length=32)
    SentenceTransformer(modules=[encoder, Pooling(encoder.get_embedding_dimension())]).save(str(folder))
    return folder


def test_similarity(corpora, sentence_model, base):
    """The cosines are those of the encoder's mean vectors, worked out with transformers alone."""
    from transformers import AutoModel, AutoTokenizer

    from xlzoo.run_scripts.corpora.parallel.sentence_similarity import similarities

    pairs = [*numbered(range(6)), ("a", "b c d")]
    tokenizer, model = AutoTokenizer.from_pretrained(base), AutoModel.from_pretrained(base).eval()

    def vector(text):
        with torch.no_grad():
            return model(**tokenizer(text, return_tensors="pt")).last_hidden_state[0].mean(0)

    expected = [torch.cosine_similarity(vector(one), vector(other), dim=0).item() for one, other in pairs]
    found = similarities(pairs, str(sentence_model), 4)
    assert found == pytest.approx(expected, abs=1e-5)
    said = dict(zip(sentences("eng", 40)["text"], sentences("swh", 40)["text"], strict=True))
    write_moses_zip(corpora / "opus", release="v3", pairs=list(said.items()))
    scores = similarities(list(said.items()), str(sentence_model), 8)
    threshold = float((sorted(scores)[10] + sorted(scores)[11]) / 2)
    files = ["--opus_root", corpora / "opus", "--corpora", "Tiny", "--src", "eng", "--tgt", "swh"]
    given = [
        *files,
        *PLAIN,
        "--len_ratio_low",
        0.01,
        "--len_ratio_high",
        99,
        "--hf_out",
        corpora / "out",
        "--work_dir",
        corpora / "work",
    ]
    report = build(*given, "--labse_threshold", threshold, "--similarity_model", sentence_model, "--batch_size", 8)
    kept = {pair for pair, score in zip(said.items(), scores, strict=True) if score > threshold}
    assert len(kept) == len(said) - 11 == len(said) - report["corpora"][0]["dropped"]["similarity"]
    assert set(rows_of(corpora / "out")) == kept
