"""A small Backpack on real text beside GPT-2 on the same tokens: perplexity on NTREX in three languages, three seeds.

    python benchmarks/backpack_real.py --data FOLDER

FOLDER holds lm/wikitext-2, parallel/multi30k and parallel/ntrex. Trains what is not complete under runs/, and writes
RESULTS.md.
"""

import argparse
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import yaml
from results import machine, write_section

from xlzoo.run_scripts.arguments import recipe_flags
from xlzoo.run_scripts.corpora.plain_texts import read_texts
from xlzoo.run_scripts.measuring.text_perplexity import text_perplexity
from xlzoo.run_scripts.models.decoders import load_decoder, load_decoder_tokenizer
from xlzoo.run_scripts.run_clm import main as run_clm
from xlzoo.run_scripts.runs import read_results

ROOT = Path(__file__).parents[1]
RECIPE = "recipes/backpack_real.yaml"
SEEDS = (0, 1, 2)
LANGUAGES = ("eng", "deu", "fra")
SHAPE = "n_embd=96,n_head=4,n_positions=128"
MODELS = {
    "Backpack, 4 layers, 8 senses": ("backpack", f"{SHAPE},n_layer=4,num_senses=8"),
    "GPT-2, as many parameters (8 layers)": ("gpt2", f"{SHAPE},n_layer=8"),
}
Measured = dict[str, dict[str, Any]]


def main() -> None:
    """Train what is missing, measure, and write one section."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="the folder with the data sets")
    data = parser.parse_args().data
    recipe = yaml.safe_load((ROOT / "run_scripts" / RECIPE).read_text(encoding="utf-8"))
    files = [str(data / path.removeprefix("../shared/data/")) for path in recipe["train_file"]]
    texts = {language: read_texts(data / f"parallel/ntrex/{language}.txt.gz") for language in LANGUAGES}
    lines = [
        "## A Backpack on real text (`backpack_real.py`)",
        f"{machine()}.",
        f"`{RECIPE}`, seeds {', '.join(map(str, SEEDS))} (mean ± standard deviation), one epoch of WikiText-2 "
        "(validation, test) and Multi30k (English, German, French), one tokenizer of 4000 pieces for all. Perplexity "
        "per token and bits per byte on NTREX, news of another domain: 1997 sentences a language.",
    ]
    rows = []
    for number, (name, (kind, shape)) in enumerate(MODELS.items()):
        measured, size = [], 0
        for seed in SEEDS:
            folder = ROOT / "runs" / "backpack_real" / f"{number}-{seed}"
            train(folder, {"model_type": kind, "config_overrides": shape, "seed": seed, "train_file": files})
            found, size = measure(folder, texts)
            measured.append(found)
        rows.append(f"| {name} | {size / 1e6:.2f} | {' | '.join(cells(measured))} |")
    head = " | ".join(f"{language} ppl | {language} bits/byte" for language in LANGUAGES)
    table = [f"| | million parameters | {head} |", "|---|---:|" + "---:|" * 2 * len(LANGUAGES), *rows]
    write_section("backpack_real", "\n\n".join([*lines, "\n".join(table)]))


def train(folder: Path, changes: dict[str, Any]) -> None:
    """Train as the recipe says but for the changes, going on where an earlier call stopped."""
    if read_results(folder) is None:
        resume = ["--resume_from_checkpoint", "last"] if folder.is_dir() else []
        run_clm([RECIPE, *recipe_flags({**changes, "output_dir": str(folder), "report_to": "none"}), *resume])


def measure(folder: Path, texts: dict[str, list[str]]) -> tuple[Measured, int]:
    """Return the model's perplexity in each language, and its number of parameters."""
    model, tokenizer = load_decoder(str(folder)), load_decoder_tokenizer(str(folder))
    return {language: text_perplexity(model, tokenizer, some) for language, some in texts.items()}, sum(
        parameter.numel() for parameter in model.parameters()
    )


def cells(measured: list[Measured]) -> list[str]:
    """Return perplexity and bits per byte in each language, over the seeds."""
    made = []
    for language in LANGUAGES:
        for key, form in (("perplexity", ".0f"), ("bits_per_byte", ".3f")):
            values = [found[language][key] for found in measured]
            made.append(f"{mean(values):{form}} ± {stdev(values):{form}}")
    return made


if __name__ == "__main__":
    main()
