"""Short runs of xTune on the phrasebook, what all of them show, and its Trainers on given parts."""

import pytest
import torch
from safetensors.torch import load_file
from tiny_runs import COMMON, assert_different

from xlzoo.run_scripts import run_xtune
from xlzoo.run_scripts.corpora.view_rows import FILLER
from xlzoo.run_scripts.objectives.consistency_config import ConsistencyConfig
from xlzoo.run_scripts.objectives.embedding_noise import Noise, noisy
from xlzoo.run_scripts.objectives.teacher import Teacher

PHRASES = ["--dataset_name", "phrasebook", "--save_strategy", "no", "--per_device_train_batch_size", "4", "--do_train"]
TRAIN = [*PHRASES, "--max_steps", "2", "--logging_steps", "1"]
NOISE = Noise("gaussian", 0.3)
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


def student_and_teacher(architecture, still, **config):
    """Return two models of an encoder, with heads of their own."""
    models = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        models.append(architecture.from_pretrained(still, **config))
    return models


@torch.no_grad()
def read_alone(model, ids, noise):
    """Return what a model says of one side, unpadded, with the noise of this seed."""
    read = torch.tensor([ids])
    with noisy(model, torch.tensor([noise]), torch.ones_like(read), NOISE):
        return model.eval()(input_ids=read)


def parts_are_logged(trainer, expected, rel=1e-4):
    """Train a step whose parts should be these, logged without the weights 5 of R1 and 0.7 of R2."""
    trainer.train()
    logged = trainer.state.log_history[0]
    assert [logged[f"loss_{part}"] for part in ("task", "r1", "r2")] == pytest.approx(expected, rel=rel)
    assert logged["loss"] == pytest.approx(expected[0] + 5 * expected[1] + 0.7 * expected[2], rel=rel)
    assert min(expected) > 1e-4


def without_views_r1_is_left_out(make, parts, folder, expected, size):
    """`make` a Trainer of these parts but for views: the encoder reads the rows alone, what is left is as it was."""
    parts[4].view = None
    trainer, forwards = make(parts, folder, per_device_train_batch_size=size), []
    hook = parts[0].register_forward_hook(lambda module, args, kwargs, out: forwards.append(kwargs), with_kwargs=True)
    trainer.train()
    hook.remove()
    logged = trainer.state.log_history[0]
    assert [len(read["input_ids"]) for read in forwards] == [size] and "loss_r1" not in logged
    assert [logged["loss_task"], logged["loss_r2"]] == pytest.approx(expected[::2], rel=1e-4)
    assert logged["loss"] == pytest.approx(expected[0] + 0.7 * expected[2], rel=1e-4)


def nothing_is_learned_from_fillers(trainer, parts):
    """They change no loss of a row and its copy; alone they have none, whose gradient is 0 and reaches all weights."""
    student, rows, collator = parts[0].eval(), parts[3], parts[4]
    trainer.teacher.start(0)
    real, fillers = [rows[1], rows[len(rows) - 1]], [rows[FILLER]] * 2
    alone, filled, empty = (collator(batch) for batch in (real, [*real, *fillers], fillers))
    losses = [trainer.compute_loss(student, batch) for batch in (alone, filled, empty)]
    assert torch.equal(trainer.counts(filled), trainer.counts(alone)) and trainer.counts(alone).all()
    assert losses[1].item() == pytest.approx(losses[0].item(), rel=1e-4) and losses[0] > 0
    assert not trainer.counts(empty).any() and losses[2] == 0 and len(empty["input_ids"]) == 4
    losses[2].backward()
    assert all(weight.grad is not None and not weight.grad.any() for weight in student.parameters())


def accumulation_changes_nothing(make, student, folder, size):
    """`make` a Trainer of `size` rows at once, and of a third of them three times: the student learns the same."""
    start = {key: value.clone() for key, value in student.state_dict().items()}
    made = []
    for steps in (1, 3):
        student.load_state_dict(start)
        flags = {"per_device_train_batch_size": size // steps, "gradient_accumulation_steps": steps, "optim": "sgd"}
        make(folder / str(steps), learning_rate=0.1, **flags).train()
        made.append({key: value.clone() for key, value in student.state_dict().items()})
    assert any(not torch.equal(value, start[key]) for key, value in made[0].items())
    for key, value in made[0].items():
        assert torch.allclose(value, made[1][key], atol=1e-5), key
