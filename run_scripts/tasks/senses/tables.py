"""Results of the analyses of senses as Markdown tables, for one model or several side by side."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from .mixing import INTACT, UNIFORM, alone, dropped, shuffled
from .procrustes import MEASURES

Results = Mapping[str, Mapping[str, Any]]
"""What an analysis found, by what the model is: base, adapted."""
FITS = {
    "all": "all links, fitted to them",
    "shuffled_all": "the same, shuffled",
    "unrotated": "held-out words, not rotated",
    "held_out": "held-out words, rotated",
    "shuffled_held_out": "the same, shuffled",
}
CRITICS = {
    "all": "all links, learnt from them",
    "held_out": "held-out words",
    "shuffled": "held-out words, learnt from shuffled links",
}


def table(head: Sequence[str], rows: Sequence[Sequence[str]], words: int = 1) -> str:
    """Lay rows out as Markdown; the first `words` columns hold words, the others numbers."""
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * words}{'---:|' * (len(head) - words)}"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def topology_table(results: Results) -> str:
    """Return a row per model."""
    names = ("rho", "control", "median", "sd", "min", "max", "rho_by_word_pair")
    head = ["model", "links", "word pairs", "rho", "rho, shuffled", "median", "sd", "min", "max", "rho by word pair"]
    rows = [
        [role, str(found["compared"]), str(found["word_pairs"]), *(f"{found[name]:.3f}" for name in names)]
        for role, found in results.items()
    ]
    return table(head, rows)


def procrustes_table(results: Results) -> str:
    """Return a row per model and reading."""
    rows = [
        [role, words, *(_number(found[name][measure]) for measure in MEASURES)]
        for role, found in results.items()
        for name, words in FITS.items()
    ]
    return table(["model", "measured on", "MSE", "cosine", "R2"], rows, words=2)


def information_table(results: Results) -> str:
    """Return a row per model and critic."""
    rows = [
        [role, words, *(f"{found[name][key]:.3f}" for key in ("linked", "shuffled", "gap", "jsd"))]
        for role, found in results.items()
        for name, words in CRITICS.items()
    ]
    return table(["model", "measured on", "T, linked", "T, shuffled", "gap, nats", "JSD, bits"], rows, words=2)


def mixing_table(results: Results) -> str:
    """Return a row per mixture, with perplexity and the change in nats per token for every model and language."""
    columns = [(role, language) for role, found in results.items() for language in found["losses"]]
    losses = [results[role]["losses"][language] for role, language in columns]
    head = [
        "mixture",
        *(f"{role}, {language}: {what}" for role, language in columns for what in ("perplexity", "nats")),
    ]
    rows = []
    for name in mixture_names(losses):
        cells = [
            [_perplexity(one[name]), f"{one[name] - one[INTACT]:+.3f}"] if name in one else ["", ""] for one in losses
        ]
        rows.append([name, *(cell for pair in cells for cell in pair)])
    return table(head, rows)


def mixture_names(losses: Sequence[Mapping[str, float]]) -> list[str]:
    """Return the names of all mixtures in a reader's order: those of all senses, without each, of each alone."""
    present = dict.fromkeys(name for one in losses for name in one)
    senses = [sense for sense in range(len(present)) if dropped(sense) in present]
    order = [INTACT, UNIFORM, shuffled(), *map(dropped, senses), *map(alone, senses)]
    return [name for name in order if name in present]


def _perplexity(loss: float) -> str:
    return f"{math.exp(loss):.5g}" if loss < math.log(1e300) else "above 1e300"


def _number(value: float) -> str:
    return f"{value:.3f}" if 0.01 <= abs(value) < 1000 or value == 0 else f"{value:.2e}"
