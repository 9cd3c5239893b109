"""Sense adaptation from the command line: losses and scores written out plainly, what moves, what resumes."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from killed_runs import in_step, killed_at
from tiny_runs import assert_different, assert_same, refused, tensors
from torch.nn.functional import cosine_similarity, cross_entropy
from transformers import AutoTokenizer, GPT2Config, GPT2LMHeadModel, Trainer

from xlzoo.modeling.modeling_backpack import BackpackGPT2LMHeadModel
from xlzoo.run_scripts import run_adaptation, run_clm
from xlzoo.run_scripts.arguments import parse
from xlzoo.run_scripts.bitext_arguments import BitextArguments
from xlzoo.run_scripts.corpora.phrasebook import load_phrasebook
from xlzoo.run_scripts.objectives.adaptation_config import SenseAdaptationConfig
from xlzoo.run_scripts.stages.adaptation import BackpackArguments

SHAPE = "n_embd=32,n_layer=2,n_head=4,n_positions=64,num_senses=4,resid_pdrop=0.0,embd_pdrop=0.0,attn_pdrop=0.0"
PAIRS = "--src eng --tgt swh --dataset_name phrasebook --max_length 60 --max_train_samples 40 --max_eval_samples 10"
QUIET = [*PAIRS.split(), *"--report_to none --train_batch_size 4 --save_strategy no --learning_rate 1e-3".split()]
TRAIN = ["--do_train", "--max_steps", "4"]


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A tiny Backpack without dropout, trained for two steps on English, with its tokenizer."""
    folder = tmp_path_factory.mktemp("base") / "backpack"
    new = [
        "--model_type",
        "backpack",
        "--config_overrides",
        SHAPE,
        "--tokenizer_vocab_size",
        "400",
        "--max_steps",
        "2",
    ]
    data = ["--dataset_name", "phrasebook", "--max_train_samples", "60", "--block_size", "24", "--do_train"]
    run_clm.main([*new, *data, "--report_to", "none", "--save_strategy", "no", "--output_dir", str(folder)])
    return folder


@pytest.fixture
def adapt(base):
    def call(folder, *flags):
        return run_adaptation.main([*QUIET, "--model_id", str(base), "--save_dir", str(folder), *map(str, flags)])

    return call


def one_side(model, tokenizer, text, temperature):
    """Return a text's vectors, its logits and its ids, alone and without any function of ours but the model's."""
    ids = torch.tensor([[tokenizer.bos_token_id, *tokenizer(text, add_special_tokens=False)["input_ids"][:58], 2]])
    output = model(ids, output_senses=True, output_contextualization=True)
    contributions = output.contextualization @ output.senses
    chances = (contributions.norm(dim=-1) / temperature).softmax(1)
    pooled = (chances[..., None] * contributions).sum(1).mean(1)[0]
    entropy = -(chances * chances.log()).sum(1).mean()
    return output.backpack_hidden_states[0, -1], pooled, output.logits[0], ids[0], entropy


def test_the_first_loss_is_the_formula(base, adapt, tmp_path):
    """A batch of all four pairs: three losses, weighted as after one of four steps, in the plainest way.

    p = 1/4 is between 0.2 and 0.5: t = 1/6, of mid (.4 .4 .2) and tail (.15 .15 .7) there is (1 + cos 30) / 2.
    """
    flags = ["--max_train_samples", 4, "--label_smoothing", 0.1, "--log_every_n_steps", 1, *TRAIN]
    adapt(tmp_path / "run", *flags, "--save_strategy", "steps", "--save_every", 1, "--learning_rate", 0)
    state = json.loads((tmp_path / "run/checkpoint-1/trainer_state.json").read_text())
    logged = state["log_history"][0]
    model, tokenizer = BackpackGPT2LMHeadModel.from_pretrained(base).eval(), AutoTokenizer.from_pretrained(base)
    rows = load_phrasebook("eng-swh", sizes={"train": 4})["train"]["translation"]
    with torch.no_grad():
        sides = {code: [one_side(model, tokenizer, row[code], 0.7) for row in rows] for code in ("eng", "swh")}
    contrasts = []
    for part, tau in ((0, 0.07), (1, 0.05)):
        source, target = (torch.stack([side[part] for side in sides[code]]) for code in ("eng", "swh"))
        cosines = cosine_similarity(source[:, None], target[None], dim=-1)
        contrasts.append(cross_entropy(cosines / tau, torch.arange(4)).item())
    summed = sum(
        cross_entropy(logits[:-1], ids[1:], reduction="sum", label_smoothing=0.1).item()
        for _, _, logits, ids, _ in sides["swh"]
    )
    lm = summed / sum(len(ids) - 1 for _, _, _, ids, _ in sides["swh"])
    assert [logged["loss_ctx"], logged["loss_sns"], logged["loss_lm"]] == pytest.approx([*contrasts, lm], rel=1e-4)
    share = (1 + math.cos(math.pi / 6)) / 2
    contrast, language = 0.15 + 0.25 * share, 0.7 - 0.5 * share
    assert logged["w_ctx"] == pytest.approx(contrast) and logged["w_lm"] == pytest.approx(language)
    assert logged["loss"] == pytest.approx(contrast * sum(contrasts) + language * lm, rel=1e-4)


