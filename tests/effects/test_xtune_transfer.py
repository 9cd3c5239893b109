"""xTune (Zheng et al. 2021): tuned in English with R1 and R2, a model is better in languages it has seen no label of.

One small encoder has read a little of the phrasebook in all four languages. It is tuned on English rows and tested in
German, Spanish and Swahili, whose words the views take from dictionaries. Plain fine-tuning has the same rows and as
many updates as both stages of xTune together. Test rows use names and words that no training row has, in any language.
"""

import json
from collections import Counter
from pathlib import Path
from statistics import mean

import pytest

from xlzoo.run_scripts import run_mlm, run_xtune
from xlzoo.run_scripts.corpora.phrasebook import LANGUAGES, load_phrasebook

SEEDS = (1, 2, 3)
"""The settings were chosen on seed 0."""
OTHERS = LANGUAGES[1:]
SOMEONE = {"deu": "jemand", "spa": "alguien", "swh": "mtu fulani"}
"""A word that only hypotheses have, which no aligned sentence tells."""
QUIET = "--report_to none --save_strategy no --disable_tqdm true --per_device_eval_batch_size 64".split()
SHAPE = (
    "hidden_size=64,num_hidden_layers=2,num_attention_heads=2,intermediate_size=128,max_position_embeddings=130,"
    "hidden_dropout_prob=0,attention_probs_dropout_prob=0,initializer_range=0.06"
)
READING = ["--model_type", "xlm-roberta", "--config_overrides", SHAPE, "--tokenizer_vocab_size", "1200", "--do_train"]
READING += (
    "--line_by_line --max_seq_length 64 --mlm_probability 0.25 --max_steps 500 --warmup_steps 30 --seed 7".split()
)
READING += "--learning_rate 2e-3 --per_device_train_batch_size 32 --train_sampling_strategy group_by_length".split()
TUNING = ["--dataset_name", "phrasebook", "--test_config_name", *OTHERS, "--do_train", "--do_predict"]
TUNING += "--per_device_train_batch_size 32 --train_sampling_strategy group_by_length --warmup_steps 10".split()
PLAIN = "--stage 1 --r1_weight 0".split()


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    """Return the flags of the encoder that all runs begin with; what it has read are pairs without their labels."""
    folder = tmp_path_factory.mktemp("base")
    rows = [row for code in LANGUAGES for row in load_phrasebook(code, seed=7, sizes={"train": 1000})["train"]]
    lines = [f"{row['premise']} {row['hypothesis']}\n{row['question']} {row['context']}\n" for row in rows]
    (folder / "text.txt").write_text("".join(lines), encoding="utf-8")
    run_mlm.main([*QUIET, *READING, "--train_file", str(folder / "text.txt"), "--output_dir", str(folder / "run")])
    return ["--model_name_or_path", str(folder / "run")]


def dictionary(language):
    """Return the pairs of words that are linked with each other alone in 2000 aligned sentences."""
    found = set()
    for row in load_phrasebook(f"eng-{language}", seed=9, sizes={"train": 2000})["train"]:
        links = [tuple(link) for link in row["sure"]]
        lefts, rights = (Counter(side) for side in zip(*links, strict=True))
        alone = [(i, j) for i, j in links if lefts[i] == rights[j] == 1]
        found |= {(row["tokens"]["eng"][i].lower(), row["tokens"][language][j]) for i, j in alone}
    return sorted(found)


@pytest.fixture(scope="module")
def switching(tmp_path_factory):
    """Return the flags of views and copies in which every word that a dictionary knows is in another language."""
    folder = tmp_path_factory.mktemp("dictionaries")
    for language in OTHERS:
        entries = [*dictionary(language), ("someone", SOMEONE[language])]
        lines = [f"{word}\t{translation}\n" for word, translation in entries]
        (folder / f"en-{language}.txt").write_text("".join(lines), encoding="utf-8")
    kinds = "--augmentation code_switch --copy_augmentation code_switch --code_switch_rate 1".split()
    return [*kinds, "--dictionaries", str(folder)]


def tune(folder: Path, *flags):
    """Return the mean score in the other languages in percent, by stage."""
    run_xtune.main([*QUIET, *TUNING, *map(str, flags), "--output_dir", str(folder)])
    return {
        stage: 100 * score for stage, score in json.loads((folder / "results.json").read_text())["transfer"].items()
    }


def transfer(root, steps, flags, switching):
    """Return the scores of plain tuning and of each stage, which has half its steps, by seed."""
    found = {"plain": [], "stage 1": [], "stage 2": []}
    for seed in SEEDS:
        common = [*flags, "--seed", seed, "--phrasebook_seed", seed + 3]
        plain = tune(root / f"plain-{seed}", *common, *PLAIN, "--max_steps", 2 * steps)
        both = tune(root / f"xtune-{seed}", *common, *switching, "--max_steps", steps)
        for name, score in zip(found, (plain["1"], both["1"], both["2"]), strict=True):
            found[name].append(score)
    print("Mean of German, Spanish, Swahili:", {name: [round(one, 1) for one in each] for name, each in found.items()})
    return found


def gains(found):
    """Return by how much stage 2 is above plain tuning, by seed."""
    return [tuned - plain for tuned, plain in zip(found["stage 2"], found["plain"], strict=True)]


@pytest.mark.effects
def test_xtune_tags_words_of_other_languages_better(start, switching, tmp_path):
    """Parts of speech, mean accuracy (range over these seeds): plain 41.1 (40.6 to 41.9), stage 2 61.3 (61.1 to 61.7).

    Stage 1 has 58.5. Most comes from the words of the copies, not from R1 and R2: rows and copies without the two
    terms give 60.7 in the updates of stage 2, and 64.8 in those of both stages.
    """
    flags = "--task_name pos --max_train_samples 1000 --max_eval_samples 200 --max_seq_length 64".split()
    found = transfer(tmp_path, 100, [*start, *flags, "--learning_rate", "4e-3"], switching)
    assert min(gains(found)) > 0 and mean(gains(found)) > 12


@pytest.mark.effects
def test_xtune_labels_pairs_of_other_languages_better(start, switching, tmp_path):
    """Natural language inference: plain 38.9 (36.2 to 41.5), stage 2 55.3 (52.7 to 58.0) percent; three labels.

    Stage 1 has 56.1. Rows and copies without R1 and R2 give 51.2 (46.3 to 54.3) in the updates of stage 2, and 60.3 in
    those of both stages.
    """
    flags = "--task_name xnli --max_train_samples 1000 --max_eval_samples 200 --max_seq_length 96".split()
    flags += "--per_device_train_batch_size 16 --warmup_steps 40 --learning_rate 1e-3".split()
    found = transfer(tmp_path, 160, [*start, *flags], switching)
    assert min(gains(found)) > 0 and mean(gains(found)) > 8
