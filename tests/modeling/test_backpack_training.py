"""Backpacks under transformers' Trainer."""

import pytest
import torch
from backpack_models import backpack, tokens
from transformers import Trainer, TrainingArguments

LENGTHS = (9, 4, 7, 9)


def rows():
    """Rows with different numbers of tokens to predict."""
    ids = tokens(4)
    labels = ids.clone()
    for row, length in enumerate(LENGTHS):
        labels[row, length:] = -100
    return [{"input_ids": row, "labels": goal} for row, goal in zip(ids, labels, strict=True)]


def train(folder, **options):
    """Take one step of plain gradient descent on all four rows; return the parameters and the logged loss."""
    model = backpack()
    arguments = TrainingArguments(
        output_dir=str(folder),
        optim="sgd",
        learning_rate=0.1,
        max_steps=1,
        max_grad_norm=0.0,
        logging_steps=1,
        save_strategy="no",
        use_cpu=True,
        report_to="none",
        disable_tqdm=True,
        **options,
    )
    trainer = Trainer(model, arguments, train_dataset=rows(), eval_dataset=rows())
    trainer.train()
    return trainer, dict(model.named_parameters()), trainer.state.log_history[0]["loss"]


def test_accumulated_steps_equal_one_step(tmp_path):
    """Four batches of one row, which have 8, 3, 6 and 8 tokens to predict, against one batch of four."""
    _, whole, loss = train(tmp_path, per_device_train_batch_size=4)
    _, parts, same = train(tmp_path, per_device_train_batch_size=1, gradient_accumulation_steps=4)
    assert same == pytest.approx(loss, rel=1e-4)
    for name, value in whole.items():
        assert torch.allclose(parts[name], value, atol=1e-5), name
    _, saving, _ = train(tmp_path, per_device_train_batch_size=4, gradient_checkpointing=True)
    for name, value in whole.items():
        assert torch.allclose(saving[name], value, atol=1e-5), name


def test_evaluation_gathers_loss_and_logits_only(tmp_path):
    trainer, _, _ = train(tmp_path, per_device_train_batch_size=4, per_device_eval_batch_size=4)
    prediction = trainer.predict(rows())
    assert prediction.predictions.shape == (4, 9, 120)
    assert prediction.metrics["test_loss"] == pytest.approx(trainer.evaluate()["eval_loss"])