def test_evaluation_by_the_formula(base, adapt, tmp_path):
    results = adapt(tmp_path / "run", "--do_eval", "--test_batch_size", 4)
    model, tokenizer = BackpackGPT2LMHeadModel.from_pretrained(base).eval(), AutoTokenizer.from_pretrained(base)
    rows = load_phrasebook("eng-swh", sizes={"validation": 10})["validation"]["translation"]
    with torch.no_grad():
        sides = {code: [one_side(model, tokenizer, row[code], 0.7) for row in rows] for code in ("eng", "swh")}
    for part, name in enumerate(("ctx", "sns")):
        source, target = (torch.stack([side[part] for side in sides[code]]) for code in ("eng", "swh"))
        cosines = cosine_similarity(source[:, None], target[None], dim=-1)
        recalls = [(found.argmax(1) == torch.arange(10)).float().mean().item() for found in (cosines, cosines.T)]
        assert results[f"eval_{name}_recall_src_tgt"] == pytest.approx(recalls[0])
        assert results[f"eval_{name}_recall_tgt_src"] == pytest.approx(recalls[1])
        assert results[f"eval_{name}_recall"] == pytest.approx(sum(recalls) / 2)
    losses = [cross_entropy(logits[:-1], ids[1:], reduction="none") for _, _, logits, ids, _ in sides["swh"]]
    assert results["eval_perplexity"] == pytest.approx(torch.cat(losses).mean().exp().item(), rel=1e-4)
    weighted = [(entropy.item(), len(ids)) for _, _, _, ids, entropy in sides["eng"]]
    mean = sum(entropy * number for entropy, number in weighted) / sum(number for _, number in weighted)
    assert results["eval_entropy_src"] == pytest.approx(mean, rel=1e-4)


def moved(before, after):
    one, other = tensors(before), tensors(after)
    return {key.split(":")[1] for key, value in one.items() if not torch.equal(value, other[key])}


def test_all_learn_and_frozen_senses_do_not(base, adapt, tmp_path):
    adapt(tmp_path / "all", *TRAIN)
    assert {name.split(".")[1] for name in moved(base, tmp_path / "all")} == {
        "gpt2_model",
        "sense_network",
        "sense_weight_net",
    }
    adapt(tmp_path / "frozen", *TRAIN, "--freeze_senses_in_polish", "--align_pct", 0, "--polish_pct", 1)
    assert {name.split(".")[1] for name in moved(base, tmp_path / "frozen")} == {"gpt2_model"}
    # Polishing from the third of four steps on: what was learned before stays.
    late = ["--freeze_senses_in_polish", "--polish_pct", 0.5, "--save_strategy", "steps", "--save_every", 1]
    adapt(tmp_path / "late", *TRAIN, *late)
    after = {name.split(".")[1] for name in moved(tmp_path / "late/checkpoint-1", tmp_path / "late")}
    assert after == {"gpt2_model"}
    assert "sense_network" in {name.split(".")[1] for name in moved(base, tmp_path / "late/checkpoint-1")}


def test_each_loss_has_an_effect(adapt, tmp_path):
    changes = {
        "plain": [],
        "no_lm": ["--no_add_lm_loss"],
        "temperature": ["--sense_pool_temp", 0.1],
        "tau": ["--tau_sns_start", 0.5, "--tau_sns_end", 0.5],
        "weights": ["--w_sns_mid", 0.0],
    }
    for name, flags in changes.items():
        adapt(tmp_path / name, *TRAIN, "--max_steps", 2, "--polish_pct", 0.2, *flags)
    for name in [name for name in changes if name != "plain"]:
        assert_different(tmp_path / "plain", tmp_path / name)


