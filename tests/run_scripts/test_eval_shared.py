"""Real slices of XCOPA, MGSM and Tatoeba end to end, on tiny models; translations found as by a plain loop."""

import json
import math

import pytest
import torch
from lm_eval.api.instance import Instance
from peft import LoraConfig, get_peft_model
from tiny_models import TINY_BACKPACK
from tiny_runs import make_checkpoint, refused, sentences
from torch.nn.functional import cosine_similarity
from transformers import GPT2Config, GPT2LMHeadModel

from xlzoo.modeling.configuration_backpack import BackpackGPT2Config
from xlzoo.modeling.modeling_backpack import BackpackGPT2LMHeadModel
from xlzoo.run_scripts.eval_arguments import EvalArguments
from xlzoo.run_scripts.measuring.eval_model import Harnessed
from xlzoo.run_scripts.measuring.text_perplexity import start_token
from xlzoo.run_scripts.models.decoders import load_decoder, load_decoder_tokenizer
from xlzoo.run_scripts.models.new_tokenizers import train_tokenizer
from xlzoo.run_scripts.run_eval import main
from xlzoo.run_scripts.stages.evaluation import prepare_jobs
from xlzoo.run_scripts.stages.retrieval import Pooling, sentence_vectors

GPT2 = {"n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 200, "bos_token_id": 0, "eos_token_id": 2}


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A GPT-2 with a LoRA adapter, a Backpack and an XLM-R; the tokenizer closes texts with an end token."""
    root = tmp_path_factory.mktemp("models")
    tokenizer = train_tokenizer(sentences("swh", 200)["text"], 120)
    torch.manual_seed(3)
    made = {
        "gpt2": GPT2LMHeadModel(GPT2Config(vocab_size=len(tokenizer), initializer_range=0.3, **GPT2)),
        "backpack": BackpackGPT2LMHeadModel(
            BackpackGPT2Config(**{**TINY_BACKPACK, "vocab_size": len(tokenizer), "n_positions": 200})
        ),
    }
    for name, model in made.items():
        model.save_pretrained(root / name)
        tokenizer.save_pretrained(root / name)
    get_peft_model(made["gpt2"], LoraConfig(target_modules=["c_attn"], init_lora_weights=False)).save_pretrained(
        root / "lora"
    )
    make_checkpoint(root / "encoder")
    return root


def loaded(models, name):
    return load_decoder(str(models / name)).eval(), load_decoder_tokenizer(str(models / name))


@pytest.mark.parametrize("name", ["gpt2", "backpack"])
def test_likelihoods_are_those_of_a_plain_loop(models, name):
    """Answers are scored after the start token and the context, in batches as alone, and without the end token."""
    model, tokenizer = loaded(models, name)
    assert tokenizer("a")["input_ids"][-1] == tokenizer.eos_token_id  # What lm-eval alone would count.
    pairs = [
        ("Mtoto alikula", " chakula kizuri"),
        ("Mwalimu", " anasoma kitabu"),
        ("", "nyumba"),
        ("", f"{tokenizer.bos_token} nyumba"),
    ]
    made = Harnessed(model, tokenizer, batch_size=3)
    found = made.loglikelihood([Instance("loglikelihood", {}, pair, 0) for pair in pairs], disable_tqdm=True)
    for (context, answer), (value, _) in zip(pairs, found, strict=True):
        whole = [start_token(tokenizer), *tokenizer(context + answer, add_special_tokens=False)["input_ids"]]
        before = 1 + len(tokenizer(context, add_special_tokens=False)["input_ids"])
        with torch.no_grad():
            table = model(input_ids=torch.tensor([whole])).logits[0].log_softmax(-1)
        assert value == pytest.approx(
            sum(table[place - 1, whole[place]].item() for place in range(before, len(whole))), abs=1e-3
        )


@pytest.mark.parametrize("pooling", ["mean", "last", "senses"])
def test_vectors_do_not_depend_on_the_batch(models, pooling):
    model, tokenizer = loaded(models, "backpack")
    texts = sentences("swh", 7, seed=4)["text"][:]
    together = sentence_vectors(model, tokenizer, texts, Pooling(pooling, batch_size=4))
    alone = torch.cat([sentence_vectors(model, tokenizer, [text], Pooling(pooling)) for text in texts])
    torch.testing.assert_close(together, alone, atol=1e-4, rtol=1e-4)


def test_encoders_and_senses(models, tmp_path):
    refused(
        lambda: main(["--model_path", str(models / "encoder"), "--task", "xcopa", "tatoeba", "--lang", "sw"]),
        "is an encoder",
    )
    sides = {"swh": sentences("swh", 12)["text"][:], "eng": sentences("eng", 12)["text"][:]}
    for code, lines in sides.items():
        (tmp_path / f"swh-eng.{code}").write_text("".join(f"{line}\n" for line in lines))
    asked = ["--task", "tatoeba", "--lang", "sw", "--data_dir", str(tmp_path), "--device", "cpu"]
    found = main(["--model_path", str(models / "encoder"), *asked])["tatoeba_swh"]
    assert found["examples"] == 12 and 0 <= found["scores"]["recall"] <= 1
    refused(lambda: main(["--model_path", str(models / "gpt2"), *asked, "--pooling", "senses"]), "is for Backpacks")
    (tmp_path / "swh-eng.eng").write_text("one\n")
    refused(lambda: main(["--model_path", str(models / "encoder"), *asked]), "12 lines", "expected as many")


@pytest.mark.shared
@pytest.mark.parametrize("name", ["gpt2", "backpack"])
def test_real_slices(models, shared_data, tmp_path, name):
    file = tmp_path / "eval.json"
    flags = f"--model_path {models / name} --device cpu --data_dir {shared_data} --max_samples 6 --max_new_tokens 4"
    tasks = "--task xcopa mgsm tatoeba --lang sw Mandarin --max_length 200 --batch_size 4"
    results = main([*flags.split(), *tasks.split(), "--output_file", str(file)])
    assert list(results) == [
        *("xcopa_sw", "xcopa_zh", "mgsm_direct_sw", "mgsm_direct_zh", "tatoeba_swh", "tatoeba_cmn")
    ]
    assert all(found["examples"] == 6 for found in results.values())
    assert json.loads(file.read_text())["results"] == results
    model, tokenizer = loaded(models, name)
    sides = [
        (shared_data / f"tatoeba/swh-eng.{code}").read_text(encoding="utf-8").splitlines()[:6]
        for code in ("swh", "eng")
    ]
    source, target = (sentence_vectors(model, tokenizer, side, Pooling()) for side in sides)
    right = [max(range(6), key=lambda j: cosine_similarity(source[i], target[j], dim=0)) == i for i in range(6)]
    assert results["tatoeba_swh"]["scores"]["recall_to_eng"] == pytest.approx(sum(right) / 6)
    right = 0
    for line in (shared_data / "xcopa/sw/test.jsonl").read_text(encoding="utf-8").splitlines()[:6]:
        right += prefers_the_right_one(model, tokenizer, json.loads(line))
    assert results["xcopa_sw"]["scores"]["acc"] == pytest.approx(right / 6)


def prefers_the_right_one(model, tokenizer, row):
    """Score XCOPA as lm-eval states it, one answer at a time."""
    joint = {"cause": "kwa sababu", "effect": "kwa hiyo"}[row["question"]]
    context, best = f"{row['premise'].strip()[:-1]} {joint}", (-math.inf, None)
    for place, choice in enumerate((row["choice1"], row["choice2"])):
        text = f"{context} {choice[0].lower()}{choice[1:]}"
        ids = [start_token(tokenizer), *tokenizer(text, add_special_tokens=False)["input_ids"]]
        before = 1 + len(tokenizer(context, add_special_tokens=False)["input_ids"])
        with torch.no_grad():
            table = model(input_ids=torch.tensor([ids])).logits[0].log_softmax(-1)
        value = sum(table[i - 1, ids[i]].item() for i in range(before, len(ids)))
        best = max(best, (value, place), key=lambda pair: pair[0])
    return best[1] == row["label"]


@pytest.mark.shared
def test_adapters_are_heard(models, shared_data):
    flags = f"--model_path {models / 'gpt2'} --device cpu --data_dir {shared_data} --task tatoeba --lang de"
    plain = main([*flags.split(), "--max_samples", "60"])
    adapted = main([*flags.split(), "--max_samples", "60", "--load_adapter", str(models / "lora")])
    assert plain["tatoeba_deu"]["scores"] != adapted["tatoeba_deu"]["scores"]


@pytest.mark.shared
def test_real_questions_and_links(shared_data):
    """XQuAD's 1190 questions and the 508 sentences of de-en are read as they come."""
    args = EvalArguments(task=["xquad", "word_alignment"], lang=["de"], data_dir=str(shared_data))
    assert [(job.name, job.examples) for job in prepare_jobs(args)] == [("xquad_de", 1190), ("word_alignment_de", 508)]
