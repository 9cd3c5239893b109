"""The t of a merge chosen on a development set: every merged adapter on the base model, which is loaded once."""

import importlib.util
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory
from typing import Any

from peft.utils import set_peft_model_state_dict

from xlzoo.hub_cards import Figure
from xlzoo.run_scripts.merge_arguments import TuneArguments
from xlzoo.run_scripts.merging.states import MergedAdapter
from xlzoo.run_scripts.models.peft_adapters import load_peft
from xlzoo.run_scripts.models.stored_peft import write_peft_config, write_peft_weights
from xlzoo.run_scripts.perplexity_arguments import MeasuredModel
from xlzoo.run_scripts.stages.evaluation import prepare_jobs, score_model
from xlzoo.run_scripts.stages.retrieval import load_measured

logger = logging.getLogger(__name__)
CURVE_FILE = "tuning_curve.png"


@dataclass(frozen=True)
class Tuned:
    """The scores of every t that was tried."""

    scores: dict[float, dict[str, float]]
    """{t: {task and language: score, the larger the better}}"""
    split: str

    @property
    def best(self) -> float:
        """The t with the best mean score, the smallest of several."""
        return max(sorted(self.scores), key=lambda t: mean(self.scores[t].values()))

    @property
    def sentence(self) -> str:
        """How t was chosen, for a card."""
        tried = ", ".join(f"{t:g}" for t in sorted(self.scores))
        found = ", ".join(f"{name} {score:.4g}" for name, score in self.scores[self.best].items())
        return f"Of the values {tried}, t was chosen as the best on {self.split} data, where it scores {found}."

    def draw(self, folder: Path) -> tuple[Figure, ...]:
        """Draw the scores over t into the folder, unless matplotlib, the extra [plot], is missing."""
        if importlib.util.find_spec("matplotlib") is None:
            return ()
        from matplotlib.figure import Figure as Canvas

        strengths = sorted(self.scores)
        canvas = Canvas(figsize=(6, 3.2), layout="constrained")
        axes: Any = canvas.subplots()
        for name in self.scores[self.best]:
            axes.plot(strengths, [self.scores[t][name] for t in strengths], marker="o", label=name)
        axes.axvline(self.best, color="gray", linestyle=":")
        axes.set_xlabel("t")
        axes.set_ylabel(f"score on {self.split} data")
        axes.legend(frameon=False, fontsize="small")
        # Without the date and the version that matplotlib writes, equal runs draw equal files.
        canvas.savefig(folder / CURVE_FILE, dpi=120, metadata={"Software": None})
        return (Figure(CURVE_FILE, f"Scores on {self.split} data over t, of which {self.best:g} was chosen."),)


def tune_strength(
    merges: Mapping[float, MergedAdapter], base: str, trust_remote_code: bool, args: TuneArguments
) -> Tuned:
    """Score each merged adapter on the base model; UserError for tasks and models that do not suit, before that."""
    jobs = prepare_jobs(args)
    model, tokenizer = load_measured(MeasuredModel(model_path=base, trust_remote_code=trust_remote_code))
    adapted: Any = None
    scores: dict[float, dict[str, float]] = {}
    for t, merged in merges.items():
        if adapted is None:
            with TemporaryDirectory(prefix="xlzoo-merge-") as work:
                write_peft_weights(Path(work), merged.tensors(), merged.states[0].keys())
                write_peft_config(Path(work), merged.config())
                adapted = load_peft(model, work)
        else:
            set_peft_model_state_dict(adapted, dict(merged.tensors()))
        scores[t] = score_model(adapted, tokenizer, jobs, args)
        logger.info("t = %g: %s", t, ", ".join(f"{name} {score:.4g}" for name, score in scores[t].items()))
    return Tuned(scores, args.split or "test")
