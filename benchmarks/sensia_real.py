"""A Backpack of English adapted to German and French: retrieval and perplexity on real text, three seeds.

    python benchmarks/sensia_real.py --data FOLDER

FOLDER holds parallel/multi30k, parallel/ntrex and tatoeba. Trains one tokenizer of all three languages and what is not
complete under runs/, beside each adaptation the same with the language model's loss alone, and writes RESULTS.md.
"""

import argparse
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from results import machine, write_section

from xlzoo.run_scripts.arguments import recipe_flags
from xlzoo.run_scripts.corpora.plain_texts import read_texts
from xlzoo.run_scripts.measuring.text_perplexity import text_perplexity
from xlzoo.run_scripts.models.decoders import load_decoder, load_decoder_tokenizer
from xlzoo.run_scripts.models.new_tokenizers import save_tokenizer, train_decoder_tokenizer
from xlzoo.run_scripts.run_adaptation import main as run_adaptation
from xlzoo.run_scripts.run_clm import main as run_clm
from xlzoo.run_scripts.runs import read_results

ROOT = Path(__file__).parents[1]
RECIPE = "recipes/sensia_real.yaml"
SEEDS = (0, 1, 2)
LANGUAGES = {"deu": "de", "fra": "fr"}
"""ISO 639-3, and how Multi30k names the language."""
SHAPE = "n_embd=64,n_layer=2,n_head=4,n_positions=128,num_senses=4"
VOCABULARY = 4000
COLUMNS = {
    "multi30k_ctx_recall": "Multi30k recall@1, contexts",
    "multi30k_sns_recall": "senses",
    "multi30k_perplexity": "perplexity",
    "tatoeba_ctx_recall": "Tatoeba recall@1, contexts",
    "tatoeba_sns_recall": "senses",
    "ntrex_perplexity": "NTREX perplexity",
}
SCORES = ("ctx_recall", "sns_recall", "perplexity")
ONLY_LM = {f"w_{part}_{phase}": 0 for part in ("ctx", "sns") for phase in ("align", "mid", "tail")}
WAYS: dict[str, dict[str, Any]] = {"language model alone, the same tokens": ONLY_LM, "sense adaptation": {}}
ENGLISH = {
    "model_type": "backpack",
    "config_overrides": SHAPE,
    "line_by_line": True,
    "block_size": 64,
    "per_device_train_batch_size": 32,
    "max_steps": 600,
    "learning_rate": 3e-3,
    "adam_beta2": 0.98,
    "weight_decay": 0.01,
    "warmup_steps": 50,
    "lr_scheduler_type": "cosine",
    "do_train": True,
    "save_steps": 200,
    "save_total_limit": 1,
    "report_to": "none",
}


@dataclass(frozen=True)
class Bench:
    """Where the data lie and the runs go, and flags that make every run smaller, for a try."""

    data: Path
    runs: Path
    smaller: dict[str, Any]

    def tokenizer(self) -> Path:
        """Return one tokenizer for all, of Multi30k's training captions in the three languages."""
        folder = self.runs / "tokenizer"
        if not folder.is_dir():
            files = [self.data / f"parallel/multi30k/train.{code}.gz" for code in ("en", *LANGUAGES.values())]
            texts = chain.from_iterable(read_texts(file) for file in files)
            save_tokenizer(train_decoder_tokenizer(texts, VOCABULARY), folder)
        return folder

    def english(self, seed: int) -> Path:
        """Return a Backpack trained on Multi30k's English."""
        folder = self.runs / f"english-{seed}"
        changes = {
            **ENGLISH,
            **self.smaller,
            "train_file": str(self.data / "parallel/multi30k/train.en.gz"),
            "tokenizer_name": str(self.tokenizer()),
            "seed": seed,
            "output_dir": str(folder),
        }
        _once(run_clm, folder, recipe_flags(changes))
        return folder

    def adapted(self, seed: int, language: str, way: int) -> Path:
        """Return that Backpack adapted with Multi30k's pairs."""
        folder, theirs = self.runs / f"{language}-{way}-{seed}", LANGUAGES[language]
        multi30k = self.data / "parallel/multi30k"
        changes = {
            **list(WAYS.values())[way],
            **self.smaller,
            "model_id": str(self.english(seed)),
            "tgt": language,
            "source_file": str(multi30k / "train.en.gz"),
            "target_file": str(multi30k / f"train.{theirs}.gz"),
            "validation_source_file": str(multi30k / "val.en"),
            "validation_target_file": str(multi30k / f"val.{theirs}"),
            "do_eval": False,
            "seed": seed,
            "save_dir": str(folder),
            "report_to": "none",
        }
        _once(run_adaptation, folder, [RECIPE, *recipe_flags(changes)])
        return folder

    def measure(self, folder: Path, language: str) -> dict[str, float]:
        """Return both recalls and the perplexity on Multi30k's test set and on Tatoeba, the perplexity on NTREX."""
        theirs, found = LANGUAGES[language], {}
        sets = {
            "multi30k": [self.data / f"parallel/multi30k/test2016.{code}" for code in ("en", theirs)],
            "tatoeba": [self.data / f"tatoeba/{language}-eng.{code}" for code in ("eng", language)],
        }
        for name, files in sets.items():
            shutil.rmtree(self.runs / "work", ignore_errors=True)
            results = run_adaptation(
                recipe_flags({**evaluation(folder, language, files), "save_dir": str(self.runs / "work")})
            )
            found |= {f"{name}_{score}": results[f"eval_{score}"] for score in SCORES}
        texts = read_texts(self.data / f"parallel/ntrex/{language}.txt.gz")
        measured = text_perplexity(load_decoder(str(folder)), load_decoder_tokenizer(str(folder)), texts)
        return {**found, "ntrex_perplexity": measured["perplexity"]}


