"""XLM-Align on real text beside TLM at equal steps: word alignments of small encoders from scratch, three seeds.

    python benchmarks/xlm_align_real.py --data FOLDER

FOLDER holds parallel/multi30k and word_alignment. Trains what is not complete under runs/, scores every layer, asks
SimAlign in the second environment, and writes RESULTS.md.
"""

import argparse
import json
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import mean, stdev
from tempfile import TemporaryDirectory
from typing import Any

import torch
import yaml
from results import machine, write_section
from transformers import AutoTokenizer

from xlzoo.run_scripts.arguments import recipe_flags
from xlzoo.run_scripts.corpora.alignments import read_gold
from xlzoo.run_scripts.run_word_align import main as run_word_align
from xlzoo.run_scripts.run_xlm_align import main as run_xlm_align
from xlzoo.run_scripts.runs import last_complete_checkpoint, read_results
from xlzoo.run_scripts.tasks.word_alignment import AlignmentTally

ROOT = Path(__file__).parents[1]
RUNS = ROOT / "runs" / "xlm_align_real"
PEERS = ROOT / ".venv-peers" / "bin" / "python"
RECIPE = "recipes/xlm_align_real.yaml"
SEEDS = (0, 1, 2)
OBJECTIVES = {"tlm": "MLM + TLM", "xlm_align": "XLM-Align"}
SETS = ("de-en", "en-fr", "en-hi")
COLUMNS = [(name, objective) for name in SETS for objective in OBJECTIVES]
TRANSPORT = "transport (XLM-Align's), joint"
WAYS = {
    TRANSPORT: ["--method", "ot"],
    "argmax, joint": ["--method", "argmax"],
    "itermax, joint": ["--method", "itermax"],
    "argmax, separate": ["--method", "argmax", "--encode", "separate"],
    "itermax, separate": ["--method", "itermax", "--encode", "separate"],
}
SIMALIGN = {"argmax": "argmax, separate", "itermax": "itermax, separate"}
"""SimAlign's methods, and the way of ours that should give the same links."""
LONGEST = 128
"""The most pieces that these encoders read at once."""
Errors = dict[str, dict[int, float]]
"""AER in percent by set and way, "de-en argmax, joint", and by layer."""


