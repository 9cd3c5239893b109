"""Merging three LoRA adapters: their files alone, beside the published three models and PEFT's weighted adapters.

    python benchmarks/bench_merge.py --rounds 5

Random numbers in the shape of a Llama, rank 8 on seven modules. Every contestant is a fresh process; they take turns,
each from the three adapters' files to the fourth's. The base models lie in a temporary folder: `--work` says where,
32 GB are needed there for the merge into 7 billion weights, which `--into_base_layers` makes smaller, 0 leaves out.
"""

import argparse
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

import torch
from contest import OUR_PYTHON, Contestant, finish, start, take_turns
from merge_shapes import SEVEN_BILLION, SMALL, write_adapter, write_base
from results import machine, write_section

CONTESTANTS = (
    ("three whole models, as published", "merge_published", "factors"),
    ("PEFT, `add_weighted_adapter` linear", "merge_weighted", "linear"),
    ("PEFT, `add_weighted_adapter` cat", "merge_weighted", "cat"),
    ("xlzoo, `run_merge.py`", "merge_xlzoo", "factors"),
    ("xlzoo, products cut to rank 8", "merge_xlzoo", "product"),
)
OURS = 3
GOALS = (
    "Goals: the published way takes 27 times our time and 8 times our added peak, PEFT's 30 and 8 times; a merge for "
    "a Llama of 7 billion takes seconds and less than 1 GB; into its weights, it adds less than one of their files."
)


def begin(folder: Path, worker: tuple[str, str, str], threads: int) -> Contestant:
    """Start one contestant."""
    name, program, way = worker
    output = folder / "out" / f"{program}-{way}"
    options = {"folder": folder, "output": output, "threads": threads, "way": way}
    return start([(name, program, OUR_PYTHON)], options, threads)[0]


def contest(folder: Path, rounds: int, threads: int, shape: Mapping[str, int]) -> str:
    """Let all contestants merge adapters of this shape."""
    parameters = write_inputs(folder, shape, torch.float32)
    contestants = [begin(folder, worker, threads) for worker in CONTESTANTS]
    take_turns(contestants, ["merge"], rounds)
    for contestant in contestants:
        contestant.ask("peak")
    finish(contestants)
    width, layers = shape["hidden_size"], shape["num_hidden_layers"]
    lines = [
        f"| Llama, {width} x {layers} layers, {parameters / 1e6:.0f} million weights | s | processor s | times ours | "
        "peak added, MB | times ours |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    ours = contestants[OURS]
    for each in contestants:
        used, added = each.median("merge", "processor"), each.median("peak", "added")
        times = used / ours.median("merge", "processor"), added / ours.median("peak", "added")
        seconds = each.median("merge", "seconds")
        lines.append(f"| {each.name} | {seconds:.3f} | {used:.3f} | {times[0]:.1f} | {added:.0f} | {times[1]:.1f} |")
    return "\n".join(lines)


def alone(folder: Path, way: str, threads: int) -> tuple[float, float]:
    """Return seconds and peak, in MB, of one merge in a fresh process, its interpreter and libraries included."""
    contestant = begin(folder, ("xlzoo", "merge_xlzoo", way), threads)
    seconds = contestant.ask("merge")["seconds"]
    peak = contestant.ask("peak")["peak"]
    finish([contestant])
    return seconds, peak


def write_inputs(folder: Path, shape: Mapping[str, int], dtype: torch.dtype | None) -> int:
    """Write three adapters and, in some type, the base model, whose number of weights is returned."""
    for seed, role in enumerate(("task", "target", "source")):
        write_adapter(folder / role, shape, seed)
    return write_base(folder / "base", shape, dtype) if dtype else 0


def seven_billion(folder: Path, threads: int, layers: int) -> str:
    """Merge adapters for a Llama of 7 billion, and merge into the weights of so many of its layers."""
    write_inputs(folder / "whole", SEVEN_BILLION, None)
    lines = ["| Llama of 7 billion, in a fresh process | s | whole peak, MB |", "|---|---:|---:|"]
    for way in ("factors", "product"):
        seconds, peak = alone(folder / "whole", way, threads)
        lines.append(f"| three adapters into one, {way} | {seconds:.2f} | {peak:.0f} |")
    if layers:
        shape = {**SEVEN_BILLION, "num_hidden_layers": layers}
        parameters = write_inputs(folder / "into", shape, torch.bfloat16)
        seconds, peak = alone(folder / "into", "into_base", threads)
        largest = max(path.stat().st_size for path in (folder / "into/base").glob("*.safetensors")) / 1e6
        lines.append(
            f"| into the {parameters / 1e9:.1f} billion bfloat16 weights of {layers} layers, the largest file "
            f"{largest:.0f} MB | {seconds:.1f} | {peak:.0f} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Measure and write the section."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, default in (("rounds", 5), ("threads", 2), ("layers", 16), ("into_base_layers", 32)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--work", help="folder with room for base models, by default that of temporary files")
    parser.add_argument("--dry", action="store_true", help="print only, and leave RESULTS.md as it is")
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    work = Path(tempfile.mkdtemp(prefix="xlzoo-bench-", dir=chosen.work))
    try:
        shape = {**SMALL, "num_hidden_layers": chosen.layers}
        tables = [contest(work / "small", chosen.rounds, chosen.threads, shape)]
        shutil.rmtree(work / "small")
        tables.append(seven_billion(work / "large", chosen.threads, chosen.into_base_layers))
    finally:
        shutil.rmtree(work)
    described = (
        f"From three adapters' files to the fourth's, whatever has to be loaded for it. Medians of {chosen.rounds} "
        "rounds of interleaved calls in one run; times ours by processor time."
    )
    section = "\n\n".join(["## Merging adapters (`bench_merge.py`)", described, f"{machine()}.", *tables, GOALS])
    print(section)
    if not chosen.dry:
        write_section("bench_merge", section)


if __name__ == "__main__":
    main()
