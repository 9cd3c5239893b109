"""The script's steps as jobs of a cluster: the same dataset, at once or when the command is given again."""

import json
import logging

from corpus_runs import build, files_of, flags, refused
from slurm_stand_in import Slurm


def test_on_slurm(corpora, monkeypatch, caplog):
    """Through datatrove's executor, whose jobs run here at once: the same dataset as without it."""
    build(*flags(corpora, "here", "w1"), "--target_size", 50)
    slurm = Slurm(monkeypatch)
    options = {"partition": "cpu", "time": "1:00:00", "requeue_signals": None, "mem_per_cpu_gb": 3}
    given = [*flags(corpora, "there", "w2"), "--target_size", 50, "--shard_size", 20, "--executor", "slurm"]
    given += ["--num_tasks", 3, "--cluster_options", json.dumps(options)]
    assert build(*given)["rows"] == 50
    assert files_of(corpora / "here") == files_of(corpora / "there")
    steps = [name for name, _, waits in slurm.jobs if name.startswith("xlzoo-")]
    assert list(dict.fromkeys(steps)) == [f"xlzoo-{name}" for name in "read clean compare keep draw write".split()]
    assert all(given["partition"] == "cpu" and given["mem-per-cpu"] in ("3G", "1G") for _, given, _ in slurm.jobs)
    refused("--cluster_options do not fit", *flags(corpora, "b", "w3"), *given[-6:-1], '{"colour": 1}')


def test_on_a_cluster_that_takes_its_time(corpora, monkeypatch, caplog):
    """The command only submits, and finishes the work when it is given again."""
    slurm = Slurm(monkeypatch, runs=False)
    options = [
        "--executor",
        "slurm",
        "--cluster_options",
        '{"partition": "cpu", "time": "1", "requeue_signals": null}',
    ]
    with caplog.at_level(logging.INFO):
        assert build(*flags(corpora), *options) is None
    assert "Run the same command again when the jobs are done" in caplog.text and not (corpora / "out").exists()
    slurm.run_all()
    submitted = len(slurm.jobs)
    assert build(*flags(corpora), *options)["rows"] == 120 and len(slurm.jobs) == submitted
