"""The script: layouts and files, what it writes, how it goes on after it died, and what it refuses."""

import json
import math

import pytest
import torch
from flores_folders import TEXTS, write_all, write_plus
from peft import LoraConfig, get_peft_model
from tiny_models import TINY_BACKPACK
from tiny_runs import refused, sentences
from transformers import GPT2Config, GPT2LMHeadModel, XLMRobertaConfig, XLMRobertaForMaskedLM

from xlzoo.modeling.configuration_backpack import BackpackGPT2Config
from xlzoo.modeling.modeling_backpack import BackpackGPT2LMHeadModel
from xlzoo.run_scripts.measuring.text_perplexity import Reading, text_perplexity
from xlzoo.run_scripts.models.decoders import load_decoder, load_decoder_tokenizer
from xlzoo.run_scripts.models.new_tokenizers import train_tokenizer
from xlzoo.run_scripts.run_flores_ppl import main
from xlzoo.run_scripts.stages import perplexity as stage

SIZES = {"n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 40, "bos_token_id": 0, "eos_token_id": 2}


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A GPT-2, a Backpack, an encoder and a LoRA adapter for the GPT-2, each in a folder of its own."""
    root = tmp_path_factory.mktemp("models")
    tokenizer = train_tokenizer(sentences("swh", 200)["text"], 120)
    torch.manual_seed(3)
    encoder = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    made = {
        "gpt2": GPT2LMHeadModel(GPT2Config(vocab_size=len(tokenizer), initializer_range=0.3, **SIZES)),
        "backpack": BackpackGPT2LMHeadModel(BackpackGPT2Config(**{**TINY_BACKPACK, "vocab_size": len(tokenizer)})),
        "encoder": XLMRobertaForMaskedLM(XLMRobertaConfig(vocab_size=len(tokenizer), **encoder)),
    }
    for name, model in made.items():
        model.save_pretrained(root / name)
        tokenizer.save_pretrained(root / name)
    adapted = get_peft_model(made["gpt2"], LoraConfig(target_modules=["c_attn"], init_lora_weights=False))
    adapted.save_pretrained(root / "lora")
    return root


@pytest.fixture
def measure(models, tmp_path):
    def call(*flags, model="gpt2"):
        return main(["--model_path", str(models / model), "--device", "cpu", *map(str, flags)])

    return call


@pytest.fixture
def flores(tmp_path):
    return write_plus(tmp_path / "flores")


def expected(models, texts, model="gpt2", **reading):
    folder = str(models / model)
    return text_perplexity(load_decoder(folder), load_decoder_tokenizer(folder), texts, Reading(**reading))


@pytest.mark.parametrize("model", ["gpt2", "backpack"])
def test_languages_of_flores(models, measure, flores, tmp_path, capsys, model):
    output = tmp_path / "new" / "ppl.json"
    asked = ["--lang", "sw", "cmn_Hans", "Swahili", "--dataset_name", flores, "--output_file", output]
    results = measure(*asked, "--max_length", 9, "--stride", 4, model=model)
    assert list(results) == ["swh_Latn", "cmn_Hans"]
    for code, found in results.items():
        assert found == expected(models, TEXTS[code]["devtest"], model, max_length=9, stride=4)
    written = json.loads(output.read_text())
    assert written["results"] == results and written["settings"]["max_length"] == 9
    table = capsys.readouterr().out.strip().splitlines()
    assert len(table) == 4 and table[2].startswith("| swh_Latn | 2 |")
    assert f"| {results['cmn_Hans']['perplexity']:.2f} |" in table[3]


def test_all_languages_and_another_split(measure, flores, tmp_path):
    results = measure("--lang", "all", "--split", "dev", "--dataset_name", flores, "--max_samples", 1)
    assert sorted(results) == sorted(TEXTS) and all(found["sentences"] == 1 for found in results.values())
    size = len(TEXTS["cat_Latn"]["dev"][0].encode())
    assert results["cat_Latn"]["bytes"] == results["cat_Latn_vale1252"]["bytes"] == size
    wide = write_all(tmp_path / "all")
    assert measure("--lang", "ca", "--split", "dev", "--dataset_name", wide, "--max_samples", 1) == {
        "cat_Latn": results["cat_Latn"]
    }


def test_published_command(models, measure, flores):
    """The recipe has the published flags; `--device cpu --fp16 false` is what a machine without GPU needs."""
    recipe = ["recipes/flores_ppl_seed.yaml", "--model_path", str(models / "gpt2"), "--dataset_name", str(flores)]
    refused(lambda: main([*recipe, "--device", "cpu"]), "--max_length is 256", "at most 40")
    flags = ["--max_length", "32", "--device", "cpu"]
    assert main([*recipe, *flags, "--fp16", "false"]) == measure(
        "--lang", "swh_Latn", "--split", "devtest", "--dataset_name", flores, "--batch_size", 64, "--max_length", 32
    )
    half = main([*recipe, *flags])["swh_Latn"]
    assert half["loss"] == pytest.approx(expected(models, TEXTS["swh_Latn"]["devtest"])["loss"], rel=1e-2)


def test_phrasebook(models, measure):
    [found] = measure("--lang", "sw", "--dataset_name", "phrasebook", "--max_samples", 5).values()
    assert found["sentences"] == 5 and found["unknown_tokens"] < found["tokens"]


def test_files_by_line_and_as_one_document(models, measure, tmp_path):
    lines = sentences("swh", 4, seed=5)["text"]
    one, other = tmp_path / "one.txt", tmp_path / "other.txt"
    one.write_text(f"{lines[0]}\n\n{lines[1]}\n")
    other.write_text("\n".join(lines) + "\n")
    files = ["--text_file", one, other]
    results = measure(*files)
    assert results == {str(one): expected(models, lines[:2]), str(other): expected(models, lines)}
    joined = measure(*files, "--join_lines")
    assert joined == {
        str(one): expected(models, [f"{lines[0]}\n\n{lines[1]}"]),
        str(other): expected(models, ["\n".join(lines)]),
    }
    assert joined[str(other)]["sentences"] == 1 and joined[str(other)]["bytes"] == len(other.read_bytes()) - 1
    bare = measure(*files, "--no_add_start_token")
    assert bare[str(one)] == expected(models, lines[:2], add_start_token=False)


def test_adapters(models, measure, flores):
    """A LoRA adapter on its base gives what the merged model gives."""
    asked = ["--lang", "sw", "--dataset_name", flores]
    plain, adapted = measure(*asked), measure(*asked, "--load_adapter", models / "lora")
    merged = stage.load_peft(load_decoder(str(models / "gpt2")), str(models / "lora")).merge_and_unload()
    tokenizer = load_decoder_tokenizer(str(models / "gpt2"))
    alone = text_perplexity(merged, tokenizer, TEXTS["swh_Latn"]["devtest"])
    assert adapted["swh_Latn"]["loss"] == pytest.approx(alone["loss"], rel=1e-5)
    assert abs(adapted["swh_Latn"]["loss"] - plain["swh_Latn"]["loss"]) > 0.01


@pytest.mark.parametrize("flags", [["--bf16"], ["--dtype", "bfloat16"], ["--fp16"], ["--fp16", "--dtype", "float16"]])
def test_lower_precision(models, measure, flores, monkeypatch, flags):
    used = []
    monkeypatch.setattr(
        stage, "text_perplexity", lambda model, *given: used.append(model.dtype) or text_perplexity(model, *given)
    )
    half = measure("--lang", "sw", "--dataset_name", flores, *flags)["swh_Latn"]
    assert used == [torch.bfloat16 if "b" in flags[0] + flags[-1] else torch.float16]
    assert half["loss"] == pytest.approx(expected(models, TEXTS["swh_Latn"]["devtest"])["loss"], rel=3e-2)


# Going on


def test_a_run_that_died_goes_on(measure, flores, tmp_path, monkeypatch):
    output = tmp_path / "ppl.json"
    asked = ["--lang", "sw", "de", "ca", "--dataset_name", flores, "--output_file", output]
    done = []

    def dies(model, tokenizer, texts, reading):
        if len(done) == 1:
            raise KeyboardInterrupt
        done.append(texts)
        return text_perplexity(model, tokenizer, texts, reading)

    monkeypatch.setattr(stage, "text_perplexity", dies)
    with pytest.raises(KeyboardInterrupt):
        measure(*asked)
    assert list(json.loads(output.read_text())["results"]) == ["swh_Latn"]
    monkeypatch.setattr(stage, "text_perplexity", lambda *given: done.append(given[2]) or text_perplexity(*given))
    results = measure(*asked, "--batch_size", 1)
    assert done == [TEXTS[code]["devtest"] for code in ("swh_Latn", "deu_Latn", "cat_Latn")]
    monkeypatch.setattr(stage, "load_decoder", lambda *_, **__: pytest.fail("everything is known already"))
    assert measure(*asked) == results == json.loads(output.read_text())["results"]
    assert measure(*asked[:2], *asked[4:]) == {"swh_Latn": results["swh_Latn"]}
    assert list(json.loads(output.read_text())["results"]) == list(results)


def test_results_of_other_settings_are_not_mixed(models, measure, flores, tmp_path):
    output = tmp_path / "ppl.json"
    asked = ["--lang", "sw", "--dataset_name", flores, "--output_file", output]
    first = measure(*asked)
    for flags, words in (
        (["--max_length", 8], ["max_length was None, now 8"]),
        (["--split", "dev"], ["split was None, now dev"]),
        (["--no_add_start_token"], ["add_start_token was True"]),
        (["--load_adapter", models / "lora"], ["load_adapter was None"]),
    ):
        refused(lambda flags=flags: measure(*asked, *flags), "another run", "--overwrite", *words)
    refused(lambda: measure(*asked, model="backpack"), "model_path was")
    assert json.loads(output.read_text())["results"] == first
    second = measure(*asked, "--max_length", 8, "--overwrite")
    assert json.loads(output.read_text())["results"] == second != first


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"results": []}', '{"settings": {}, "results": 3}', "[" * 10**5])
def test_files_of_others_are_left_alone(measure, flores, tmp_path, content):
    output = tmp_path / "notes.json"
    output.write_text(content)
    for flags in ([], ["--overwrite"]):
        refused(
            lambda flags=flags: measure("--lang", "sw", "--dataset_name", flores, "--output_file", output, *flags),
            "was not written by this script",
        )
    assert output.read_text() == content


# What is refused, before the model is loaded


def test_arguments_that_contradict_each_other(measure, flores, tmp_path):
    lines = tmp_path / "lines.txt"
    lines.write_text("moja\n")
    some = ["--lang", "sw", "--dataset_name", flores]
    refused(lambda: measure(), "either --lang", "--text_file")
    refused(lambda: measure(*some, "--text_file", lines), "either --lang")
    refused(lambda: measure("--text_file", lines, "--split", "dev"), "--split go with --lang")
    refused(lambda: measure(*some, "--bf16", "--fp16"), "bfloat16 and float16")
    refused(lambda: measure(*some, "--dtype", "float32", "--fp16"), "float16 and float32")
    refused(lambda: measure(*some, "--dtype", "int8"), "int8", "float32")
    refused(lambda: measure(*some, "--device", "abacus"), "--device abacus cannot be used")
    refused(lambda: measure(*some, "--max_samples", 0), "--max_samples is 0")
    refused(lambda: measure(*some, "--max_length", 8, "--stride", 9), "--stride is 9")
    refused(lambda: main(["--lang", "sw"]), "model_path")


@pytest.fixture
def no_model(monkeypatch):
    monkeypatch.setattr(stage, "load_decoder", lambda *_, **__: pytest.fail("a model was about to be loaded"))


@pytest.mark.usefixtures("no_model")
def test_languages_splits_and_files_that_are_not_there(measure, flores, tmp_path):
    some = ["--dataset_name", flores, "--output_file", tmp_path / "ppl.json"]
    refused(lambda: measure("--lang", "sw", "fr", *some), "has no 'fr' (fra)")
    refused(lambda: measure("--lang", "Klingonese", *some), "unknown language 'Klingonese'")
    refused(lambda: measure("--lang", "zh", *some), "cmn_Hans or cmn_Hant")
    refused(lambda: measure("--lang", "sw", "--split", "train", *some), "no train split of swh_Latn")
    refused(lambda: measure("--lang", "sw", "--text_column_name", "words", *some), "no column words")
    refused(lambda: measure("--lang", "sw", "--dataset_name", tmp_path / "none"), "neither an existing folder")
    refused(lambda: measure("--text_file", tmp_path / "none.txt"), "no file")
    (tmp_path / "empty.txt").write_text("\n")
    refused(lambda: measure("--text_file", tmp_path / "empty.txt"), "holds no text")
    assert not (tmp_path / "ppl.json").exists()


def test_models_that_cannot_be_measured(models, measure, flores, tmp_path):
    some = ["--lang", "sw", "--dataset_name", flores]
    refused(lambda: measure(*some, model="encoder"), "expected a causal language model")
    refused(lambda: measure(*some, model="nothing"), "neither a folder nor had from the Hub")
    refused(lambda: measure(*some, "--load_adapter", models / "gpt2"), "adapter_config.json")
    refused(lambda: measure(*some, "--max_length", 41), "at most 40")
    refused(lambda: measure(*some, "--output_file", flores / "README.md" / "ppl.json"), "cannot be written")
    train_tokenizer(sentences("swh", 200)["text"], 200).save_pretrained(tmp_path / "wide")
    refused(
        lambda: measure(*some, "--tokenizer_name", tmp_path / "wide"), "tokenizer numbers a token", "the model has"
    )
    broken = load_decoder(str(models / "gpt2"))
    broken.transformer.ln_f.weight.data.fill_(math.nan)
    broken.save_pretrained(tmp_path / "broken")
    load_decoder_tokenizer(str(models / "gpt2")).save_pretrained(tmp_path / "broken")
    refused(lambda: main(["--model_path", str(tmp_path / "broken"), "--device", "cpu", *map(str, some)]), "holds NaN")