def test_accumulated_language_model_is_the_whole_one(adapt, tmp_path):
    """With the language model alone two batches of two pairs are one of four; negatives are those of a batch."""
    zero = [flag for part in ("align", "mid", "tail") for flag in (f"--w_ctx_{part}", 0, f"--w_sns_{part}", 0)]
    plain = [*zero, "--do_train", "--max_steps", 2, "--optim", "sgd", "--learning_rate", 0.5]
    adapt(tmp_path / "whole", *plain)
    adapt(tmp_path / "parts", *plain, "--train_batch_size", 2, "--gradient_accumulation_steps", 2)
    assert_same(tmp_path / "whole", tmp_path / "parts", tolerance=1e-5)


def test_a_killed_run_ends_as_if_it_had_not_been(base, adapt, tmp_path):
    saving = ["--save_strategy", "steps", "--save_every", "3", "--do_train", "--max_steps", "6"]
    saving += ["--freeze_senses_in_polish", "--resume_from_checkpoint"]  # The published way: also at the start.
    flags = [*QUIET, "--model_id", str(base), "--save_dir", str(tmp_path / "killed"), *saving]
    killed_at(run_adaptation.main, flags, in_step, 5)
    assert not (tmp_path / "killed/all_results.json").exists()
    run_adaptation.main(flags)
    adapt(tmp_path / "whole", *saving)
    assert_same(tmp_path / "killed", tmp_path / "whole")


def test_two_processes_equal_one_with_the_joint_batch(base, adapt, tmp_path):
    """Negatives and their gradients come from both, and pairs have different numbers of tokens.

    Plain gradient descent: Adam would blow up the rounding of gradients that are zero, those of the keys' biases.
    """
    flags = [*QUIET, "--model_id", str(base), *TRAIN, "--do_eval", "--use_cpu", "--optim", "sgd"]
    flags += ["--learning_rate", "0.05", "--freeze_senses_in_polish", "--log_every_n_steps", "1"]
    flags += ["--polish_pct", "0.25"]
    both = [*flags, "--save_dir", str(tmp_path / "both"), "--train_batch_size", "2"]
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*command, str(Path(run_adaptation.__file__)), *both], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]
    one = run_adaptation.main([*flags, "--save_dir", str(tmp_path / "one")])
    assert_same(tmp_path / "both", tmp_path / "one", tolerance=1e-5)
    adapt(tmp_path / "half", *flags[len(QUIET) + 2 :], "--train_batch_size", 2)
    difference = max(
        (value - tensors(tmp_path / "half")[key]).abs().max().item()
        for key, value in tensors(tmp_path / "one").items()
    )
    assert difference > 1e-3  # The tolerance tells the joint batch from half of it.
    results = json.loads((tmp_path / "both/all_results.json").read_text())
    for key in ("eval_loss", "eval_ctx_recall", "eval_sns_recall", "eval_entropy_tgt", "train_loss"):
        assert results[key] == pytest.approx(one[key], abs=1e-5), key


def test_pairs_from_files(adapt, base, tmp_path):
    """The same pairs as two files and as a folder of rows learn the same."""
    rows = load_phrasebook("eng-swh", sizes={"train": 40})["train"]["translation"]
    folder = tmp_path / "rows"
    folder.mkdir()
    (folder / "train.jsonl").write_text("".join(json.dumps({"translation": row}) + "\n" for row in rows))
    files = []
    for code, flag in (("eng", "--source_file"), ("swh", "--target_file")):
        (tmp_path / code).with_suffix(".txt").write_text("".join(f"{row[code]}\n" for row in rows))
        files += [flag, str(tmp_path / f"{code}.txt")]
    plain = [flag for flag in QUIET if flag not in ("--dataset_name", "phrasebook")]
    plain += ["--model_id", str(base), *TRAIN, "--save_dir"]
    run_adaptation.main([*plain, str(tmp_path / "files"), *files])
    run_adaptation.main([*plain, str(tmp_path / "folder"), "--dataset_name", str(folder)])
    adapt(tmp_path / "half", *TRAIN, "--bf16", "--use_cpu")
    assert_same(tmp_path / "files", tmp_path / "folder")
    assert_different(tmp_path / "files", tmp_path / "half")


