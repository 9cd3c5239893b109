"""xTune (Zheng et al. 2021): tuned in English with R1 and R2, a model is better in languages it has seen no label of.

One small encoder has read the phrasebook in all four languages, a little. It is tuned on English rows and tested in
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
QUIET = "--report_to none --save_strategy no --disable_tqdm true --per_device_eval_batch_size 64".split()
SHAPE = (
    "hidden_size=64,num_hidden_layers=2,num_attention_heads=2,intermediate_size=128,max_position_embeddings=130,"
    "hidden_dropout_prob=0,attention_probs_dropout_prob=0"
)
READING = ["--model_type", "xlm-roberta", "--config_overrides", SHAPE, "--tokenizer_vocab_size", "1200"]
READING += "--dataset_name phrasebook --phrasebook_seed 7 --max_train_samples 2000 --max_eval_samples 1".split()
READING += "--line_by_line --max_seq_length 48 --mlm_probability 0.25 --max_steps 400 --warmup_steps 30".split()
READING += "--learning_rate 4e-3 --per_device_train_batch_size 32 --do_train --seed 7".split()
TUNING = ["--dataset_name", "phrasebook", "--test_config_name", *OTHERS, "--do_train", "--do_predict"]
TUNING += "--per_device_train_batch_size 32 --train_sampling_strategy group_by_length --warmup_steps 10".split()
PLAIN = "--stage 1 --r1_weight 0 --augmentation noise".split()


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    """Return the flags of the encoder that all runs begin with."""
    folder = str(tmp_path_factory.mktemp("base") / "run")
    run_mlm.main([*QUIET, *READING, "--dataset_config_name", *LANGUAGES, "--output_dir", folder])
    return ["--model_name_or_path", folder]


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
        lines = [f"{word}\t{translation}\n" for word, translation in dictionary(language)]
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
    """Parts of speech; with these seeds: plain 35.2 (34.6 to 35.5), stage 1 44.2, stage 2 47.6 (46.9 to 48.6) percent.

    Most of it comes from the words of the copies, not from R1 and R2: tuning on rows and copies without the two terms
    reaches 47.1 in the updates of stage 2, and 49.9 in those of both stages.
    """
    flags = "--task_name pos --max_train_samples 1000 --max_eval_samples 200 --max_seq_length 64".split()
    found = transfer(tmp_path, 100, [*start, *flags, "--learning_rate", "4e-3"], switching)
    assert min(gains(found)) > 0 and mean(gains(found)) > 5
