"""The public Backpack, which has no cache: every token is predicted from the whole text anew."""

import torch
from backpack_shapes import options, tokens
from generation_server import serve
from public_backpack import public_backpack

chosen = options("prompt", "threads")
model = public_backpack().eval()
start = tokens(1, chosen.prompt)


def generate(number: int) -> torch.Tensor:
    """Append the likeliest token so many times."""
    ids = start
    for _ in range(number):
        ids = torch.cat([ids, model(ids).logits[:, -1:].argmax(-1)], dim=1)
    return ids


serve(generate, chosen.prompt)
