"""A process that generates as many tokens as it is asked for, and says how long that took."""

import json
import sys
import time
from collections.abc import Callable

import torch


def serve(generate: Callable[[int], torch.Tensor], prompt: int) -> None:
    """Answer a number with the seconds in which so many tokens were generated behind the prompt's."""
    for line in sys.stdin:
        number = int(line)
        begin = time.perf_counter()
        with torch.inference_mode():
            ids = generate(number)
        seconds = time.perf_counter() - begin
        assert ids.shape == (1, prompt + number)
        print(json.dumps({"seconds": seconds}), flush=True)
