"""xTune on real data beside plain fine-tuning, three seeds: tags and answers in languages that were not learned.

    python benchmarks/xtune_real.py --data FOLDER

FOLDER holds udpos, ner/uner, xquad and dictionaries, and parallel/multi30k for the encoders, which are those of
xlm_align_real.py. Trains what is not complete under runs/, and writes RESULTS.md.
"""

import argparse
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import mean
from typing import Any

import xlm_align_real
import yaml
from adamergex_real import cell
from results import machine, write_section
from xtune_parts import TAGGED, cut_questions, cut_sentences, whole_passages
from xtune_views import read_words, views_table, vocabularies
from xtune_words import by_group, rights

from xlzoo.run_scripts.arguments import recipe_flags
from xlzoo.run_scripts.corpora.dictionaries import read_dictionaries
from xlzoo.run_scripts.corpora.languages import iso639_3
from xlzoo.run_scripts.run_ner import main as run_ner
from xlzoo.run_scripts.run_xtune import main as run_xtune
from xlzoo.run_scripts.runs import read_results
from xlzoo.run_scripts.stages.score_bars import language_title

ROOT = Path(__file__).parents[1]
RUNS = ROOT / "runs" / "xtune_real"
SHARED = "../shared/data/"
"""Where the recipes have their data."""
TASKS = {
    "pos": ("Parts of speech", "accuracy"),
    "ner": ("Named entities", "f1"),
    "xquad": ("Questions on passages", "f1"),
}
"""What a task is called, and the score that counts."""
SEEDS = (0, 1, 2)
RATES = (5e-4, 1e-3, 2e-3)
PLAIN, LONGER, FIRST, SECOND = "plain", "plain, the updates of stage 2", "xTune, stage 1", "xTune, stage 2"
ROWS = (PLAIN, LONGER, FIRST, SECOND)
MADE = {"code_switch": "words from a dictionary", "subword": "words in other pieces"}
OF_XTUNE = ("test_language_file", "augmentation", "copy_augmentation", "dictionaries", "dictionary_languages")
"""What of a recipe run_ner.py does not take."""
Scores = dict[str, float]
"""From a language to its score, from 0 to 1."""


@dataclass(frozen=True)
class Bench:
    """A task, where the data lie and the runs go, and flags that make every run smaller, for a try."""

    name: str
    data: Path
    runs: Path
    smaller: Mapping[str, Any]

    @cached_property
    def recipe(self) -> dict[str, Any]:
        """Return the recipe, its paths below the folders of this run."""
        text = (ROOT / "run_scripts" / self.recipe_name).read_text(encoding="utf-8")
        text = text.replace(SHARED, f"{self.data}/").replace("runs/xtune_real/", f"{self.runs}/")
        return {**yaml.safe_load(text), **self.smaller, "report_to": "none", "disable_tqdm": True}

    @property
    def recipe_name(self) -> str:
        """Name the recipe."""
        return f"recipes/xtune_real_{self.name}.yaml"

    @property
    def tags(self) -> bool:
        """Say whether words are tagged, so that run_ner.py is plain fine-tuning."""
        return self.name in TAGGED

    @property
    def rows(self) -> tuple[str, ...]:
        """Return the rows of the table; the longest training of the largest task is left out."""
        return ROWS if self.tags else tuple(row for row in ROWS if row != LONGER)

    @property
    def metric(self) -> str:
        """Name the score that counts."""
        return TASKS[self.name][1]

    @cached_property
    def tests(self) -> dict[str, str]:
        """Return the files to test on by language, that of the training first."""
        others = dict(given.split("=", 1) for given in self.recipe["test_language_file"])
        files = {self.recipe["language"]: self.recipe["test_file"], **others}
        return {iso639_3(language): file for language, file in files.items()}

    @cached_property
    def rate(self) -> float:
        """Return the learning rate with which plain fine-tuning is best on the validation set, of the first seed."""
        return max(RATES, key=lambda rate: self.validated(rate))

    def validated(self, rate: float) -> float:
        """Return the score of plain fine-tuning on the validation set."""
        results = read_results(self.plain(PLAIN, SEEDS[0], rate))
        assert results is not None
        return float(results[f"eval_{self.metric}"])

    def flags(self, seed: int, folder: Path, rate: float, more: Mapping[str, Any]) -> dict[str, Any]:
        """Return the recipe with what differs from run to run."""
        start = {"model_name_or_path": str(encoder(seed, self.data)), "seed": seed, "output_dir": str(folder)}
        return {**self.recipe, **start, "learning_rate": rate, **more}

    def plain(self, row: str, seed: int, rate: float) -> Path:
        """Fine-tune by run_ner.py, or by run_xtune.py with nothing compared, and return the folder."""
        times = 2 if row == LONGER else 1
        folder = self.runs / self.name / f"plain-{times}-{rate:g}-{seed}"
        longer = {"num_train_epochs": times * self.recipe["num_train_epochs"]}
        flags = self.flags(seed, folder, rate, longer)
        if self.tags:
            once(run_ner, folder, {name: value for name, value in flags.items() if name not in OF_XTUNE})
        else:
            once(run_xtune, folder, {**flags, "stage": "1", "r1_weight": 0})
        return folder

    def staged(self, stage: str, seed: int) -> Path:
        """Run a stage of xTune and return the folder."""
        folder = self.runs / self.name / f"stage-{stage}-{seed}"
        teacher = str(self.staged("1", seed)) if stage == "2" else None
        once(run_xtune, folder, self.flags(seed, folder, self.rate, {"stage": stage, "teacher": teacher}))
        return folder

    def folder(self, row: str, seed: int) -> Path:
        """Return the model of a row of the table, having trained what is missing."""
        if row in (PLAIN, LONGER):
            return self.plain(row, seed, self.rate)
        return self.staged("1" if row == FIRST else "2", seed)

    def scores(self, row: str, seed: int) -> Scores:
        """Return the scores of a row of the table by language."""
        folder = self.folder(row, seed)
        if self.tags and row in (PLAIN, LONGER):
            return self.tested(folder)
        results = read_results(folder)
        assert results is not None
        return {language: results[f"test_{language}_{self.metric}"] for language in self.tests}

    def tested(self, folder: Path) -> Scores:
        """Return the scores of a tagger of run_ner.py by language, which that script tests in one at a time."""
        kept = folder / "scores.json"
        if not kept.is_file():
            test = {name: self.recipe[name] for name in ("task_name", "max_seq_length", "per_device_eval_batch_size")}
            test |= {"model_name_or_path": str(folder), "output_dir": str(self.runs / "work"), "do_predict": True}
            test |= {"overwrite_output_dir": True, "report_to": "none", "disable_tqdm": True}
            results = {
                language: run_ner(recipe_flags({**test, "test_file": file})) for language, file in self.tests.items()
            }
            scores = {language: found[f"test_{self.metric}"] for language, found in results.items()}
            kept.write_text(json.dumps(scores), encoding="utf-8")
        return dict(json.loads(kept.read_text(encoding="utf-8")))


