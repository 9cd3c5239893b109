"""A tiny aligner with its tokenizer, sentences for it, and the links it must give, pair by pair in plain loops."""

from functools import cache
from pathlib import Path

import torch
from tiny_models import TINY_ENCODER
from transformers import XLMRobertaModel

from xlzoo.modeling.configuration_xlm_align import XLMAlignConfig
from xlzoo.modeling.modeling_xlm_align import XLMAlignModel
from xlzoo.run_scripts.corpora.phrasebook import load_phrasebook
from xlzoo.run_scripts.models.new_tokenizers import train_tokenizer

from . import oracles as oracle

CHINESE, THAI, JAPANESE = "我们爱北京。", "ฉันรักแมวที่น่ารัก", "猫がカップを見た。"
PAIRS = [
    ("Das ist gut .".split(), "That is quite good .".split()),
    ("A very long sentence , with words .".split(), ["Ja"]),
    ("We saw 3 dogs .".split(), "Wir sahen 3 Hunde !".split()),
    (["Yes"], ["No"]),
    ("the cat the dog the cat".split(), "the the cat dog cat".split()),
]
"""Each fits the positions of the tiny encoder."""


@cache
def tokenizer():
    rows = load_phrasebook("eng-deu", sizes={"train": 60})["train"]["translation"]
    texts = [text for row in rows for text in row.values()]
    # Often enough for pieces of several characters.
    parts = [text[:end] for text in (CHINESE, THAI, JAPANESE) for end in range(2, len(text), 2)]
    return train_tokenizer([*texts, *parts * 20], 320)


def real_pairs(data: Path, languages: str, most: int) -> list[tuple[list[str], list[str]]]:
    """Read the gold sentences of a language pair of which no side has more than `most` pieces."""
    folder = data / "word_alignment" / languages
    lines = [(folder / name).read_text(encoding="utf-8").splitlines() for name in ("src.txt", "tgt.txt")]
    pairs = [(source.split(), target.split()) for source, target in zip(*lines, strict=True)]
    return [pair for pair in pairs if max(len(pieces(side)[0]) for side in pair) <= most]


def aligner(**changes) -> XLMAlignModel:
    """Make a tiny aligner; the same weights for the same arguments."""
    torch.manual_seed(3)
    return XLMAlignModel(XLMAlignConfig(**{**TINY_ENCODER, "vocab_size": len(tokenizer()), **changes})).eval()


def stock(model: XLMAlignModel) -> XLMRobertaModel:
    """Return transformers' encoder with the same weights."""
    encoder = XLMRobertaModel(model.config, add_pooling_layer=False)
    encoder.load_state_dict(model.state_dict())
    return encoder.eval()


def states(encoder, ids, layer):
    with torch.no_grad():
        return encoder(torch.tensor([ids]), output_hidden_states=True).hidden_states[layer][0].double()


def pieces(words):
    """Each word's pieces, cut one by one, and each piece's word."""
    cut = [tokenizer()(word, add_special_tokens=False)["input_ids"] for word in words]
    return [piece for part in cut for piece in part], [word for word, part in enumerate(cut) for _ in part]


def plain_links(encoder, pair, method="ot", layer=2, encode="joint"):
    """Align one pair of lists of words: encode it alone, without padding, to the last layer, and use plain loops."""
    (source, source_words), (target, target_words) = map(pieces, pair)
    if encode == "joint":
        both = states(encoder, [0, *source, 2, *target, 2], layer)
        one, other = both[1 : 1 + len(source)], both[2 + len(source) : -1]
    else:
        one, other = (states(encoder, [0, *ids, 2], layer)[1:-1] for ids in (source, target))
    found = links_of_states(one, other, method)
    return sorted({(source_words[i], target_words[j]) for i, j in found})


def links_of_states(one, other, method):
    if method == "ot":
        return oracle.transport((one @ other.T).tolist())
    similarity = (torch.cosine_similarity(one[:, None], other[None], dim=2) + 1) / 2
    plain = {"argmax": lambda m: oracle.mutual(m, m), "itermax": oracle.itermax, "match": oracle.matching}
    return plain[method](similarity.tolist())
