"""Pre-training from the command line: what is written and published, where it goes on, and what is refused."""

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from killed_runs import in_state, in_step, killed_at
from safetensors.torch import load_file
from tiny_runs import COMMON, assert_different, assert_same, make_checkpoint, refused, sentences, tensors
from transformers import AutoModelForMaskedLM, XLMRobertaForMaskedLM

from xlzoo.modeling.modeling_xlm_align_pretraining import XLMAlignForPreTraining
from xlzoo.run_scripts import run_mlm, run_ner, run_word_align, run_xlm_align
from xlzoo.run_scripts.corpora.phrasebook import load_phrasebook

SHORT = [*COMMON, "--line_by_line", "--max_steps", "3", "--per_device_train_batch_size", "4", "--save_strategy", "no"]
TEXT = ["--dataset_name", "phrasebook", "--dataset_config_name", "eng"]
PAIRS = ["--tlm_data", "phrasebook", "--tlm_config_name", "eng-swh"]
BOTH = [*TEXT, *PAIRS, "--do_train"]
SIZES = "hidden_size=32,num_hidden_layers=2,num_attention_heads=4,intermediate_size=64,max_position_embeddings=66"
QUEUE = ["--objective", "infoxlm", "--xlco_queue_size", "12", "--xlco_layer", "1"]
OBJECTIVES = {"mlm": TEXT, "tlm": BOTH, "xlm_align": BOTH, "infoxlm": [*BOTH, *QUEUE]}


def xlm_align(folder, *flags):
    return run_xlm_align.main([*SHORT, "--output_dir", str(folder), *map(str, flags)])


@pytest.fixture(scope="module")
def runs(base, tmp_path_factory):
    """A run of each objective from the same checkpoint, with a checkpoint of its own after three steps."""
    root = tmp_path_factory.mktemp("runs")
    for name, data in OBJECTIVES.items():
        flags = ["--objective", name, *data, "--do_train", "--save_strategy", "steps", "--save_steps", 3]
        xlm_align(root / name, "--model_name_or_path", base, *flags)
    return root


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_what_is_written_is_a_stock_encoder(runs, objective, base):
    folder = runs / objective
    _, found = XLMRobertaForMaskedLM.from_pretrained(folder, output_loading_info=True)
    assert not found["missing_keys"] and not found["unexpected_keys"] and not list(folder.glob("*.py"))
    config = json.loads((folder / "config.json").read_text())
    assert config["model_type"] == "xlm-roberta"
    assert not any(key.startswith(("dwa", "xlco", "align", "custom", "auto")) for key in config)
    assert_different(folder, base)
    saved = load_file(folder / "checkpoint-3/model.safetensors")
    whole = tensors(folder)
    assert all(torch.equal(value, saved[key.partition(":")[2]]) for key, value in whole.items())
    heads = {key.partition(".")[0] for key in saved} - {"roberta", "lm_head"}
    assert heads == ({"q_linear", "k_linear", "contrast"} if objective == "infoxlm" else {"q_linear", "k_linear"})
    facts = json.loads((folder / "facts.json").read_text())
    assert facts["pipeline_tag"] == "fill-mask" and facts["script"] == "run_xlm_align.py"


def test_only_the_heads_of_an_objective_learn(runs):
    start = XLMAlignForPreTraining.from_pretrained(runs / "tlm/checkpoint-3")
    moved = {}
    for name in ("tlm", "xlm_align"):
        saved = load_file(runs / name / "checkpoint-3/model.safetensors")
        moved[name] = not torch.equal(saved["q_linear.weight"], start.q_linear.weight)
    assert moved == {"tlm": False, "xlm_align": True}
    saved = load_file(runs / "infoxlm/checkpoint-3/model.safetensors")
    slow = saved["contrast.slow_encoder.encoder.layer.0.output.dense.weight"]
    fast = saved["roberta.encoder.layer.0.output.dense.weight"]
    assert saved["contrast.seen"] == 12 and saved["contrast.queue"].any(1).all()
    assert not torch.equal(slow, fast) and torch.allclose(slow, fast, atol=1e-2)
    assert len([key for key in saved if "slow_encoder" in key and "output.dense.weight" in key]) == 2


