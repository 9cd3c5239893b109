"""A process that merges three adapters of a folder when asked, and says how long that took and what memory."""

import argparse
import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from step_server import MEGABYTE, resident_megabytes

ROLES = ("task", "target", "source")


def options() -> argparse.Namespace:
    """Read the command line: the folder with the adapters and, for some, the base model; where to write; the way."""
    parser = argparse.ArgumentParser()
    for name in ("folder", "output"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--way", default="factors")
    found = parser.parse_args()
    torch.set_num_threads(found.threads)
    return found


def serve(merge: Callable[[], None]) -> None:
    """Answer `merge` with the seconds from three adapters' files to the fourth's, `peak` with the memory it took."""
    resting = resident_megabytes()
    for line in sys.stdin:
        if line.strip() == "merge":
            begin, used = time.perf_counter(), time.process_time()
            merge()
            answer = {"seconds": time.perf_counter() - begin, "processor": time.process_time() - used}
        else:
            # Linux gives kilobytes of 1024 bytes.
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / MEGABYTE
            answer = {"peak": peak, "added": peak - resting}
        print(json.dumps(answer), flush=True)
