"""XLM-Align's claim (Chi et al. 2021, section 4.3): it aligns words better than MLM and TLM alone, at equal steps.

As published, all start from one encoder that masked LM has trained; here a tiny one, on the phrasebook's English and
German. Then come equally many steps with the same text, pairs, masks and seeds, without and with denoising word
alignment. Scored are 500 pairs with gold links whose names, and many of whose words, no run has seen; each run by its
best layer.
"""

from statistics import mean

import pytest

from xlzoo.run_scripts import run_word_align, run_xlm_align
from xlzoo.run_scripts.tasks.word_alignment import best_layer

SEEDS = (0, 1, 2)
SHAPE = (
    "hidden_size=64,num_hidden_layers=3,num_attention_heads=4,intermediate_size=128,max_position_embeddings=98,"
    "initializer_range=0.05,hidden_dropout_prob=0.0,attention_probs_dropout_prob=0.0"
)
COMMON = (
    "--dataset_name phrasebook --dataset_config_name eng deu --line_by_line --tlm_data phrasebook --tlm_config_name "
    "eng-deu --max_seq_length 96 --per_device_train_batch_size 32 --adam_beta2 0.98 --do_train --save_strategy no "
    "--report_to none --disable_tqdm true"
).split()
START = [*COMMON, "--objective", "tlm", "--model_type", "xlm-roberta", "--config_overrides", SHAPE]
START += "--tokenizer_vocab_size 3000 --learning_rate 5e-3 --warmup_steps 50 --max_steps 1000".split()
FURTHER = [*COMMON, *"--learning_rate 3e-3 --warmup_steps 20 --max_steps 150".split()]
MARGIN = 1.5
"""Points of AER by which the mean over the seeds must differ."""


def aer(folder) -> float:
    """Return the alignment error rate of the best layer, in percent."""
    pairs = ["--dataset_name", "phrasebook", "--dataset_config_name", "eng-deu"]
    layers = run_word_align.main(["--model_name_or_path", str(folder), *pairs, "--layer", "all"])["layers"]
    return 100 * layers[best_layer(layers)]["aer"]


@pytest.mark.effects
def test_denoising_word_alignment_lowers_the_error_of_alignments(tmp_path):
    run_xlm_align.main([*START, "--output_dir", str(tmp_path / "start")])
    found: dict[str, list[float]] = {"tlm": [], "xlm_align": []}
    for objective, scores in found.items():
        for seed in SEEDS:
            folder = tmp_path / f"{objective}-{seed}"
            flags = ["--objective", objective, "--seed", str(seed), "--model_name_or_path", str(tmp_path / "start")]
            run_xlm_align.main([*FURTHER, *flags, "--output_dir", str(folder)])
            scores.append(aer(folder))
    print(f"AER at the start {aer(tmp_path / 'start'):.2f}, after MLM and TLM or XLM-Align: {found}")
    assert all(one > other for one, other in zip(*found.values(), strict=True))
    assert mean(found["tlm"]) > mean(found["xlm_align"]) + MARGIN
