"""Scores of tagged words: spans by seqeval, per type and overall, and accuracy word by word."""

from collections.abc import Sequence

from seqeval.metrics import classification_report

Tags = Sequence[Sequence[str]]


def span_scores(gold: Tags, predicted: Tags) -> dict[str, float]:
    """Return precision, recall and F1 over exact spans (CoNLL), overall (micro) and per type, `PER_f1` say.

    Tags are IOB2, one list per sentence. A type that occurs in the prediction alone is reported with recall 0.
    """
    report = classification_report(gold, predicted, output_dict=True, zero_division=0)
    scores = {"accuracy": word_accuracy(gold, predicted)["accuracy"]}
    for name, values in report.items():
        if name in ("macro avg", "weighted avg"):
            continue
        prefix = "" if name == "micro avg" else f"{name}_"
        scores |= {f"{prefix}{short}": float(values[long]) for short, long in _NAMES.items()}
    return {"precision": 0.0, "recall": 0.0, "f1": 0.0, **scores}


def word_accuracy(gold: Tags, predicted: Tags) -> dict[str, float]:
    """Return the share of words with the right tag."""
    pairs = [pair for g, p in zip(gold, predicted, strict=True) for pair in zip(g, p, strict=True)]
    return {"accuracy": sum(g == p for g, p in pairs) / max(len(pairs), 1)}


_NAMES = {"precision": "precision", "recall": "recall", "f1": "f1-score"}
