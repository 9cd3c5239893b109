"""A training step of xTune beside the published one, and whether its views are made as fast as they are used.

    python benchmarks/bench_xtune.py --data FOLDER --rounds 2

XLM-R base shape, random weights. FOLDER holds udpos/en_ewt and dictionaries; where there is none, sentences are the
phrasebook's. Both contestants are fresh processes that draw the same examples and views; before their steps take
turns, their losses and gradients are compared.
"""

import argparse
import math
import statistics
import tempfile
from pathlib import Path

import torch
from contest import OUR_PYTHON, Contestant, finish, start, take_turns
from results import machine, write_section
from xtune_input import RANDOM, ROWS, read_rows, write_input
from xtune_workers import Speed, speeds

DATA = Path(__file__).parents[2] / "shared" / "data"
CONTESTANTS = (
    ("as published: passes padded to 128", "xtune_step_published", OUR_PYTHON),
    ("xlzoo, `run_xtune.py`", "xtune_step_xlzoo", OUR_PYTHON),
)
GOAL = "Goal: at most 0.33 of the published time; training must not wait for views."
ENCODER = 12 * 7.09e6
"""Weights that every piece passes in the encoder of XLM-R base."""
SUSTAINED = 1e14
"""Operations per second of the GPU that is reckoned with."""


def compare(contestants: list[Contestant], words: list[str]) -> float:
    """Return the largest difference between the losses and gradients of both; RuntimeError where one is above 1e-3."""
    worst = 0.0
    for word in words:
        first, second = (contestant.ask(f"check {word}", counts=False) for contestant in contestants)
        for key, value in first.items():
            apart = abs(value - second[key]) / max(abs(value), 1e-6)
            if not math.isclose(value, second[key], rel_tol=1e-3, abs_tol=1e-6):
                raise RuntimeError(f"{key} of batch {word} is {value} in one, {second[key]} in the other.")
            worst = max(worst, apart)
    return worst


def mean(contestant: Contestant, stage: str, number: int, key: str) -> float:
    """Return the mean of a number over the batches of a stage, of each the median over the rounds."""
    return statistics.mean(contestant.median(f"{stage}/{i}", key) for i in range(number))


def spread(contestant: Contestant, stage: str, number: int, rounds: int, added: float = 0.0) -> str:
    """Return the smallest and the largest of the rounds' means, with what is added to each."""
    means = [
        statistics.mean(contestant.answers[f"{stage}/{i}"][turn]["seconds"] for i in range(number))
        for turn in range(rounds)
    ]
    return f"{min(means) + added:.2f} to {max(means) + added:.2f}"


