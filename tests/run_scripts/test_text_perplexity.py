"""What is counted: by hand on three words, and against stock models that read one sentence or token at a time."""

import gzip
import math

import pytest
import torch
from known_models import Bigrams, Countdown, Known, words_tokenizer
from tiny_models import TINY_BACKPACK
from tiny_runs import refused, sentences
from tokenizers import processors
from transformers import GPT2Config, GPT2LMHeadModel, XLMRobertaConfig, XLMRobertaForCausalLM

from xlzoo.modeling.configuration_backpack import BackpackGPT2Config
from xlzoo.modeling.modeling_backpack import BackpackGPT2LMHeadModel
from xlzoo.run_scripts.measuring import token_losses as module
from xlzoo.run_scripts.measuring.text_perplexity import Reading, encode_texts, start_token, text_perplexity
from xlzoo.run_scripts.measuring.token_losses import token_losses
from xlzoo.run_scripts.models.new_tokenizers import train_tokenizer

WORDS = ("<s>", "a", "é")
#                    <s>   a    é
AFTER = ((0.5, 0.25, 0.25), (0.25, 0.25, 0.5), (0.25, 0.5, 0.25))
"""The probabilities of the next word after each of the three."""


# By hand


def test_three_words_by_hand():
    """The first text costs 2 bits for a after <s>, 1 for é after a and 1 for a after é; the second costs 2.

    That is 6 bits over 4 tokens, 1.5 a token, a perplexity of 2 ** 1.5; over 6 + 2 bytes, and 5 + 1 characters.
    """
    found = text_perplexity(Bigrams(*AFTER), words_tokenizer(*WORDS, bos_token="<s>"), ["a é a", "é"])
    assert found.pop("loss") == pytest.approx(1.5 * math.log(2), rel=1e-6)
    assert found.pop("perplexity") == pytest.approx(2.8284271, rel=1e-6)
    assert found.pop("bits_per_byte") == pytest.approx(6 / 8, rel=1e-6)
    assert found.pop("bits_per_character") == pytest.approx(6 / 6, rel=1e-6)
    counts = {"sentences": 2, "tokens": 4, "bytes": 8, "characters": 6, "unknown_tokens": 0}
    assert found == {**counts, "max_length": 8, "stride": 4, "start_token": "<s>"}


def test_three_words_without_a_start_token():
    """What is left are é after a and a after é, a bit each: " é a" has 5 bytes and 4 characters, of "é" nothing."""
    tokenizer = words_tokenizer(*WORDS, bos_token="<s>")
    found = text_perplexity(Bigrams(*AFTER), tokenizer, ["a é a", "é"], Reading(add_start_token=False))
    assert found["loss"] == pytest.approx(math.log(2), rel=1e-6)
    assert (found["sentences"], found["tokens"], found["bytes"], found["characters"]) == (2, 2, 5, 4)
    assert found["bits_per_byte"] == pytest.approx(2 / 5, rel=1e-6)
    assert found["start_token"] is None
    refused(lambda: text_perplexity(Bigrams(*AFTER), words_tokenizer(*WORDS), ["é", "a", ""]), "nothing to predict")


def test_bits_compare_what_perplexity_does_not():
    """Fair coins: a word a coin, or a word for two of them. A bit a coin both ways, with perplexity 2 and 4."""
    single = Bigrams(*[(0.0, 0.5, 0.5)] * 3)
    double = Bigrams(*[(0.0, 0.25, 0.25, 0.25, 0.25)] * 5)
    one = text_perplexity(single, words_tokenizer("<s>", "x", "y", bos_token="<s>"), ["x y", "y y"])
    other = text_perplexity(double, words_tokenizer("<s>", "xx", "xy", "yx", "yy", bos_token="<s>"), ["xy", "yy"])
    assert one["perplexity"] == pytest.approx(2, rel=1e-6) and other["perplexity"] == pytest.approx(4, rel=1e-6)
    assert one["bits_per_byte"] * one["bytes"] == pytest.approx(4, rel=1e-6)
    assert other["bits_per_byte"] * other["bytes"] == pytest.approx(4, rel=1e-6)


def test_windows_show_in_the_losses():
    """Windows of 3, two new predictions each: the words read before each prediction are 1 2 3, then 2 3, then 3."""
    model = Countdown()
    [losses] = token_losses(model, [[0, *[1] * 6]], max_length=3, stride=2, batch_size=4)
    assert (losses / math.log(2)).tolist() == pytest.approx([1, 2, 3, 2, 3, 3], rel=1e-5)
    assert max(len(row) for ids, _ in model.read for row in ids) == 3
    [disjoint] = token_losses(model, [[0, *[1] * 6]], max_length=3, stride=3, batch_size=4)
    assert (disjoint / math.log(2)).tolist() == pytest.approx([1, 2, 3, 1, 2, 3], rel=1e-5)


