"""What is shown of senses is what the model's own methods say."""

import struct

import pytest
import torch
from tiny_models import TINY_BACKPACK
from tiny_runs import refused, sentences
from transformers import GPT2Config

from xlzoo.modeling.configuration_backpack import BackpackGPT2Config
from xlzoo.run_scripts.models.decoders import load_decoder, load_decoder_tokenizer, new_decoder
from xlzoo.run_scripts.models.new_tokenizers import save_tokenizer, train_decoder_tokenizer
from xlzoo.run_scripts.run_senses import main


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """An untrained Backpack and an untrained GPT-2 with the same tokenizer."""
    root = tmp_path_factory.mktemp("senses")
    tokenizer = train_decoder_tokenizer(sentences(number=300)["text"], 500)
    configs = {"backpack": BackpackGPT2Config(**TINY_BACKPACK), "gpt2": GPT2Config(n_embd=32, n_layer=1, n_head=2)}
    for name, config in configs.items():
        torch.manual_seed(3)
        new_decoder(config, tokenizer).save_pretrained(root / name)
        save_tokenizer(tokenizer, root / name)
    return root


@pytest.fixture
def look(folders):
    return lambda *flags: main(["--model_name_or_path", str(folders / "backpack"), *map(str, flags)])


def test_top_words_are_those_with_the_highest_logits(folders, look):
    model, tokenizer = load_decoder(str(folders / "backpack")), load_decoder_tokenizer(str(folders / "backpack"))
    (token,) = tokenizer("the", add_special_tokens=False)["input_ids"]
    found = look("--word", "the", "--top", 5)["senses"]["the"]
    with torch.no_grad():
        logits = model.lm_head(model.sense_vectors([token])[0])
    assert len(found) == 4 and all(len(words) == 5 for words in found)
    for sense, words in enumerate(found):
        best = (tokenizer.decode([i]).strip() for i in logits[sense].argsort(descending=True)[:300].tolist())
        assert [word for word in best if word in words][:5] == words
        assert not {"<s>", "</s>", "<pad>", "<unk>", ""} & set(words)


def test_a_removed_sense_is_removed_while_text_is_generated(folders, look):
    flags = ["--prompt", "the cat and the dog", "--max_new_tokens", 8, "--word", "the"]
    plain, changed = look(*flags), look(*flags, "--scale", "the:2=0", "the:0=-3")
    model, tokenizer = (
        load_decoder(str(folders / "backpack")).eval(),
        load_decoder_tokenizer(str(folders / "backpack")),
    )
    (token,) = tokenizer("the", add_special_tokens=False)["input_ids"]
    ids = tokenizer("the cat and the dog", return_tensors="pt")
    with model.sense_intervention(scale={token: {2: 0.0, 0: -3.0}}):
        expected = model.generate(**ids, max_new_tokens=8, do_sample=False, pad_token_id=tokenizer.pad_token_id)
    texts = changed["continuations"]
    assert texts["the:2=0, the:0=-3"] == tokenizer.decode(expected[0], skip_special_tokens=True)
    assert texts["as it is"] == plain["continuations"]["as it is"] != texts["the:2=0, the:0=-3"]
    assert changed["senses"]["the"][0] != plain["senses"]["the"][0]
    assert changed["senses"]["the"][1] == plain["senses"]["the"][1]


def test_the_picture(look, tmp_path):
    """Two times the same, a PNG, and wider for more tokens."""

    def draw(name, text):
        look("--text", text, "--plot", tmp_path / name)
        content = (tmp_path / name).read_bytes()
        assert content[:8] == b"\x89PNG\r\n\x1a\n"
        return content, struct.unpack(">I", content[16:20])[0]

    first, width = draw("a.png", "the cat and the dog")
    assert draw("b.png", "the cat and the dog") == (first, width)
    assert draw("c.png", "the cat and the dog and the cat and the dog")[1] > width


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ([], "nothing to look at"),
        (["--text", "a"], "--plot"),
        (["--word", "incomprehensibilities"], "several tokens"),
        (["--word", "the", "--scale", "the:9=0"], "senses 0 to 3"),
        (["--word", "the", "--scale", "the=0"], "word:sense=factor"),
        (["--word", "the", "--scale", "the:1=0", "the:1=2"], "twice"),
        (["--text", "the " * 60, "--plot", "x.png"], "at most 40 tokens"),
        (["--prompt", "the", "--max_new_tokens", "39"], "40 positions"),
    ],
)
def test_mistakes_end_in_one_sentence(look, flags, words):
    refused(lambda: look(*flags), words)


def test_only_backpacks_have_senses(folders):
    refused(lambda: main(["--model_name_or_path", str(folders / "gpt2"), "--word", "the"]), "no Backpack")
