"""A process that aligns the sentences of a folder when asked, by one of its ways, and says how long that took."""

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

Words = list[str]
Links = list[list[tuple[int, int]]]


def options() -> argparse.Namespace:
    """Read the command line: the folder with encoder and sentences, the layer, the number of threads."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path, required=True)
    for name in ("layer", "threads"):
        parser.add_argument(f"--{name}", type=int, required=True)
    return parser.parse_args()


def sentences(folder: Path) -> list[tuple[Words, Words]]:
    """Return the pairs to align, as words."""
    return [(source, target) for source, target in json.loads((folder / "pairs.json").read_text(encoding="utf-8"))]


def serve(ways: Mapping[str, Callable[[], Links | None]], links_file: Path) -> None:
    """Answer the name of a way with its seconds; `links` writes what every way gave the last time."""
    last: dict[str, Links] = {}
    for line in sys.stdin:
        word = line.strip()
        if word == "links":
            links_file.write_text(json.dumps(last), encoding="utf-8")
            print("{}", flush=True)
            continue
        begin, used = time.perf_counter(), time.process_time()
        links = ways[word]()
        answer = {"seconds": time.perf_counter() - begin, "processor": time.process_time() - used}
        if links is not None:
            last[word] = links
        print(json.dumps(answer), flush=True)
