"""Results of an evaluation as a card states them, the files beside them, and the way into the card of the model."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from math import isfinite
from pathlib import Path
from typing import Any

from xlzoo.hub_cards import Facts, Metric
from xlzoo.hub_cards.facts import Kind, facts_to_json
from xlzoo.run_scripts.corpora.languages import hub_tag
from xlzoo.run_scripts.errors import UserError
from xlzoo.run_scripts.models.weights import FORMATS, weights_digest
from xlzoo.run_scripts.tasks.choices import SCORINGS
from xlzoo.run_scripts.tasks.eval_table import eval_table

ACCURACIES = {score: f"by {scoring}" for scoring, score in SCORINGS.items()} | {"last_number": "of the last number"}
"""Our accuracies, and what a card says of them."""
ADAPTER_FORMATS = (("adapter_model.safetensors", "adapter_model.safetensors.index.json"),)
MISTAKEN = {"pidgin": "pcm"}
"""What XL-Sum calls Nigerian Pidgin, and others Pijin of the Solomon Islands."""
Results = Mapping[str, Mapping[str, Any]]


def eval_facts(results: Results) -> Facts:
    """Return the scores as a card states them, for its model-index."""
    return Facts(metrics=tuple(metric for result in results.values() for metric in _metrics(result)))


def _metrics(result: Mapping[str, Any]) -> list[Metric]:
    made = []
    for name, value in result["scores"].items():
        kind, _, chain = name.partition(", ")
        # An accuracy that lm-eval counts in a way of its own keeps its name.
        ours = ACCURACIES.get(name) if name in result["accuracies"] else None
        details = (ours or chain, result["how"], f"{result['examples']} example{'s' * (result['examples'] != 1)}")
        made.append(
            Metric(
                task=result["kind"],
                dataset=result["dataset"],
                split=result["split"],
                language=language_tag(result["language"]),
                name="accuracy" if ours else kind,
                value=value,
                detail=", ".join(filter(None, details)),
            )
        )
    return [metric for metric in made if isfinite(metric.value)]


def language_tag(code: str) -> str:
    """Return a card's tag of a language as a data set calls it, chinese_simplified say; "" where nobody can tell."""
    for spelling in (MISTAKEN.get(code, code), code.replace("_", " "), code.partition("_")[0]):
        with suppress(UserError):
            return hub_tag(spelling)
    return ""


def write_beside(path: Path, results: Results) -> None:
    """Write the table and the facts beside the JSON file."""
    path.with_suffix(".md").write_text(eval_table(results) + "\n", encoding="utf-8")
    path.with_suffix(".facts.json").write_text(facts_to_json(eval_facts(results)), encoding="utf-8")


def model_digests(model: str, adapter: str | None) -> dict[str, str | None]:
    """Return what tells the measured weights from any others, to be kept with the results."""
    return {"weights": weights_digest(model), "adapter_weights": adapter and weights_digest(adapter, ADAPTER_FORMATS)}


def measured_metrics(files: Sequence[Path], folder: Path, kind: Kind) -> tuple[Metric, ...]:
    """Read the scores that `run_eval.py` wrote of the model or PEFT adapter in a folder.

    Raises UserError where a file holds no such scores, or those of other weights.
    """
    if files and kind not in ("model", "peft"):
        raise UserError(f"--results are scores of a model or a PEFT adapter; {folder} holds neither, leave them out.")
    return tuple(metric for file in files for metric in _measured(file, folder, kind))


def with_metrics(facts: Facts, measured: Sequence[Metric]) -> Facts:
    """Return facts with these scores; one of the same thing, measured in the same way, gives way to the later one."""
    kept = {replace(metric, value=0.0): metric for metric in (*facts.metrics, *measured)}
    return replace(facts, metrics=tuple(kept.values()))


def _measured(file: Path, folder: Path, kind: Kind) -> tuple[Metric, ...]:
    try:
        known = json.loads(file.read_text(encoding="utf-8"))
        settings, metrics = known["settings"], eval_facts(known["results"]).metrics
        weights, adapter = settings["weights"], settings["adapter_weights"]
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise UserError(
            f"--results {file} is no file of scores; give the .json file that run_eval.py wrote."
        ) from error
    own = weights_digest(str(folder), FORMATS if kind == "model" else ADAPTER_FORMATS)
    if own != (weights if kind == "model" else adapter) or (kind == "model" and adapter):
        flag = "model_path" if kind == "model" else "load_adapter"
        raise UserError(
            f"--results {file} were measured of other weights than those in {folder}; measure these with "
            f"run_eval.py --{flag} {folder}."
        )
    return metrics
