"""A process that takes training steps when asked, one line in, one line of JSON out."""

import argparse
import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

MEGABYTE = 1e6


def options() -> argparse.Namespace:
    """Read the shape of the batch from the command line."""
    parser = argparse.ArgumentParser()
    for name in ("batch", "length", "vocab", "threads"):
        parser.add_argument(f"--{name}", type=int, required=True)
    return parser.parse_args()


def xlm_r_base(vocab: int) -> dict[str, int | float]:
    """Return the shape of XLM-R base with that vocabulary."""
    return {
        "vocab_size": vocab,
        "hidden_size": 768,
        "num_hidden_layers": 12,
        "num_attention_heads": 12,
        "intermediate_size": 3072,
        "max_position_embeddings": 514,
        "type_vocab_size": 1,
        "layer_norm_eps": 1e-5,
    }


def masked_batch(batch: int, length: int, vocab: int) -> dict[str, torch.Tensor]:
    """Return rows `[batch, length]` without padding, of which exactly 15 % of the tokens are to be predicted."""
    generator = torch.Generator().manual_seed(0)
    input_ids = torch.randint(4, vocab, (batch, length), generator=generator)
    labels = torch.full_like(input_ids, -100)
    chosen = torch.randperm(batch * length, generator=generator)[: round(0.15 * batch * length)]
    labels.view(-1)[chosen] = input_ids.view(-1)[chosen]
    return {"input_ids": input_ids, "attention_mask": torch.ones_like(input_ids), "labels": labels}


def resident_megabytes() -> float:
    """Return the memory that the process holds now."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / MEGABYTE


def serve(model: nn.Module, loss: Callable[[], torch.Tensor]) -> None:
    """Answer `step` with the seconds of one forward and backward pass, `peak` with the memory that they took."""
    model.train()
    resting = resident_megabytes()
    for line in sys.stdin:
        if line.strip() == "step":
            model.zero_grad(set_to_none=True)
            begin, used = time.perf_counter(), time.process_time()
            value = loss()
            value.backward()
            answer = {"seconds": time.perf_counter() - begin, "processor": time.process_time() - used}
        else:
            # Linux gives kilobytes of 1024 bytes.
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / MEGABYTE
            answer = {"peak": peak, "added": peak - resting}
        print(json.dumps(answer), flush=True)
