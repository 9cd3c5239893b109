"""MAD-X's claim on the phrasebook: a swapped language adapter beats the task adapter alone on an unseen language."""

from statistics import mean

import pytest

from xlzoo.run_scripts.run_madx import main

MARGIN = 2.0
"""Points of F1 by which the mean over the seeds must differ."""


@pytest.mark.effects
def test_madx_beats_the_task_adapter_alone(tmp_path):
    arguments = ["recipes/madx_phrasebook.yaml", "--output_dir", str(tmp_path), "--hub_dir", "null"]
    scores = main([*arguments, "--seeds", "0", "1", "2", "--settings", "task", "madx"])
    alone, swapped = scores["task"]["swh"], scores["madx"]["swh"]
    print(f"F1 on Swahili: task adapter alone {alone}, MAD-X {swapped}")
    assert mean(swapped) > mean(alone) + MARGIN
