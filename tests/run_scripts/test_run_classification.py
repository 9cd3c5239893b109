"""Classifiers of sentence pairs: what is trained and what stays, scores by language, resuming, and publishing."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from killed_runs import in_step, killed_at
from safetensors.torch import load_file
from tiny_runs import COMMON, assert_different, assert_same, make_checkpoint, refused, tensors
from transformers import AutoTokenizer, XLMRobertaForSequenceClassification

from xlzoo.modeling.modeling_madx import MadxForSequenceClassification
from xlzoo.run_scripts import run_classification
from xlzoo.run_scripts.corpora.phrasebook import load_phrasebook
from xlzoo.run_scripts.models.peft_adapters import load_peft

PHRASES = ["--dataset_name", "phrasebook", "--save_strategy", "no", "--per_device_train_batch_size", "4"]
TRAIN = [*PHRASES, "--do_train", "--max_steps", "2"]
TEST = [*PHRASES, "--do_predict"]
LABELS = ("entailment", "neutral", "contradiction")


def classify(folder, *flags):
    return run_classification.main([*COMMON, "--output_dir", str(folder), *map(str, flags)])


@pytest.fixture(scope="module")
def full(base, tmp_path_factory):
    """A classifier of which all weights were trained, for two steps."""
    folder = tmp_path_factory.mktemp("full") / "run"
    classify(folder, *TRAIN, "--do_eval", "--model_name_or_path", base)
    return folder


@pytest.fixture(scope="module")
def lora(base, tmp_path_factory):
    folder = tmp_path_factory.mktemp("lora") / "run"
    classify(folder, *TRAIN, "--use_peft", "--model_name_or_path", base)
    return folder


def test_full_training_writes_a_stock_classifier(base, full):
    model, found = XLMRobertaForSequenceClassification.from_pretrained(full, output_loading_info=True)
    assert not found["missing_keys"] and tuple(model.config.id2label.values()) == LABELS
    assert "auto_map" not in json.loads((full / "config.json").read_text())
    before, after = load_file(base / "model.safetensors"), tensors(full)
    moved = [key for key in before if f"model.safetensors:{key}" in after]
    assert sum(not torch.equal(before[key], after[f"model.safetensors:{key}"]) for key in moved) > len(moved) * 0.8


def test_scores_are_those_of_the_saved_model(full, tmp_path):
    """Worked out with the stock model, pair by pair, for the language of training and two others."""
    results = classify(tmp_path / "test", *TEST, "--model_name_or_path", full, "--test_config_name", "sw", "de")
    model, tokenizer = XLMRobertaForSequenceClassification.from_pretrained(full), AutoTokenizer.from_pretrained(full)
    expected = {}
    for language in ("eng", "swh", "deu"):
        rows = load_phrasebook(language, sizes={"test": 12})["test"]
        encoded = [tokenizer(row["premise"], row["hypothesis"], truncation=True, max_length=48) for row in rows]
        with torch.no_grad():
            best = [model.eval()(torch.tensor([ids["input_ids"]])).logits[0].argmax().item() for ids in encoded]
        names = rows.features["label"].names
        hits = [LABELS[found] == names[gold] for found, gold in zip(best, rows["label"], strict=True)]
        expected[language] = sum(hits) / 12
    assert {language: results[f"test_{language}_accuracy"] for language in expected} == expected
    assert results["test_mean_accuracy"] == pytest.approx(sum(expected.values()) / 3)


@pytest.mark.parametrize(("kind", "part"), [("lora", ".lora_"), ("ia3", ".ia3_l")])
def test_peft_leaves_the_encoder_as_it_was(base, tmp_path, kind, part):
    results = classify(
        tmp_path / "run", *TRAIN, "--do_eval", "--use_peft", "--peft_type", kind, "--model_name_or_path", base
    )
    saved = load_file(tmp_path / "run/adapter_model.safetensors")
    assert all(part in key or ".classifier." in key for key in saved) and any(part in key for key in saved)
    assert not (tmp_path / "run/model.safetensors").exists()
    flags = [*PHRASES, "--do_eval", "--model_name_or_path", base, "--load_adapter", tmp_path / "run"]
    again = classify(tmp_path / "again", *flags)
    assert again["eval_loss"] == pytest.approx(results["eval_loss"], rel=1e-6)
    flags = [*TRAIN, "--use_peft", "--model_name_or_path", base, "--load_adapter", tmp_path / "run"]
    classify(tmp_path / "more", *flags)
    more = load_file(tmp_path / "more/adapter_model.safetensors")
    for moves in (part, ".classifier."):
        assert any(not torch.equal(value, more[key]) for key, value in saved.items() if moves in key), moves


def test_a_task_adapter_stands_on_a_language_and_swaps_it(base, languages, tmp_path):
    stack = ["--train_adapter", "--load_lang_adapter", languages["eng"], "--model_name_or_path", base]
    classify(tmp_path / "run", *TRAIN, *stack)
    whole, before = load_file(tmp_path / "run/model.safetensors"), load_file(base / "model.safetensors")
    assert all(torch.equal(whole[key], value) for key, value in before.items() if not key.startswith("lm_head"))
    names = {path.name for path in (tmp_path / "run/xnli").iterdir()}
    assert {"adapter.safetensors", "model_head.safetensors", "head_config.json", "facts.json"} <= names
    swapped = ["--load_adapter", languages["swh"], tmp_path / "run/xnli", "--model_name_or_path", base]
    results = classify(tmp_path / "test", *TEST, "--dataset_config_name", "sw", *swapped)
    model = MadxForSequenceClassification.from_pretrained(base, num_labels=3)
    names = [model.load_adapter(languages["swh"]), model.load_adapter(tmp_path / "run/xnli", with_head=True)]
    model.set_active_adapters(names)
    rows, tokenizer = load_phrasebook("swh", sizes={"test": 12})["test"], AutoTokenizer.from_pretrained(base)
    losses = []
    for row in rows:
        encoded = tokenizer(row["premise"], row["hypothesis"], truncation=True, max_length=48, return_tensors="pt")
        with torch.no_grad():
            logits = model.eval()(**encoded).logits
        gold = LABELS.index(rows.features["label"].names[row["label"]])
        losses.append(torch.nn.functional.cross_entropy(logits, torch.tensor([gold])).item())
    assert results["test_loss"] == pytest.approx(sum(losses) / 12, rel=1e-5)
    composed = classify(tmp_path / "composed", *TEST, "--model_name_or_path", tmp_path / "run")
    assert composed["test_accuracy"] >= 0


def test_a_classifier_keeps_the_order_of_its_labels(base, tmp_path):
    """One that numbers its labels the other way round, as some on the Hub do, is evaluated and trained on as it is."""
    torch.manual_seed(2)
    names = dict(enumerate(reversed(LABELS)))
    model = XLMRobertaForSequenceClassification.from_pretrained(
        base, id2label=names, label2id={name: i for i, name in names.items()}
    )
    model.save_pretrained(tmp_path / "other")
    AutoTokenizer.from_pretrained(base).save_pretrained(tmp_path / "other")
    classify(tmp_path / "more", *TRAIN, "--model_name_or_path", tmp_path / "other")
    config = json.loads((tmp_path / "more/config.json").read_text())
    assert config["id2label"] == {str(i): name for i, name in names.items()}


def test_the_published_recipe(base, tmp_path):
    """Its flags, with a tiny model and the phrasebook in place of what cannot be had offline."""
    small = [*COMMON, *PHRASES[:2], "--dataset_config_name", "eng", "--model_name_or_path", str(base), "--use_cpu"]
    small += ["--fp16", "false", "--num_train_epochs", "2", "--test_config_name", "sw"]
    results = run_classification.main(["recipes/adamergex_xlmr.yaml", *small, "--output_dir", str(tmp_path / "run")])
    assert {"eval_accuracy", "test_swh_accuracy", "test_mean_accuracy"} <= results.keys()


def test_training_learns(base, tmp_path):
    rows = load_phrasebook("eng", sizes={"train": 12})["train"]
    names = rows.features["label"].names
    lines = [{**{k: row[k] for k in ("premise", "hypothesis")}, "label": names[row["label"]]} for row in rows]
    (tmp_path / "t.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    files = [
        "--train_file",
        tmp_path / "t.jsonl",
        "--validation_file",
        tmp_path / "t.jsonl",
        "--do_train",
        "--do_eval",
    ]
    fast = ["--max_steps", 60, "--learning_rate", "2e-3", "--per_device_train_batch_size", 12, "--save_strategy", "no"]
    assert classify(tmp_path / "run", *files, *fast, "--model_name_or_path", base)["eval_accuracy"] > 0.9


def test_killed_runs_end_as_if_they_had_not_been(base, tmp_path):
    saving = ["--save_strategy", "steps", "--save_steps", "3", "--max_steps", "8", "--do_train"]
    flags = [*COMMON, *PHRASES, *saving, "--use_peft", "--lora_dropout", "0.2", "--model_name_or_path", str(base)]
    killed_at(run_classification.main, [*flags, "--output_dir", str(tmp_path / "killed")], in_step, 5)
    resume = ["--resume_from_checkpoint", "last"]
    run_classification.main([*flags, "--output_dir", str(tmp_path / "killed"), *resume])
    run_classification.main([*flags, "--output_dir", str(tmp_path / "whole")])
    assert_same(tmp_path / "killed", tmp_path / "whole")


def test_half_precision_learns_nearly_the_same(base, tmp_path):
    flags = [*TRAIN, "--do_eval", "--model_name_or_path", base, "--use_peft"]
    losses = [
        classify(tmp_path / f"run{len(more)}", *flags, *more)["eval_loss"]
        for more in ((), ("--bf16", "true", "--use_cpu"))
    ]
    assert losses[0] != losses[1] == pytest.approx(losses[0], rel=0.02)


def test_two_processes_and_accumulation_equal_one(tmp_path):
    """Forty rows in steps of sixteen: the last step of an epoch has eight, in one batch or in two of four."""
    still = make_checkpoint(tmp_path / "still", hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    flags = [*COMMON, "--dataset_name", "phrasebook", "--save_strategy", "no", "--model_name_or_path", str(still)]
    flags += ["--do_train", "--do_predict", "--test_config_name", "sw", "--max_steps", "3", "--use_cpu"]
    flags += ["--optim", "sgd", "--learning_rate", "0.1", "--per_device_train_batch_size"]

    def run(name, *more):
        return run_classification.main([*flags, *more, "--output_dir", str(tmp_path / name)])

    run("whole", "16")
    run("parts", "4", "--gradient_accumulation_steps", "4")
    assert_same(tmp_path / "parts", tmp_path / "whole", tolerance=1e-5)

    even = ["--max_train_samples", "32", "--output_dir"]
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    both = [str(Path(run_classification.__file__)), *flags, "8", *even, str(tmp_path / "both")]
    done = subprocess.run([*command, *both], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    one = run("one", "16", *even[:2])
    assert_same(tmp_path / "both", tmp_path / "one", tolerance=1e-5)
    assert_different(tmp_path / "one", tmp_path / "whole")
    results = json.loads((tmp_path / "both/all_results.json").read_text())
    assert results["test_swh_accuracy"] == one["test_swh_accuracy"]
    assert results["test_swh_loss"] == pytest.approx(one["test_swh_loss"], abs=1e-5)


def test_what_is_published_is_what_was_trained(base, full, lora, tmp_path, door):
    flags = [*TRAIN, "--do_predict", "--test_config_name", "swh", "--model_name_or_path", base, "--hub_model_id"]
    kinds = {"full": [], "lora": ["--use_peft"], "task": ["--train_adapter"]}
    for name, more in kinds.items():
        classify(tmp_path / name, *flags, f"me/{name}", "--hub_dir", tmp_path / "hub", *more)
    facts = {parcel.repo_id: parcel.facts for parcel in door.parcels}
    assert [facts[f"me/{name}"].kind for name in kinds] == ["model", "peft", "adapter"]
    tested = {metric.language: metric.value for metric in facts["me/full"].metrics if metric.split == "test"}
    results = json.loads((tmp_path / "full/all_results.json").read_text())
    assert tested == {"en": results["test_eng_accuracy"], "sw": results["test_swh_accuracy"]}
    assert facts["me/lora"].title == "LoRA task adapter for natural language inference, trained in English"


def test_the_card_of_a_classifier_runs(base, tmp_path):
    """Through the real door: loaded in a fresh process, with its code run."""
    flags = ["--model_name_or_path", base, "--hub_dir", tmp_path / "hub", "--hub_model_id", "me/nli"]
    classify(tmp_path / "run", *TRAIN, *flags)
    card = (tmp_path / "hub/me/nli/README.md").read_text()
    assert "pipeline_tag: text-classification" in card and "contradiction" in card and "It prints" in card


def test_adapters_of_the_reference_task_have_the_same_names(lora, base):
    """AdaMergeX needs one set of modules for the task's and for the reference's adapters."""
    keys = {key for key in load_file(lora / "adapter_model.safetensors") if ".classifier." not in key}
    assert {key.split(".")[-3] for key in keys} == {"query", "value"}
    model = XLMRobertaForSequenceClassification.from_pretrained(base, num_labels=3)
    assert load_peft(model, str(lora)).active_peft_config.task_type == "SEQ_CLS"


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--use_peft", "--train_adapter"], "--use_peft"),
        (["--use_peft", "--peft_type", "prefix"], "takes no prefix"),
        (["--use_peft", "--target_modules", "nowhere"], "--target_modules"),
        (["--max_seq_length", "100"], "--max_seq_length"),
        (["--dataset_config_name", "eng-swh"], "sentence1"),
        (["--do_predict", "--test_config_name", "xx"], "xx"),
        (["--text_column_name", "premise"], "give both"),
        (["--load_adapter", "LORA", "LORA"], "give it alone"),
    ],
)
def test_mistakes_end_in_one_sentence_before_training(base, lora, tmp_path, flags, words, nothing_starts):
    flags = [lora if flag == "LORA" else flag for flag in flags]
    refused(lambda: classify(tmp_path / "out", *TRAIN, "--model_name_or_path", base, *flags), words)


def test_an_encoder_is_no_classifier(base, tmp_path, nothing_starts):
    refused(lambda: classify(tmp_path / "out", *TEST, "--model_name_or_path", base), "no trained classifier")
