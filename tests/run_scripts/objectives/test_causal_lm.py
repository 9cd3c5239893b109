"""The chunked loss is each family's own loss, however rows are batched; the evaluation counts every token once."""

import math

import pytest
import torch
from datasets import Dataset
from peft import LoraConfig, get_peft_model
from tiny_models import TINY_BACKPACK
from torch.nn.functional import cross_entropy
from transformers import (
    CohereConfig,
    CohereForCausalLM,
    Gemma2Config,
    Gemma2ForCausalLM,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
)

from xlzoo.modeling.configuration_backpack import BackpackGPT2Config
from xlzoo.modeling.modeling_backpack import BackpackGPT2LMHeadModel
from xlzoo.run_scripts.objectives.causal_lm import Body, CausalLMConfig, CausalLMTrainer, SequenceCollator

SIZES = {
    "vocab_size": 60,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
}
SIZES |= {"num_key_value_heads": 1, "head_dim": 16, "pad_token_id": 0, "initializer_range": 0.2}
GPT2 = {"vocab_size": 60, "n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 40, "initializer_range": 0.2}
GPT2 |= {"resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0}
MODELS = {
    "backpack": lambda: BackpackGPT2LMHeadModel(BackpackGPT2Config(**TINY_BACKPACK)),
    "gpt2": lambda: GPT2LMHeadModel(GPT2Config(**GPT2)),
    "llama": lambda: LlamaForCausalLM(LlamaConfig(**SIZES)),
    "gemma2": lambda: Gemma2ForCausalLM(Gemma2Config(**SIZES, final_logit_softcapping=2.0)),
    "cohere": lambda: CohereForCausalLM(CohereConfig(**SIZES, logit_scale=0.25)),
}
LENGTHS = (9, 4, 7, 9)


def model_of(name):
    torch.manual_seed(1)
    return MODELS[name]().eval()


def rows():
    """Rows of several lengths, the second with its own labels: a prompt of two tokens."""
    generator = torch.Generator().manual_seed(7)
    made = [{"input_ids": torch.randint(3, 50, (n,), generator=generator).tolist()} for n in LENGTHS]
    for row in made:
        row["labels"] = list(row["input_ids"])
    made[1]["labels"][:2] = [-100, -100]
    return Dataset.from_list(made)


def trainer(model, folder, gpus=0, **options):
    common = {"optim": "sgd", "learning_rate": 0.1, "max_steps": 1, "max_grad_norm": 0.0, "logging_steps": 1}
    args = CausalLMConfig(
        output_dir=str(folder),
        save_strategy="no",
        use_cpu=True,
        report_to="none",
        disable_tqdm=True,
        remove_unused_columns=False,
        **{**common, **options},
    )
    args._n_gpu = gpus
    data = {"train_dataset": rows(), "eval_dataset": rows()}
    return CausalLMTrainer(model=model, args=args, data_collator=SequenceCollator(0), **data)


def own_losses(model):
    """The model's own logits of each row alone, and the losses of what its labels ask for."""
    losses = []
    for row in rows():
        logits = model(torch.tensor([row["input_ids"]]), use_cache=False).logits[0, :-1]
        losses.append(cross_entropy(logits, torch.tensor(row["labels"][1:]), ignore_index=-100, reduction="none"))
    return torch.cat([loss[loss != 0] for loss in losses])


@pytest.mark.parametrize(("name", "chunked"), [(name, name not in ("gemma2", "cohere")) for name in MODELS])
def test_a_step_takes_the_gradient_of_the_familys_own_loss(tmp_path, name, chunked):
    """Gemma 2 caps its logits and Cohere scales them: there the model's own logits are used."""
    model, plain = model_of(name), model_of(name)
    taught = trainer(model, tmp_path, per_device_train_batch_size=2, gradient_accumulation_steps=2)
    assert taught.in_chunks is chunked
    taught.train()
    losses = own_losses(plain)
    assert len(losses) == 8 + 2 + 6 + 8
    losses.mean().backward()
    assert taught.state.log_history[0]["loss"] == pytest.approx(losses.mean().item(), rel=1e-4)
    for (key, after), before in zip(model.named_parameters(), plain.parameters(), strict=True):
        assert torch.allclose(after, before - 0.1 * before.grad, atol=1e-5), key


def test_batches_of_any_size_are_one_step(tmp_path):
    whole, parts = model_of("gpt2"), model_of("gpt2")
    trainer(whole, tmp_path, per_device_train_batch_size=4).train()
    trainer(parts, tmp_path, per_device_train_batch_size=1, gradient_accumulation_steps=4).train()
    for (key, one), other in zip(whole.named_parameters(), parts.parameters(), strict=True):
        assert torch.allclose(one, other, atol=1e-6), key


@pytest.mark.parametrize("average", [True, False])
def test_two_gpus_of_one_process_are_one_step(tmp_path, average):
    """DataParallel runs here without GPUs; the Trainer counts, scales and shapes its numbers as if there were two."""
    whole, parts = model_of("gpt2"), model_of("gpt2")
    trainer(whole, tmp_path, per_device_train_batch_size=4).train()
    options = {"per_device_train_batch_size": 2, "average_tokens_across_devices": average}
    taught = trainer(parts, tmp_path, gpus=2, **options)
    taught.train()
    assert not taught.in_chunks and taught.state.train_batch_size == 4
    for (key, one), other in zip(whole.named_parameters(), parts.parameters(), strict=True):
        assert torch.allclose(one, other, atol=1e-6), key


def test_a_step_without_predictions_changes_nothing(tmp_path):
    model, plain = model_of("backpack"), model_of("backpack")
    taught = trainer(model, tmp_path, per_device_train_batch_size=4)
    silent = [{"input_ids": row["input_ids"], "labels": [-100] * len(row["labels"])} for row in rows()]
    taught.train_dataset = Dataset.from_list(silent)
    taught.train()
    assert taught.state.log_history[0]["loss"] == 0
    for (key, one), other in zip(model.named_parameters(), plain.parameters(), strict=True):
        assert torch.equal(one, other), key


def test_label_smoothing_moves_probability_to_all_words(tmp_path):
    model, plain = model_of("llama"), model_of("llama")
    taught = trainer(model, tmp_path, per_device_train_batch_size=4, label_smoothing_factor=0.1)
    taught.train()
    losses, logs = own_losses(plain), []
    for row in rows():
        logits = plain(torch.tensor([row["input_ids"]]), use_cache=False).logits[0, :-1]
        logs.append(logits.log_softmax(-1).mean(-1)[torch.tensor(row["labels"][1:]) != -100])
    expected = 0.9 * losses.mean() - 0.1 * torch.cat(logs).mean()
    assert taught.state.log_history[0]["loss"] == pytest.approx(expected.item(), rel=1e-4)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("size", [1, 3])
def test_evaluation_is_the_mean_over_tokens(tmp_path, name, size):
    model = model_of(name)
    found = trainer(model, tmp_path, per_device_eval_batch_size=size, label_smoothing_factor=0.1).evaluate()
    with torch.no_grad():
        losses = own_losses(model)
        hits = [model(torch.tensor([row["input_ids"]])).logits[0, :-1].argmax(-1).tolist() for row in rows()]
    right = [
        guess == goal
        for row, guesses in zip(rows(), hits, strict=True)
        for guess, goal in zip(guesses, row["labels"][1:], strict=True)
        if goal != -100
    ]
    assert found["eval_loss"] == pytest.approx(losses.mean().item(), rel=1e-5)
    assert found["eval_perplexity"] == pytest.approx(math.exp(losses.mean().item()), rel=1e-5)
    assert found["eval_accuracy"] == pytest.approx(sum(right) / 24)


def test_the_logits_of_a_batch_are_never_made(monkeypatch):
    """The head sees one position per row from the model, and after that a few states at a time."""
    monkeypatch.setattr("xlzoo.modeling.chunked_loss.CHUNK", 4 * 60)
    model, seen = model_of("llama"), []
    body = Body(model)
    model.lm_head.register_forward_hook(lambda _m, _i, output: seen.append(tuple(output.shape[:-1])))
    ids = torch.randint(3, 50, (5, 11))
    states = body.states(model, {"input_ids": ids})
    assert states.shape == (5, 11, 32) and seen == [(5, 1)]


def test_an_adapter_on_the_head_is_heeded(tmp_path):
    torch.manual_seed(1)
    config = LoraConfig(target_modules=["q_proj", "lm_head"], r=2, init_lora_weights=False, task_type="CAUSAL_LM")
    model = get_peft_model(model_of("llama"), config)
    found = trainer(model, tmp_path).evaluate()
    with torch.no_grad():
        assert found["eval_loss"] == pytest.approx(own_losses(model).mean().item(), rel=1e-5)


def test_a_collator_masks_what_nothing_predicts():
    batch = SequenceCollator(0)([{"input_ids": [5, 6, 7]}, {"input_ids": [8, 9], "labels": [8, -100]}])
    assert batch["input_ids"].tolist() == [[5, 6, 7], [8, 9, 0]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1], [1, 1, 0]]
    assert batch["labels"].tolist() == [[-100, 6, 7], [-100, -100, -100]]
