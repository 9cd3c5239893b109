"""A run that is killed and resumed ends in the very weights of a run that nothing happened to.

Dropout is on everywhere; forty rows in batches of four make an epoch of ten steps.
"""

import json

import pytest
from killed_runs import in_state, in_step, in_weights, killed_at, killed_when_appears
from tiny_runs import MLM, NER, assert_different, assert_same, refused
from transformers import Trainer

from xlzoo.run_scripts import run_classification, run_mlm, run_ner

RESUME = ["--resume_from_checkpoint", "last"]
PHRASES = ["--dataset_name", "phrasebook", "--do_train"]


def saving(steps, last=14):
    return ["--save_strategy", "steps", "--save_steps", str(steps), "--max_steps", str(last)]


@pytest.fixture
def steps_taken(monkeypatch):
    """Grows by one with every training step in this process."""
    original, taken = Trainer.training_step, []

    def training_step(self, *args, **kwargs):
        taken.append(None)
        return original(self, *args, **kwargs)

    monkeypatch.setattr(Trainer, "training_step", training_step)
    return taken


@pytest.fixture(scope="module")
def mlm_flags(base):
    return [*MLM, *PHRASES, "--train_adapter", "--adapter_config", "seq_bn_inv", "--model_name_or_path", str(base)]


@pytest.fixture(scope="module")
def mlm_whole(mlm_flags, tmp_path_factory):
    """The adapter of an uninterrupted run that never saved on its way."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    run_mlm.main([*mlm_flags, "--max_steps", "14", "--output_dir", str(folder)])
    return folder / "eng"


@pytest.mark.parametrize(
    ("moment", "number", "save_steps", "workers", "left"),
    [
        pytest.param(in_step, 9, 4, 0, 6, id="between checkpoints of the first epoch"),
        pytest.param(in_step, 14, 6, 0, 2, id="in the second epoch"),
        pytest.param(in_step, 14, 12, 2, 2, id="in the second epoch, with workers"),
        pytest.param(in_step, 13, 10, 0, 4, id="after a checkpoint at the epoch's end"),
        pytest.param(in_step, 3, 4, 0, 14, id="before the first checkpoint"),
        pytest.param(in_weights, 12, 6, 0, 8, id="while a checkpoint is written"),
        pytest.param(in_state, 12, 3, 0, 5, id="in a checkpoint's last file"),
    ],
)
def test_killed_language_adapter(
    mlm_flags, mlm_whole, tmp_path, steps_taken, moment, number, save_steps, workers, left
):
    flags = [
        *mlm_flags,
        *saving(save_steps),
        "--dataloader_num_workers",
        str(workers),
        "--output_dir",
        str(tmp_path / "r"),
    ]
    killed_at(run_mlm.main, flags, moment, number)
    assert not (tmp_path / "r/all_results.json").exists() and not (tmp_path / "r/eng").exists()
    run_mlm.main([*flags, *RESUME])
    assert len(steps_taken) == left
    assert_same(tmp_path / "r/eng", mlm_whole)


def test_killed_as_the_checkpoint_folder_appears(mlm_flags, tmp_path):
    flags = [*mlm_flags, *saving(5, last=40)]
    folders = [str(tmp_path / name) for name in ("killed", "whole")]
    killed_when_appears(run_mlm.main, [*flags, "--output_dir", folders[0]], tmp_path / "killed/checkpoint-15")
    run_mlm.main([*flags, "--output_dir", folders[0], *RESUME])
    run_mlm.main([*flags, "--output_dir", folders[1]])
    assert_same(tmp_path / "killed/eng", tmp_path / "whole/eng")


def test_killed_training_from_scratch(tmp_path):
    sizes = "hidden_size=32,num_hidden_layers=1,num_attention_heads=4,intermediate_size=64,max_position_embeddings=66"
    new = ["--model_type", "xlm-roberta", "--config_overrides", sizes, "--tokenizer_vocab_size", "200"]
    flags = [*MLM, *PHRASES, *new, *saving(3, last=8), "--lr_scheduler_type", "cosine", "--do_eval"]
    evaluating = [*flags, "--eval_strategy", "steps", "--eval_steps", "2"]
    killed_at(run_mlm.main, [*evaluating, "--output_dir", str(tmp_path / "r")], in_step, 8)
    resumed = run_mlm.main([*evaluating, "--output_dir", str(tmp_path / "r"), *RESUME])
    whole = run_mlm.main([*evaluating, "--output_dir", str(tmp_path / "whole")])
    assert resumed["eval_loss"] == whole["eval_loss"]
    assert_same(tmp_path / "r", tmp_path / "whole")


@pytest.mark.parametrize(("moment", "number"), [(in_step, 13), (in_state, 12)])
def test_killed_task_adapter(base, languages, tmp_path, steps_taken, moment, number):
    stack = ["--train_adapter", "--load_lang_adapter", str(languages["eng"]), "--model_name_or_path", str(base)]
    flags = [*NER, *PHRASES, *stack, *saving(4)]
    killed_at(run_ner.main, [*flags, "--output_dir", str(tmp_path / "r")], moment, number)
    run_ner.main([*flags, "--output_dir", str(tmp_path / "r"), *RESUME])
    assert len(steps_taken) == {in_step: 2, in_state: 6}[moment]
    run_ner.main([*NER, *PHRASES, *stack, "--max_steps", "14", "--output_dir", str(tmp_path / "whole")])
    assert_same(tmp_path / "r/ner", tmp_path / "whole/ner")
    assert_same(tmp_path / "r", tmp_path / "whole")


LASTING = ["--dataloader_num_workers", "1", "--dataloader_persistent_workers", "true"]
EVERY_FOUR = ["--do_eval", "--eval_strategy", "steps", "--eval_steps", "4"]


@pytest.mark.parametrize(
    ("script", "flags"),
    [
        pytest.param(run_mlm, ["--line_by_line", *LASTING], id="mlm, lasting workers"),
        pytest.param(run_classification, [*LASTING, *EVERY_FOUR], id="classification, those of evaluations too"),
        pytest.param(run_ner, ["--do_eval", "--eval_strategy", "epoch"], id="ner, an evaluation after the checkpoint"),
    ],
)
def test_data_loaders_draw_the_same(base, tmp_path, script, flags):
    """From the end of the first epoch of ten steps on: workers that live as long as the run are new there.

    The evaluation of that epoch comes after the checkpoint, so that a run from there does not have it.
    """
    flags = [*NER, *PHRASES, *saving(10, last=13), *flags, "--model_name_or_path", str(base)]
    whole, resumed = tmp_path / "whole", tmp_path / "resumed"
    script.main([*flags, "--output_dir", str(whole)])
    script.main([*flags, "--output_dir", str(resumed), "--resume_from_checkpoint", str(whole / "checkpoint-10")])
    assert_same(resumed, whole)


@pytest.mark.parametrize("script", [run_mlm, run_classification])
def test_batches_of_like_lengths_come_in_the_same_order(base, tmp_path, script):
    """From within the second epoch of ten steps on."""
    flags = [*NER, *PHRASES, *saving(12, last=14), "--model_name_or_path", str(base)]
    flags += ["--train_sampling_strategy", "group_by_length", *["--line_by_line"] * (script is run_mlm)]
    whole, resumed = tmp_path / "whole", tmp_path / "resumed"
    script.main([*flags, "--output_dir", str(whole)])
    script.main([*flags, "--output_dir", str(resumed), "--resume_from_checkpoint", str(whole / "checkpoint-12")])
    assert_same(resumed, whole)


def test_comparison_sees_one_step_of_difference(mlm_flags, mlm_whole, tmp_path):
    run_mlm.main([*mlm_flags, "--max_steps", "13", "--output_dir", str(tmp_path / "r")])
    assert_different(tmp_path / "r/eng", mlm_whole)


# What cannot be resumed exactly is refused


def test_bad_checkpoints_are_refused(mlm_flags, base, languages, tmp_path):
    run, flags = tmp_path / "r", [*mlm_flags, *saving(2, last=2), "--output_dir", str(tmp_path / "r")]
    run_mlm.main(flags)
    refused(lambda: run_mlm.main(flags), "holds another run", "--overwrite_output_dir")
    refused(lambda: run_mlm.main([*flags, "--resume_from_checkpoint", "nowhere"]), "nowhere", "no complete checkpoint")
    refused(lambda: run_mlm.main([*flags, *RESUME, "--overwrite_output_dir"]), "give one of them")
    narrow = [*flags, *RESUME, "--adapter_config", "seq_bn_inv[reduction_factor=4]"]
    refused(lambda: run_mlm.main(narrow), "checkpoint-2", "another model", "adapters.eng")
    refused(lambda: run_mlm.main([*flags, *RESUME, "--adapter_name", "x"]), "checkpoint-2", "another model")
    (run / "checkpoint-2/optimizer.pt").unlink()
    refused(lambda: run_mlm.main([*flags, *RESUME]), "optimizer.pt", "start anew")
    weights = run / "checkpoint-2/model.safetensors"
    (run / "checkpoint-2/optimizer.pt").touch()
    weights.write_bytes(weights.read_bytes()[:1000])
    refused(lambda: run_mlm.main([*flags, *RESUME]), "model.safetensors", "damaged")


def test_overwriting_deletes_runs_only(mlm_flags, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/letter.txt").write_text("dear")
    flags = [*mlm_flags, "--overwrite_output_dir", "--output_dir"]
    refused(lambda: run_mlm.main([*flags, str(tmp_path / "mine")]), "not written by a run of ours")
    assert (tmp_path / "mine/letter.txt").read_text() == "dear"
    run_mlm.main([*flags, str(tmp_path / "r")])
    (tmp_path / "r/old").touch()
    refused(lambda: run_mlm.main([*flags, str(tmp_path / "r"), "--adapter_config", "wide"]), "adapter kind")
    assert (tmp_path / "r/old").exists(), "a run is deleted only once the new one is known to be sound"
    run_mlm.main([*flags, str(tmp_path / "r"), "--seed", "7"])
    assert not (tmp_path / "r/old").exists()
    assert json.loads((tmp_path / "r/run.json").read_text())["seed"] == 7
