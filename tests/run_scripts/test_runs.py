"""What every training run refuses before it starts, and what it leaves behind of the Trainer's own."""

import pytest
import torch
from datasets import Dataset, DatasetDict
from tiny_runs import refused
from transformers import GPT2Config, GPT2LMHeadModel

from xlzoo.run_scripts.objectives.causal_lm import CausalLMConfig, CausalLMTrainer, SequenceCollator
from xlzoo.run_scripts.runs import check_output, needed_splits, run_trainer

ROWS = Dataset.from_list([{"input_ids": [3, 9, 4, 7]}, {"input_ids": [5, 6, 8]}])


def arguments(folder, **options):
    fixed = {"save_strategy": "no", "report_to": "none", "disable_tqdm": True, "remove_unused_columns": False}
    return CausalLMConfig(output_dir=str(folder / "out"), use_cpu=True, max_steps=1, **{**fixed, **options})


@pytest.mark.parametrize("half", ["bf16_full_eval", "fp16_full_eval"])
def test_an_evaluation_that_rounds_the_weights_needs_a_run_of_its_own(tmp_path, half):
    data = DatasetDict({"train": ROWS, "validation": ROWS})
    args = arguments(tmp_path, do_train=True, do_eval=True, **{half: True})
    refused(lambda: needed_splits(args, data), "--bf16_full_eval", "another run")
    assert list(needed_splits(arguments(tmp_path, do_eval=True, **{half: True}), data)) == ["validation"]


def test_a_model_in_pieces_is_refused_for_its_pieces_would_be_saved(tmp_path, monkeypatch):
    args = arguments(tmp_path)
    args.fsdp = True
    refused(lambda: check_output(args), "FSDP", "in pieces")
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    refused(lambda: check_output(arguments(tmp_path)), "accelerate launch")
    monkeypatch.delenv("ACCELERATE_USE_FSDP")
    assert check_output(arguments(tmp_path)) is None


def test_mixed_precision_ends_with_the_run(tmp_path):
    """A model that was trained with --bf16 answers as a copy of its weights does, in float32, bit by bit."""
    torch.manual_seed(1)
    config = GPT2Config(vocab_size=20, n_embd=16, n_layer=1, n_head=2, n_positions=8)
    model, copy = GPT2LMHeadModel(config), GPT2LMHeadModel(config)
    args = arguments(tmp_path, do_train=True, do_eval=True, bf16=True)
    data = {"train_dataset": ROWS, "eval_dataset": ROWS, "data_collator": SequenceCollator(0)}
    run_trainer(CausalLMTrainer(model=model, args=args, **data), None)
    copy.load_state_dict(model.state_dict())
    ids = torch.tensor([[3, 9, 4, 7]])
    with torch.no_grad():
        assert torch.equal(model.eval()(ids).logits, copy.eval()(ids).logits)
