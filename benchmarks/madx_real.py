"""MAD-X on real data, three seeds: Swahili to Hausa (MasakhaNER 2.0) and Portuguese to Danish (Universal NER).

    python benchmarks/madx_real.py --data FOLDER

FOLDER is laid out as recipes/madx_masakhaner.yaml says. Runs what is not complete under runs/, and writes RESULTS.md.
"""

import argparse
import json
from pathlib import Path

from results import machine, write_section

from xlzoo.run_scripts.nested_recipes import read_nested_recipe
from xlzoo.run_scripts.run_madx import main as run_madx
from xlzoo.run_scripts.stages.madx import MadxRecipe
from xlzoo.run_scripts.stages.madx_report import markdown_table

RECIPES = ("recipes/madx_masakhaner.yaml", "recipes/madx_uner.yaml")


def main() -> None:
    """Run both recipes and write one section."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="../shared/data", help="the folder with the data sets")
    data = parser.parse_args().data
    parts = ["## MAD-X on real data (`madx_real.py`)", f"{machine()}."]
    for name in RECIPES:
        arguments = [name, "--data", data]
        scores = run_madx(arguments)
        recipe: MadxRecipe = read_nested_recipe(MadxRecipe, arguments)
        parts += [describe(name, recipe), markdown_table(recipe, scores)]
    write_section("madx_real", "\n\n".join(parts))


def describe(name: str, recipe: MadxRecipe) -> str:
    """Say in a few lines what was trained how long."""
    encoder = json.loads((Path(recipe.encoder_path) / "config.json").read_text(encoding="utf-8"))
    flags = json.loads(Path(f"{recipe.encoder_path}.flags.json").read_text(encoding="utf-8"))
    losses = (training_loss(recipe, language) for language in recipe.languages)
    return (
        f"`{name}`, seeds {', '.join(map(str, recipe.seeds))} (mean ± standard deviation; one encoder for all). "
        f"Encoder from scratch: {encoder['num_hidden_layers']} x {encoder['hidden_size']}, "
        f"{encoder['vocab_size']} pieces, {flags['max_steps']} steps of {flags['per_device_train_batch_size']} x "
        f"{flags['max_seq_length']} tokens, loss {encoder_loss(recipe)}. "
        f"Language adapters: {recipe.language_adapter['max_steps']} steps ({'; '.join(losses)}). "
        f"Taggers: {recipe.task['max_steps']} steps of {recipe.task['per_device_train_batch_size']} sentences."
    )


def encoder_loss(recipe: MadxRecipe) -> str:
    """Give the encoder's training loss as it was logged at a quarter, at half and at the end of its training."""
    state = max(
        Path(recipe.encoder_path).glob("checkpoint-*/trainer_state.json"), key=lambda path: path.stat().st_mtime
    )
    logged = json.loads(state.read_text(encoding="utf-8"))["log_history"]
    losses = [entry["loss"] for entry in logged if "loss" in entry]
    return ", ".join(f"{losses[round(part * len(losses)) - 1]:.2f}" for part in (0.25, 0.5, 1)) + " (1/4, 1/2, end)"


def training_loss(recipe: MadxRecipe, language: str) -> str:
    """Give the mean training loss of the first seed's language adapter."""
    folder = Path(recipe.adapter_path(recipe.seeds[0], language)).parent
    results = json.loads((folder / "all_results.json").read_text(encoding="utf-8"))
    return f"{language} mean training loss {results['train_loss']:.2f}"


if __name__ == "__main__":
    main()
