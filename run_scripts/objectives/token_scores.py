"""Evaluation by predicted token: sums per row that can be gathered, and the scores of all rows together."""

import math

import numpy as np
import torch
from transformers import EvalPrediction

from xlzoo.run_scripts.corpora.pieces import IGNORED


def row_sums(labels: torch.Tensor, losses: torch.Tensor, hits: torch.Tensor) -> torch.Tensor:
    """Return, per row, the summed loss, the correct predictions and the number of predictions, `[B, 3]`.

    `losses` and `hits` `[N]` belong to the labels `[B, L]` that are not -100, in their order.
    """
    rows = (labels != IGNORED).nonzero()[:, 0]
    found = torch.stack([losses, hits.float(), torch.ones_like(losses)], dim=1)
    return torch.zeros(len(labels), 3, device=labels.device).index_add_(0, rows, found)


def perplexity(prediction: EvalPrediction) -> dict[str, float]:
    """Turn per-row sums `[N, 3]` into mean loss, perplexity and accuracy."""
    loss, correct, number = np.asarray(prediction.predictions, dtype="float64").sum(axis=0)
    mean = loss / max(number, 1)
    return {"loss": mean, "perplexity": math.exp(min(mean, 700)), "accuracy": correct / max(number, 1)}


def completion_scores(prediction: EvalPrediction) -> dict[str, float]:
    """Add to what `perplexity` says the share of rows that are predicted from end to end.

    So many completions are what greedy decoding would write.
    """
    _, correct, number = np.asarray(prediction.predictions, dtype="float64").T
    return {**perplexity(prediction), "exact_match": float((correct == number).mean())}