def main() -> None:
    """Train what is missing, measure, and write one section."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="the folder with the data sets")
    data = parser.parse_args().data
    recipe = yaml.safe_load((ROOT / "run_scripts" / RECIPE).read_text(encoding="utf-8"))
    runs = [(objective, seed) for seed in SEEDS for objective in OBJECTIVES]
    ends = {run: train(recipe, data, *run) for run in runs}
    errors = {run: kept(folder(*run) / "aer.json", lambda run=run: measure(folder(*run), data)) for run in runs}
    theirs = {
        run: kept(folder(*run) / "simalign.json", lambda run=run: ask_simalign(folder(*run), data, errors[run]))
        for run in runs
    }
    layers = {
        str(layer): {
            (name, objective): [errors[objective, seed][f"{name} {TRANSPORT}"][layer] for seed in SEEDS]
            for name, objective in COLUMNS
        }
        for layer in errors[runs[0]][f"{SETS[0]} {TRANSPORT}"]
    }
    ways = {
        way: {
            (name, objective): [min(errors[objective, seed][f"{name} {way}"].values()) for seed in SEEDS]
            for name, objective in COLUMNS
        }
        for way in WAYS
    }
    for method in SIMALIGN:
        ways[f"SimAlign 0.4 itself, {method}"] = {
            (name, objective): [next(iter(theirs[objective, seed][f"{name} {method}"].values())) for seed in SEEDS]
            for name, objective in COLUMNS
        }
    tables = [table(f"layer, {TRANSPORT}", layers), table("each run's best layer", ways)]
    write_section("xlm_align_real", "\n\n".join([*describe(recipe, ends, data), *tables]))


def folder(objective: str, seed: int) -> Path:
    """Return where a run lies."""
    return RUNS / f"{objective}-{seed}"


def train(recipe: dict[str, Any], data: Path, objective: str, seed: int) -> dict[str, float]:
    """Train as the recipe says, going on where an earlier call stopped; return the losses and seconds of the end.

    Until word alignment begins, XLM-Align does what TLM does, so it goes on from where TLM stood at that step.
    """
    place, timed = folder(objective, seed), folder(objective, seed) / "seconds.json"
    if read_results(place) is None:
        files = {
            name: [str(data / path.removeprefix("../shared/data/")) for path in recipe[name]]
            for name in ("train_file", "source_file", "target_file")
        }
        flags = {**files, "objective": objective, "seed": seed, "output_dir": str(place), "report_to": "none"}
        shared = folder("tlm", seed) / f"checkpoint-{recipe['align_enable_step']}"
        begin = last_complete_checkpoint(place) or (shared if objective == "xlm_align" else None)
        began = time.process_time()
        run_xlm_align([RECIPE, *recipe_flags(flags), *(["--resume_from_checkpoint", str(begin)] if begin else [])])
        timed.write_text(json.dumps(time.process_time() - began), encoding="utf-8")
    state = (place / f"checkpoint-{recipe['max_steps']}" / "trainer_state.json").read_text(encoding="utf-8")
    logged = [entry for entry in json.loads(state)["log_history"] if "loss" in entry]
    return {**logged[-1], "seconds": json.loads(timed.read_text(encoding="utf-8"))}


def kept(path: Path, make: Callable[[], Errors]) -> Errors:
    """Return what an earlier call put into a file, or make it and put it there."""
    if not path.is_file():
        path.write_text(json.dumps(make(), indent=1), encoding="utf-8")
    stored = json.loads(path.read_text(encoding="utf-8"))
    return {name: {int(layer): error for layer, error in layers.items()} for name, layers in stored.items()}


def measure(place: Path, data: Path) -> Errors:
    """Score every layer of an encoder on every set and in every way."""
    found = {}
    for name in SETS:
        gold = data / "word_alignment" / name
        files = [
            "--source_file",
            gold / "src.txt",
            "--target_file",
            gold / "tgt.txt",
            "--gold_file",
            gold / "gold.tsv",
        ]
        for way, flags in WAYS.items():
            asked = ["--model_name_or_path", str(place), *map(str, files), "--layer", "all", *flags]
            layers = run_word_align(asked)["layers"]
            found[f"{name} {way}"] = {layer: 100 * values["aer"] for layer, values in layers.items()}
    return found


def ask_simalign(place: Path, data: Path, ours: Errors) -> Errors:
    """Score SimAlign's own links on every set, each method at the layer that is best for the same way of ours."""
    found = {}
    for name in SETS:
        gold = data / "word_alignment" / name
        wanted = read_gold(gold / "gold.tsv")
        for method, way in SIMALIGN.items():
            errors = ours[f"{name} {way}"]
            layer = min(errors, key=errors.__getitem__)
            tally = AlignmentTally([layer])
            for number, links in simalign(place, gold, method, layer).items():
                tally.add(
                    {layer: [(one, other) for one, other in links]}, wanted[number].sure, wanted[number].possible
                )
            found[f"{name} {method}"] = {layer: 100 * tally.scores()[layer]["aer"]}
    return found


def fitting(place: Path, gold: Path) -> dict[int, list[list[str]]]:
    """Return the pairs that an encoder can read whole; SimAlign does not part longer sentences, and dies of them."""
    tokenizer = AutoTokenizer.from_pretrained(place)
    texts = [(gold / name).read_text(encoding="utf-8").splitlines() for name in ("src.txt", "tgt.txt")]
    pairs = [[source.split(), target.split()] for source, target in zip(*texts, strict=True)]
    return {
        number: pair
        for number, pair in enumerate(pairs)
        if all(len(tokenizer(words, is_split_into_words=True)["input_ids"]) <= LONGEST for words in pair)
    }