def encoder(seed: int, data: Path) -> Path:
    """Return the encoder of xlm_align_real.py with this seed, trained if it is not there."""
    recipe = yaml.safe_load((ROOT / "run_scripts" / xlm_align_real.RECIPE).read_text(encoding="utf-8"))
    for objective in xlm_align_real.OBJECTIVES:  # The second goes on from where the first stood half-way.
        if read_results(xlm_align_real.folder("xlm_align", seed)) is None:
            xlm_align_real.train(recipe, data, objective, seed)
    return xlm_align_real.folder("xlm_align", seed)


def once(main: Callable[[Sequence[str]], Any], folder: Path, flags: Mapping[str, Any]) -> None:
    """Run unless the folder is complete; one that was stopped begins anew. Note the processor's seconds."""
    if read_results(folder) is None:
        began = time.process_time()
        main(recipe_flags({**flags, "overwrite_output_dir": True}))
        (folder / "seconds.json").write_text(json.dumps(time.process_time() - began), encoding="utf-8")


def main() -> None:
    """Train what is missing, measure, and write one section."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(SHARED), help="the folder with the data sets")
    parser.add_argument("--task", nargs="+", default=list(TASKS), choices=list(TASKS), help="only these")
    parser.add_argument("--try_out", action="store_true", help="a few steps of each, one seed, nothing is written")
    chosen = parser.parse_args()
    runs, seeds = (RUNS.with_name("xtune_try"), SEEDS[:1]) if chosen.try_out else (RUNS, SEEDS)
    cut_sentences(chosen.data, runs / "data")
    cut_questions(chosen.data, runs / "data")
    benches = [Bench(name, chosen.data, runs, smaller(name) if chosen.try_out else {}) for name in chosen.task]
    measured = measure(benches, seeds)
    section = "\n\n".join([*introduction(runs, seeds), *(part(*one, seeds) for one in measured)])
    print(section)
    if not chosen.try_out:
        write_section("xtune_real", section)


def smaller(name: str) -> dict[str, Any]:
    """Return flags for a try; tags need all labels among their rows."""
    return {"max_train_samples": 600 if name in TAGGED else 40, "max_eval_samples": 50, "num_train_epochs": 1}


def measure(benches: Sequence[Bench], seeds: Sequence[int]) -> list[tuple[Bench, dict[str, list[Scores]]]]:
    """Return each task's scores by row of its table, one of every seed; what matters least is trained last."""
    measured: list[tuple[Bench, dict[str, list[Scores]]]] = [
        (bench, {row: [] for row in bench.rows}) for bench in benches
    ]
    for late in (False, True):
        for bench, found in measured:
            for seed in seeds:
                for row in (row for row in bench.rows if late == (row == LONGER)):
                    found[row].append(bench.scores(row, seed))
                    print(bench.name, seed, row, found[row][-1], flush=True)
    return measured


