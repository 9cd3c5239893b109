"""Masked LM: what is written, what stays frozen, and that scores and updates do not depend on how rows are batched."""

import math
from pathlib import Path

import torch
from safetensors.torch import load_file
from tiny_runs import MLM, assert_different, assert_same, make_checkpoint, sentences
from transformers import AutoTokenizer, XLMRobertaForMaskedLM

from xlzoo.modeling.modeling_madx import MadxForMaskedLM
from xlzoo.run_scripts import run_mlm
from xlzoo.run_scripts.corpora.collators import MaskingCollator

PHRASES = ["--dataset_name", "phrasebook"]


def mlm(folder, *flags):
    return run_mlm.main([*MLM, "--output_dir", str(folder), *map(str, flags)])


def test_training_from_scratch_writes_a_stock_checkpoint(tmp_path):
    sizes = "hidden_size=32,num_hidden_layers=2,num_attention_heads=4,intermediate_size=64,max_position_embeddings=66"
    new = ["--model_type", "xlm-roberta", "--config_overrides", sizes, "--tokenizer_vocab_size", 200]
    results = mlm(tmp_path / "run", *PHRASES, *new)
    assert results["eval_perplexity"] == math.exp(results["eval_loss"])
    model, found = XLMRobertaForMaskedLM.from_pretrained(tmp_path / "run", output_loading_info=True)
    assert not found["missing_keys"] and not found["unexpected_keys"]
    assert (model.config.model_type, model.config.vocab_size) == ("xlm-roberta", 200)
    assert not list((tmp_path / "run").glob("*.py")) and "auto_map" not in model.config.to_dict()
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "run")
    ids = tokenizer(sentences()["text"][0], return_tensors="pt")
    with torch.no_grad():
        theirs = model.eval()(**ids).logits
        ours = MadxForMaskedLM.from_pretrained(tmp_path / "run").eval()(**ids).logits
    assert torch.equal(theirs, ours)

    mlm(tmp_path / "again", *PHRASES, *new)
    assert_same(tmp_path / "run", tmp_path / "again")
    assert (tmp_path / "run/tokenizer.json").read_bytes() == (tmp_path / "again/tokenizer.json").read_bytes()


def test_language_adapter_leaves_the_encoder_as_it_was(base, tmp_path):
    before = load_file(base / "model.safetensors")
    flags = ["--train_adapter", "--adapter_config", "pfeiffer+inv", "--save_strategy", "steps", "--save_steps", 2]
    mlm(tmp_path / "run", *PHRASES, "--dataset_config_name", "sw", *flags, "--model_name_or_path", base)
    after = load_file(tmp_path / "run/checkpoint-2/model.safetensors")
    assert all(torch.equal(value, after[key]) for key, value in before.items())
    new = {key for key in after if key not in before}
    assert new and all("adapters.swh." in key for key in new)
    names = {path.name for path in (tmp_path / "run/swh").iterdir()}
    assert names == {"adapter_config.json", "adapter.safetensors"}
    saved = load_file(tmp_path / "run/swh/adapter.safetensors")
    assert len(saved) == len(new) and any("invertible" in key for key in saved)
    assert all(value.count_nonzero() for value in saved.values())


def test_lora_leaves_the_encoder_as_it_was_and_is_published_on_the_stock_one(base, tmp_path, door):
    """Its names are those of a classifier's LoRA, as AdaMergeX needs them."""
    hub = ["--hub_dir", tmp_path / "hub", "--hub_model_id", "me/it"]
    flags = [*PHRASES, "--model_name_or_path", base, "--do_eval"]
    results = mlm(tmp_path / "run", *flags, "--do_train", "--use_peft", *hub)
    saved = load_file(tmp_path / "run/adapter_model.safetensors")
    prefix = "base_model.model.roberta.encoder.layer."
    assert all(key.startswith(prefix) and ".lora_" in key for key in saved) and len(saved) == 2 * 2 * 2
    assert all(value.count_nonzero() for value in saved.values()) and not (tmp_path / "run/model.safetensors").exists()
    assert door.only.probe.request["class_name"] == "XLMRobertaForMaskedLM" and door.only.facts.kind == "peft"
    again = mlm(tmp_path / "again", *flags, "--load_adapter", tmp_path / "run")
    assert again["eval_loss"] == results["eval_loss"]
    mlm(tmp_path / "more", *flags, "--do_train", "--use_peft", "--load_adapter", tmp_path / "run")
    assert_different(tmp_path / "run", tmp_path / "more")


