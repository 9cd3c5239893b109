"""How three tensors become a fourth: the operation that suits an adapter's structure, and peft's own.

AdaMergeX, https://arxiv.org/abs/2402.18913: what separates two languages is taken from a reference task and added to a
task adapter in the way in which that kind of adapter acts on a model. LoRA adds, (IA)3 multiplies, and of prefixes the
paper takes matrix products with the Moore-Penrose inverse.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from peft.utils import merge_utils

from xlzoo.run_scripts.errors import UserError

Trio = tuple[torch.Tensor, torch.Tensor, torch.Tensor]
"""Of one shape: from the task adapter, and from the reference adapters in the target and in the source language."""
ADAMERGEX = {"LORA": "additive", "IA3": "multiplicative", "PREFIX_TUNING": "matrix_product"}
"""The paper's operation by peft's type of an adapter."""
STRUCTURES = tuple(ADAMERGEX)
SMALLEST_DIVISOR = 1e-6


@dataclass(frozen=True)
class Setting:
    """What a rule depends on besides the tensors."""

    t: float = 1.0
    """How much of the difference between the languages is added."""
    density: float = 0.5
    """The share of numbers that TIES and DARE keep."""
    weights: tuple[float, float, float] | None = None
    """Those of `linear`; by default 1, t and -t, which is what the other rules weigh with."""

    @property
    def signed(self) -> tuple[float, float, float]:
        """The weights of the task, target and source adapter in a weighted sum."""
        return self.weights or (1.0, self.t, -self.t)


def additive(trio: Trio, setting: Setting) -> torch.Tensor:
    """Return task + t (target - source)."""
    task, target, source = trio
    return torch.add(task, target - source, alpha=setting.t)


def multiplicative(trio: Trio, setting: Setting) -> torch.Tensor:
    """Return task * (t (target / source - 1) + 1), written as task + t (target - source) (task / source).

    Where the divisor is 0 or next to it, task / source is taken as 1: such numbers are added instead, so that t = 0,
    equal references and equal tasks still give exactly what they must.
    """
    task, target, source = trio
    too_small = source.abs() < SMALLEST_DIVISOR
    ratio = torch.where(too_small, 1.0, task / source.masked_fill(too_small, 1.0))
    return torch.add(task, (target - source) * ratio, alpha=setting.t)


def matrix_product(trio: Trio, setting: Setting) -> torch.Tensor:
    """Return (t (target source⁺ - I) + I) task of prefixes `[tokens, width]`.

    It is computed as task + t (target - source) source⁺ task, which is the same where source⁺ is a right inverse, that
    is for independent tokens, fewer than their width; equal references change nothing in any case. With task = source
    and t = 1 the result is `target`, projected on what the rows of `source` span.
    """
    task, target, source = (tensor.double() for tensor in trio)
    gap = (target - source) @ torch.linalg.pinv(source)
    return (task + setting.t * (gap @ task)).to(trio[0].dtype)


def linear(trio: Trio, setting: Setting) -> torch.Tensor:
    """Return the weighted sum."""
    return merge_utils.task_arithmetic(list(trio), torch.tensor(setting.signed, dtype=trio[0].dtype))


def _task_vectors(trio: Trio, setting: Setting) -> tuple[list[torch.Tensor], torch.Tensor]:
    """Return what is added, the source adapter with its sign turned, and the weights: signs are elected among these.

    Left to itself, `add_weighted_adapter` with a negative weight would elect signs with the source adapter's own.
    """
    task, target, source = trio
    return [task, target, -source], torch.tensor([1.0, setting.t, setting.t], dtype=task.dtype)


def task_arithmetic(trio: Trio, setting: Setting) -> torch.Tensor:
    """Return the sum of the task vectors, which is `additive` in peft's words."""
    return merge_utils.task_arithmetic(*_task_vectors(trio, setting))


def ties(trio: Trio, setting: Setting) -> torch.Tensor:
    """Keep the largest numbers, elect a sign for each place, and average what agrees with it (TIES)."""
    return merge_utils.ties(*_task_vectors(trio, setting), setting.density)


def magnitude_prune(trio: Trio, setting: Setting) -> torch.Tensor:
    """Add the largest numbers of each."""
    return merge_utils.magnitude_prune(*_task_vectors(trio, setting), setting.density)


def dare_linear(trio: Trio, setting: Setting) -> torch.Tensor:
    """Drop numbers at random, enlarge the others accordingly, and add (DARE); draws from torch's generator."""
    return merge_utils.dare_linear(*_task_vectors(trio, setting), setting.density)


def dare_ties(trio: Trio, setting: Setting) -> torch.Tensor:
    """Drop and enlarge as DARE does, then merge as TIES does; draws from torch's generator."""
    return merge_utils.dare_ties(*_task_vectors(trio, setting), setting.density)


@dataclass(frozen=True)
class Rule:
    """An operation, the structures that it suits, and whether it is a weighted sum of whole updates."""

    combine: Callable[[Trio, Setting], torch.Tensor]
    structures: tuple[str, ...]
    is_sum: bool = False
    """A sum of LoRA updates is of low rank again; what other rules make of them has to be cut to a rank."""
    has_density: bool = False
    is_random: bool = False


RULES = {
    "additive": Rule(additive, STRUCTURES, is_sum=True),
    "multiplicative": Rule(multiplicative, ("LORA", "IA3")),
    "matrix_product": Rule(matrix_product, ("PREFIX_TUNING",)),
    "linear": Rule(linear, STRUCTURES, is_sum=True),
    "task_arithmetic": Rule(task_arithmetic, STRUCTURES, is_sum=True),
    "ties": Rule(ties, ("LORA",), has_density=True),
    "magnitude_prune": Rule(magnitude_prune, ("LORA",), has_density=True),
    "dare_linear": Rule(dare_linear, ("LORA",), has_density=True, is_random=True),
    "dare_ties": Rule(dare_ties, ("LORA",), has_density=True, is_random=True),
}


def rule_for(name: str, structure: str) -> Rule:
    """Return a rule by its name, or by "adamergex" the paper's for the structure; UserError where it does not suit."""
    rule = RULES[ADAMERGEX[structure] if name == "adamergex" else name]
    if structure not in rule.structures:
        fitting = ", ".join(name for name, other in RULES.items() if structure in other.structures)
        raise UserError(f"--rule {name} is not for {structure} adapters; expected adamergex, {fitting}.")
    return rule
