"""AdaMergeX's claim (Zhao et al. 2024): the merged adapter beats the task adapter of the source language.

On the phrasebook a tiny Llama has read much English and a little Swahili. LoRA adapters on its seven projections learn
to answer questions in English, and to go on with sentences in each language; the same seed begins all three. Merged
with the paper's t = 1 from their files, they answer Swahili questions better than the English adapter does, and than
the plain average of the three. What is compared is the perplexity of the answers, whose names and words no run has
seen. The settings were chosen on seed 11.
"""

import json
from statistics import mean

import pytest

from xlzoo.run_scripts import build_reference_task, run_clm, run_merge
from xlzoo.run_scripts.corpora.phrasebook import load_phrasebook

SEEDS = (0, 1, 2)
MARGIN = 0.05
"""By how much of itself the perplexity must fall, on the mean over the seeds."""
QUIET = "--report_to none --save_strategy no --disable_tqdm true --per_device_eval_batch_size 64".split()
SHAPE = (
    "hidden_size=64,num_hidden_layers=2,num_attention_heads=4,num_key_value_heads=4,head_dim=16,intermediate_size=128,"
    "max_position_embeddings=128"
)
NEW = ["--model_type", "llama", "--config_overrides", SHAPE, "--tokenizer_vocab_size", "1200", "--block_size", "64"]
NEW += "--per_device_train_batch_size 32 --num_train_epochs 12 --learning_rate 4e-3 --warmup_steps 20".split()
LORA = (
    "--use_peft --lora_r 8 --lora_alpha 16 --lora_dropout 0 --block_size 96 --per_device_train_batch_size 32".split()
)
LORA += "--lr_scheduler_type cosine --do_train --target_modules".split()
LORA += "q_proj k_proj v_proj o_proj gate_proj up_proj down_proj".split()
TASK = "--num_train_epochs 3 --learning_rate 2e-3".split()
REFERENCE = "--num_train_epochs 2 --learning_rate 7e-4 --completion_only_loss false".split()
PIECES = "--whole_documents --completion_units 3 --rows 2000 --eval_rows 0 --max_train_samples 2200".split()


def write(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def answers(path, language, seed, split, number):
    """Write questions about sentences as prompts, and their answers as completions."""
    rows = load_phrasebook(language, seed=seed, sizes={split: number})[split]
    asked = [
        {"prompt": f"{row['context']} {row['question']}", "completion": f" {row['answers']['text'][0]}"}
        for row in rows
    ]
    return write(path, asked)


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A Llama that has read 4000 English sentences and 400 in Swahili."""
    root = tmp_path_factory.mktemp("base")
    sizes = {"eng": 4000, "swh": 400}
    texts = [
        load_phrasebook(language, seed=7, sizes={"train": size})["train"]["text"] for language, size in sizes.items()
    ]
    file = write(root / "text.jsonl", [{"text": text} for part in texts for text in part])
    run_clm.main([*QUIET, *NEW, "--train_file", file, "--do_train", "--seed", "7", "--output_dir", str(root / "run")])
    return root / "run"


def three_adapters(base, root, seed):
    """Train the task's adapter in English and the reference's in both languages; return the flags that name them."""
    common = [*QUIET, *LORA, "--model_name_or_path", str(base), "--seed", str(seed)]
    task = [
        "--train_file",
        answers(root / "task.jsonl", "eng", seed, "train", 1000),
        "--output_dir",
        str(root / "task"),
    ]
    run_clm.main([*common, *TASK, *task])
    for language in ("eng", "swh"):
        data = [
            "--dataset_name",
            "phrasebook",
            "--dataset_config_name",
            language,
            "--phrasebook_seed",
            str(seed + 100),
        ]
        build_reference_task.main([*data, *PIECES, "--output_dir", str(root / f"text-{language}")])
        read = ["--dataset_name", str(root / f"text-{language}"), "--completion_separator", " "]
        run_clm.main([*common, *REFERENCE, *read, "--output_dir", str(root / language)])
    references = ["--target_reference", str(root / "swh"), "--source_reference", str(root / "eng")]
    return ["--task_adapter", str(root / "task"), *references]


@pytest.mark.effects
def test_the_merged_adapter_answers_better_in_the_target_language(base, tmp_path):
    rules = {"merged": [], "average": ["--rule", "linear", "--weights", *["0.3333333333"] * 3]}
    found = {name: [] for name in ("task", *rules)}
    for seed in SEEDS:
        root = tmp_path / str(seed)
        root.mkdir()
        parents = three_adapters(base, root, seed)
        for name, rule in rules.items():
            run_merge.main([*parents, *rule, "--output_dir", str(root / name)])
        test = ["--test_file", answers(root / "test.jsonl", "swh", seed, "test", 300), "--block_size", "96"]
        for name, scores in found.items():
            flags = ["--model_name_or_path", str(base), "--load_adapter", str(root / name), "--do_predict"]
            results = run_clm.main([*QUIET, *flags, *test, "--output_dir", str(root / f"test-{name}")])
            scores.append(results["test_perplexity"])
    print("Perplexity of Swahili answers:", {name: [round(one, 1) for one in each] for name, each in found.items()})
    for merged, *others in zip(found["merged"], found["task"], found["average"], strict=True):
        assert merged < min(others)
    assert mean(1 - merged / task for merged, task in zip(found["merged"], found["task"], strict=True)) > MARGIN