def steps_table(contestants: list[Contestant], arguments: argparse.Namespace) -> str:
    """Lay out both stages, the teacher's share of a step included."""
    number, rounds = arguments.batches, arguments.rounds
    published, ours = contestants
    lines = [
        "| | stage 1, s (rounds) | of the published | stage 2, s (rounds) | of which the teacher | of the published | "
        "of it by processor time |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    whole = {key: mean(published, "2", number, key) for key in ("seconds", "processor")}
    for each in contestants:
        # Half of an epoch's rows are copies.
        teacher = {key: ROWS / 2 * each.median("teacher", key) if each is ours else 0.0 for key in whole}
        first = mean(each, "1", number, "seconds")
        second = {key: mean(each, "2", number, key) + teacher[key] for key in whole}
        told = f"{teacher['seconds']:.2f}, once per epoch" if each is ours else "in the step"
        lines.append(
            f"| {each.name} | {first:.2f} ({spread(each, '1', number, rounds)}) | "
            f"{first / mean(published, '1', number, 'seconds'):.2f} | {second['seconds']:.2f} "
            f"({spread(each, '2', number, rounds, teacher['seconds'])}) | {told} | "
            f"{second['seconds'] / whole['seconds']:.2f} | {second['processor'] / whole['processor']:.2f} |"
        )
    mixed = mean(ours, RANDOM, number, "seconds")
    lines.append(
        f"| the same, batches in random order | {mixed:.2f} ({spread(ours, RANDOM, number, rounds)}) | "
        f"{mixed / mean(published, '1', number, 'seconds'):.2f} | | | | |"
    )
    return "\n".join(lines)


def batches_table(contestants: list[Contestant], widths: dict[str, list[int]]) -> str:
    """Lay out the ratio of every batch, from the narrowest to the widest."""
    published, ours = contestants
    lines = []
    for stage in ("1", "2"):
        found = widths[stage]
        head = " | ".join(map(str, found))
        ratios = [
            ours.median(f"{stage}/{i}", "seconds") / published.median(f"{stage}/{i}", "seconds")
            for i in range(len(found))
        ]
        lines += [f"| stage {stage}, longest example in pieces | {head} |", "|---|" + "---:|" * len(found)]
        lines += [f"| of the published step's time | {' | '.join(f'{ratio:.2f}' for ratio in ratios)} |", ""]
    return "\n".join(lines).rstrip()


def speed_table(found: list[Speed], needed: float, pieces: float) -> str:
    """Lay out how fast views are made, beside how fast they are used."""
    lines = ["| | examples with their views per second, first epoch | second |", "|---|---:|---:|"]
    lines += [f"| {name} | {first:.0f} | {second:.0f} |" for name, first, second in found]
    reckoned = SUSTAINED / (6 * ENCODER * 2 * pieces)
    lines.append(f"| used by the training step above, stage 1 | {needed:.1f} | {needed:.1f} |")
    lines.append(
        f"| reckoned, not measured: used by a GPU that sustains {SUSTAINED / 1e12:.0f} TFLOP/s at 6 operations for "
        f"each weight and piece | {reckoned:.0f} | {reckoned:.0f} |"
    )
    return "\n".join(lines)


def measure(arguments: argparse.Namespace, folder: Path) -> str:
    """Compare, let both take turns, time the views, and return the section."""
    rows, tokenizer = read_rows(arguments.data)
    batches = write_input(folder, rows, tokenizer, arguments.batches, arguments.seed)
    lengths = list(rows["length"])
    widths = {
        stage: [max(lengths[i % len(rows)] for i in batch) for batch in found] for stage, found in batches.items()
    }
    some = rows.shuffle(seed=arguments.seed).select(range(min(len(rows), arguments.examples)))
    made = speeds(some, tokenizer, arguments.data, folder)
    options = {"folder": folder, **{key: vars(arguments)[key] for key in ("threads", "layers", "seed")}}
    contestants = start(CONTESTANTS, options, arguments.threads)
    worst = compare(contestants, [f"{stage}/{i}" for stage in batches for i in (0, arguments.batches // 2)])
    for _ in range(arguments.rounds):
        take_turns(contestants, [f"{stage}/{i}" for stage in "12" for i in range(arguments.batches)], 1, warm_up=False)
        # The published step takes the same time whatever the batch.
        take_turns(contestants[1:], [f"{RANDOM}/{i}" for i in range(arguments.batches)], 1, warm_up=False)
        contestants[1].ask("teacher")
    finish(contestants)
    source = "English EWT treebank's development and test sets" if arguments.data else "phrasebook"
    described = (
        f"XLM-R base shape but for {len(tokenizer)} pieces in place of 250002, for both, random weights, "
        f"{arguments.layers} layers; parts of speech, views in other pieces; {ROWS} examples and as many views per "
        f"step, forward, backward, clipping, AdamW. Sentences are the {source} ({len(rows)} rows, "
        f"{statistics.mean(lengths):.1f} pieces on average, {max(lengths)} at most), grouped by length as "
        f"`--train_sampling_strategy group_by_length` does; {arguments.batches} batches per stage at even steps from "
        f"the narrowest to the widest, means over them, medians of {arguments.rounds} rounds in which "
        f"both take turns; seed {arguments.seed}. Without dropout both compute the same three losses and norm of the "
        f"gradient on the same examples and views (apart by {worst:.0e} at most)."
    )
    needed = ROWS / mean(contestants[1], "1", arguments.batches, "seconds")
    width = statistics.mean(widths["1"])
    tables = [steps_table(contestants, arguments), batches_table(contestants, widths)]
    tables += [speed_table(made, needed, width)]
    return "\n\n".join(["## xTune: one step (`bench_xtune.py`)", described, f"{machine()}.", *tables, GOAL])


def main() -> None:
    """Measure and write the section."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, default in (
        ("rounds", 2),
        ("batches", 6),
        ("threads", 2),
        ("layers", 12),
        ("seed", 0),
        ("examples", 1500),
    ):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--data", type=Path, default=DATA if DATA.is_dir() else None, help="else the phrasebook's")
    parser.add_argument("--dry", action="store_true", help="print only, and leave RESULTS.md as it is")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    with tempfile.TemporaryDirectory(prefix="xlzoo-bench-") as folder:
        section = measure(arguments, Path(folder))
    print(section)
    if not arguments.dry:
        write_section("bench_xtune", section)


if __name__ == "__main__":
    main()
