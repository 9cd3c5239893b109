"""run_xtune.py from files to taggers: both stages, what moves and what stays, scores by language, resuming."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from killed_runs import in_step, killed_at
from safetensors.torch import load_file
from tiny_runs import COMMON, MLM, assert_different, assert_same, make_checkpoint, refused
from xtune_runs import PHRASES, TESTS, TRAIN, trained_twice, xtune

from xlzoo.modeling.modeling_madx import MadxForTokenClassification
from xlzoo.run_scripts import run_classification, run_mlm, run_ner, run_xtune
from xlzoo.run_scripts.corpora.phrasebook import UPOS

POS = [*TRAIN, "--task_name", "pos", "--learning_rate", "5e-3"]


@pytest.fixture(scope="module")
def both(base, tmp_path_factory):
    """Both stages of part-of-speech tagging, tested in three languages."""
    folder = tmp_path_factory.mktemp("both") / "run"
    return folder, xtune(folder, *POS, *TESTS, "--model_name_or_path", base)


def test_both_stages_end_in_taggers(base, both):
    folder, results = both
    for model in trained_twice(base, folder, MadxForTokenClassification):
        assert list(model.config.id2label.values()) == list(UPOS)
    assert results == json.loads((folder / "all_results.json").read_text())
    facts = json.loads((folder / "stage-2/facts.json").read_text())
    assert (
        facts["paper"] == "2106.08226" and "xtune" in facts["tags"] and facts["pipeline_tag"] == "token-classification"
    )


def test_scores_are_those_of_the_tagger_of_run_ner(both, tmp_path):
    """The saved tagger, tested by the other script in each language; means and gap from its scores."""
    folder, results = both
    scores = {}
    for code in ("eng", "swh", "deu"):
        flags = ["--dataset_name", "phrasebook", "--dataset_config_name", code, "--do_predict", "--task_name", "pos"]
        start = ["--model_name_or_path", str(folder / "stage-2"), "--output_dir", str(tmp_path / code)]
        scores[code] = run_ner.main([*COMMON, *flags, *start])["test_accuracy"]
    assert len(set(scores.values())) > 1 and min(scores.values()) > 0
    assert {code: results[f"test_{code}_accuracy"] for code in scores} == scores
    others = (scores["swh"] + scores["deu"]) / 2
    assert results["test_mean_accuracy"] == pytest.approx(sum(scores.values()) / 3)
    assert results["test_transfer_accuracy"] == pytest.approx(others)
    assert results["test_gap_accuracy"] == pytest.approx(scores["eng"] - others)
    report = json.loads((folder / "results.json").read_text())
    assert report["scores"]["2"] == scores and report["source"] == "eng" and set(report["gap"]) == {"1", "2"}
    assert (folder / "results.png").read_bytes()[:4] == b"\x89PNG"
    table = (folder / "results.md").read_text().splitlines()
    assert (
        table[0] == "| pos accuracy, % | English (source) | Swahili | German | mean | transfer gap |"
        and len(table) == 4
    )
    assert table[3].startswith(f"| xTune, stage 2 | {100 * scores['eng']:.1f} | ")


def test_the_second_stage_alone_is_that_of_both(base, both, tmp_path):
    folder, _ = both
    alone = ["--stage", "2", "--teacher", folder / "stage-1", "--model_name_or_path", base]
    xtune(tmp_path / "two", *POS, *alone)
    assert_same(tmp_path / "two", folder / "stage-2")
    xtune(tmp_path / "hard", *POS, *alone, "--hard_labels", "true")
    assert_different(tmp_path / "hard", folder / "stage-2")
    xtune(tmp_path / "untaught", *POS, "--stage", "2", "--model_name_or_path", base, "--r2_weight", "0")
    assert_different(tmp_path / "untaught", folder / "stage-2")


@pytest.mark.parametrize(("task", "plain"), [("pos", run_ner), ("xnli", run_classification)])
def test_without_r1_stage_1_is_plain_fine_tuning(tmp_path, task, plain):
    """As the other script does it, to the second epoch; no dictionary is asked for, which views would need."""
    still = make_checkpoint(tmp_path / "still", hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    flags = [*COMMON, *PHRASES, "--task_name", task, "--model_name_or_path", str(still), "--optim", "sgd"]
    flags += ["--learning_rate", "0.05", "--max_train_samples", "10", "--max_steps", "4"]
    plain.main([*flags, "--output_dir", str(tmp_path / "plain")])
    xtune(tmp_path / "without", *flags, "--stage", "1", "--r1_weight", "0")
    assert_same(tmp_path / "without", tmp_path / "plain", tolerance=1e-5)
    xtune(tmp_path / "with", *flags, "--stage", "1", "--augmentation", "subword")
    assert_different(tmp_path / "with", tmp_path / "plain")


@pytest.mark.parametrize("kind", ["adapter", "lora"])
def test_adapters_leave_the_encoder_as_it_was(base, languages, tmp_path, kind):
    flags = {"adapter": ["--train_adapter", "--load_lang_adapter", languages["eng"]], "lora": ["--use_peft"]}[kind]
    xtune(tmp_path / "run", *TRAIN, *flags, "--model_name_or_path", base)
    before = load_file(base / "model.safetensors")
    for stage in ("stage-1", "stage-2"):
        if kind == "lora":
            saved = load_file(tmp_path / "run" / stage / "adapter_model.safetensors")
            assert all(".lora_" in key or ".classifier." in key for key in saved)
            assert any(value.any() for key, value in saved.items() if "lora_B" in key)
        else:
            whole = load_file(tmp_path / "run" / stage / "model.safetensors")
            assert all(
                torch.equal(whole[key], value) for key, value in before.items() if not key.startswith("lm_head")
            )
            assert (tmp_path / "run" / stage / "ner/adapter.safetensors").is_file()
    assert_different(tmp_path / "run/stage-1", tmp_path / "run/stage-2")


def test_a_task_that_starts_from_a_languages_lora_saves_its_head(base, tmp_path):
    start = ["--dataset_name", "phrasebook", "--model_name_or_path", base, "--use_peft"]
    run_mlm.main([*MLM, "--do_train", *map(str, start), "--output_dir", str(tmp_path / "eng")])
    flags = ["--use_peft", "--load_adapter", tmp_path / "eng", "--model_name_or_path", base, "--learning_rate", "1e-2"]
    xtune(tmp_path / "run", *TRAIN, *flags)
    language = load_file(tmp_path / "eng/adapter_model.safetensors")
    for stage in ("stage-1", "stage-2"):
        task = load_file(tmp_path / "run" / stage / "adapter_model.safetensors")
        assert {key for key in task if ".classifier." not in key} == language.keys() < task.keys()
        assert not all(torch.equal(task[key], value) for key, value in language.items())


def test_every_augmentation_from_files(base, tmp_path):
    """Part-of-speech tags of a file; dictionaries for the views, translations and noise for the copies."""
    train = "She PRON\nruns VERB\n\nThe DET\ncat NOUN\nruns VERB\n"
    (tmp_path / "en.txt").write_text(train)
    (tmp_path / "de.txt").write_text("Die DET\nKatze NOUN\nrennt VERB\n")
    (tmp_path / "dicts").mkdir()
    (tmp_path / "dicts/en-de.txt").write_text("cat Katze\nruns rennt\n")
    (tmp_path / "t.tsv").write_text("The cat runs\tde\tDie Katze rennt\n")
    files = ["--train_file", tmp_path / "en.txt", "--test_file", tmp_path / "en.txt"]
    files += ["--test_language_file", f"de={tmp_path / 'de.txt'}", "--language", "en", "--do_train", "--do_predict"]
    kinds = ["--augmentation", "code_switch", "subword", "--copy_augmentation", "translation", "noise"]
    made_from = ["--dictionaries", tmp_path / "dicts", "--translations", tmp_path / "t.tsv", "--noise_scale", "0.1"]
    steps = ["--max_steps", "3", "--task_name", "pos", "--save_strategy", "no", "--logging_steps", "1"]
    results = xtune(tmp_path / "run", *files, *kinds, *made_from, *steps, "--model_name_or_path", base)
    assert {"test_eng_accuracy", "test_deu_accuracy", "test_gap_accuracy"} <= results.keys()


SAVING = ["--save_strategy", "steps", "--save_steps", "3", "--max_steps", "12", "--do_train"]


PAIRS = ["--task_name", "xnli", "--augmentation", "subword", "--copy_augmentation", "subword", "noise"]
SPANS = ["--task_name", "tydiqa", "--max_seq_length", "60", "--doc_stride", "8", "--max_query_length", "24"]


@pytest.mark.parametrize(
    ("task", "lasting"),
    [(["--task_name", "ner"], False), (PAIRS, True), (SPANS, False)],
    ids=["words", "pairs", "spans"],
)
def test_killed_runs_end_as_if_they_had_not_been(base, tmp_path, task, lasting):
    """Ten sentences, or pairs, and their copies in batches of four: killed in the third epoch of stage 2.

    Questions have several windows each, so that it is their second epoch. The workers, which are new after the kill,
    live for an epoch, as if there were none, or as long as the run, those of evaluations too.
    """
    common = ["--dataset_name", "phrasebook", "--model_name_or_path", str(base), "--per_device_train_batch_size", "4"]
    flags = [*COMMON, *common, *SAVING, *task, "--max_train_samples", "10", "--dataloader_num_workers", "2"]
    flags += ["--train_sampling_strategy", "group_by_length"]
    xtune(tmp_path / "one", *TRAIN, *task, "--stage", "1", "--model_name_or_path", base)
    flags += ["--stage", "2", "--teacher", str(tmp_path / "one")]
    flags += ["--do_eval", "--eval_strategy", "steps", "--eval_steps", "4"] if lasting else []
    flags += ["--dataloader_persistent_workers", str(lasting)]
    killed_at(run_xtune.main, [*flags, "--output_dir", str(tmp_path / "killed")], in_step, 11)
    assert list((tmp_path / "killed/teacher").glob("epoch-1-*" if task is SPANS else "epoch-2-*"))
    run_xtune.main([*flags, "--output_dir", str(tmp_path / "killed"), "--resume_from_checkpoint", "last"])
    flags += [] if lasting else ["--dataloader_num_workers", "0"]
    run_xtune.main([*flags, "--output_dir", str(tmp_path / "whole")])
    assert_same(tmp_path / "killed", tmp_path / "whole")


def test_a_complete_first_stage_is_not_run_again(base, both, monkeypatch, tmp_path):
    """Resuming after stage 1 trains stage 2 alone, to the same weights."""
    folder, _ = both
    shutil.copytree(folder / "stage-1", tmp_path / "run/stage-1")
    shutil.copy(folder / "run.json", tmp_path / "run/run.json")
    before = (tmp_path / "run/stage-1/all_results.json").stat().st_mtime_ns
    xtune(tmp_path / "run", *POS, *TESTS, "--model_name_or_path", base, "--resume_from_checkpoint", "last")
    assert (tmp_path / "run/stage-1/all_results.json").stat().st_mtime_ns == before
    assert_same(tmp_path / "run/stage-2", folder / "stage-2")


@pytest.mark.parametrize("task", [["--task_name", "pos"], PAIRS, SPANS], ids=["words", "pairs", "spans"])
def test_two_processes_equal_one(base, tmp_path, task):
    """Nine sentences, pairs or questions and their copies, in steps of eight, the third of which has two.

    Of those, one process has both. Each asks the teacher about its part, and evaluates its part of twelve rows.
    """
    still = make_checkpoint(tmp_path / "still", hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    xtune(tmp_path / "teacher", *TRAIN, *task, "--stage", "1", "--learning_rate", "5e-3", "--model_name_or_path", base)
    flags = [*COMMON, "--dataset_name", "phrasebook", "--save_strategy", "no", "--model_name_or_path", str(still)]
    flags += ["--do_train", "--do_eval", "--max_steps", "5", "--use_cpu", "--optim", "sgd", "--learning_rate", "0.05"]
    flags += [*task, "--max_train_samples", "9", "--stage", "2", "--teacher", str(tmp_path / "teacher")]
    flags += ["--train_sampling_strategy", "group_by_length"]
    shared = [*flags, "--output_dir", str(tmp_path / "two"), "--per_device_train_batch_size", "4"]
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    script = str(Path(run_xtune.__file__))
    done = subprocess.run([*command, script, *shared], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    results = run_xtune.main([*flags, "--output_dir", str(tmp_path / "one"), "--per_device_train_batch_size", "8"])
    assert_same(tmp_path / "two", tmp_path / "one", tolerance=1e-5)
    scores = [key for key in results if key.startswith("eval_") and key.endswith(("accuracy", "f1", "exact_match"))]
    shared_results = json.loads((tmp_path / "two/all_results.json").read_text())
    assert scores and {key: shared_results[key] for key in scores} == {key: results[key] for key in scores}


def test_what_is_published_is_the_last_stage(base, tmp_path, door):
    hub = ["--hub_dir", tmp_path / "hub", "--do_predict", "--test_config_name", "sw", "--model_name_or_path", base]
    kinds = {"full": [], "lora": ["--use_peft", "--stage", "1"], "task": ["--train_adapter", "--stage", "1"]}
    for name, more in kinds.items():
        xtune(tmp_path / name, *POS, *hub, "--hub_model_id", f"me/{name}", *more)
    facts = {parcel.repo_id: (parcel.folder, parcel.facts) for parcel in door.parcels}
    assert [facts[f"me/{name}"][1].kind for name in kinds] == ["model", "peft", "adapter"]
    assert facts["me/full"][0] == tmp_path / "full/stage-2"
    for name in kinds:
        tested = {metric.language: metric.value for metric in facts[f"me/{name}"][1].metrics if metric.split == "test"}
        folder = tmp_path / name / "stage-2" if name == "full" else tmp_path / name
        results = json.loads((folder / "all_results.json").read_text())
        assert tested == {"en": results["test_eng_accuracy"], "sw": results["test_swh_accuracy"]}
        assert "xtune" in facts[f"me/{name}"][1].tags


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--stage", "2"], "--teacher"),
        (["--teacher", "x"], "--stage 2"),
        (["--augmentation", "nothing"], "subword"),
        (["--augmentation", "code_switch"], "--dictionaries"),
        (["--dictionaries", "x"], "code_switch"),
        (["--setting", "translate-train-all"], "--translations"),
        (["--subword_rate", "2"], "--subword_rate"),
        (["--r1_weight", "-1"], "--r1_weight"),
        (["--dictionary_languages", "de"], "--dictionaries"),
        (["--do_train", "false", "--do_eval"], "run_ner.py"),
        (["--subword_model", "nowhere.model"], "SentencePiece"),
        (["--max_seq_length", "100"], "--max_seq_length"),
        (["--augmentation", "code_switch", "--dictionaries", "nowhere"], "no folder"),
        (["--stage", "2", "--teacher", "nowhere"], "nowhere"),
        (["--do_predict", "--test_config_name", "xx"], "xx"),
    ],
)
def test_mistakes_end_before_any_training(base, tmp_path, nothing_starts, flags, words):
    refused(lambda: xtune(tmp_path / "out", *TRAIN, "--model_name_or_path", base, *flags), words)


def test_several_gpus_take_several_processes(base, tmp_path, nothing_starts, monkeypatch):
    monkeypatch.setattr("xlzoo.run_scripts.arguments.RunArguments.n_gpu", 2)
    refused(lambda: xtune(tmp_path / "out", *TRAIN, "--model_name_or_path", base), "torchrun")


@pytest.mark.shared
def test_real_treebanks_with_real_dictionaries(base, shared_data, tmp_path):
    """English parts of speech to German in bfloat16, words switched by seven dictionaries, batches of like lengths."""
    english, german = (shared_data / "udpos" / name for name in ("en_ewt", "de_gsd"))
    files = ["--train_file", *english.glob("dev.*"), "--test_file", *english.glob("test.*"), "--language", "en"]
    files += ["--test_language_file", *(f"de={path}" for path in german.glob("test.*"))]
    views = ["--augmentation", "code_switch", "--dictionaries", shared_data / "dictionaries"]
    views += ["--copy_augmentation", "subword", "code_switch"]
    flags = [
        "--task_name",
        "pos",
        "--do_train",
        "--do_predict",
        "--max_steps",
        "4",
        "--save_strategy",
        "no",
        "--bf16",
        "--use_cpu",
    ]
    results = xtune(
        tmp_path / "run",
        *files,
        *views,
        *flags,
        *["--train_sampling_strategy", "group_by_length", "--model_name_or_path", base, "--logging_steps", "1"],
    )
    assert 0 <= results["test_deu_accuracy"] <= 1 and results["train_loss"] > 0
    logged = json.loads((tmp_path / "run/results.json").read_text())
    assert set(logged["scores"]["2"]) == {"eng", "deu"}