@pytest.mark.parametrize("objective", ["xlm_align", "infoxlm"])
def test_other_scripts_take_it_by_its_name(runs, objective, tmp_path):
    name = ["--model_name_or_path", str(runs / objective)]
    short = [*COMMON, "--max_steps", "2", "--per_device_train_batch_size", "4", "--save_strategy", "no", "--do_train"]
    run_ner.main([*short, *TEXT, *name, "--output_dir", str(tmp_path / "ner")])
    adapter = ["--train_adapter", "--adapter_config", "seq_bn_inv", "--line_by_line"]
    run_mlm.main([*short, *TEXT, *name, *adapter, "--output_dir", str(tmp_path / "adapter")])
    assert (tmp_path / "adapter/eng/adapter.safetensors").is_file()
    gold = [
        "--dataset_name",
        "phrasebook",
        "--dataset_config_name",
        "eng-swh",
        "--max_samples",
        "12",
        "--layer",
        "all",
    ]
    scores = run_word_align.main([*name, *gold])
    assert set(scores["layers"]) == {0, 1, 2} and scores["pairs"] == 12


def test_from_scratch_twice_the_same(tmp_path):
    new = ["--model_type", "xlm-roberta", "--config_overrides", SIZES, "--tokenizer_vocab_size", 300]
    results = [xlm_align(tmp_path / name, *BOTH, *new, "--do_eval") for name in ("one", "two")]
    assert_same(tmp_path / "one", tmp_path / "two")
    assert {"eval_text_perplexity", "eval_pairs_perplexity", "eval_pairs_dwa_accuracy"} <= set(results[0])
    assert results[0]["eval_pairs_loss"] == results[1]["eval_pairs_loss"]
    assert AutoModelForMaskedLM.from_pretrained(tmp_path / "one").config.vocab_size == 300
    score = xlm_align(tmp_path / "eval", *TEXT, *PAIRS, "--model_name_or_path", tmp_path / "one", "--do_eval")
    assert score["eval_text_loss"] == pytest.approx(results[0]["eval_text_loss"], rel=1e-5)
    assert not (tmp_path / "eval/model.safetensors").exists()


def test_files_and_folders_hold_the_same_pairs(base, tmp_path):
    rows = load_phrasebook("eng-swh", sizes={"train": 12})["train"]
    sides = [[" ".join(row["tokens"][code]) for row in rows] for code in ("eng", "swh")]
    (tmp_path / "a.en").write_text("\n".join(sides[0][:5]) + "\n")
    (tmp_path / "a.sw").write_text("\n".join(sides[1][:5]) + "\n")
    (tmp_path / "b.en.gz").write_bytes(gzip.compress(("\n".join(sides[0][5:]) + "\n").encode()))
    (tmp_path / "b.sw.gz").write_bytes(gzip.compress(("\n".join(sides[1][5:]) + "\n").encode()))
    (tmp_path / "data").mkdir()
    lines = [json.dumps({"translation": {"sw": two, "en": one}}) for one, two in zip(*sides, strict=True)]
    (tmp_path / "data/train.jsonl").write_text("\n".join(lines))
    start = ["--model_name_or_path", base, "--do_train"]
    files = ["--source_file", tmp_path / "a.en", tmp_path / "b.en.gz", "--target_file", tmp_path / "a.sw"]
    xlm_align(tmp_path / "files", *start, *files, tmp_path / "b.sw.gz")
    named = ["--tlm_data", tmp_path / "data", "--source_language", "English", "--target_language", "swh"]
    xlm_align(tmp_path / "named", *start, *named)
    assert_same(tmp_path / "files", tmp_path / "named")
    xlm_align(tmp_path / "swapped", *start, "--tlm_data", tmp_path / "data")
    assert_different(tmp_path / "swapped", tmp_path / "named")
    for name in ("files", "named"):
        assert json.loads((tmp_path / name / "facts.json").read_text())["languages"] == ["en", "sw"]


def test_publishing(base, tmp_path, door):
    flags = ["--model_name_or_path", base, *BOTH, "--do_eval", "--hub_dir", tmp_path / "hub", "--hub_model_id", "me/x"]
    xlm_align(tmp_path / "run", *flags)
    facts = door.only.facts
    assert facts.title == "XLM-Align encoder for English and Swahili" and facts.paper == "2106.06381"
    assert (
        facts.languages == ("en", "sw") and "xlm-align" in facts.tags and "denoising word alignment" in facts.summary
    )
    assert {(metric.split, metric.name) for metric in facts.metrics} >= {
        ("validation, text", "perplexity"),
        ("validation, pairs", "dwa_accuracy"),
    }
    assert "phrasebook" in facts.data_note and "wa_layer" not in facts.recipe
    assert not any(name.endswith(".py") for name in door.only.files if "checkpoint" not in name)


# Interruptions and processes


