"""Scores of `run_eval.py` in the card of what was measured, and of nothing else."""

import json
from pathlib import Path

import pytest
from asked_here import ask_here
from huggingface_hub import metadata_load
from known_folders import AFTER, WORDS, write_bigrams, write_rows
from peft import LoraConfig, get_peft_model
from tiny_runs import refused
from transformers import GPT2LMHeadModel

from xlzoo.run_scripts import publish, run_eval
from xlzoo.run_scripts.stages.eval_facts import measured_metrics, with_metrics
from xlzoo.run_scripts.stages.folder_facts import known_facts

TASKS = ["xnli", "xcopa", "mgsm", "tatoeba"]


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A model, a LoRA adapter on it, and data in Swahili."""
    root = tmp_path_factory.mktemp("root")
    write_bigrams(root / "model", WORDS, AFTER, positions=64)
    lora = LoraConfig(task_type="CAUSAL_LM", r=2, target_modules=["c_attn"], fan_in_fan_out=True)
    get_peft_model(GPT2LMHeadModel.from_pretrained(root / "model"), lora).save_pretrained(root / "lora")
    write_rows(root / "data/xnli/sw/validation.jsonl", [{"premise": "Yeye", "hypothesis": "H", "label": 0}] * 3)
    row = {"premise": "Moja?.", "choice1": "ni", "choice2": "H", "question": "cause", "label": 0}
    write_rows(root / "data/xcopa/sw/test.jsonl", [row, row])
    for folder, files in {
        "mgsm": {"sw.tsv": "Moja?\t18\n"},
        "tatoeba": {"swh-eng.swh": "H\n", "swh-eng.eng": "H\n"},
    }.items():
        (root / "data" / folder).mkdir()
        for name, text in files.items():
            (root / "data" / folder / name).write_text(text)
    return root


def evaluated(root, file, *flags):
    asked = ["--lang", "sw", "--data_dir", root / "data", "--max_new_tokens", 4, "--device", "cpu"]
    run_eval.main([*map(str, ("--model_path", root / "model", *asked, "--output_file", file, *flags))])
    return file


@pytest.fixture(scope="module")
def results(root, tmp_path_factory):
    return evaluated(root, tmp_path_factory.mktemp("results") / "eval.json", "--task", *TASKS)


def test_scores_reach_the_card(root, results, tmp_path, monkeypatch, tmp_path_factory):
    """The model-index and the page tell task, data, language, metric, way of scoring and number of examples."""
    ask_here(monkeypatch, tmp_path_factory.mktemp("modules"))
    flags = ["--license", "mit", "--results", str(results), "--hub_dir", str(tmp_path / "hub")]
    tree = Path(publish.main([str(root / "model"), "me/bigrams", *flags]).where)
    [index] = metadata_load(tree / "README.md")["model-index"]
    found = {
        (result["task"]["type"], result["dataset"]["type"], result["dataset"]["split"]): {
            metric["name"]: (metric["type"], metric["value"]) for metric in result["metrics"]
        }
        for result in index["results"]
    }
    assert all(result["dataset"]["config"] == "sw" for result in index["results"])
    how = "0-shot, local files"
    assert found["text-classification", "facebook/xnli", "validation"] == {
        f"accuracy (by likelihood, {how}, 3 examples)": ("accuracy", 1.0),
        f"accuracy (by normalized, {how}, 3 examples)": ("accuracy", 0.0),
        f"accuracy (by pmi, {how}, 3 examples)": ("accuracy", 0.0),
    }
    assert set(found["multiple-choice", "cambridgeltl/xcopa", "test"]) == {
        f"accuracy (by {way}, {how}, 2 examples)" for way in ("likelihood", "normalized", "pmi")
    }
    written = found["text-generation", "juletxara/mgsm", "test"]
    assert written[f"accuracy (of the last number, {how}, 1 example)"] == ("accuracy", 1.0)
    assert f"exact_match (flexible-extract, {how}, 1 example)" in written
    [(name, _), *_] = found["sentence-similarity", "mteb/tatoeba-bitext-mining", "test"].items()
    assert name == "recall_to_eng (mean vectors, local files, 1 example)" and len(found) == 4
    page = (tree / "README.md").read_text()
    row = (
        f"| text-classification | facebook/xnli | validation | sw | accuracy | by likelihood, {how}, 3 examples | 1 |"
    )
    assert row in page and "| metric | how | value |" in page
    # What was published can be published again, with the same scores, once.
    kept = known_facts(tree, "model")
    assert with_metrics(kept, measured_metrics([results], root / "model", "model")).metrics == kept.metrics


def test_scores_of_other_weights_are_refused(root, results, tmp_path):
    other = write_bigrams(tmp_path / "other", WORDS, {"ni": {"18": 0.5}}, positions=64)
    for folder, kind, words in (
        (other, "model", ["other weights", f"--model_path {other}"]),
        (root / "lora", "peft", ["other weights", "--load_adapter"]),
        (root / "data", "dataset", ["neither"]),
    ):
        refused(lambda folder=folder, kind=kind: measured_metrics([results], folder, kind), "--results", *words)
    adapted = evaluated(root, tmp_path / "lora.json", "--task", "xcopa", "--load_adapter", root / "lora")
    assert len(measured_metrics([adapted], root / "lora", "peft")) == 3
    refused(lambda: measured_metrics([adapted], root / "model", "model"), "other weights")
    # A model that was trained further in the same folder cannot go on with the scores of before.
    refused(lambda: evaluated(root, adapted, "--task", "xcopa"), "another run")


@pytest.mark.parametrize("text", ["", "[]", '{"results": {}}', '{"settings": 1, "results": {}}'])
def test_no_file_of_scores(root, tmp_path, text):
    (tmp_path / "eval.facts.json").write_text(text)
    refused(lambda: measured_metrics([tmp_path / "eval.facts.json"], root / "model", "model"), "the .json file")


def test_damaged_scores(root, results, tmp_path):
    known = json.loads(results.read_text())
    known["results"]["xnli_sw"]["scores"]["acc"] = "much"
    (tmp_path / "eval.json").write_text(json.dumps(known))
    refused(lambda: measured_metrics([tmp_path / "eval.json"], root / "model", "model"), "no file of scores")
