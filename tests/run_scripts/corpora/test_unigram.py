"""Drawn segmentations: as often as brute force says, the tokenizer's own where the likeliest is asked for."""

import io
import math
from collections import Counter
from itertools import combinations

import numpy as np
import pytest
from sentencepiece import SentencePieceProcessor, SentencePieceTrainer
from tiny_runs import refused, sentences
from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast, XLMRobertaTokenizer

from xlzoo.run_scripts.corpora.unigram import sampler_of
from xlzoo.run_scripts.models.new_tokenizers import train_tokenizer

PIECES = {"▁": -2.0, "a": -1.5, "b": -2.5, "n": -3.0, "▁b": -2.2, "an": -1.0, "▁ban": -3.0, "ana": -2.0, "na": -1.7}
SPECIAL = [(token, 0.0) for token in ("<s>", "<pad>", "</s>", "<unk>")]


@pytest.fixture(scope="module")
def nine():
    """A tokenizer of nine pieces."""
    return XLMRobertaTokenizer(vocab=[*SPECIAL, *PIECES.items(), ("<mask>", 0.0)])


@pytest.fixture(scope="module")
def learned():
    return train_tokenizer([row for language in ("eng", "swh") for row in sentences(language, 150)["text"]], 300)


def segmentations(text):
    """All ways to cut a text into known pieces, by trying every set of cuts."""
    for number in range(len(text)):
        for cuts in combinations(range(1, len(text)), number):
            pieces = [text[start:end] for start, end in zip((0, *cuts), (*cuts, len(text)), strict=True)]
            if all(piece in PIECES for piece in pieces):
                yield tuple(pieces)


@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0])
def test_frequencies_are_those_of_brute_force(nine, alpha):
    """Total variation of 20000 draws; noise alone makes about 0.015 over these 28 segmentations."""
    weights = {cut: math.exp(alpha * sum(map(PIECES.get, cut))) for cut in segmentations("▁banana")}
    assert len(weights) == 28
    sampler, random = sampler_of(nine, alpha), np.random.default_rng(4)
    drawn = Counter(tuple(nine.convert_ids_to_tokens(sampler.draw("banana", random))) for _ in range(20_000))
    assert drawn.keys() <= weights.keys()
    total = sum(weights.values())
    assert sum(abs(drawn[cut] / 20_000 - weight / total) for cut, weight in weights.items()) / 2 < 0.03


def test_the_likeliest_is_the_tokenizers_own(learned):
    """With alpha so large that nothing else is drawn; words with unknown characters and digits among them."""
    words = [word for row in sentences("swh", 60)["tokens"] for word in row] + [
        "größe",
        "日本",
        "ka日本to",
        "12.5",
        "Ａ",
    ]
    sampler, random = sampler_of(learned, 1e6), np.random.default_rng(0)
    for word in words:
        own = learned([word], is_split_into_words=True, add_special_tokens=False)["input_ids"]
        assert sampler.draw(word, random) == own, word


def test_a_drawn_word_reads_as_the_word(learned):
    sampler, random = sampler_of(learned, 0.1), np.random.default_rng(1)
    words = sorted({word for row in sentences("eng", 40)["tokens"] for word in row})
    words = [word for word in words if set(word) <= set(learned.get_vocab())]
    changed = 0
    for word in words:
        ids = sampler.draw(word, random)
        assert learned.decode(ids).strip() == word
        changed += ids != learned([word], is_split_into_words=True, add_special_tokens=False)["input_ids"]
    assert len(words) > 20 and changed > len(words) / 3


def test_whole_sentences_are_not_kept(learned):
    """What has no spaces is one word, and drawn anew like any other."""
    sampler, sentence = sampler_of(learned, 0.3), "sama" * 12
    drawn = {tuple(sampler.draw(word, np.random.default_rng(i))) for i in range(5) for word in ("sama", sentence)}
    assert list(sampler.lattices) == ["sama"] and {learned.decode(ids) for ids in drawn} == {"sama", sentence}


def test_special_tokens_are_never_drawn(learned):
    drawn = sampler_of(learned, 0.1).draw("</s>", np.random.default_rng(0))
    assert drawn and not set(drawn) & {learned.eos_token_id, learned.bos_token_id, learned.pad_token_id}


def test_nothing_is_drawn_of_nothing(learned):
    assert sampler_of(learned, 0.3).draw(" ", np.random.default_rng(0)) == []


@pytest.fixture(scope="module")
def model_file(tmp_path_factory):
    """A SentencePiece model, and a fast tokenizer of its pieces in XLM-R's order."""
    written = io.BytesIO()
    texts = sentences("eng", 150)["text"]
    SentencePieceTrainer.train(
        sentence_iterator=iter(texts), model_writer=written, vocab_size=120, hard_vocab_limit=False, minloglevel=2
    )
    path = tmp_path_factory.mktemp("model") / "sentencepiece.bpe.model"
    path.write_bytes(written.getvalue())
    model = SentencePieceProcessor(model_file=str(path))
    vocab = [(model.id_to_piece(i), model.get_score(i)) for i in range(3, len(model))]
    return path, XLMRobertaTokenizer(vocab=[*SPECIAL, *vocab, ("<mask>", 0.0)])


def test_a_sentencepiece_file_draws_as_sentencepiece_does(model_file):
    """Against SentencePiece's own n-best list, for a word of which that list holds all segmentations."""
    path, tokenizer = model_file
    model = SentencePieceProcessor(model_file=str(path))
    lists = {
        word: {tuple(cut) for cut in model.nbest_encode_as_pieces(word, nbest_size=512)}
        for word in sorted({word for row in sentences("eng", 60)["tokens"] for word in row})
    }
    word, every = next((word, every) for word, every in lists.items() if 5 < len(every) < 100)
    weights = {cut: math.exp(0.1 * sum(model.get_score(model.piece_to_id(p)) for p in cut)) for cut in every}
    sampler, random = sampler_of(tokenizer, 0.1, str(path)), np.random.default_rng(2)
    drawn = Counter(tuple(tokenizer.convert_ids_to_tokens(sampler.draw(word, random))) for _ in range(10_000))
    assert drawn.keys() <= every
    total = sum(weights.values())
    assert sum(abs(drawn[cut] / 10_000 - weight / total) for cut, weight in weights.items()) / 2 < 0.04


def test_what_cannot_be_drawn_from_is_refused(learned, model_file, tmp_path):
    other = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.BPE()), unk_token="<unk>")
    refused(lambda: sampler_of(other, 0.3), "BPE", "--subword_model")
    (tmp_path / "no.model").write_text("nothing")
    refused(lambda: sampler_of(learned, 0.3, str(tmp_path / "no.model")), "SentencePiece")
    refused(lambda: sampler_of(learned, 0.3, str(tmp_path / "absent.model")), "SentencePiece")
    refused(lambda: sampler_of(learned, 0.3, str(model_file[0])), "piece", "lacks")
