"""A step of pre-training is one step, however it is cut; its parts are logged; evaluation counts each prediction."""

import copy
from types import SimpleNamespace

import pytest
import torch
from alignment import pretraining as plain
from alignment.pretraining import PAIRS, pretraining_model, whole_rows
from datasets import Dataset

from xlzoo.run_scripts.corpora.collators import PreTrainingCollator
from xlzoo.run_scripts.corpora.pair_rows import MixedRows
from xlzoo.run_scripts.corpora.pieces import EpochRows
from xlzoo.run_scripts.errors import UserError
from xlzoo.run_scripts.objectives.word_alignment import WordAlignmentConfig, WordAlignmentTrainer

TEXTS = ([0, 71, 72, 73, 2], [0, 81, 82, 83, 84, 85, 86, 2], [0, 91, 92, 2])


class Tokenizer(SimpleNamespace):
    def __len__(self):
        return 120


TOKENIZER = Tokenizer(
    mask_token_id=plain.MASK, pad_token_id=1, cls_token_id=0, sep_token_id=2, all_special_ids=[0, 1, 2, 3, plain.MASK]
)


def rows(text=True, pairs=True):
    sides = [[0, *[1] * len(source), 0, *[2] * len(target), 0] for source, target in PAIRS]
    found = EpochRows(Dataset.from_dict({"input_ids": whole_rows(), "sides": sides}))
    return MixedRows(EpochRows(Dataset.from_dict({"input_ids": TEXTS})) if text else None, found if pairs else None, 0)


def collator(contrast):
    return PreTrainingCollator(TOKENIZER, 0.5, seed=4, contrast=contrast)


def model_for(objective, **changes):
    return pretraining_model(xlco_queue_size=plain.QUEUE if objective == "infoxlm" else 0, **changes)


def trainer(model, folder, objective, **options):
    common = {"optim": "sgd", "learning_rate": 0.1, "max_steps": 1, "max_grad_norm": 0.0, "logging_steps": 1}
    args = WordAlignmentConfig(
        output_dir=str(folder),
        objective=objective,
        save_strategy="no",
        use_cpu=True,
        report_to="none",
        disable_tqdm=True,
        remove_unused_columns=False,
        **{**common, **options},
    )
    return WordAlignmentTrainer(
        model=model,
        args=args,
        train_dataset=rows(),
        eval_dataset={"text": rows(pairs=False), "pairs": rows(text=False)},
        data_collator=collator(model.contrast is not None),
    )


def whole_step(model, objective):
    """The outputs for all rows as one batch, with the labels that the model makes for them."""
    batch = collator(model.contrast is not None)([rows()[index] for index in range(3)])
    sources, targets = batch.pop("sources", None), batch.pop("targets", None)
    if objective == "xlm_align":
        batch["pairs"]["partners"] = model.find_partners(batch["pairs"])
    if model.contrast is not None:
        batch["contrast"] = {**sources, "keys": model.contrast.keys(targets)}
    return model(**batch)


def filled(model):
    if model.contrast is not None:
        model.contrast.enqueue(torch.randn(plain.QUEUE, 32, generator=torch.Generator().manual_seed(1)))
    return model


@pytest.mark.parametrize("cut", [{"per_device_train_batch_size": 3}, {"gradient_accumulation_steps": 3}])
@pytest.mark.parametrize("objective", ["tlm", "xlm_align", "infoxlm"])
def test_a_step_follows_the_mean_over_all_its_predictions(tmp_path, objective, cut):
    """By plain gradient descent on the whole batch, and with each part's own mean in the log."""
    model = filled(model_for(objective))
    by_hand = copy.deepcopy(model)
    outputs = whole_step(by_hand, objective)
    outputs.loss.backward()
    taught = trainer(model, tmp_path, objective, **{"per_device_train_batch_size": 1, **cut})
    taught.train()
    for (name, after), before in zip(model.named_parameters(), by_hand.parameters(), strict=True):
        if before.grad is not None:
            assert torch.allclose(after, before - 0.1 * before.grad, atol=1e-5), name
        elif not name.startswith("contrast.slow"):
            assert torch.equal(after, before), name
    logged = taught.state.log_history[0]
    assert logged["loss"] == pytest.approx(outputs.loss.item(), rel=1e-4)
    parts = {"tlm": {"mlm", "tlm"}, "xlm_align": {"mlm", "tlm", "dwa"}, "infoxlm": {"mlm", "tlm", "xlco"}}[objective]
    assert {key.removeprefix("loss_") for key in logged if key.startswith("loss_")} == parts
    for name in parts:
        assert logged[f"loss_{name}"] == pytest.approx(outputs[f"loss_{name}"].item(), rel=1e-4), name


def test_the_log_is_of_the_steps_since_the_last_one(tmp_path):
    model = model_for("xlm_align")
    first = copy.deepcopy(model)
    taught = trainer(model, tmp_path, "xlm_align", per_device_train_batch_size=3, max_steps=4, logging_steps=2)
    taught.train()
    one, two = (entry for entry in taught.state.log_history if "loss" in entry)
    assert one["loss_tlm"] != two["loss_tlm"]
    assert one["loss_tlm"] != pytest.approx(whole_step(first, "xlm_align").loss_tlm.item(), rel=1e-3)
    halves = [trainer(first, tmp_path, "xlm_align", per_device_train_batch_size=3, max_steps=2, logging_steps=1)]
    halves[0].train()
    steps = [entry for entry in halves[0].state.log_history if "loss" in entry]
    assert min(step["loss_tlm"] for step in steps) < one["loss_tlm"] < max(step["loss_tlm"] for step in steps)


