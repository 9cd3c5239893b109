"""Short runs of xTune on the phrasebook, what all of them show, and its Trainers on given parts."""

import torch
from safetensors.torch import load_file
from tiny_runs import COMMON, assert_different

from xlzoo.run_scripts import run_xtune
from xlzoo.run_scripts.objectives.consistency_config import ConsistencyConfig
from xlzoo.run_scripts.objectives.teacher import Teacher

PHRASES = ["--dataset_name", "phrasebook", "--save_strategy", "no", "--per_device_train_batch_size", "4", "--do_train"]
TRAIN = [*PHRASES, "--max_steps", "2", "--logging_steps", "1"]
TESTS = ["--do_eval", "--do_predict", "--test_config_name", "sw", "de"]


def xtune(folder, *flags):
    return run_xtune.main([*COMMON, "--output_dir", str(folder), *map(str, flags)])


def trained_twice(base, folder, architecture):
    """Return the models of both stages, whose weights are other than the base's, and than each other's."""
    before, models = load_file(base / "model.safetensors"), []
    for stage in ("stage-1", "stage-2"):
        model, found = architecture.from_pretrained(folder / stage, output_loading_info=True)
        assert not found["missing_keys"]
        after = load_file(folder / stage / "model.safetensors")
        shared = before.keys() & after.keys()
        assert sum(not torch.equal(before[key], after[key]) for key in shared) > len(shared) * 0.8
        assert not (folder / stage / "teacher").exists()
        models.append(model)
    assert_different(folder / "stage-1", folder / "stage-2")
    return models


def one_step(make, parts, folder, weights, **flags):
    """Return the Trainer that `make` makes of student, teacher, tokenizer, rows, collator and files, for one step."""
    student, teacher, tokenizer, rows, collator, files = parts
    options = {"report_to": "none", "use_cpu": True, "save_strategy": "no", "logging_steps": 1, "max_steps": 1}
    args = ConsistencyConfig(output_dir=str(folder), **options, **flags)
    args.remove_unused_columns = False
    return make(
        weights=weights,
        teacher=Teacher(teacher, rows, collator, files, weights.noise, args),
        model=student,
        args=args,
        train_dataset=rows,
        data_collator=collator,
        processing_class=tokenizer,
    )
