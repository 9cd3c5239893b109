"""What the effect tests of xTune share: an encoder that has read a little, dictionaries, and plain tuning beside both.

Plain fine-tuning has the same rows, in English, and as many updates as both stages of xTune together.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from xlzoo.run_scripts import run_mlm, run_xtune
from xlzoo.run_scripts.corpora.phrasebook import LANGUAGES, load_phrasebook

SEEDS = (1, 2, 3)
"""The settings were chosen on seed 0."""
OTHERS = LANGUAGES[1:]
QUIET = "--report_to none --save_strategy no --disable_tqdm true --per_device_eval_batch_size 64".split()
SHAPE = (
    "hidden_size=64,num_hidden_layers=2,num_attention_heads={heads},intermediate_size=128,max_position_embeddings=130,"
    "hidden_dropout_prob=0,attention_probs_dropout_prob=0,initializer_range=0.06"
)
READING = (
    "--model_type xlm-roberta --do_train --line_by_line --mlm_probability 0.25 --warmup_steps 30 --seed 7".split()
)
READING += "--learning_rate 2e-3 --per_device_train_batch_size 32 --train_sampling_strategy group_by_length".split()
TUNING = "--do_train --do_predict --train_sampling_strategy group_by_length".split()
PLAIN = "--stage 1 --r1_weight 0".split()
ALONE = "--stage 2 --r1_weight 0 --r2_weight 0".split()
"""Rows and copies as mere data."""
Flags = Sequence[object]


def read(folder: Path, lines: Iterable[str], heads: int, *flags: object) -> list[str]:
    """Have a new encoder read lines, and return the flags of runs that begin with it."""
    text = folder / "text.txt"
    text.write_text("".join(lines), encoding="utf-8")
    made = [*QUIET, *READING, "--config_overrides", SHAPE.format(heads=heads), *map(str, flags)]
    run_mlm.main([*made, "--train_file", str(text), "--output_dir", str(folder / "run")])
    return ["--model_name_or_path", str(folder / "run")]


def dictionary(language: str) -> dict[str, list[str]]:
    """Return the pairs of words that are linked with each other alone in 2000 aligned sentences."""
    found = set()
    for row in load_phrasebook(f"eng-{language}", seed=9, sizes={"train": 2000})["train"]:
        links = [tuple(link) for link in row["sure"]]
        lefts, rights = (Counter(side) for side in zip(*links, strict=True))
        alone = [(i, j) for i, j in links if lefts[i] == rights[j] == 1]
        found |= {(row["tokens"]["eng"][i].lower(), row["tokens"][language][j]) for i, j in alone}
    words = defaultdict(list)
    for word, translation in sorted(found):
        words[word].append(translation)
    return words


def switching(folder: Path, told: Mapping[str, Mapping[str, list[str]]]) -> list[str]:
    """Return the flags of views and copies in which every word that a dictionary knows is in another language.

    `told` are translations by language that replace those of the aligned sentences.
    """
    for language in OTHERS:
        words = dictionary(language) | told[language]
        lines = [f"{word}\t{one}\n" for word, translations in words.items() for one in translations]
        (folder / f"en-{language}.txt").write_text("".join(lines), encoding="utf-8")
    kinds = "--augmentation code_switch --copy_augmentation code_switch --code_switch_rate 1".split()
    return [*kinds, "--dictionaries", str(folder)]


def tune(folder: Path, *flags: object) -> dict[str, tuple[float, float]]:
    """Return the score in English and the mean score in the other languages in percent, by stage."""
    run_xtune.main([*QUIET, *TUNING, *map(str, flags), "--output_dir", str(folder)])
    told = json.loads((folder / "results.json").read_text())
    return {
        stage: (100 * scores[told["source"]], 100 * told["transfer"][stage])
        for stage, scores in told["scores"].items()
    }


def transfer(
    root: Path, steps: int, flags: Flags, views: Flags, rows: Callable[[int], Flags], alone: bool
) -> dict[str, list[float]]:
    """Return the scores of plain tuning and of each stage, which has half its steps, by seed; `rows` are its flags.

    With `alone` also those of rows and copies without R1 and R2, in the updates of stage 2 and of both stages.
    """
    found: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for seed in SEEDS:
        common = [*flags, *rows(seed), "--seed", seed]
        plain = tune(root / f"plain-{seed}", *common, *PLAIN, "--max_steps", 2 * steps)
        both = tune(root / f"xtune-{seed}", *common, *views, "--max_steps", steps)
        found["plain"].append(plain["1"])
        for stage in ("1", "2"):
            found[f"stage {stage}"].append(both[stage])
        for updates in (steps, 2 * steps) if alone else ():
            data = tune(root / f"data-{updates}-{seed}", *common, *views, *ALONE, "--max_steps", updates)
            found[f"data alone, {updates} updates"].append(data["2"])
    for place, title in enumerate(("English", "Mean of German, Spanish, Swahili")):
        print(title, {name: [round(one[place], 1) for one in each] for name, each in found.items()})
    return {name: [others for _, others in each] for name, each in found.items()}


def gains(found: Mapping[str, Sequence[float]]) -> list[float]:
    """Return by how much stage 2 is above plain tuning, by seed."""
    return [tuned - plain for tuned, plain in zip(found["stage 2"], found["plain"], strict=True)]