@pytest.mark.parametrize(
    ("more", "moment", "number"),
    [
        pytest.param(["--dataloader_num_workers", "2"], in_step, 14, id="xlm_align, in the second epoch, workers"),
        pytest.param(QUEUE, in_step, 6, id="infoxlm, as the queue is full"),
        pytest.param([*QUEUE, "--gradient_accumulation_steps", "2"], in_state, 8, id="infoxlm, in a last file"),
    ],
)
def test_killed_runs_end_as_if_they_had_not_been(base, tmp_path, more, moment, number):
    """Dropout is on; forty rows in batches of four make an epoch of ten steps, or of five."""
    flags = [*SHORT, *BOTH, "--model_name_or_path", str(base), *more, "--save_strategy", "steps", "--save_steps", "4"]
    flags += ["--max_steps", "15" if moment is in_step and number == 14 else "9"]
    killed_at(run_xlm_align.main, [*flags, "--output_dir", str(tmp_path / "killed")], moment, number)
    assert not (tmp_path / "killed/all_results.json").exists()
    run_xlm_align.main([*flags, "--output_dir", str(tmp_path / "killed"), "--resume_from_checkpoint", "last"])
    run_xlm_align.main([*flags, "--output_dir", str(tmp_path / "whole")])
    assert_same(tmp_path / "killed", tmp_path / "whole")
    last = sorted((tmp_path / "whole").glob("checkpoint-*"))[-1].name
    assert_same(tmp_path / "killed" / last, tmp_path / "whole" / last)


def test_word_alignment_may_begin_later(base, tmp_path):
    """Until then it is TLM, so that it can go on from where a run of that stood."""
    flags = [*BOTH, "--model_name_or_path", base, "--max_steps", 7, "--save_strategy", "steps", "--save_steps", 4]
    xlm_align(tmp_path / "tlm", *flags, "--objective", "tlm")
    later = [*flags, "--align_enable_step", 4]
    xlm_align(tmp_path / "whole", *later)
    xlm_align(tmp_path / "on", *later, "--resume_from_checkpoint", tmp_path / "tlm/checkpoint-4")
    assert_same(tmp_path / "whole", tmp_path / "on")
    assert_same(tmp_path / "whole/checkpoint-4", tmp_path / "tlm/checkpoint-4")
    assert_different(tmp_path / "whole", tmp_path / "tlm")


@pytest.mark.parametrize("recipe", ["xlm_align_seed", "infoxlm_seed"])
def test_published_recipes_run(base, tmp_path, recipe):
    small = ["--max_seq_length", "48", "--max_steps", "2", "--per_device_train_batch_size", "2", "--save_steps", "2"]
    small += ["--max_train_samples", "80", "--dataloader_num_workers", "0", "--logging_steps", "1", "--wa_layer", "2"]
    small += ["--xlco_layer", "1", "--fp16", "false", "--report_to", "none", "--model_name_or_path", str(base)]
    out = ["--output_dir", str(tmp_path / "run")]
    run_xlm_align.main([f"recipes/{recipe}.yaml", *TEXT, *PAIRS, *small, *out])
    trained, saved = (
        json.loads((tmp_path / name / "config.json").read_text()) for name in ("run/checkpoint-2", "run")
    )
    for name in ("hidden_dropout_prob", "attention_probs_dropout_prob"):
        assert trained[name] == 0.0 and saved[name] == 0.1, "for what comes after pre-training"
    assert trained["xlco_queue_size"] == (131072 if recipe == "infoxlm_seed" else 0) and trained["dwa_layer"] == 2
    state = json.loads((tmp_path / "run/checkpoint-2/trainer_state.json").read_text())
    assert state["log_history"][0]["learning_rate"] == 0.0 and state["log_history"][1]["learning_rate"] == 2e-4 / 10000