def test_rows_are_padded_on_the_right_and_masked():
    """The words that predict nothing, the last of each text, are not read; the longest row comes first."""
    model = Countdown()
    token_losses(model, [[0, 1, 1], [0, 1, 2, 1], [0], [0, 1]], max_length=8, stride=4, batch_size=4)
    assert model.read[1:] == [([[0, 1, 2], [0, 1, 0], [0, 0, 0]], [[1, 1, 1], [1, 1, 0], [1, 0, 0]])]


def test_unknown_words_are_counted():
    tokenizer = words_tokenizer(*WORDS, bos_token="<s>", unk_token="é")
    tokenizer.backend_tokenizer.model.unk_token = "é"
    found = text_perplexity(Bigrams(*AFTER), tokenizer, ["a zebra a"])
    assert (found["unknown_tokens"], found["tokens"], found["bytes"]) == (1, 3, 9)
    as_gpt2 = words_tokenizer(*WORDS, bos_token="<s>", unk_token="<s>")
    assert encode_texts(as_gpt2, ["a a"], True).amount.unknown_tokens == 0  # The start token is none.


# The token before the first


def test_start_tokens():
    words = ("<s>", "</s>", "a")
    assert start_token(words_tokenizer(*words)) is None
    assert start_token(words_tokenizer(*words, eos_token="</s>")) == 1
    assert start_token(words_tokenizer(*words, eos_token="</s>", bos_token="<s>")) == 0
    own = words_tokenizer(*words, eos_token="</s>", bos_token="<s>")  # XGLM reads </s> before a text, and has <s> too.
    own.backend_tokenizer.post_processor = processors.TemplateProcessing("</s> $A", special_tokens=[("</s>", 1)])
    assert start_token(own) == 1
    assert encode_texts(own, ["a a"], True).rows == [[1, 2, 2]]
    tail = words_tokenizer(*words, eos_token="</s>", bos_token="<s>")
    tail.backend_tokenizer.post_processor = processors.TemplateProcessing("$A </s>", special_tokens=[("</s>", 1)])
    assert encode_texts(tail, ["a a"], True).rows == [[0, 2, 2]]


# Against stock models


@pytest.fixture(scope="module")
def tokenizer():
    return train_tokenizer(sentences("swh", 200)["text"], 120)


@pytest.fixture(scope="module")
def texts():
    """Sentences of many lengths, an empty one and one longer than the models' 40 positions."""
    rows = sentences("swh", 8, seed=3)["text"]
    return [*rows, "", rows[0][:3], " ".join(rows[:3]), "Kiswahili ñ 漢字"]


