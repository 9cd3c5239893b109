"""GPT-2 small, with 16 senses where it is a Backpack, and random tokens for it."""

import argparse

import torch

SMALL = {"n_embd": 768, "n_layer": 12, "n_head": 12, "vocab_size": 50264, "n_positions": 512}
SENSES = {**SMALL, "num_senses": 16, "sense_intermediate_scale": 4}


def options(*names: str) -> argparse.Namespace:
    """Read numbers from the command line."""
    parser = argparse.ArgumentParser()
    for name in names:
        parser.add_argument(f"--{name}", type=int, required=True)
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    torch.manual_seed(0)
    return chosen


def tokens(batch: int, length: int) -> torch.Tensor:
    """Return the same random tokens `[batch, length]` every time."""
    return torch.randint(SMALL["vocab_size"], (batch, length), generator=torch.Generator().manual_seed(1))