def test_two_processes_equal_one(tmp_path):
    """By plain gradient descent: Adam would blow up the rounding of gradients that are zero."""
    still = make_checkpoint(tmp_path / "still", hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    common = [
        *SHORT,
        *BOTH,
        "--do_eval",
        "--model_name_or_path",
        str(still),
        "--optim",
        "sgd",
        "--learning_rate",
        "0.5",
    ]
    common += ["--max_steps", "6", "--logging_steps", "2", "--save_strategy", "steps", "--save_steps", "6"]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    for name, more in (("xlm_align", []), ("infoxlm", QUEUE)):
        flags = [*common, *more, "--use_cpu", "--output_dir", str(tmp_path / f"{name}-two")]
        flags[flags.index("--per_device_train_batch_size") + 1] = "2"
        script = [str(Path(run_xlm_align.__file__)), *flags]
        done = subprocess.run([*command, *script], env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-3000:]
        one = run_xlm_align.main([*common, *more, "--output_dir", str(tmp_path / f"{name}-one")])
        folders = [tmp_path / f"{name}-{number}" / "checkpoint-6" for number in ("one", "two")]
        assert_same(*folders, tolerance=1e-5)
        assert_different(folders[0].parent, still)
        results = json.loads((tmp_path / f"{name}-two" / "all_results.json").read_text())
        assert results["eval_pairs_loss"] == pytest.approx(one["eval_pairs_loss"], abs=1e-5)
        logs = [json.loads((folder / "trainer_state.json").read_text())["log_history"] for folder in folders]
        for mine, theirs in zip(*logs, strict=True):
            for key in (key for key in mine if key.startswith("loss")):
                assert mine[key] == pytest.approx(theirs[key], abs=1e-4), key


# Mistakes


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (TEXT, ["--objective xlm_align reads translations", "--tlm_data"]),
        ([*BOTH, "--objective", "mlm"], ["--objective mlm reads no translations"]),
        (["--objective", "mlm"], ["--objective mlm reads text"]),
        ([*BOTH, "--objective", "word"], ["--objective", "infoxlm"]),
        ([*BOTH, "--wa_layer", "3"], ["dwa_layer is 3", "0 to 2"]),
        ([*PAIRS, "--source_file", "a", "--target_file", "b"], ["not both"]),
        (["--source_file", "a", "b", "--target_file", "c"], ["2 and 1 files"]),
        (["--source_file", "none.en", "--target_file", "none.de"], ["none.en"]),
        (["--source_file", "SHORT", "--target_file", "LONG"], ["ends after line 1"]),
        ([*PAIRS, "--source_language", "eng"], ["--target_language"]),
        (["--source_file", "a", "--target_file", "b", "--tlm_config_name", "eng-deu"], ["goes with --tlm_data"]),
        ([*PAIRS, "--source_language", "eng", "--target_language", "fra"], ["no language fra"]),
        (["--tlm_data", "phrasebook", "--tlm_config_name", "eng"], ["no column translation"]),
        ([*PAIRS, "--max_seq_length", "6"], ["None of the 40 sentence pairs", "--max_seq_length"]),
        (["--validation_source_file", "LONG", "--validation_target_file", "LONG"], ["--do_train"]),
        ([*PAIRS, "--validation_file", "LONG"], ["--do_train needs a train split of the text", "--train_file"]),
        ([*PAIRS, "--model_name_or_path", "nowhere/at-all"], ["nowhere/at-all"]),
        ([*BOTH, "--config_overrides", "hidden_size=64"], ["--config_overrides"]),
    ],
)
def test_mistakes_end_in_one_sentence(base, tmp_path, flags, words, nothing_starts):
    (tmp_path / "long.txt").write_text("one\ntwo\n")
    (tmp_path / "short.txt").write_text("eins\n")
    stand_ins = {"SHORT": str(tmp_path / "short.txt"), "LONG": str(tmp_path / "long.txt")}
    flags = [stand_ins.get(flag, flag) for flag in flags]
    start = ["--model_name_or_path", str(base)] * ("--model_name_or_path" not in flags)
    refused(lambda: xlm_align(tmp_path / "out", *start, "--do_train", *flags), *words)


def test_sentences_that_cannot_be_used(base, tmp_path, nothing_starts):
    (tmp_path / "data").mkdir()
    rows = [{"translation": {"en": "a dog", "de": "ein Hund"}}, {"translation": {"en": "yes", "de": None}}]
    (tmp_path / "data/train.jsonl").write_text("\n".join(map(json.dumps, rows)))
    start = ["--model_name_or_path", base, "--do_train"]
    refused(lambda: xlm_align(tmp_path / "out", *start, "--tlm_data", tmp_path / "data"), "Row 1", "de")
    (tmp_path / "a.txt").write_text("\n \n")
    files = ["--source_file", tmp_path / "a.txt", "--target_file", tmp_path / "a.txt"]
    refused(lambda: xlm_align(tmp_path / "out", *start, *files), "None of the 2 sentence pairs")


def test_several_gpus_take_several_processes(base, tmp_path, nothing_starts, monkeypatch):
    monkeypatch.setattr("xlzoo.run_scripts.arguments.RunArguments.n_gpu", 2)
    refused(lambda: xlm_align(tmp_path / "out", "--model_name_or_path", base, *BOTH), "torchrun")


def test_pairs_that_do_not_fit_are_left_out(base, tmp_path, caplog):
    caplog.set_level("INFO")
    texts = sentences(number=6)["text"]
    (tmp_path / "a.txt").write_text("\n".join([*texts, "", "long " * 200]))
    (tmp_path / "b.txt").write_text("\n".join([*texts, "word", "short"]))
    files = ["--source_file", tmp_path / "a.txt", "--target_file", tmp_path / "b.txt"]
    xlm_align(tmp_path / "run", "--model_name_or_path", base, "--do_train", *files)
    assert "of 8 pairs left out" in caplog.text
