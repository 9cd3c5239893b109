"""`publish.py`: every kind of folder goes out and comes back by the flags that readers use; mistakes are sentences."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from asked_here import ask_here
from peft import LoraConfig, PeftModel, get_peft_model
from tiny_runs import COMMON, MLM, NER, assert_same, refused, sentences
from transformers import AutoModelForSequenceClassification

from xlzoo.hub_cards import Facts, PublishError
from xlzoo.hub_cards.facts import facts_to_json
from xlzoo.run_scripts import publish, run_mlm, run_ner
from xlzoo.run_scripts.stages.folder_facts import completed, kind_of, known_facts
from xlzoo.run_scripts.stages.snippets import adapter_usage

PHRASES = ["--dataset_name", "phrasebook"]
BASE_ID = "FacebookAI/xlm-roberta-base"


def published(tmp_path, *flags):
    """Publish to a local folder for real, and return the tree."""
    receipt = publish.main([*map(str, flags), "--hub_dir", str(tmp_path / "hub")])
    return Path(receipt.where)


@pytest.fixture
def here(monkeypatch, tmp_path_factory):
    """Probes are asked in this process, for the sake of time; the code of a card runs in a fresh one all the same."""
    ask_here(monkeypatch, tmp_path_factory.mktemp("modules"))


@pytest.fixture(scope="module")
def base_with_id(base, tmp_path_factory):
    """The tiny checkpoint as one that an older release made from a model on the Hub."""
    folder = shutil.copytree(base, tmp_path_factory.mktemp("named") / "base")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "_name_or_path": BASE_ID}))
    return folder


# Round trips: what is published is taken by the flags of the other scripts.


def test_runs_output_becomes_a_model_to_start_from(base, here, tmp_path):
    """The folder of a run, with its checkpoints; published, it trains like the folder itself."""
    saving = ["--save_strategy", "steps", "--save_steps", "1", "--logging_steps", "1"]
    run_mlm.main([*MLM, *PHRASES, "--model_name_or_path", str(base), "--output_dir", str(tmp_path / "run"), *saving])
    tree = published(tmp_path, tmp_path / "run", "me/encoder", "--license", "mit", "--title", "My encoder")
    assert {path.name for path in tree.iterdir()} == {
        "README.md",
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
        "training_curve.png",
    }
    card = (tree / "README.md").read_text()
    assert "license: mit\n" in card and "# My encoder\n" in card and "perplexity" in card and str(tmp_path) not in card
    for name, start in (("a", tree), ("b", tmp_path / "run")):
        test = [*NER, *PHRASES, "--model_name_or_path", str(start), "--output_dir", str(tmp_path / name)]
        run_ner.main(test)
    assert_same(tmp_path / "a", tmp_path / "b")


def test_adapter_comes_back_through_load_adapter(base_with_id, tmp_path):
    """The code of its card runs on the base that stands in for the Hub id, and what it prints is in the card."""
    training = ["--train_adapter", "--model_name_or_path", str(base_with_id), "--output_dir", str(tmp_path / "run")]
    run_ner.main([*NER, *PHRASES, *training])
    tree = published(tmp_path, tmp_path / "run/ner", "me/ner", "--base_model", base_with_id)
    card = (tree / "README.md").read_text()
    assert f"base_model: {BASE_ID}\n" in card and f'from_pretrained("{BASE_ID}", num_labels=7)' in card
    assert 'load_adapter("me/ner", with_head=True)' in card and 'load_adapter("me/ner", use_safetensors=True)' in card
    assert "ner O B-PER I-PER B-LOC I-LOC B-ORG I-ORG\n" in card, "the labels are what it prints"
    assert json.loads((tree / "adapter_config.json").read_text())["model_name"] == BASE_ID
    test = [*COMMON, *PHRASES, "--do_predict", "--model_name_or_path", str(base_with_id), "--load_adapter"]
    scores = [
        run_ner.main([*test, str(path), "--output_dir", str(tmp_path / f"test-{number}")])
        for number, path in enumerate((tree, tmp_path / "run/ner"))
    ]
    assert scores[0]["test_loss"] == scores[1]["test_loss"]


def test_dataset_comes_back_through_dataset_name(base, here, tmp_path):
    source = tmp_path / "texts"
    source.mkdir()
    for split, number in (("train", 12), ("validation", 5)):
        rows = sentences("swh", number, seed=number)["text"]
        (source / f"{split}.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in rows))
    said = ["--language", "Swahili", "--license", "cc0-1.0", "--task_categories", "fill-mask"]
    tree = published(tmp_path, source, "me/texts", *said)
    card = (tree / "README.md").read_text()
    assert "| train | 12 |\n| validation | 5 |\n" in card and "- n<1K\n" in card and "- Tasks: fill-mask\n" in card
    assert "- sw\n" in card and "train 12 ['text']\nvalidation 5 ['text']\n" in card
    training = [*MLM, "--model_name_or_path", str(base), "--dataset_name"]
    scores = [
        run_mlm.main([*training, str(folder), "--output_dir", str(tmp_path / f"run-{number}")])
        for number, folder in enumerate((tree, source))
    ]
    assert scores[0]["eval_loss"] == scores[1]["eval_loss"]


@pytest.fixture(scope="module")
def lora(base, tmp_path_factory):
    """A LoRA adapter with a classifier of three labels that is not at its initial values."""
    folder = tmp_path_factory.mktemp("lora") / "lora"
    torch.manual_seed(1)
    model = AutoModelForSequenceClassification.from_pretrained(base, num_labels=3)
    peft = get_peft_model(model, LoraConfig(task_type="SEQ_CLS", r=2, init_lora_weights=False))
    peft.save_pretrained(folder)
    return folder


def test_peft_adapter(lora, base, base_with_id, here, tmp_path):
    tree = published(tmp_path, lora, "me/lora", "--base_model", base_with_id, "--language", "en")
    card = (tree / "README.md").read_text()
    assert f"base_model: {BASE_ID}\n" in card and "library_name: peft\n" in card and "- lora\n" in card
    assert str(base) in (lora / "README.md").read_text(), "this is what PEFT writes of a local base model"
    assert "# me/lora\n" in card
    assert str(base) not in (tree / "adapter_config.json").read_text()
    answers = []
    for folder in (tree, lora):
        torch.manual_seed(2)
        model = AutoModelForSequenceClassification.from_pretrained(base, num_labels=3)
        model = PeftModel.from_pretrained(model, folder).eval()
        answers.append(model(torch.arange(5, 17).reshape(2, 6)).logits)
    assert torch.equal(*answers)
    count = sum(value.numel() for name, value in model.named_parameters() if ".default." in name)
    assert f"{count} parameters on top of a XLMRobertaForSequenceClassification\n" in card


def test_merged_peft_adapter_is_a_model(lora, base, base_with_id, here, tmp_path):
    """Merged into the weights it is published as a model that needs no PEFT, and says what it was merged into."""
    plain = AutoModelForSequenceClassification.from_pretrained(base, num_labels=3)
    adapted = PeftModel.from_pretrained(plain, lora).eval()
    ids = torch.arange(5, 17).reshape(2, 6)
    expected = adapted(ids).logits
    adapted.merge_and_unload().save_pretrained(tmp_path / "merged")
    relation = ["--base_model", base_with_id, "--base_model_relation", "merge"]
    tree = published(tmp_path, tmp_path / "merged", "me/merged", *relation)
    card = (tree / "README.md").read_text()
    assert f"base_model: {BASE_ID}\nbase_model_relation: merge\n" in card and "library_name: transformers\n" in card
    assert f"This is [{BASE_ID}]" in card and "with what was trained merged into its weights." in card
    again = AutoModelForSequenceClassification.from_pretrained(tree).eval()
    assert not list(tree.glob("adapter*")) and (again(ids).logits - expected).abs().max() < 1e-5


# What a card says without a run, and what flags change.


@pytest.fixture
def folder(base, tmp_path):
    return shutil.copytree(base, tmp_path / "model")


HEADER = """---
license: cc-by-4.0
language: [sw, no]
base_model: {base}
datasets: [org/rows]
tags: [mine, "arxiv:2001.12345", "base_model:adapter:{base}"]
pipeline_tag: fill-mask
model-index:
- name: m
  results:
  - task: {{type: fill-mask}}
    dataset: {{type: org/rows, name: rows, split: test, config: sw}}
    metrics: [{{type: perplexity, value: 12.5}}, {{type: listing, value: [1, 2]}}]
