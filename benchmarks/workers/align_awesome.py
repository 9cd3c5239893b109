"""awesome-align's way (Dou and Neubig 2021): the whole encoder on batches in the text's order, links by softmax."""

import torch
from alignment_server import Links, options, sentences, serve
from transformers import AutoTokenizer, XLMRobertaModel
from transformers.utils import logging

BATCH, THRESHOLD = 32, 1e-3

chosen = options()
torch.set_num_threads(chosen.threads)
logging.set_verbosity_error()
model = XLMRobertaModel.from_pretrained(chosen.folder, add_pooling_layer=False).eval()
tokenizer = AutoTokenizer.from_pretrained(chosen.folder)
pairs = sentences(chosen.folder)


def encode(side: list[list[str]]) -> tuple[torch.Tensor, list[list[int | None]]]:
    """Return the layer's states `[B, L, D]` and each piece's word, None for special tokens and padding."""
    rows = tokenizer(side, is_split_into_words=True, padding=True, return_tensors="pt")
    states = model(**rows, output_hidden_states=True).hidden_states[chosen.layer]
    return states, [rows.word_ids(number) for number in range(len(side))]


def softmax_links(similarity: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
    """Mark the cells `[B, m, n]` to which both softmaxes give more than the threshold."""
    forth = similarity.masked_fill(~columns[:, None, :], -torch.inf).softmax(2)
    back = similarity.masked_fill(~rows[:, :, None], -torch.inf).softmax(1)
    return (forth > THRESHOLD) & (back > THRESHOLD) & rows[:, :, None] & columns[:, None, :]


def align() -> Links:
    """Align all pairs."""
    found: Links = []
    with torch.inference_mode():
        for start in range(0, len(pairs), BATCH):
            (source, one), (target, other) = (
                encode(list(side)) for side in zip(*pairs[start : start + BATCH], strict=True)
            )
            real = [torch.tensor([[word is not None for word in row] for row in words]) for words in (one, other)]
            links: list[set[tuple[int, int]]] = [set() for _ in one]
            for row, i, j in softmax_links(source @ target.transpose(1, 2), *real).nonzero().tolist():
                links[row].add((one[row][i], other[row][j]))
            found += map(sorted, links)
    return found


serve({"softmax": align}, chosen.folder / "awesome.json")
