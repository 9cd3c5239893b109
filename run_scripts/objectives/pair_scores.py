"""Evaluation by sentence pair: do translations find each other, and how well is the target predicted?"""

from typing import Any

import numpy as np
import torch
from transformers import EvalPrediction

from xlzoo.run_scripts.objectives.token_scores import perplexity
from xlzoo.run_scripts.tasks.retrieval import recall_at_1


def pair_scores(prediction: EvalPrediction) -> dict[str, float]:
    """Return recall@1 both ways and their mean, entropies, and what `perplexity` says of the targets.

    The predictions are contextual vectors of N sources and of their targets `[N, D]`, pooled senses likewise, sums by
    target `[N, 3]`, and by pair the entropies of both sides and their numbers of tokens, `[N, 4]`.
    """
    found: Any = prediction.predictions
    *vectors, sums, entropies = found
    scores = perplexity(EvalPrediction(predictions=sums, label_ids=prediction.label_ids))
    sides: list[Any] = [torch.from_numpy(np.asarray(side)).float() for side in vectors]
    for name, source, target in (("ctx", *sides[:2]), ("sns", *sides[2:])):
        there, back = recall_at_1(source, target), recall_at_1(target, source)
        scores |= {f"{name}_recall": (there + back) / 2}
        scores |= {f"{name}_recall_src_tgt": there, f"{name}_recall_tgt_src": back}
    of_source, of_target, source_tokens, target_tokens = np.asarray(entropies, dtype="float64").sum(axis=0)
    return scores | {"entropy_src": of_source / source_tokens, "entropy_tgt": of_target / target_tokens}
