"""Memory of `build_parallel_corpus.py` on inputs of 1 and 5 million generated lines, each a fresh process.

    python benchmarks/bench_parallel_corpus.py --lines 1000000 5000000

Lengths, ratio, exact and normalised duplicates (a tenth of the lines are said again) and a draw of 100,000 pairs; one
task. Punctuation, languages and embeddings are left out: they work on one shard at a time, and take hours.
"""

import argparse
import random
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from results import machine, write_section

WORDS = [f"{start}{middle}{end}" for start in "bdfgklmnprst" for middle in "aeiou" for end in ("na", "ri", "so", "tu")]
FLAGS = """--src eng --tgt swh --language_id none --normalize_punctuation false --labse_threshold 0 --dedup normalized
    --min_len 3 --max_len 30 --target_size 100000 --log_level WARNING"""


def pairs(lines: int, seed: int = 0) -> Iterator[tuple[str, str]]:
    """Generate pairs of sentences; every tenth has been said before, half of these but for a full stop."""
    drawn = random.Random(seed)
    pair = first = ("", "")
    for number in range(lines):
        if number % 10 == 9:
            yield f"{first[0]}{'.' * (number % 20 == 9)}", first[1]
            continue
        words = drawn.choices(WORDS, k=drawn.randint(5, 14))
        pair = f"{' '.join(words)} {number}", f"{' '.join(reversed(words))} {number}"
        first = pair if number % 10 == 0 else first
        yield pair


def write(folder: Path, lines: int) -> None:
    """Write the two files of an input."""
    with (folder / "a.en").open("w") as english, (folder / "a.sw").open("w") as swahili:
        for one, other in pairs(lines):
            english.write(f"{one}\n")
            swahili.write(f"{other}\n")


def measure(lines: int) -> str:
    """Run the script in a process of its own; return a row of the table."""
    with tempfile.TemporaryDirectory(prefix="bench-corpus-") as work:
        folder = Path(work)
        write(folder, lines)
        size = sum(path.stat().st_size for path in folder.iterdir())
        files = ["--source_file", folder / "a.en", "--target_file", folder / "a.sw"]
        places = ["--hf_out", folder / "out", "--work_dir", folder / "work"]
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        done = subprocess.run(
            [sys.executable, __file__, "--inside", *map(str, [*files, *places]), *FLAGS.split()],
            check=True,
            capture_output=True,
            text=True,
        )
        seconds = time.monotonic() - began
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        processor = used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime
        start, peak, held = map(float, done.stdout.split()[-3:])
        cells = next(line for line in done.stdout.splitlines() if line.startswith("| a.en")).split("|")
        left = cells[-3].strip()
    return (
        f"| {lines:,} | {size / 1e6:,.0f} | {left} | {processor:.0f} | {seconds:.0f} | {start:.0f} | {peak:.0f} | "
        f"{held:.0f} |"
    )


def inside(argv: list[str]) -> None:
    """Run the script here, and print this process's memory in MB: before, at its peak, and of that its own pages."""
    from xlzoo.run_scripts import build_parallel_corpus

    def own() -> float:
        status = Path("/proc/self/status").read_text(encoding="utf-8")
        return next(int(line.split()[1]) / 1000 for line in status.splitlines() if line.startswith("RssAnon"))

    start, most, over = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000, [own()], threading.Event()

    def watch() -> None:
        while not over.wait(0.05):
            most[0] = max(most[0], own())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        build_parallel_corpus.main(argv)
    finally:
        over.set()
        watcher.join()
    print(start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000, most[0])


def main() -> None:
    """Measure and write the section."""
    if sys.argv[1:2] == ["--inside"]:
        inside(sys.argv[2:])
        return
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lines", type=int, nargs="+", default=[1_000_000, 5_000_000])
    rows = [measure(lines) for lines in parser.parse_args().lines]
    section = "\n".join(
        [
            "## A parallel corpus of any size (`bench_parallel_corpus.py`)",
            "",
            "Two generated files; lengths, ratio, both kinds of duplicates, a draw of 100,000; one process. The "
            "peak counts pages of mapped files that the system can take back; the process's own are beside it.",
            "",
            f"{machine()}.",
            "",
            "| lines | MB | left | processor s | s | MB before | peak MB | own pages, peak MB |",
            "|---:|---:|---:|---:|---:|---:|---:|---:|",
            *rows,
        ]
    )
    print(section)
    write_section("bench_parallel_corpus", section)


if __name__ == "__main__":
    main()
