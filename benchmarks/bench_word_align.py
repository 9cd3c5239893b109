"""Word alignment beside SimAlign 0.4, awesome-align's way and the encoder alone, on German-English gold sentences.

    python benchmarks/bench_word_align.py --data ../shared/data --rounds 3

Randomly initialised encoders of two shapes with a vocabulary of 30000 pieces learned from the data's texts. Every
contestant is a fresh process; they take turns.
"""

import argparse
import gzip
import json
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from contest import OUR_PYTHON, PEERS_PYTHON, Contestant, finish, start
from results import machine, write_section
from transformers import XLMRobertaConfig, XLMRobertaModel

from xlzoo.run_scripts.models.new_tokenizers import train_tokenizer

SHAPES = {
    "6 x 256": (
        4,
        {"hidden_size": 256, "num_hidden_layers": 6, "num_attention_heads": 4, "intermediate_size": 1024},
        508,
    ),
    "XLM-R base, 12 x 768": (8, {}, 127),
}
"""The layer whose states are compared, the shape, and how many pairs are aligned, spread evenly over the set."""
VOCABULARY = 30000
OURS, FLOOR, SIMALIGN, AWESOME = "xlzoo", "floor", "SimAlign 0.4", "awesome-align's way"
CONTESTANTS = (
    (FLOOR, "align_floor", OUR_PYTHON),
    (OURS, "align_xlzoo", OUR_PYTHON),
    (SIMALIGN, "align_simalign", PEERS_PYTHON),
    (AWESOME, "align_awesome", OUR_PYTHON),
)
ROWS = (
    (FLOOR, "stopped separate", None),
    (OURS, "argmax", "stopped separate"),
    (OURS, "itermax", "stopped separate"),
    (FLOOR, "stopped joint", None),
    (OURS, "ot", "stopped joint"),
    (FLOOR, "stopped bf16 separate", "stopped separate"),
    (OURS, "argmax bf16", "stopped bf16 separate"),
    (OURS, "itermax bf16", "stopped bf16 separate"),
    (FLOOR, "stopped bf16 joint", "stopped joint"),
    (OURS, "ot bf16", "stopped bf16 joint"),
    (FLOOR, "full joint", "stopped joint"),
    (OURS, "all layers", "full joint"),
    (SIMALIGN, "argmax", "stopped separate"),
    (SIMALIGN, "itermax", "stopped separate"),
    (AWESOME, "softmax", "stopped separate"),
)
"""What is measured, and the work of the floor that it is held against."""
GOALS = (
    "Goals: in fp32 at most 1.05 times the floor; bf16 on XLM-R's shape at least 8 times as fast as SimAlign with at "
    "least 99 % equal links; all layers in at most 1.3 times the full encoder's time; SimAlign's links exactly."
)


def texts(data: Path) -> Iterator[str]:
    """Yield the lines of all parallel and alignment texts, from which the tokenizer is learned."""
    for path in sorted((data / "parallel").rglob("*")) + sorted((data / "word_alignment").rglob("*.txt")):
        if path.is_file():
            with gzip.open(path, "rt") if path.suffix == ".gz" else path.open(encoding="utf-8") as lines:
                yield from lines