def evaluation(folder: Path, language: str, files: list[Path]) -> dict[str, Any]:
    """Return the flags that only evaluate a model on two files."""
    one, other = map(str, files)
    named = {"source_file": one, "target_file": other, "validation_source_file": one, "validation_target_file": other}
    flags = {"model_id": str(folder), "src": "eng", "tgt": language, "do_eval": True, "max_length": 64}
    return {**named, **flags, "test_batch_size": 64, "report_to": "none"}


def _once(main: Callable[[Sequence[str]], Any], folder: Path, flags: list[str]) -> None:
    """Run unless the folder is complete, going on where an earlier call stopped."""
    if read_results(folder) is None:
        main([*flags, *(["--resume_from_checkpoint", "last"] if folder.is_dir() else [])])


def main() -> None:
    """Train what is missing, measure, and write one section."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="the folder with the data sets")
    parser.add_argument("--try_out", action="store_true", help="a few steps of each, one seed, nothing is written")
    chosen = parser.parse_args()
    smaller = {"max_train_samples": 400, "max_steps": 20} if chosen.try_out else {}
    bench = Bench(chosen.data, ROOT / "runs" / ("sensia_try" if chosen.try_out else "sensia_real"), smaller)
    seeds = SEEDS[:1] if chosen.try_out else SEEDS
    rows = []
    for language in LANGUAGES:
        for way, name in enumerate(WAYS):
            measured = [bench.measure(bench.adapted(seed, language, way), language) for seed in seeds]
            cells = [cell([found[key] for found in measured], key) for key in COLUMNS]
            rows.append(f"| {language} | {name} | {' | '.join(cells)} |")
            print(rows[-1], measured, flush=True)
    lines = [
        "## Sense adaptation on real text (`sensia_real.py`)",
        f"{machine()}.",
        f"A Backpack ({SHAPE}; {VOCABULARY} pieces of all three languages) trained on {ENGLISH['max_steps']} batches "
        f"of {ENGLISH['per_device_train_batch_size']} of Multi30k's English captions, then adapted with 20 000 of "
        f"its pairs, `{RECIPE}`; seeds {', '.join(map(str, seeds))} (mean ± standard deviation). Recall@1 "
        "is the mean of both directions, among 1000 sentences each; NTREX is news, another domain.",
        "\n".join([f"| | | {' | '.join(COLUMNS.values())} |", f"|---|---|{'---:|' * len(COLUMNS)}", *rows]),
    ]
    section = "\n\n".join(lines)
    print(section)
    if not chosen.try_out:
        write_section("sensia_real", section)


def cell(values: list[float], key: str) -> str:
    """Return mean and standard deviation; recalls in per cent."""
    scale = 1 if key.endswith("perplexity") else 100
    spread = f" ± {stdev(values) * scale:.1f}" if len(values) > 1 else ""
    return f"{mean(values) * scale:.1f}{spread}"


if __name__ == "__main__":
    main()