---
# Our model

It was made by hand.
"""


def test_facts_of_a_card_and_of_flags(folder, door, monkeypatch, tmp_path):
    monkeypatch.setattr("xlzoo.run_scripts.stages.publish_folder.probe_of_folder", pretend_probe)
    (folder / "README.md").write_text(HEADER.format(base="org/base"))
    publish.main([str(folder), "me/model", "--dry_run"])
    facts = door.only.facts
    assert (facts.kind, facts.title, facts.license, facts.languages) == (
        "model",
        "Our model",
        "cc-by-4.0",
        ("sw", "no"),
    )
    assert (facts.base_model, facts.datasets, facts.tags) == ("org/base", ("org/rows",), ("mine",))
    assert (facts.pipeline_tag, facts.library_name) == ("fill-mask", "transformers")
    assert facts.paper == "2001.12345"
    (metric,) = facts.metrics
    assert (metric.dataset, metric.split, metric.name, metric.value) == ("org/rows", "test", "perplexity", 12.5)
    assert 'AutoModelForMaskedLM.from_pretrained("{repo_id}")' in facts.usage

    said = [
        "--title",
        "T",
        "--license",
        "mit",
        "--language",
        "Hausa",
        "swh",
        "--tags",
        "a",
        "b",
        "--paper",
        "2001.00001",
    ]
    publish.main([str(folder), "me/model", "--dry_run", *said, "--base_model", "org/other", "--summary", "S."])
    changed = door.parcels[1].facts
    assert changed.base_model == "org/other"
    assert replace(changed, base_model="org/base") == replace(
        facts, title="T", license="mit", languages=("ha", "sw"), tags=("a", "b"), paper="2001.00001", summary="S."
    )


def test_path_in_a_card_does_not_get_into_the_next(folder, door, monkeypatch, tmp_path):
    monkeypatch.setattr("xlzoo.run_scripts.stages.publish_folder.probe_of_folder", pretend_probe)
    (folder / "README.md").write_text(HEADER.format(base=tmp_path / "gone"))
    publish.main([str(folder), "me/model", "--dry_run"])
    assert door.only.facts.base_model is None and "Hub id" in door.only.facts.base_note


def pretend_probe(folder, kind, work, *_):
    """No process is started: the door does not compare."""
    from xlzoo.hub_cards.probes import Probe

    return Probe(kind, work, {})


def test_facts_of_the_run_around_count_for_its_own_kind_only(base, languages, tmp_path):
    adapter = languages["eng"]
    facts = known_facts(adapter, "adapter")
    assert facts.title == "MAD-X language adapter for English" and facts.recipe
    assert known_facts(adapter, "peft") == Facts(kind="peft")
    (tmp_path / "facts.json").write_text(facts_to_json(Facts(title="the run's")))
    (tmp_path / "checkpoint-2").mkdir()
    assert known_facts(tmp_path / "checkpoint-2", "model") == Facts(), "the scores are of another checkpoint"
    assert known_facts(tmp_path, "model").title == "the run's"


@pytest.mark.parametrize(
    ("files", "kind"),
    [
        ({"adapter_config.json": '{"peft_type": "LORA"}'}, "peft"),
        ({"adapter_config.json": '{"name": "x", "config": {}}', "config.json": "{}"}, "adapter"),
        ({"config.json": "{}", "train.jsonl": "{}"}, "model"),
        ({"data/train.parquet": "", "README.md": ""}, "dataset"),
        ({"test.csv": ""}, "dataset"),
    ],
)
def test_kinds(tmp_path, files, kind):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert kind_of(tmp_path) == kind


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (None, ["import MadxForMaskedLM\n", 'load_adapter("{repo_id}")']),
        ("tagging", ["import MadxForTokenClassification\n", 'from_pretrained("b", num_labels=3)', "with_head=True"]),
        ("classification", ["import MadxForSequenceClassification\n", "with_head=True"]),
        ("dependency_parsing", ["import MadxForMaskedLM\n", 'load_adapter("{repo_id}")']),
    ],
)
def test_code_for_adapters(head, words):
    code = adapter_usage("b", head, 3)
    compile(code, "usage", "exec")
    assert all(word in code for word in words)


@pytest.mark.parametrize(
    ("config", "auto", "pipeline"),
    [
        ({"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"]}, "AutoModelForCausalLM", "text-generation"),
        ({"model_type": "xlm-roberta", "architectures": ["XLMRobertaModel"]}, "AutoModel", ""),
        ({"model_type": "xlm-roberta"}, "AutoModel", ""),
        (
            {
                "model_type": "own",
                "architectures": ["OwnTagger"],
                "auto_map": {"AutoConfig": "own.C", "AutoModelForTokenClassification": "own.OwnTagger"},
            },
            "AutoModelForTokenClassification",
            "token-classification",
        ),
    ],
)
def test_code_for_models(tmp_path, config, auto, pipeline):
    (tmp_path / "config.json").write_text(json.dumps(config))
    facts = completed(Facts(), tmp_path, None)
    assert f"from transformers import {auto}\n" in facts.usage and facts.pipeline_tag == pipeline
    assert ("trust_remote_code=True" in facts.usage) == ("auto_map" in config)


# Mistakes


def test_where_it_cannot_go(folder, tmp_path):
    local = ["--hub_dir", str(tmp_path / "hub")]
    for flags, words in (
        ([*local, "--private"], ["no use for a private repository"]),
        ([*local, "--hub_revision", "main"], ["no use for a revision"]),
        ([*local, "--hub_token", "x"], ["no use for a token"]),
        (["--dry_run", "--hub_revision", "refs/x"], ["'refs/x'"]),
        ([], ["HF_HUB_OFFLINE"]),
        ([*local, "--kind", "picture"], ["picture", "adapter"]),
        ([*local, "--language", "klingonish"], ["klingonish"]),
        ([*local, "--licence", "mit"], ["--licence"]),
    ):
        refused(lambda flags=flags: publish.main([str(folder), "me/model", *flags]), *words)
    refused(lambda: publish.main([str(folder), "a/b/c", *local]), "'a/b/c'")
    refused(lambda: publish.main([str(folder)]), "repo_id")
    refused(lambda: publish.main([str(tmp_path / "none"), "me/model", *local]), "none", "no folder")
    assert not (tmp_path / "hub").exists()


def test_folders_that_cannot_be_published(folder, lora, languages, tmp_path):
    call = lambda path, *flags: publish.main([str(path), "me/x", "--dry_run", *flags])  # noqa: E731
    (tmp_path / "empty").mkdir()
    refused(lambda: call(tmp_path / "empty"), "holds nothing to publish", "adapter_config.json")
    two = shutil.copytree(languages["eng"].parent, tmp_path / "two")
    shutil.copytree(languages["eng"], two / "other")
    refused(lambda: call(two), "several adapters")
    nobody = shutil.copytree(lora, tmp_path / "nobody")
    (nobody / "README.md").unlink()
    config = json.loads((nobody / "adapter_config.json").read_text())
    (nobody / "adapter_config.json").write_text(json.dumps({**config, "base_model_name_or_path": None}))
    refused(lambda: call(nobody), "names no base model", "--base_model")
    sentence(lambda: call(nobody, "--base_model", "nobody/nothing"), "nobody/nothing")
    (nobody / "adapter_config.json").write_text("{")
    refused(lambda: call(nobody), "adapter_config.json", "JSON")
    (folder / "README.md").write_text("---\ntags: {a: 1}\n---\n")
    refused(lambda: call(folder), "README.md", "tags")
    (folder / "README.md").write_text("---\nbase_model: [a, b]\n---\n")
    refused(lambda: call(folder), "README.md", "2 models")
    (folder / "README.md").write_text("---\nmodel-index: 3\n---\n")
    refused(lambda: call(folder), "README.md")


def test_code_of_a_folder_runs_only_if_told_so(task_run, tmp_path):
    copy = shutil.copytree(task_run, tmp_path / "copy")
    with (copy / "modeling_madx.py").open("a") as code:
        code.write(f"\nopen({str(tmp_path / 'executed')!r}, 'w')\n")
    flags = [str(copy), "me/model", "--hub_dir", str(tmp_path / "hub")]
    sentence(lambda: publish.main(flags), str(copy), "--trust_remote_code")
    assert not (tmp_path / "executed").exists() and not (tmp_path / "hub").exists()


def sentence(call, *words):
    with pytest.raises(PublishError) as caught:
        call()
    assert "\n" not in str(caught.value)
    for word in words:
        assert word in str(caught.value)


def test_program(folder, tmp_path):
    """As `python run_scripts/publish.py`: a sentence and exit code 2."""
    (folder / "config.json").write_text("{")
    command = [sys.executable, publish.__file__, str(folder), "me/model", "--dry_run"]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "") and "config.json" in done.stderr
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