def test_evaluation_of_an_adapter_saves_nothing_but_the_scores(base, languages, tmp_path):
    common = [*PHRASES, "--dataset_config_name", "swh", "--model_name_or_path", base, "--do_eval"]
    with_adapter = mlm(tmp_path / "with", *common, "--load_adapter", languages["swh"])
    without = mlm(tmp_path / "without", *common)
    assert with_adapter["eval_loss"] != without["eval_loss"]
    assert {path.name for path in (tmp_path / "with").iterdir()} == {"run.json", "all_results.json"}


def test_perplexity_is_that_of_a_stock_model_whatever_the_batch_size(base, tmp_path):
    texts = [
        "Amina anaishi Nairobi .",
        "She reads a very long letter about the small town in the north .",
        "Yes .",
    ] * 3
    (tmp_path / "dev.txt").write_text("\n".join(texts))
    data = ["--validation_file", tmp_path / "dev.txt", "--model_name_or_path", base, "--do_eval", "--seed", 3]
    runs = [
        mlm(tmp_path / f"{size}", *data, "--per_device_eval_batch_size", size, "--mlm_probability", 0.4)
        for size in (1, 2, 9)
    ]

    tokenizer = AutoTokenizer.from_pretrained(base)
    model = XLMRobertaForMaskedLM.from_pretrained(base).eval()
    collate, losses, right = MaskingCollator(tokenizer, 0.4, seed=3), [], []
    for index, text in enumerate(texts):
        batch = collate([{"input_ids": tokenizer(text)["input_ids"], "index": index, "epoch": 0}])
        with torch.no_grad():
            logits = model(batch["input_ids"], attention_mask=batch["attention_mask"]).logits[0]
        for place, label in enumerate(batch["labels"][0].tolist()):
            if label != -100:
                losses.append(-logits[place].double().log_softmax(-1)[label].item())
                right.append(logits[place].argmax().item() == label)
    expected = sum(losses) / len(losses)
    for results in runs:
        assert math.isclose(results["eval_loss"], expected, rel_tol=1e-5)
        assert math.isclose(results["eval_perplexity"], math.exp(expected), rel_tol=1e-4)
        assert math.isclose(results["eval_accuracy"], sum(right) / len(right))


def test_accumulated_gradients_equal_the_doubled_batch(tmp_path):
    still = make_checkpoint(tmp_path / "still", hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    flags = [*PHRASES, "--train_adapter", "--adapter_name", "x", "--model_name_or_path", still, "--do_train"]
    flags += ["--max_steps", 4]
    mlm(tmp_path / "one", *flags, "--per_device_train_batch_size", 8)
    mlm(tmp_path / "two", *flags, "--per_device_train_batch_size", 4, "--gradient_accumulation_steps", 2)
    mlm(tmp_path / "half", *flags, "--per_device_train_batch_size", 4)
    assert_same(tmp_path / "one/x", tmp_path / "two/x", tolerance=1e-6)
    assert_different(tmp_path / "one/x", tmp_path / "half/x")


def test_blocks_and_text_files_in_several_pieces(base, tmp_path):
    for name in ("a", "b"):
        (tmp_path / f"{name}.txt").write_text("\n".join(sentences(number=6, seed=len(name))["text"]))
    files = ["--train_file", tmp_path / "a.txt", tmp_path / "b.txt", "--model_name_or_path", base]
    blocks = [flag for flag in MLM if flag != "--line_by_line"]
    results = run_mlm.main([*blocks, *map(str, files), "--output_dir", str(tmp_path / "run")])
    assert "eval_loss" not in results and results["train_loss"] > 0
    assert Path(tmp_path / "run/model.safetensors").is_file()
