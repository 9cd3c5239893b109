"""Words as a Backpack reads them, their vectors, and losses under mixtures, against plain loops and interventions."""

import re

import pytest
import torch
from sense_models import loaded, make_backpack
from tiny_runs import sentences

from xlzoo.run_scripts.measuring.mixture_losses import mixture_losses
from xlzoo.run_scripts.measuring.sense_words import mixture_vectors, read_texts, word_senses
from xlzoo.run_scripts.measuring.text_perplexity import Reading, encode_texts, text_perplexity
from xlzoo.run_scripts.tasks.senses.mixing import INTACT, UNIFORM, alone, dropped, shuffled

TEXTS = [
    "The farmer was in the garden.",
    "Mkulima alikuwa bustanini, mwenye njaa.",
    "A cat and the dog and her sister",
]


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    return loaded(make_backpack(tmp_path_factory.mktemp("words") / "backpack"))


@pytest.fixture(scope="module")
def read(both):
    spans = [[word.span() for word in re.finditer(r"\S+", text)] for text in TEXTS]
    return read_texts(both[1], list(zip(TEXTS, spans, strict=True)), 40)


def test_the_pieces_of_words_are_those_under_their_letters(both, read):
    tokenizer = both[1]
    for text, found in zip(TEXTS, read, strict=True):
        assert found.ids[0] == tokenizer.bos_token_id
        for number, word in enumerate(text.split()):
            assert tokenizer.decode(found.pieces(number)).strip() == word
        rest = set(range(1, len(found.ids))) - {place for word in found.words for place in word}
        assert not tokenizer.decode([found.ids[place] for place in rest]).strip()


def test_a_piece_of_two_words_is_part_of_both_and_cut_words_have_none(both):
    """Spans in the middle of words, an empty one, one on a space; and a limit in the middle of a word."""
    text = "farmer farmer"
    (found,) = read_texts(both[1], [(text, [(0, 3), (2, 6), (6, 7), (7, 13)])], 40)
    pieces = both[1](text, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
    for span, places in zip([(0, 3), (2, 6), (7, 13)], [found.words[n] for n in (0, 1, 3)], strict=True):
        assert places == [n + 1 for n, (start, stop) in enumerate(pieces) if start < span[1] and stop > span[0]]
    (cut,) = read_texts(both[1], [(text, [(0, 6), (7, 13)])], len(found.ids) - 1)
    assert cut.words == [found.words[0] + found.words[1][len(set(found.words[0]) & set(found.words[1])) :], []]
    assert cut.pieces(1) == () and len(cut.ids) == len(found.ids) - 1


def test_senses_of_words_are_the_means_of_their_pieces(both, read, monkeypatch):
    model = both[0]
    words = [text.pieces(number) for text in read for number in range(len(text.words))]
    assert max(map(len, words)) > 1
    expected = torch.stack([model.sense_vectors(list(word)).mean(0) for word in words])
    assert torch.allclose(torch.cat(list(word_senses(model, words))), expected, atol=1e-6)
    monkeypatch.setattr("xlzoo.run_scripts.measuring.sense_words.NUMBERS", 1)
    parts = list(word_senses(model, words))
    assert len(parts) == len(words) and torch.allclose(torch.cat(parts), expected, atol=1e-6)


@pytest.mark.parametrize("batch_size", [1, 3])
def test_mixtures_of_words_are_the_published_formula(both, read, batch_size):
    model, wanted = both[0], [(2, 3), (0, 1), (1, 0), (1, 4), (0, 1)]
    expected = []
    for text, word in wanted:
        ids = torch.tensor([read[text].ids])
        with torch.no_grad():
            trunk = model.backpack.gpt2_model(ids).last_hidden_state[0]
            senses = model.sense_vectors(ids[0])
        places = read[text].words[word]
        scores = torch.stack([sum(trunk[p] @ senses[p, k] for p in places) for k in range(4)]) / 0.7
        weights = scores.softmax(0)
        expected.append(sum(weights[k] * sum(senses[p, k] for p in places) / len(places) for k in range(4)))
    found = mixture_vectors(model, read, wanted, 0.7, batch_size)
    assert torch.allclose(found, torch.stack(expected), atol=1e-5)
    assert not torch.allclose(found, mixture_vectors(model, read, wanted, 7.0, batch_size), atol=1e-3)


@pytest.fixture(scope="module")
def texts():
    """Twelve sentences, and a text that needs several windows."""
    lines = sentences("swh", number=12)["text"]
    return [*lines, " ".join(lines[:4])]


@pytest.fixture(scope="module")
def measured(both, texts):
    model, tokenizer = both
    encoded = encode_texts(tokenizer, texts, add_start_token=True)
    assert max(map(len, encoded.rows)) > 60
    found = mixture_losses(model, encoded.rows, (24, 12), 4, [[1, 2, 3, 0]])
    return {name: nats / encoded.amount.tokens for name, nats in found.items()}


READING = Reading(max_length=24, stride=12)


def test_the_intact_mixture_is_the_model(both, texts, measured):
    assert measured[INTACT] == pytest.approx(text_perplexity(*both, texts, READING)["loss"], abs=1e-5)


def test_senses_that_are_left_out_are_those_of_an_intervention(both, texts, measured):
    """The model's own way to remove a sense of every word, and all but one."""
    model, tokenizer = both
    every = range(model.config.vocab_size)
    for removed, name in (([2], dropped(2)), ([0, 1, 3], alone(2))):
        with model.sense_intervention(remove={word: removed for word in every}):
            expected = text_perplexity(model, tokenizer, texts, READING)["loss"]
        assert measured[name] == pytest.approx(expected, abs=1e-5)
        assert abs(expected - measured[INTACT]) > 1e-3


def test_other_weights_are_those_of_a_custom_contextualization(both):
    model, tokenizer = both
    rows = encode_texts(tokenizer, TEXTS, add_start_token=True).rows
    found = mixture_losses(model, rows, (40, 20), 2, [[1, 2, 3, 0]])
    expected = {UNIFORM: 0.0, shuffled(0): 0.0}
    for row in rows:
        ids = torch.tensor([row[:-1]])
        weights = model.sense_weights(ids).permute(0, 3, 1, 2)
        mean = weights.mean(1, keepdim=True).expand_as(weights)
        for name, changed in ((UNIFORM, mean), (shuffled(0), weights[:, [1, 2, 3, 0]])):
            with torch.no_grad():
                logits = model.run_with_custom_contextualization(ids, changed).logits[0]
            expected[name] += torch.nn.functional.cross_entropy(logits, torch.tensor(row[1:]), reduction="sum").item()
    for name, nats in expected.items():
        assert found[name] == pytest.approx(nats, rel=1e-5)


def test_a_sense_that_says_nothing_may_go(both):
    model, tokenizer = both
    rows = encode_texts(tokenizer, TEXTS, add_start_token=True).rows
    silent = {word: {1: torch.zeros(32)} for word in range(model.config.vocab_size)}
    with model.sense_intervention(replace=silent):
        found = mixture_losses(model, rows, (40, 20), 4, [])
    assert found[dropped(1)] == found[INTACT] != found[dropped(0)]


def test_losses_do_not_depend_on_batches(both, measured, texts, monkeypatch):
    monkeypatch.setattr("xlzoo.run_scripts.measuring.mixture_losses.NUMBERS", 1)
    encoded = encode_texts(both[1], texts, add_start_token=True)
    found = mixture_losses(both[0], encoded.rows, (24, 12), 4, [[1, 2, 3, 0]])
    assert {name: nats / encoded.amount.tokens for name, nats in found.items()} == pytest.approx(measured, rel=1e-6)
