"""The recipes of xTune against the published settings: a row for each task and setting, column by column."""

import json

import pytest
from tiny_runs import refused
from xtune_runs import PHRASES, xtune

from xlzoo.run_scripts.arguments import ModelArguments, parse, read_recipe
from xlzoo.run_scripts.encoder_adapters import EncoderAdapterArguments
from xlzoo.run_scripts.objectives.consistency_config import ConsistencyConfig
from xlzoo.run_scripts.xtune_arguments import TaskData, ViewArguments

CS, SS, MT = "code_switch", "subword", "translation"
TABLE = """
xnli    transfer  10 256 7e-6 5e-6   CS .3 CS CS 5.0
pawsx   transfer  10 256 1e-5 1e-5   CS .5 CS CS 2.0
panx    transfer  10 128 1e-5 7e-6   SS .3 SS SS 5.0
udpos   transfer  10 128 2e-5 5e-6   SS .5 SS SS 0.3
xquad   transfer   4 384 3e-5 1.5e-5 CS .3 SS SS 5.0
mlqa    transfer   4 384 3e-5 1.5e-5 CS .3 SS SS 5.0
tydiqa  transfer  20 384 3e-5 1.5e-5 SS .3 SS SS 5.0
xnli    translate 10 256 7e-6 5e-6   MT 1. MT MT 1.0
pawsx   translate 10 256 1e-5 1e-5   MT 1. MT MT 1.0
panx    translate 10 128 1e-5 7e-6   SS .3 SS MT 1.0
udpos   translate 10 128 2e-5 5e-6   SS .5 SS MT 0.3
xquad   translate  4 384 3e-5 1.5e-5 CS .3 SS MT 0.1
mlqa    translate  4 384 3e-5 1.5e-5 CS .3 SS MT 0.5
tydiqa  translate 20 384 3e-5 1.5e-5 SS .3 SS MT 0.3
"""
"""Task, setting, epochs, length, rate of the base and of the large model, view and share of words in stage 1, view and
copies in stage 2, weight of R2."""
STEPS = {"xquad": (24000, 24000), "mlqa": (24000, 24000), "tydiqa": (5000, 2500)}
"""Steps of stage 2 with the base and with the large model, where its epochs do not decide."""
COLD = ("xnli", "pawsx")
"""Tasks whose program takes `--warmup_steps -1` as it is, which is none; the others' take it for a tenth."""
KINDS = {"CS": CS, "SS": SS, "MT": MT}
NAMES = {"panx": "ner", "udpos": "pos"}
ROWS = [row.split() for row in TABLE.strip().splitlines()]


@pytest.mark.parametrize("large", [False, True], ids=["base", "large"])
@pytest.mark.parametrize("row", ROWS, ids=lambda row: "-".join(row[:2]))
def test_a_recipe_is_the_published_setting(row, large):
    task, setting, epochs, length, *rates, view, share, later, copies, weight = row
    recipe = f"recipes/xtune_{task}{'_translate' * (setting == 'translate')}{'_large' * large}.yaml"
    types = (ModelArguments, TaskData, ViewArguments, EncoderAdapterArguments, ConsistencyConfig)
    model, data, views, _, args = parse([recipe, "--use_cpu"], *types)
    assert model.model_name_or_path == f"xlm-roberta-{'large' if large else 'base'}" and args.stage == "both"
    assert args.setting.split("-")[0] == {"transfer": "cross", "translate": "translate"}[setting]
    assert args.task_name == NAMES.get(task, task) and data.max_seq_length == args.published.length == int(length)
    assert args.num_train_epochs == (10 if large and task == "tydiqa" else int(epochs))
    assert args.learning_rate == float(rates[large])
    assert (args.steps_of("1"), args.steps_of("2")) == (-1, STEPS[task][large] if task in STEPS else -1)
    assert args.get_warmup_steps(24000) == (0 if task in COLD else 2400) and args.lr_scheduler_type == "linear"
    assert args.per_device_train_batch_size * args.gradient_accumulation_steps == 32
    assert (args.augmentation, args.later_augmentation) == ([KINDS[view]], [KINDS[later]])
    assert args.copy_augmentation == [KINDS[copies]] and args.r2_weight == float(weight) and args.r1_weight == 5.0
    shares = {CS: args.published.code_switch_rate, SS: args.published.subword_rate, MT: views.translation_rate}
    assert shares[KINDS[view]] == float(share) and views.sampling_alpha == 0.3
    assert args.hard_labels == (task == "panx") and args.output_dir == f"runs/{recipe[8:-5]}"
    if data.xtreme_dir:
        views.translations = ["from XTREME's folder"] if MT in args.kinds else []
    views.require_sources(args.kinds)


@pytest.mark.parametrize("stages", [1, 2])
def test_stage_2_has_steps_of_its_own(base, tmp_path, stages):
    """Eight sentences in two steps, then five of sixteen, past their epoch; the rate warms up for two and ends at 0.

    As the published program has it, `--max_steps` is of the schedule too, not a stop on the way through the epochs.
    """
    run, flags = tmp_path / "run", [*PHRASES, "--task_name", "pos", "--model_name_or_path", base]
    flags += ["--num_train_epochs", "1", "--stage_2_max_steps", "5", "--warmup_ratio", "0.4", "--logging_steps", "1"]
    flags += ["--max_train_samples", "8", "--save_strategy", "steps", "--save_steps", "1"]
    if stages == 1:
        xtune(run / "stage-1", *flags, "--stage", "1")
        flags += ["--stage", "2", "--teacher", run / "stage-1"]
    xtune(run / "stage-2" if stages == 1 else run, *flags)
    rates = []
    for stage in ("stage-1", "stage-2"):
        last = max((run / stage).glob("checkpoint-*"), key=lambda folder: folder.name)
        log = json.loads((last / "trainer_state.json").read_text())["log_history"]
        rates.append([line["learning_rate"] / 1e-3 for line in log if "learning_rate" in line])
    assert rates[0] == pytest.approx([0, 1])
    assert rates[1] == pytest.approx([0, 1 / 2, 1, 2 / 3, 1 / 3])


def test_a_recipe_on_another(tmp_path):
    (tmp_path / "low.json").write_text('{"seed": 1, "task_name": "pos"}')
    (tmp_path / "mid.yaml").write_text("based_on: low.json\nseed: 2\nstage: 1\n")
    (tmp_path / "top.yaml").write_text("based_on: mid.yaml\nstage: null\n")
    assert read_recipe(str(tmp_path / "top.yaml")) == {"seed": 2, "task_name": "pos", "stage": None}
    (tmp_path / "low.json").write_text('{"based_on": "top.yaml"}')
    refused(lambda: read_recipe(str(tmp_path / "top.yaml")), "based on itself")
    (tmp_path / "low.json").write_text('{"based_on": "none.yaml"}')
    refused(lambda: read_recipe(str(tmp_path / "top.yaml")), "none.yaml")