def introduction(runs: Path, seeds: Sequence[int]) -> list[str]:
    """Say what all tables have in common."""
    seconds = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(runs.glob("*/*/seconds.json"))]
    return [
        "## xTune on real data (`xtune_real.py`)",
        f"{machine()}; {sum(seconds) / 60:.0f} minutes of one processor for all runs.",
        "Small encoders from scratch, those of XLM-Align on real text above: they have read captions in English, "
        f"German and French, and no other language. Seeds {', '.join(map(str, seeds))}, each with its own encoder "
        "(mean ± standard deviation). English trains. Learning rates are the best on other English documents of "
        f"{', '.join(f'{rate:g}' for rate in RATES)}, for plain fine-tuning with the first seed, and serve all rows "
        "of a table. Plain fine-tuning makes as many updates as stage 1; stage 2, whose data are doubled, makes twice "
        "as many, and so does the second row. The last column is the mean of all languages but English less plain "
        "fine-tuning's with the same seed.",
    ]


def part(bench: Bench, measured: Mapping[str, list[Scores]], seeds: Sequence[int]) -> str:
    """Return what was measured of a task, in Markdown."""
    recipe, (title, metric) = bench.recipe, TASKS[bench.name]
    sources = [iso639_3(language) for language in recipe.get("dictionary_languages", ())]
    named = ", ".join(map(language_title, sources))
    made = {**MADE, "code_switch": f"{MADE['code_switch']} ({named})"}
    tried = ", ".join(f"{rate:g}: {100 * bench.validated(rate):.1f}" for rate in RATES)
    heads = [language_title(language) for language in bench.tests]
    lines = [
        f"| {metric}, % | {' | '.join([f'{heads[0]} (source)', *heads[1:]])} | transfer gap | above plain |",
        "|---|" + "---:|" * (len(heads) + 2),
    ]
    if not bench.tags:
        scores = {language: whole_passages(Path(file)) for language, file in bench.tests.items()}
        lines.append(f"| always the whole passage | {' | '.join(cell([one]) for one in scores.values())} | | |")
    for row in bench.rows:
        cells = [cell([scores[language] for scores in measured[row]]) for language in bench.tests]
        gaps = [scores[next(iter(bench.tests))] - others(scores) for scores in measured[row]]
        gains = [others(one) - others(plain) for one, plain in zip(measured[row], measured[PLAIN], strict=True)]
        lines.append(f"| {row} | {' | '.join([*cells, cell(gaps), cell(gains) if row != PLAIN else ''])} |")
    return "\n\n".join(
        [
            f"**{title}**, `{bench.recipe_name}`: {recipe['num_train_epochs']} epochs in batches of "
            f"{recipe['per_device_train_batch_size']}; views have {made[recipe['augmentation'][0]]}, copies "
            f"{made[recipe['copy_augmentation'][0]]}. Learning rate {bench.rate:g} (validation, % {tried}).",
            "\n".join(lines),
            views_table(recipe, encoder(SEEDS[0], bench.data), bench.tests),
            *(groups_table(bench, language, seeds) for language in sources if bench.tags),
        ]
    )


def groups_table(bench: Bench, language: str, seeds: Sequence[int]) -> str:
    """Return how many words of a language each row gets right, apart by where training could show them."""
    file, recipe = Path(bench.tests[language]), bench.recipe
    words = [word for sentence in read_words(file) for word in sentence]
    dictionaries = read_dictionaries(recipe["dictionaries"], "eng", [language])
    seen, brought = vocabularies(read_words(Path(recipe["train_file"][0])), dictionaries)
    groups = {"in training": seen, "in views alone": brought}
    sizes = {name: len(part) / len(words) for name, part in by_group([True] * len(words), words, groups).items()}
    heads = [f"{name} ({100 * size:.1f} %)" for name, size in sizes.items()]
    lines = [f"| {language_title(language)} words right, % | {' | '.join(heads)} |", "|---|" + "---:|" * len(heads)]
    for row in bench.rows:
        found = [
            by_group(rights(bench.folder(row, seed), file, recipe["max_seq_length"]), words, groups) for seed in seeds
        ]
        cells = [cell([mean(parts[name]) for parts in found]) for name in sizes]
        lines.append(f"| {row} | {' | '.join(cells)} |")
    return "\n".join(lines)


def others(scores: Scores) -> float:
    """Return the mean over all languages but the first."""
    return mean(list(scores.values())[1:])


if __name__ == "__main__":
    main()
