"""SimAlign 0.4 as its users call it, pair by pair."""

from functools import partial

import torch
from alignment_server import Links, options, sentences, serve
from simalign import SentenceAligner

chosen = options()
torch.set_num_threads(chosen.threads)
pairs = sentences(chosen.folder)
NAMES = {"argmax": ("a", "inter"), "itermax": ("i", "itermax")}
aligners = {
    method: SentenceAligner(str(chosen.folder), "bpe", matching_methods=letter, layer=chosen.layer)
    for method, (letter, _) in NAMES.items()
}


def align(method: str) -> Links:
    """Align all pairs."""
    return [aligners[method].get_word_aligns(source, target)[NAMES[method][1]] for source, target in pairs]


serve({method: partial(align, method) for method in NAMES}, chosen.folder / "simalign.json")