def simalign(place: Path, gold: Path, method: str, layer: int) -> dict[int, list[list[int]]]:
    """Return the links of SimAlign, run in the second environment, by the number of the pair."""
    pairs = fitting(place, gold)
    worker = Path(__file__).parent / "workers" / "align_simalign.py"
    with TemporaryDirectory() as work:
        for name in ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"):
            shutil.copy(place / name, work)
        (Path(work) / "pairs.json").write_text(json.dumps([*pairs.values()]), encoding="utf-8")
        command = [str(PEERS), str(worker), "--folder", work, "--layer", str(layer), "--threads", "1"]
        subprocess.run(command, input=f"{method}\nlinks\n", text=True, stdout=subprocess.DEVNULL, check=True)
        links = json.loads((Path(work) / "simalign.json").read_text(encoding="utf-8"))[method]
    return dict(zip(pairs, links, strict=True))


def left_out(data: Path) -> str:
    """Say how many pairs of each set are too long."""
    place, told = folder(next(iter(OBJECTIVES)), SEEDS[0]), []
    for name in SETS:
        gold = data / "word_alignment" / name
        total = len((gold / "src.txt").read_text(encoding="utf-8").splitlines())
        told.append(f"{total - len(fitting(place, gold))} of {total} in {name}")
    return ", ".join(told)


def describe(recipe: dict[str, Any], ends: Mapping[tuple[str, int], dict[str, float]], data: Path) -> list[str]:
    """Say what was trained how long, and with what losses."""
    minutes = sum(end["seconds"] for end in ends.values()) / 60
    shape = dict(pair.split("=") for pair in recipe["config_overrides"].split(","))
    size = recipe["per_device_train_batch_size"]
    losses = {
        label: {
            part: mean(ends[objective, seed][f"loss_{part}"] for seed in SEEDS)
            for part in ("mlm", "tlm", "dwa")
            if f"loss_{part}" in ends[objective, SEEDS[0]]
        }
        for objective, label in OBJECTIVES.items()
    }
    told = "; ".join(
        f"{label}: {', '.join(f'{part} {loss:.2f}' for part, loss in parts.items())}"
        for label, parts in losses.items()
    )
    return [
        "## XLM-Align on real text (`xlm_align_real.py`)",
        f"{machine()}; {minutes:.0f} minutes of one processor for all six runs.",
        f"`{RECIPE}`, seeds {', '.join(map(str, SEEDS))} (mean ± standard deviation). An encoder from scratch, "
        f"{shape['num_hidden_layers']} x {shape['hidden_size']}, {recipe['tokenizer_vocab_size']} pieces, "
        f"{recipe['max_steps']} steps of {size} sentences and {size} pairs (German-English and English-French "
        f"captions of Multi30k). Both columns are the same run up to step {recipe['align_enable_step']}, when word "
        f"alignment begins. Losses at the end: {told}.",
        "Alignment error rate, %, less is better. The gold sentences are debates of parliaments and the like, not "
        "captions, so most of their words are rare or new to these encoders; Hindi was never seen and its script is "
        "unknown to the tokenizer, so that en-hi shows what place alone gives. SimAlign's own rows leave out pairs "
        f"of which a sentence has more than {LONGEST} pieces, on which it dies: {left_out(data)}.",
    ]


def table(first: str, rows: Mapping[str, Mapping[tuple[str, str], list[float]]]) -> str:
    """Lay out numbers over the seeds, a column for each set and objective."""
    lines = [
        f"| {first} | {' | '.join(f'{name}, {OBJECTIVES[objective]}' for name, objective in COLUMNS)} |",
        f"|---|{'---:|' * len(COLUMNS)}",
    ]
    for label, row in rows.items():
        lines.append(f"| {label} | {' | '.join(f'{mean(row[c]):.1f} ± {stdev(row[c]):.1f}' for c in COLUMNS)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
