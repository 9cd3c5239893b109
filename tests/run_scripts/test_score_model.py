"""Scores of a model that is loaded already, and of several processes: both equal those of the script."""

import json
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch
from known_folders import AFTER, WORDS, write_bigrams, write_rows
from tiny_runs import refused

from xlzoo.run_scripts import devices, processes
from xlzoo.run_scripts.errors import UserError
from xlzoo.run_scripts.eval_arguments import EvalArguments
from xlzoo.run_scripts.measuring.eval_model import Harnessed
from xlzoo.run_scripts.models.decoders import load_decoder, load_decoder_tokenizer
from xlzoo.run_scripts.perplexity_arguments import MeasuredModel
from xlzoo.run_scripts.run_eval import main
from xlzoo.run_scripts.stages.eval_alignment import load_measured_aligner
from xlzoo.run_scripts.stages.evaluation import prepare_jobs, score_model
from xlzoo.run_scripts.stages.retrieval import load_measured

TASKS = ["xnli", "mgsm", "tatoeba"]


@pytest.fixture(scope="module")
def bigrams(tmp_path_factory):
    return write_bigrams(tmp_path_factory.mktemp("bigrams"), WORDS, AFTER, positions=64)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Seven rows of XNLI, three questions and three translations: numbers that two processes share unevenly."""
    root = tmp_path_factory.mktemp("data")
    rows = [{"premise": "Yeye", "hypothesis": "H", "label": label} for label in (0, 0, 0, 1, 1, 2, 2)]
    write_rows(root / "xnli/sw/validation.jsonl", rows)
    for name in ("mgsm", "tatoeba"):
        (root / name).mkdir()
    (root / "mgsm/sw.tsv").write_text("Moja?\t18\nMbili?\t1,800\nMoja?\t18\n")
    (root / "tatoeba/swh-eng.swh").write_text("Moja?\nMbili? H\nNdiyo,\n")
    (root / "tatoeba/swh-eng.eng").write_text("Moja?\nHapana,\nNdiyo, Moja?\n")
    return root


def test_scores_of_a_loaded_model(bigrams, data):
    """One number per task and language: likelihood prefers label 0 (3 of 7), 18 is written (2 of 3).

    After "Moja?", 1 of 3 translations is found alone; the numbers are the script's own.
    """
    args = EvalArguments(task=TASKS, lang=["sw"], data_dir=str(data), max_new_tokens=8)
    jobs = prepare_jobs(args)
    model, tokenizer = load_decoder(str(bigrams)).train(), load_decoder_tokenizer(str(bigrams))
    found = score_model(model, tokenizer, jobs, args)
    assert found["xnli_sw"] == pytest.approx(3 / 7) and found["mgsm_direct_sw"] == pytest.approx(2 / 3)
    asked = ["--task", *TASKS, "--lang", "sw", "--data_dir", str(data), "--max_new_tokens", "8"]
    told = main(["--model_path", str(bigrams), "--device", "cpu", *asked])
    assert found["tatoeba_swh"] == told["tatoeba_swh"]["scores"]["recall"]
    assert model.training
    # The same jobs serve other models: one that takes every word for as likely writes no 18.
    with torch.no_grad():
        model.lm_head.weight.zero_()
    assert score_model(model, tokenizer, jobs, args)["mgsm_direct_sw"] == 0
    refused(lambda: prepare_jobs(EvalArguments(task=["xnli"], lang=["tr"], data_dir=str(data))), "xnli has no 'tr'")


@pytest.mark.parametrize("load", [load_measured, load_measured_aligner])
@pytest.mark.parametrize("trusted", [True, False])
def test_encoders_tokenizers_are_trusted_as_the_user_says(base, monkeypatch, load, trusted):
    def read(name, trust_remote_code):
        assert trust_remote_code is trusted
        raise UserError("The tokenizer was asked for, and that is all.")

    monkeypatch.setattr("xlzoo.run_scripts.models.encoders.read_tokenizer", read)
    refused(lambda: load(MeasuredModel(str(base), trust_remote_code=trusted, device="cpu")), "was asked for")


def test_rows_that_do_not_fit_are_read_in_smaller_batches(bigrams, data, monkeypatch):
    """Where the memory holds two rows at a time, 16 become 8, 4 and 2, and the scores stay the same."""
    tried = []

    def holds_two(real):
        def call(self, *args, **kwargs):
            rows = len(kwargs["context"] if "context" in kwargs else args[0])
            tried.append(rows)
            if rows > 2:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
            return real(self, *args, **kwargs)

        return call

    for name in ("_model_call", "_model_generate"):
        monkeypatch.setattr(Harnessed, name, holds_two(getattr(Harnessed, name)))
    args = EvalArguments(task=["xnli", "mgsm"], lang=["sw"], data_dir=str(data), max_new_tokens=8)
    model, tokenizer = load_decoder(str(bigrams)), load_decoder_tokenizer(str(bigrams))
    found = score_model(model, tokenizer, prepare_jobs(args), args)
    assert found == pytest.approx({"xnli_sw": 3 / 7, "mgsm_direct_sw": 2 / 3})
    # Six different requests of XNLI, tried with room for 16, 8, 4 and 2; likewise the three questions of MGSM.
    assert tried[:4] == [6, 6, 4, 2] and [rows for rows in tried[4:] if rows > 2] == [3, 3, 3]


def test_a_score_that_should_be_small_is_negative(bigrams, data):
    args = EvalArguments(task=["xnli"], lang=["sw"], data_dir=str(data), scoring=["normalized", "likelihood"])
    [job] = prepare_jobs(args)
    assert job.main_score({"acc_norm": 0.25, "acc": 0.5}) == 0.25
    job.measured[0]._higher_is_better["acc_norm"] = False
    assert job.main_score({"acc_norm": 0.25, "acc": 0.5}) == -0.25


START = """
import os
from lm_eval.models.huggingface import HFLM
from xlzoo.run_scripts.run_eval import cli

