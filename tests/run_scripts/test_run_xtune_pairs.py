"""run_xtune.py on sentence pairs: both stages, what moves and what stays, scores by language, labels, and cards."""

import json

import pytest
import torch
import xtune_runs
from safetensors.torch import load_file
from tiny_runs import COMMON, refused, sentences
from transformers import AutoTokenizer, XLMRobertaForSequenceClassification
from xtune_runs import trained_twice, xtune

from xlzoo.run_scripts import run_classification
from xlzoo.run_scripts.objectives.consistency_config import PUBLISHED
from xlzoo.run_scripts.stages.xtune_tasks import KINDS

TRAIN = [*xtune_runs.TRAIN, "--task_name", "xnli"]
LABELS = ("entailment", "neutral", "contradiction")


@pytest.fixture(scope="module")
def switching(base, tmp_path_factory):
    """Flags of a run with the published views: every second word of the phrasebook, written backwards."""
    folder = tmp_path_factory.mktemp("dicts")
    words = sorted({word.lower() for row in sentences(number=200) for word in row["tokens"]})
    (folder / "en-de.txt").write_text("".join(f"{word}\t{word[::-1]}\n" for word in words[::2]))
    return ["--dictionaries", folder, "--model_name_or_path", base]


@pytest.fixture(scope="module")
def both(switching, tmp_path_factory):
    folder = tmp_path_factory.mktemp("both") / "run"
    tests = ["--do_eval", "--do_predict", "--test_config_name", "sw", "de"]
    return folder, xtune(folder, *TRAIN, *tests, *switching, "--learning_rate", "5e-3")


def test_both_stages_end_in_stock_classifiers(base, both):
    folder, _ = both
    for model in trained_twice(base, folder, XLMRobertaForSequenceClassification):
        assert tuple(model.config.id2label.values()) == LABELS
    facts = json.loads((folder / "stage-2/facts.json").read_text())
    assert facts["paper"] == "2106.08226" and {"xtune", "xnli"} <= set(facts["tags"])
    assert facts["pipeline_tag"] == "text-classification" and facts["title"].startswith("XLM-R for natural language")


def test_scores_are_those_of_run_classification(both, tmp_path):
    """The saved classifier, tested by the other script in all three languages; means and gap by hand."""
    folder, results = both
    flags = ["--dataset_name", "phrasebook", "--do_predict", "--test_config_name", "sw", "de"]
    start = ["--model_name_or_path", str(folder / "stage-2"), "--output_dir", str(tmp_path / "test")]
    found = run_classification.main([*COMMON, *flags, *start])
    scores = {code: found[f"test_{code}_accuracy"] for code in ("eng", "swh", "deu")}
    assert {code: results[f"test_{code}_accuracy"] for code in scores} == scores
    assert [results[f"test_{code}_loss"] for code in scores] == pytest.approx(
        [found[f"test_{code}_loss"] for code in scores], rel=1e-5
    )
    others = (scores["swh"] + scores["deu"]) / 2
    assert results["test_mean_accuracy"] == pytest.approx(sum(scores.values()) / 3)
    assert results["test_gap_accuracy"] == pytest.approx(scores["eng"] - others)
    report = json.loads((folder / "results.json").read_text())
    assert report["task"] == "xnli" and report["scores"]["2"] == scores and report["source"] == "eng"


@pytest.mark.parametrize("kind", ["adapter", "lora", "ia3"])
def test_adapters_leave_the_encoder_as_it_was(base, languages, switching, tmp_path, kind):
    madx = ["--train_adapter", "--load_lang_adapter", languages["eng"]]
    flags = madx if kind == "adapter" else ["--use_peft", "--peft_type", kind]
    xtune(tmp_path / "run", *TRAIN, *switching, *flags)
    before, saved = load_file(base / "model.safetensors"), []
    for stage in ("stage-1", "stage-2"):
        folder = tmp_path / "run" / stage
        if kind == "adapter":
            whole = load_file(folder / "model.safetensors")
            encoder = {key: value for key, value in before.items() if not key.startswith("lm_head")}
            assert all(torch.equal(whole[key], value) for key, value in encoder.items())
            names = {path.name for path in (folder / "xnli").iterdir()}
            assert {"adapter.safetensors", "model_head.safetensors", "facts.json"} <= names
            saved.append(load_file(folder / "xnli/adapter.safetensors"))
        else:
            saved.append(load_file(folder / "adapter_model.safetensors"))
            assert all(f".{kind}_" in key or ".classifier." in key for key in saved[-1])
            assert not (folder / "model.safetensors").exists()
    # Of IA3 what starts at one, of LoRA what starts at zero.
    moved = {"adapter": "", "lora": "lora_B", "ia3": "ia3_l"}[kind]
    values = [(key, *(part[key] for part in saved)) for key in saved[0] if moved in key]
    assert values and all(not torch.equal(first, second) for _, first, second in values)
    assert kind == "adapter" or all((value != float(kind == "ia3")).any() for _, value, _ in values)