def gpt2():
    torch.manual_seed(3)
    sizes = {"n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 40, "bos_token_id": 0, "eos_token_id": 2}
    return GPT2LMHeadModel(GPT2Config(vocab_size=120, initializer_range=0.3, **sizes))


def backpack():
    torch.manual_seed(3)
    return BackpackGPT2LMHeadModel(BackpackGPT2Config(**TINY_BACKPACK))


@pytest.fixture(scope="module", params=[gpt2, backpack])
def model(request):
    return request.param()


def test_equals_the_models_own_loss_one_sentence_at_a_time(model, tokenizer, texts):
    """bits_per_byte is lm-eval's: minus the sum of log2 p over the bytes of the text."""
    short = [text for text in texts if len(tokenizer.tokenize(text)) < 40]
    assert len(texts) - 5 < len(short) < len(texts)
    model.eval()
    total = count = 0
    for text in filter(None, short):
        ids = torch.tensor([[0, *tokenizer.convert_tokens_to_ids(tokenizer.tokenize(text))]])
        with torch.no_grad():
            total += model(ids, labels=ids).loss.item() * (ids.shape[1] - 1)
        count += ids.shape[1] - 1
    for batch_size in (1, 3, 100):
        found = text_perplexity(model, tokenizer, short, Reading(batch_size=batch_size))
        assert found["tokens"] == count and found["sentences"] == len(short)
        assert found["loss"] == pytest.approx(total / count, rel=1e-5)
        assert found["perplexity"] == pytest.approx(math.exp(total / count), rel=1e-4)
        size = len("".join(short).encode())
        assert found["bytes"] == size and found["bits_per_byte"] == pytest.approx(total / math.log(2) / size, rel=1e-5)


@pytest.mark.parametrize("stride", [1, 7, 16])
def test_equals_one_token_at_a_time(model, tokenizer, texts, stride):
    """Each token from the words that its window holds before it, a forward pass for each."""
    rows = encode_texts(tokenizer, texts, True).rows
    model.eval()
    expected = []
    for row in rows:
        for place in range(1, len(row)):
            behind = max(0, place - 16)  # How far the window that first reaches this token has moved on.
            start = -(-behind // stride) * stride
            start = min(start, max(0, len(row) - 1 - 16))
            with torch.no_grad():
                logits = model(torch.tensor([row[start:place]])).logits[0, -1].double()
            expected.append(-logits.log_softmax(-1)[row[place]].item())
    for batch_size in (1, 5):
        found = torch.cat(token_losses(model, rows, 16, stride, batch_size))
        assert found.tolist() == pytest.approx(expected, rel=1e-4, abs=1e-5)


def test_batches_shrink_where_their_logits_would_not_fit(model, tokenizer, texts, monkeypatch):
    rows = encode_texts(tokenizer, texts, True).rows
    expected = token_losses(model, rows, 40, 20, 4)
    monkeypatch.setattr(module, "LOGITS", 50 * 120)
    read = []
    hook = model.register_forward_pre_hook(
        lambda _, args, given: read.append(given["input_ids"].shape), with_kwargs=True
    )
    found = token_losses(model, rows, 40, 20, 4)
    hook.remove()
    assert all(size == 1 or size * length <= 50 for size, length in read) and max(size for size, _ in read) > 1
    for one, other in zip(found, expected, strict=True):
        assert torch.allclose(one, other, atol=1e-4)


def test_training_goes_on_as_before(tokenizer):
    """A model with dropout is measured without it, and is in training mode again afterwards."""
    torch.manual_seed(3)
    model = GPT2LMHeadModel(GPT2Config(vocab_size=120, n_embd=32, n_layer=1, n_head=2, resid_pdrop=0.5)).train()
    one, other = (text_perplexity(model, tokenizer, ["Kiswahili"]) for _ in range(2))
    assert one == other and model.training and model.lm_head.weight.requires_grad


# What cannot be measured


def test_models_that_see_what_they_predict(tokenizer):
    sizes = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    encoder = XLMRobertaForCausalLM(XLMRobertaConfig(vocab_size=120, initializer_range=0.2, **sizes))
    refused(lambda: text_perplexity(encoder, tokenizer, ["a"], Reading(max_length=8)), "sees the tokens after")
    encoder.config.is_decoder = True
    decoder = XLMRobertaForCausalLM(encoder.config)
    assert text_perplexity(decoder, tokenizer, ["a"], Reading(max_length=8))["tokens"] > 0


def test_what_does_not_fit(model, tokenizer):
    refused(
        lambda: text_perplexity(model, tokenizer, ["a"], Reading(max_length=41)), "--max_length is 41", "at most 40"
    )
    refused(lambda: text_perplexity(model, tokenizer, []), "nothing to predict")
    other = words_tokenizer("<s>", *(f"w{i}" for i in range(130)), bos_token="<s>")
    refused(lambda: text_perplexity(model, other, ["w1 w129"]), "numbers a token 130", "the model has 120")
    refused(lambda: Reading(max_length=8, stride=9), "--stride is 9", "8")
    refused(lambda: Reading(stride=0), "--stride is 0")
    refused(lambda: Reading(batch_size=0), "--batch_size is 0")


def test_broken_weights_are_told(tokenizer):
    model = gpt2()
    model.transformer.wte.weight.data[7] = math.nan
    refused(lambda: text_perplexity(model, tokenizer, sentences("swh", 3)["text"]), "nan", "--dtype float32")


def test_context_of_families_without_a_limit():
    assert Reading().window(Known(positions=8)) == (8, 4)
    free = Known()
    del free.config.max_position_embeddings
    assert Reading().window(free) == (2048, 1024)
    assert Reading(max_length=1).window(free) == (1, 1)
    assert Reading(max_length=9000, stride=9000).window(free) == (9000, 9000)


# Real text


@pytest.mark.shared
def test_bits_per_byte_of_real_text_whatever_the_tokenizer(shared_data):
    """Models that think all tokens equally likely cost log2 V bits a token; the text's bytes are the same for both."""
    for language in ("eng", "swa"):
        with gzip.open(shared_data / "parallel" / "ntrex" / f"{language}.txt.gz", "rt", encoding="utf-8") as file:
            texts = [line.rstrip("\n") for line, _ in zip(file, range(150), strict=False)]
        size = sum(len(text.encode()) for text in texts)
        found = {}
        for vocab_size in (300, 1200):
            tokenizer = train_tokenizer(texts, vocab_size)
            model = GPT2LMHeadModel(
                GPT2Config(vocab_size=len(tokenizer), n_embd=8, n_layer=1, n_head=1, n_positions=64)
            )
            model.transformer.wte.weight.data.zero_()
            found[vocab_size] = text_perplexity(model, tokenizer, texts)
            bits = sum(len(tokenizer.tokenize(text)) for text in texts) * math.log2(len(tokenizer))
            assert found[vocab_size]["perplexity"] == pytest.approx(len(tokenizer), rel=1e-4)
            assert found[vocab_size]["bits_per_byte"] == pytest.approx(bits / size, rel=1e-5)
        assert found[300]["bytes"] == found[1200]["bytes"] == size
        # Four times the perplexity, and yet fewer bits.
        assert found[1200]["bits_per_byte"] < found[300]["bits_per_byte"]