def test_the_published_command(base, tmp_path, door):
    """Every flag as published, but with a tiny model, the phrasebook, and no GPU and tracker in place of theirs."""
    small = {"model_id": base, "dataset_name": "phrasebook", "dataset_config": "eng-swh", "max_length": 60}
    small |= {"train_batch_size": 4, "max_steps": 4, "eval_every_n_steps": 2, "save_every": 2, "log_every_n_steps": 1}
    small |= {"use_fp16": "false", "use_wandb": "false", "save_dir": tmp_path / "run", "max_train_samples": 20}
    small |= {"max_eval_samples": 6, "hub_dir": tmp_path / "hub", "hub_model_id": "me/swahili"}
    flags = [text for flag, value in small.items() for text in (f"--{flag}", str(value))]
    results = run_adaptation.main(["recipes/sensia_seed.yaml", *flags])
    assert results["epoch"] > 0 and results["eval_perplexity"] > 1
    folder = tmp_path / "run"
    assert [path.name for path in folder.glob("checkpoint-*")] == ["checkpoint-4"]
    facts = door.only.facts
    assert facts.title == "Backpack language model for Swahili, adapted from English" and facts.paper == "2601.10310"
    assert {metric.name for metric in facts.metrics} >= {"perplexity", "ctx_recall", "sns_recall"}
    assert (folder / "modeling_backpack.py").is_file() and (folder / "sense_pooling.py").is_file()


def test_published_names_are_the_trainers(monkeypatch):
    monkeypatch.setattr("xlzoo.run_scripts.arguments.get_available_reporting_integrations", lambda: ["wandb"])
    monkeypatch.setattr("xlzoo.run_scripts.arguments.get_reporting_integration_callbacks", lambda _: [])
    types = BackpackArguments, BitextArguments, SenseAdaptationConfig
    _, data, args = parse(["recipes/sensia_seed.yaml", "--use_fp16", "false", "--use_cpu"], *types)
    assert (data.dataset_config_name, data.dataset_split, data.src, data.tgt) == (["default"], "train", "eng", "swh")
    assert (args.per_device_train_batch_size, args.per_device_eval_batch_size) == (64, 64)
    assert (args.eval_strategy, args.eval_steps, args.save_steps, args.save_total_limit) == ("steps", 2000, 2000, 1)
    assert (args.max_grad_norm, args.label_smoothing_factor, args.logging_steps) == (1.0, 0.05, 100)
    assert (args.warmup_steps, args.lr_scheduler_type, args.learning_rate) == (0.02, "linear", 5e-5)
    assert (args.report_to, args.run_name, args.resume_from_checkpoint) == (["wandb"], "sensia", "last")
    assert (args.output_dir, args.do_train, args.do_eval, args.seed) == ("runs/sensia_seed", True, True, 1234)
    _, _, half = parse(["recipes/sensia_seed.yaml", "--fp16", "false", "--per_device_train_batch_size", "3"], *types)
    assert not half.fp16 and half.per_device_train_batch_size == 3


@pytest.fixture
def nothing_trains(monkeypatch):
    monkeypatch.setattr(Trainer, "train", lambda *_, **__: pytest.fail("training was about to start"))


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--tgt", "eng"], "two languages"),
        (["--tgt", "nonsense"], "nonsense"),
        (["--dataset_config", "eng-deu"], "swh"),
        (["--dataset_split", "nowhere"], "nowhere"),
        (["--source_file", "x.txt"], "--source_file"),
        (["--max_length", "65"], "64 positions"),
        (["--max_length", "2"], "--max_length"),
        (["--align_pct", "0.8"], "--align_pct"),
        (["--sense_pool_temp", "0"], "--sense_pool_temp"),
        (["--label_smoothing", "1.5"], "--label_smoothing"),
        (["--model_id", "nowhere/at-all"], "nowhere/at-all"),
        (["--model_id", ""], "--model_id"),
        (["--eval_dataset_name", "nowhere/at-all"], "nowhere/at-all"),
        (["--save_evry", "3"], "--save_every"),
    ],
)
def test_mistakes_end_in_one_sentence_before_training(adapt, tmp_path, flags, words, nothing_trains):
    refused(lambda: adapt(tmp_path / "out", *TRAIN, *flags), words)
    assert not (tmp_path / "out").exists()


def test_only_backpacks_have_senses(adapt, base, tmp_path, nothing_trains):
    GPT2LMHeadModel(GPT2Config(vocab_size=400, n_embd=32, n_layer=1, n_head=4)).save_pretrained(tmp_path / "gpt2")
    named = ["--model_id", tmp_path / "gpt2", "--tokenizer_name", base]
    refused(lambda: adapt(tmp_path / "out", *TRAIN, *named), "expected a Backpack")
