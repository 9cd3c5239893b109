"""How close the two sides of pairs are as embeddings of a sentence-transformers model."""

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from xlzoo.run_scripts.errors import UserError

LABSE = "sentence-transformers/LaBSE"


def similarities(pairs: Sequence[tuple[str, str]], model: str, batch_size: int) -> np.ndarray:
    """Return the cosine [N] of each pair's embeddings."""
    encoder = load_sentence_model(model)
    sides = [
        encoder.encode(
            [pair[side] for pair in pairs], batch_size=batch_size, normalize_embeddings=True, show_progress_bar=False
        )
        for side in (0, 1)
    ]
    return (sides[0] * sides[1]).sum(axis=1)


@cache
def load_sentence_model(name: str) -> Any:
    """Load a model by Hub id or folder, without its own code; UserError where it, or the library, is missing."""
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError as error:
        raise UserError(
            "Embeddings need sentence-transformers; pip install 'xlzoo[corpus]', or give --labse_threshold 0."
        ) from error
    try:
        return SentenceTransformer(name)
    except (OSError, ValueError, KeyError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(
            f"The sentence-transformers model {name!r} cannot be loaded ({reason}); give a Hub id or a folder with "
            "--similarity_model, or --labse_threshold 0."
        ) from error