def test_the_slow_copy_and_the_queue_move_once_a_step(tmp_path):
    model = model_for("infoxlm", xlco_momentum=0.75)
    before = copy.deepcopy(model)
    targets = collator(True)([rows()[index] for index in range(3)])["targets"]
    options = {"per_device_train_batch_size": 1, "gradient_accumulation_steps": 3}
    taught = trainer(model, tmp_path, "infoxlm", **options)
    taught.train()
    keys = model.contrast.queue[:3]
    expected = before.contrast.keys(targets)
    assert all(any(torch.allclose(key, each, atol=1e-5) for each in expected) for key in keys)
    assert model.contrast.seen == 3 and not model.contrast.is_ready and not model.contrast.queue[3:].any()
    old = before.contrast.slow_encoder.encoder.layer[0].output.dense.weight
    new = model.roberta.encoder.layer[0].output.dense.weight
    assert torch.allclose(
        model.contrast.slow_encoder.encoder.layer[0].output.dense.weight, 0.75 * old + 0.25 * new, atol=1e-6
    )
    assert not torch.equal(old, new)


def test_the_contrast_begins_when_the_queue_is_full(tmp_path):
    taught = trainer(model_for("infoxlm"), tmp_path, "infoxlm", per_device_train_batch_size=3, max_steps=4)
    taught.train()
    assert ["loss_xlco" in entry for entry in taught.state.log_history if "loss" in entry] == [
        False,
        False,
        True,
        True,
    ]


@pytest.mark.parametrize("objective", ["xlm_align", "infoxlm"])
def test_half_precision_learns_nearly_the_same(tmp_path, objective):
    """Partners and contrast are compared in full precision, on states of the half."""
    logs = []
    for half in (False, True):
        taught = trainer(filled(model_for(objective)), tmp_path, objective, per_device_train_batch_size=3, bf16=half)
        taught.train()
        logs.append({key: value for key, value in taught.state.log_history[0].items() if key.startswith("loss")})
    assert logs[0].keys() == logs[1].keys() and len(logs[0]) == 4
    for key, value in logs[0].items():
        assert logs[1][key] != value and logs[1][key] == pytest.approx(value, rel=0.05), key


def test_word_alignment_begins_when_it_is_told_to(tmp_path):
    options = {"per_device_train_batch_size": 3, "max_steps": 4, "align_enable_step": 2}
    taught = trainer(model_for("xlm_align"), tmp_path, "xlm_align", **options)
    taught.train()
    assert ["loss_dwa" in entry for entry in taught.state.log_history if "loss" in entry] == [False, False, True, True]


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("objective", ["tlm", "xlm_align"])
def test_evaluation_is_the_mean_over_predictions(tmp_path, objective, size):
    model = model_for(objective)
    encoder = plain.stock(model)
    found = trainer(model, tmp_path, objective, per_device_eval_batch_size=size).evaluate()
    collate = collator(False)
    text, pairs = ([collate([part[index]]) for index in range(3)] for part in (rows(pairs=False), rows(text=False)))
    for name, batches in (("text", text), ("pairs", [batch["pairs"] for batch in pairs])):
        losses = [
            loss
            for batch in batches
            for loss in plain.plain_vocabulary_losses(encoder, batch["input_ids"], batch["labels"])
        ]
        assert len(losses) > 4
        assert found[f"eval_{name}_loss"] == pytest.approx(sum(losses) / len(losses), rel=1e-4)
    assert ("eval_pairs_dwa_accuracy" in found) == (objective == "xlm_align")
    if objective == "xlm_align":
        totals = [model(pairs={**b["pairs"], "partners": model.find_partners(b["pairs"])}) for b in pairs]
        total = sum(out.loss_dwa.item() * out.predictions[2].item() for out in totals)
        assert found["eval_pairs_dwa_loss"] == pytest.approx(
            total / sum(o.predictions[2].item() for o in totals), rel=1e-4
        )
        assert 0 <= found["eval_pairs_dwa_accuracy"] <= 1


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("objective", "align", "expected one of mlm, tlm, xlm_align, infoxlm"),
        ("wa_layer", -1, "--wa_layer"),
        ("wa_max_count", 0, "--wa_max_count"),
        ("sinkhorn_iter", -2, "--sinkhorn_iter"),
        ("align_enable_step", -1, "--align_enable_step"),
        ("dropout", 1.5, "--dropout"),
        ("label_smoothing_factor", 0.1, "leave them out"),
        ("xlco_queue_size", 0, "--xlco_queue_size"),
        ("xlco_softmax_tau", 0.0, "--xlco_softmax_tau"),
        ("xlco_momentum", 1.5, "--xlco_momentum"),
    ],
)
def test_settings_that_cannot_be(tmp_path, field, value, words):
    with pytest.raises(UserError, match=words):
        WordAlignmentConfig(output_dir=str(tmp_path), report_to="none", **{field: value})
