"""SENSIA's claim (Cruz et al. 2026) on the phrasebook: what a Backpack gains over the language model's loss alone.

A Backpack of English learns German from 200 sentence pairs, read 48 times; the published run, whose weights and
temperatures these are, reads its pairs about a hundred times. The other way takes equally many steps with the same
batches, without the contrasts. In the end translations find each other, and German is predicted better, because the
loss alone learns so few sentences by heart. Were it stopped at its best, after a third of the steps, which takes
held-out text to know, it would predict German better than sense adaptation does; the test prints that too.

Steps, rate and number of pairs were chosen on seeds from 10.
"""

import json
from statistics import mean

import pytest

from xlzoo.run_scripts import run_adaptation, run_clm
from xlzoo.run_scripts.corpora.phrasebook import load_phrasebook
from xlzoo.run_scripts.models.new_tokenizers import save_tokenizer, train_decoder_tokenizer

SEEDS = (0, 1, 2)
STEPS = 300
COMMON = "--dataset_name phrasebook --report_to none --disable_tqdm true --seed".split()
ENGLISH = (
    "--dataset_config_name eng --max_train_samples 8000 --line_by_line --block_size 64 --model_type backpack "
    "--config_overrides n_embd=64,n_layer=2,n_head=4,n_positions=64,num_senses=4 --per_device_train_batch_size 32 "
    "--max_steps 750 --learning_rate 3e-3 --warmup_steps 20 --lr_scheduler_type cosine --weight_decay 0.01 "
    "--adam_beta2 0.98 --do_train --save_strategy no"
).split()
GERMAN = (
    "--src eng --tgt deu --max_train_samples 200 --max_eval_samples 500 --max_length 64 --train_batch_size 32 "
    f"--test_batch_size 64 --max_steps {STEPS} --learning_rate 1e-3 --warmup_ratio 0.05 --label_smoothing 0.05 "
    f"--eval_every_n_steps 100 --save_every {STEPS} --save_only_model true --do_train --do_eval"
).split()
WITHOUT_CONTRASTS = [
    flag for part in ("ctx", "sns") for phase in ("align", "mid", "tail") for flag in (f"--w_{part}_{phase}", "0")
]
WAYS = {"alone": WITHOUT_CONTRASTS, "adapted": []}
RECALL, PERPLEXITY = 0.2, 1.05
"""By how much recall@1 must be higher, and how many times as high the loss alone must leave the perplexity."""


@pytest.fixture(scope="module")
def scores(tmp_path_factory) -> dict[str, list[dict[str, float]]]:
    """What was measured on 500 validation pairs, by way and seed; sentences differ by seed, all unlike English's."""
    root = tmp_path_factory.mktemp("sensia")
    texts = [text for name in ("eng", "deu") for text in load_phrasebook(name, sizes={"train": 4000})["train"]["text"]]
    save_tokenizer(train_decoder_tokenizer(texts, 2000), root / "tokenizer")
    start = ["--tokenizer_name", str(root / "tokenizer"), "--output_dir", str(root / "english")]
    run_clm.main([*COMMON, "0", *ENGLISH, *start])
    found: dict[str, list[dict[str, float]]] = {}
    for way, flags in WAYS.items():
        for seed in SEEDS:
            folder = root / f"{way}-{seed}"
            own = ["--phrasebook_seed", str(seed + 1), "--model_id", str(root / "english"), "--save_dir", str(folder)]
            results = run_adaptation.main([*COMMON, str(seed), *GERMAN, *flags, *own])
            log = json.loads((folder / f"checkpoint-{STEPS}" / "trainer_state.json").read_text())["log_history"]
            best = min(entry["eval_perplexity"] for entry in log if "eval_perplexity" in entry)
            found.setdefault(way, []).append({**results, "best_perplexity": best})
    return found


def by_way(scores, key: str) -> tuple[list[float], list[float]]:
    """Print one measure of both ways, by seed, and return it: the loss alone, then sense adaptation."""
    found = {way: [round(one[key], 3) for one in scores[way]] for way in WAYS}
    print(f"{key}: {found}")
    return found["alone"], found["adapted"]


@pytest.mark.effects
@pytest.mark.parametrize("kind", ["ctx", "sns"])
def test_translations_find_each_other(scores, kind):
    alone, adapted = by_way(scores, f"eval_{kind}_recall")
    assert min(adapted) > max(alone) + RECALL


@pytest.mark.effects
def test_the_language_is_predicted_better_after_as_many_steps(scores):
    by_way(scores, "best_perplexity")
    alone, adapted = by_way(scores, "eval_perplexity")
    assert all(one > other for one, other in zip(alone, adapted, strict=True))
    assert mean(alone) > PERPLEXITY * mean(adapted)