def prepare(folder: Path, data: Path, shape: dict[str, int], pairs: int) -> None:
    """Write a random encoder with its tokenizer, and the sentences."""
    tokenizer = train_tokenizer(texts(data), VOCABULARY)
    torch.manual_seed(0)
    sizes = {"vocab_size": len(tokenizer), "max_position_embeddings": 514, "type_vocab_size": 1, **shape}
    XLMRobertaModel(XLMRobertaConfig(layer_norm_eps=1e-5, **sizes), add_pooling_layer=False).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    sides = [(data / "word_alignment/de-en" / name).read_text(encoding="utf-8") for name in ("src.txt", "tgt.txt")]
    lines = zip(*(side.splitlines() for side in sides), strict=True)
    words = [(source.split(), target.split()) for source, target in lines]
    step = max(len(words) // pairs, 1)
    (folder / "pairs.json").write_text(json.dumps(words[::step][:pairs]), encoding="utf-8")


def measure(folder: Path, layer: int, arguments: argparse.Namespace) -> dict[str, Contestant]:
    """Let all rows take turns, once for warming up, and have the links written."""
    options = {"folder": folder, "layer": layer, "threads": arguments.threads}
    contestants = {each.name: each for each in start(CONTESTANTS, options, arguments.threads)}
    for turn in range(arguments.rounds + 1):
        for name, word, _ in ROWS:
            answer = contestants[name].ask(word, counts=turn > 0)
            print(f"{turn} {name}, {word}: {answer['seconds']:.2f} s", flush=True)
    for contestant in contestants.values():
        contestant.ask("links", counts=False)
    finish(list(contestants.values()))
    return contestants


def equal_links(folder: Path, one: tuple[str, str], other: tuple[str, str]) -> float:
    """Return the F1 of two ways' links against each other, given as (file, way)."""
    first, second = (
        json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))[way] for name, way in (one, other)
    )
    sets = [({*map(tuple, a)}, {*map(tuple, b)}) for a, b in zip(first, second, strict=True)]
    return 2 * sum(len(a & b) for a, b in sets) / sum(len(a) + len(b) for a, b in sets)


def equalities(folder: Path) -> str:
    """Say which links are the same."""
    ways = ("argmax", "itermax", "ot")
    peers = [f"{way} {equal_links(folder, ('xlzoo', way), ('simalign', way)):.2%}" for way in ways[:2]]
    lower = [f"{way} {equal_links(folder, ('xlzoo', way), ('xlzoo', f'{way} bf16')):.2%}" for way in ways]
    return f"Links equal to SimAlign's: {', '.join(peers)}; those of bf16 to those of fp32: {', '.join(lower)} (F1)."


def table(contestants: dict[str, Contestant], pairs: int) -> list[str]:
    """Lay medians out, with ratios to the floor and to SimAlign's argmax."""
    lines = [
        "| | s (min to max) | pairs/s | times its floor | speed, SimAlign's argmax = 1 | processor s |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    peer = contestants[SIMALIGN].median("argmax", "seconds")
    for name, word, base in ROWS:
        seconds = contestants[name].median(word, "seconds")
        ratio = f"{seconds / contestants[FLOOR].median(base, 'seconds'):.2f} ({base})" if base else ""
        cells = [
            f"{name}: {word}",
            contestants[name].spread(word, "seconds"),
            f"{pairs / seconds:.1f}",
            ratio,
            f"{peer / seconds:.1f}x",
            f"{contestants[name].median(word, 'processor'):.2f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and write the section."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="the folder with the data sets")
    for name, default in (("rounds", 3), ("threads", 2)):
        parser.add_argument(f"--{name}", type=int, default=default)
    arguments = parser.parse_args(argv)
    torch.set_num_threads(arguments.threads)
    parts = [
        f"Random encoders; medians of {arguments.rounds} rounds of interleaved calls in one "
        "run. The floor is transformers' encoder up to the layer, on rows of ids that are ready, batched by length; "
        "the others go from words to links. argmax and itermax read sentences separately, ot reads pairs jointly.",
        f"{machine()}.",
    ]
    for name, (layer, shape, pairs) in SHAPES.items():
        with tempfile.TemporaryDirectory() as folder:
            prepare(Path(folder), arguments.data, shape, pairs)
            contestants = measure(Path(folder), layer, arguments)
            parts += [f"### {name}, layer {layer}, {pairs} pairs", "\n".join(table(contestants, pairs))]
            parts.append(equalities(Path(folder)))
    section = "\n\n".join(["## Word alignment (`bench_word_align.py`)", *parts, GOALS])
    print(section)
    write_section("bench_word_align", section)


if __name__ == "__main__":
    main()