scored = HFLM._loglikelihood_tokens

def counted(self, requests, *args, **kwargs):
    with open(f"{os.environ['COUNTS']}-{os.environ['RANK']}", "a") as file:
        file.write(f"{len(requests)}\\n")
    return scored(self, requests, *args, **kwargs)

HFLM._loglikelihood_tokens = counted
cli()
"""


def test_two_processes_equal_one(bigrams, data, tmp_path):
    """Results and table are the same; of 7 x (3 answers + 3 priors) requests each process scores half."""
    (tmp_path / "start.py").write_text(START)
    flags = ["--model_path", str(bigrams), "--data_dir", str(data), "--task", *TASKS, "--lang", "sw"]
    flags += ["--device", "cpu", "--max_new_tokens", "8"]
    one = main([*flags, "--output_file", str(tmp_path / "one.json")])
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "COUNTS": str(tmp_path / "counts")}
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    done = subprocess.run(
        [*torchrun, str(tmp_path / "start.py"), *flags, "--output_file", str(tmp_path / "two.json")],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert json.loads((tmp_path / "two.json").read_text())["results"] == one
    table = (tmp_path / "one.md").read_text()
    assert (tmp_path / "two.md").read_text() == table and done.stdout.count(table.strip()) == 1
    assert [(tmp_path / f"counts-{rank}").read_text() for rank in range(2)] == ["21\n", "21\n"]


@pytest.mark.parametrize("shares", [["abcde"], ["ace", "bd"], ["ad", "be", "c"], ["a", "b", "c", "d", "e", ""]])
def test_shares_come_back_in_order(monkeypatch, shares):
    """Each of the processes does its share, none where that is empty, and gets what all did, in order."""
    doubled = [[letter * 2 for letter in share] for share in shares]
    for rank, share in enumerate(shares):
        asked = []
        state = SimpleNamespace(num_processes=len(shares), process_index=rank)
        monkeypatch.setattr(processes, "PartialState", lambda state=state: state)
        monkeypatch.setattr(
            processes, "gather_object", lambda part, rank=rank: check(part == [doubled[rank]], doubled)
        )

        def work(mine, asked=asked):
            asked.append("".join(mine))
            return [letter * 2 for letter in mine]

        assert processes.shared("abcde", work) == ["aa", "bb", "cc", "dd", "ee"]
        assert asked == [share] * bool(share)


def check(holds, value):
    assert holds
    return value


def test_as_many_rows_as_fit():
    tried = []

    def work(rows, most=3):
        tried.append(rows)
        if rows > most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
        return rows

    assert devices.as_many_as_fit(work, 16) == 2 and tried == [16, 8, 4, 2]
    refused(lambda: devices.as_many_as_fit(lambda rows: work(rows, most=0), 2), "does not hold one row")
    with pytest.raises(RuntimeError, match="other"):
        devices.as_many_as_fit(lambda rows: (_ for _ in ()).throw(RuntimeError("other")), 2)
