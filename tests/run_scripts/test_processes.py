"""Two processes, started by torchrun on the CPU, learn what one process with the doubled batch learns."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tiny_runs import MLM, assert_different, assert_same, make_checkpoint

from xlzoo.run_scripts import run_mlm

SCRIPT = Path(run_mlm.__file__)


def test_two_processes_equal_one(tmp_path):
    still = make_checkpoint(tmp_path / "still", hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    # Forty rows in batches of eight: the seventh step is in the second epoch, with other masks.
    flags = [
        *MLM,
        "--dataset_name",
        "phrasebook",
        "--train_adapter",
        "--adapter_config",
        "seq_bn_inv",
        "--max_steps",
        "7",
    ]
    flags += ["--model_name_or_path", str(still), "--do_train", "--do_eval"]
    both = [*flags, "--use_cpu", "--output_dir", str(tmp_path / "both"), "--per_device_train_batch_size", "4"]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", str(SCRIPT), *both],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    one = run_mlm.main([*flags, "--output_dir", str(tmp_path / "one"), "--per_device_train_batch_size", "8"])
    assert_same(tmp_path / "both/eng", tmp_path / "one/eng", tolerance=1e-5)
    run_mlm.main([*flags, "--output_dir", str(tmp_path / "four"), "--per_device_train_batch_size", "4"])
    assert_different(tmp_path / "four/eng", tmp_path / "one/eng")

    results = json.loads((tmp_path / "both/all_results.json").read_text())
    assert abs(results["eval_loss"] - one["eval_loss"]) < 1e-5