def test_translations_and_every_augmentation_from_files(base, tmp_path):
    """Translate-train with the columns of a file; views are translations, copies also have drawn pieces and noise."""
    (tmp_path / "en.csv").write_text("label,a,b\n1,The cat runs.,It runs.\n0,He sees it.,He is away.\n")
    (tmp_path / "de.csv").write_text("label,a,b\nparaphrase,Die Katze rennt.,Sie rennt.\n")
    (tmp_path / "t.tsv").write_text("The cat runs.\tde\tDie Katze rennt.\nIt runs.\tde\tSie rennt.\n")
    files = ["--train_file", tmp_path / "en.csv", "--test_file", tmp_path / "en.csv", "--label_column_name", "label"]
    files += ["--test_language_file", f"de={tmp_path / 'de.csv'}", "--language", "en", "--do_train", "--do_predict"]
    columns = ["--text_column_name", "a", "--text_pair_column_name", "b"]
    made_from = ["--setting", "translate-train-all", "--translations", tmp_path / "t.tsv"]
    copies = ["--copy_augmentation", "translation", "subword", "noise"]
    steps = ["--max_steps", "3", "--task_name", "pawsx", "--save_strategy", "no", "--logging_steps", "1"]
    results = xtune(tmp_path / "run", *files, *columns, *made_from, *copies, *steps, "--model_name_or_path", base)
    assert {"test_eng_accuracy", "test_deu_accuracy", "test_gap_accuracy"} <= results.keys()
    config = json.loads((tmp_path / "run/stage-2/config.json").read_text())
    assert config["id2label"] == {"0": "different", "1": "paraphrase"}


def test_a_classifier_keeps_the_order_of_its_labels(base, switching, tmp_path):
    """One that numbers its labels the other way round is trained on as it is, and so is its teacher."""
    names = dict(enumerate(reversed(LABELS)))
    numbers = {name: i for i, name in names.items()}
    model = XLMRobertaForSequenceClassification.from_pretrained(base, id2label=names, label2id=numbers)
    model.save_pretrained(tmp_path / "other")
    AutoTokenizer.from_pretrained(base).save_pretrained(tmp_path / "other")
    xtune(tmp_path / "run", *TRAIN, *switching[:2], "--model_name_or_path", tmp_path / "other")
    config = json.loads((tmp_path / "run/stage-2/config.json").read_text())
    assert config["id2label"] == {str(i): name for i, name in names.items()}


def test_what_is_published_is_the_last_stage(switching, tmp_path, door):
    hub = ["--hub_dir", tmp_path / "hub", "--do_predict", "--test_config_name", "sw", *switching]
    kinds = {"full": [], "ia3": ["--use_peft", "--peft_type", "ia3"], "task": ["--train_adapter"]}
    for name, more in kinds.items():
        xtune(tmp_path / name, *TRAIN, *hub, "--hub_model_id", f"me/{name}", *more, "--stage", "1")
    facts = {parcel.repo_id: parcel.facts for parcel in door.parcels}
    assert [facts[f"me/{name}"].kind for name in kinds] == ["model", "peft", "adapter"]
    for name in kinds:
        tested = {metric.language: metric.value for metric in facts[f"me/{name}"].metrics if metric.split == "test"}
        results = json.loads((tmp_path / name / "all_results.json").read_text())
        assert tested == {"en": results["test_eng_accuracy"], "sw": results["test_swh_accuracy"]}
        assert "xtune" in facts[f"me/{name}"].tags and facts[f"me/{name}"].paper == "2106.08226"
    assert facts["me/ia3"].title.startswith("IA3 task adapter for natural language inference")


def test_published_values_of_pairs():
    """Against the table of the paper's program: views, copies, lambda 2, rate of switched words, longest input."""
    found = {
        key: (*row.view, *row.copy, row.model_weight, row.code_switch_rate, row.length, row.hard_labels)
        for key, row in PUBLISHED.items()
        if key[0] in ("xnli", "pawsx")
    }
    transfer, translate = "cross-lingual-transfer", "translate-train-all"
    assert found[("xnli", transfer)] == ("code_switch", "code_switch", 5.0, 0.3, 256, False)
    assert found[("pawsx", transfer)] == ("code_switch", "code_switch", 2.0, 0.5, 256, False)
    for task in ("xnli", "pawsx"):
        assert (
            found[(task, translate)][:3] == ("translation", "translation", 1.0) and found[(task, translate)][4] == 256
        )
    assert {task for task, _ in PUBLISHED} == set(KINDS) and len(PUBLISHED) == 2 * len(KINDS)
    assert all(kind.task.name == name for name, kind in KINDS.items())


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ([], "--dictionaries"),
        (["--setting", "translate-train-all"], "--translations"),
        (["--augmentation", "noise", "--copy_augmentation", "noise", "--task_name", "pawsx"], "sentence1"),
        (["--augmentation", "noise", "--copy_augmentation", "noise", "--text_column_name", "premise"], "give both"),
        (["--setting", "translate-train-all", "--translations", __file__], "columns"),
        (["--code_switch_rate", "1.5"], "--code_switch_rate"),
        (["--augmentation", "noise", "--stage", "1", "--max_seq_length", "100"], "--max_seq_length"),
        (["--augmentation", "noise", "--stage", "1", "--max_seq_length", "5"], "at least 6 pieces"),
    ],
)
def test_mistakes_end_before_any_training(base, tmp_path, nothing_starts, flags, words):
    refused(lambda: xtune(tmp_path / "out", *TRAIN, "--model_name_or_path", base, *flags), words)


def test_a_teacher_is_of_the_same_task(base, both, tmp_path, nothing_starts):
    flags = [*TRAIN, "--stage", "2", "--teacher", both[0] / "stage-1", "--model_name_or_path", base]
    refused(lambda: xtune(tmp_path / "out", *flags, "--task_name", "pos"), "no model for pos")
    plain = ["--augmentation", "noise", "--copy_augmentation", "noise"]
    refused(lambda: xtune(tmp_path / "out", *flags, *plain, "--teacher", base), "no model for xnli")
