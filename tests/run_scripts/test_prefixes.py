"""A prefix takes positions of a model that counts them: the texts behind it are shorter."""

import pytest
import torch
from peft import PrefixTuningConfig, get_peft_model
from tiny_runs import refused, sentences
from transformers import GPT2Config, GPT2LMHeadModel

from xlzoo.run_scripts import run_clm
from xlzoo.run_scripts.measuring.eval_model import Harnessed
from xlzoo.run_scripts.measuring.text_perplexity import Reading, text_perplexity
from xlzoo.run_scripts.models.decoders import load_decoder, load_decoder_tokenizer
from xlzoo.run_scripts.models.new_tokenizers import save_tokenizer, train_decoder_tokenizer
from xlzoo.run_scripts.models.positions import positions_left
from xlzoo.run_scripts.stages.retrieval import Pooling, sentence_vectors

POSITIONS, PREFIX = 32, 3


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A GPT-2 of 32 positions, which it counts from the beginning of the prefix, and its tokenizer."""
    folder = tmp_path_factory.mktemp("gpt2")
    tokenizer = train_decoder_tokenizer(sentences(number=150)["text"], 400)
    torch.manual_seed(3)
    sizes = {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": POSITIONS, "initializer_range": 0.2}
    GPT2LMHeadModel(GPT2Config(vocab_size=len(tokenizer), **sizes)).save_pretrained(folder)
    save_tokenizer(tokenizer, folder)
    return folder


def prefixed(base, tokens=PREFIX):
    config = PrefixTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=tokens)
    return get_peft_model(load_decoder(str(base)), config).eval()


def test_blocks_are_what_the_prefix_leaves(base, tmp_path):
    """Without --block_size blocks are as long as can be; those of all positions would have no embedding at the end."""
    flags = f"--report_to none --save_strategy no --use_cpu --max_steps 1 --model_name_or_path {base} --do_train"
    flags += " --dataset_name phrasebook --max_train_samples 20"
    flags += f" --use_peft --peft_type prefix --num_virtual_tokens {PREFIX}"
    run_clm.main([*flags.split(), "--output_dir", str(tmp_path / "run")])
    longer = [*flags.split(), "--block_size", str(POSITIONS - PREFIX + 1), "--output_dir", str(tmp_path / "no")]
    refused(lambda: run_clm.main(longer), "--block_size 30", "29 positions")


def test_texts_are_measured_in_windows_behind_the_prefix(base):
    model, tokenizer = prefixed(base), load_decoder_tokenizer(str(base))
    texts = [" ".join(sentences(number=12, seed=2)["text"])]
    whole = text_perplexity(model, tokenizer, texts)
    assert whole["max_length"] == POSITIONS - PREFIX < whole["tokens"]
    refused(lambda: text_perplexity(model, tokenizer, texts, Reading(max_length=POSITIONS)), "at most 29")
    assert Harnessed(model, tokenizer).max_length == POSITIONS - PREFIX
    assert text_perplexity(load_decoder(str(base)), tokenizer, texts)["max_length"] == POSITIONS


def test_a_prefix_that_takes_all_positions_is_refused(base):
    assert positions_left(prefixed(base, POSITIONS - 2)) == 2
    refused(lambda: positions_left(prefixed(base, POSITIONS - 1)), "31 of the model's 32 positions")


def test_sentence_vectors_do_not_leave_a_prefix_out_in_silence(base):
    tokenizer = load_decoder_tokenizer(str(base))
    refused(lambda: sentence_vectors(prefixed(base), tokenizer, ["one"], Pooling()), "without an adapter's prefix")
