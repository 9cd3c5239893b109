"""MAD-X, all of it, from one recipe: encoder, language adapters, task adapters, zero-shot transfer, table, publishing.

    python run_scripts/run_madx.py recipes/madx_phrasebook.yaml
    python run_scripts/run_madx.py recipes/madx_phrasebook.yaml --output_dir runs/mine --seeds 0 1 --task.max_steps 500

Whatever is complete in the output folder is skipped, whatever was interrupted goes on. A dot in a flag reaches into
the recipe. Writes results.md, results.json and results.png.
"""

import sys
from collections.abc import Sequence
from typing import Any

from xlzoo.run_scripts.arguments import run
from xlzoo.run_scripts.nested_recipes import read_nested_recipe
from xlzoo.run_scripts.stages.madx import MadxRecipe, run_stages
from xlzoo.run_scripts.stages.madx_publish import publish_all
from xlzoo.run_scripts.stages.madx_report import Scores, collect, write_report


def main(argv: Sequence[str] | None = None) -> Scores:
    """Run the recipe and return setting -> language -> the score of each seed, in percent."""
    recipe: Any = read_nested_recipe(MadxRecipe, sys.argv[1:] if argv is None else argv)
    run_stages(recipe)
    scores = collect(recipe)
    sys.stdout.write(f"\n{write_report(recipe, scores)}\n\n")
    if recipe.publishes:
        sys.stdout.write(publish_all(recipe))
    return scores


def cli() -> None:
    """Run as a program."""
    run(main)


if __name__ == "__main__":
    cli()
