"""What an adapter makes of a weight of its base model: the adapter's part in it, worked into the numbers."""

from collections.abc import Mapping

import torch

from xlzoo.run_scripts.merging.layout import pair_of

Shape = tuple[int, ...]


def merged_weight(
    weight: torch.Tensor, parts: Mapping[str, torch.Tensor], scale: float, is_transposed: bool
) -> torch.Tensor:
    """Return a weight `[out, in]`, or `[in, out]` if it is transposed (GPT-2's Conv1D), with the adapter in it.

    `parts` are the adapter's tensors there, and `scale` what a LoRA update is multiplied by. The result has the type
    of the weight; it is calculated in at least single precision.
    """
    exact = weight if weight.dtype == torch.float64 else weight.float()
    oriented = exact.T if is_transposed else exact
    changed = oriented * parts["ia3_l"] if "ia3_l" in parts else _with_update(oriented, parts, scale)
    return (changed.T if is_transposed else changed).to(weight.dtype)


def _with_update(weight: torch.Tensor, parts: Mapping[str, torch.Tensor], scale: float) -> torch.Tensor:
    down, up = pair_of(parts)
    factors = parts[up], parts[down]
    if "embedding" in down:  # Its rows are its inputs.
        factors = parts[down].T, parts[up].T
    changed = torch.addmm(weight, *(factor.to(weight.dtype) for factor in factors), alpha=scale)
    magnitude = next((parts[part] for part in parts if part.startswith("lora_magnitude_vector")), None)
    if magnitude is None:
        return changed
    if "embedding" in down:
        return changed * (magnitude / changed.norm(dim=0))
    return changed * (magnitude / changed.norm(dim=1))[:, None]


def scaled_bias(bias: torch.Tensor, parts: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """Return a bias `[out]` as (IA)3 leaves it: scaled where the outputs are, as it is where the inputs are."""
    factor = parts["ia3_l"]
    return bias if factor.shape[0] == 1 else (bias.float() * factor.reshape(-1)).to(bias.dtype)


def is_transposed(shape: Shape, parts: Mapping[str, Shape]) -> bool | None:
    """Tell from the shapes of a weight and of an adapter's parts whether it is `[in, out]`; None if either may be.

    Raises ValueError where they do not fit in any way.
    """
    if "lora_embedding_A" in parts:
        expected: Shape = (parts["lora_embedding_A"][1], parts["lora_embedding_B"][0])
        if shape != expected:
            raise ValueError(f"shape {shape}, and the adapter is for {expected}")
        return False
    out_, in_ = _sizes(parts)
    fits = [
        len(shape) == 2 and out_ in (None, rows) and in_ in (None, columns)
        for rows, columns in (shape[:2], shape[1::-1])
    ]
    if not any(fits):
        wanted = f"{'any' if out_ is None else out_} x {'any' if in_ is None else in_}"
        raise ValueError(f"shape {shape}, and the adapter is for {wanted}")
    return None if all(fits) else fits[1]


def _sizes(parts: Mapping[str, Shape]) -> tuple[int | None, int | None]:
    """Return the outputs and inputs of the layer that an adapter was made for, as far as it says."""
    if "ia3_l" in parts:
        rows, columns = parts["ia3_l"][:2]
        return (None, columns) if rows == 1 else (rows, None)
    return parts["lora_B.weight"][0], parts["lora_A.weight"][1]
