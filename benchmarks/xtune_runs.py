"""The runs of xtune_real.py: plain fine-tuning, longer as well, and both stages of xTune, trained where missing."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import xlm_align_real
import yaml
from xtune_parts import TAGGED

from xlzoo.run_scripts.arguments import recipe_flags
from xlzoo.run_scripts.corpora.languages import iso639_3
from xlzoo.run_scripts.run_ner import main as run_ner
from xlzoo.run_scripts.run_xtune import main as run_xtune
from xlzoo.run_scripts.runs import read_results

ROOT = Path(__file__).parents[1]
SHARED = "../shared/data/"
"""Where the recipes have their data."""
METRICS = {"pos": "accuracy", "ner": "f1", "xquad": "f1"}
"""The tasks, and the score that counts."""
SEEDS = (0, 1, 2)
RATES = (5e-4, 1e-3, 2e-3)
PLAIN, LONGER, FIRST, SECOND = "plain", "plain, the updates of stage 2", "xTune, stage 1", "xTune, stage 2"
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
        """Return the rows of the table; the longer plain fine-tuning is for the cheapest task alone."""
        return (PLAIN, *((LONGER,) if self.name == "pos" else ()), FIRST, SECOND)

    @property
    def metric(self) -> str:
        """Name the score that counts."""
        return METRICS[self.name]

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

    def scores(self, row: str, seed: int, metric: str) -> Scores:
        """Return one score of a row of the table by language."""
        folder = self.folder(row, seed)
        if self.tags and row in (PLAIN, LONGER):
            return {language: found[f"test_{metric}"] for language, found in self.tested(folder).items()}
        results = read_results(folder)
        assert results is not None
        return {language: results[f"test_{language}_{metric}"] for language in self.tests}

    def tested(self, folder: Path) -> dict[str, Scores]:
        """Return all scores of a tagger of run_ner.py by language, which that script tests in one at a time."""
        kept = folder / "tests.json"
        if not kept.is_file():
            test = {name: self.recipe[name] for name in ("task_name", "max_seq_length", "per_device_eval_batch_size")}
            test |= {"model_name_or_path": str(folder), "output_dir": str(self.runs / "work"), "do_predict": True}
            test |= {"overwrite_output_dir": True, "report_to": "none", "disable_tqdm": True}
            found = {
                language: run_ner(recipe_flags({**test, "test_file": file})) for language, file in self.tests.items()
            }
            kept.write_text(json.dumps(found), encoding="utf-8")
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
