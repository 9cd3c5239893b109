"""What counts how much while senses are adapted: aligning first, then both, then polishing the language."""

import math
from dataclasses import astuple, dataclass

from xlzoo.run_scripts.errors import UserError


@dataclass(frozen=True)
class LossWeights:
    """How much the contrast of contexts, the contrast of senses and the language model count."""

    ctx: float
    sns: float
    lm: float

    def normalised(self) -> "LossWeights":
        """Return the same proportions with the sum one."""
        total = sum(astuple(self))
        return LossWeights(*(weight / total for weight in astuple(self)))


@dataclass(frozen=True)
class Moment:
    """The settings of one step; the weights sum to one."""

    weights: LossWeights
    tau_ctx: float
    tau_sns: float
    polishes: bool


@dataclass(frozen=True)
class SenseSchedule:
    """Weights and temperatures as functions of the share of the training that is done.

    Up to `align_pct` the weights go from `align` to `mid` and the temperatures from their first to their second value;
    then the weights go to `tail`, which they have in the last `polish_pct` of it. All go along half a cosine.
    """

    align: LossWeights
    mid: LossWeights
    tail: LossWeights
    tau_ctx: tuple[float, float]
    tau_sns: tuple[float, float]
    align_pct: float
    polish_pct: float

    def __post_init__(self) -> None:
        for name in ("align", "mid", "tail"):
            weights = astuple(getattr(self, name))
            if not (all(0 <= weight < math.inf for weight in weights) and sum(weights) > 0):
                raise UserError(
                    f"The weights --w_ctx_{name}, --w_sns_{name} and --w_lm_{name} are "
                    f"{', '.join(map(str, weights))}; expected no negative ones, and one that is used above zero."
                )
        for name in ("tau_ctx", "tau_sns"):
            if not all(0 < temperature < math.inf for temperature in getattr(self, name)):
                raise UserError(f"--{name}_start and --{name}_end are temperatures; expected positive numbers.")
        if not (self.align_pct >= 0 and self.polish_pct >= 0 and self.align_pct + self.polish_pct <= 1):
            raise UserError(
                f"--align_pct {self.align_pct} and --polish_pct {self.polish_pct} are shares of the training; "
                "expected from 0 to 1, and at most 1 together."
            )

    def at(self, progress: float) -> Moment:
        """Return what holds once this share of the training is done, from 0 to 1."""
        polish = 1 - self.polish_pct
        if progress >= polish:
            return Moment(self.tail.normalised(), self.tau_ctx[1], self.tau_sns[1], polishes=True)
        if progress <= self.align_pct:
            part = progress / self.align_pct if self.align_pct else 1.0
            weights = _weights(self.align, self.mid, part).normalised()
            return Moment(weights, _between(*self.tau_ctx, part), _between(*self.tau_sns, part), polishes=False)
        part = (progress - self.align_pct) / (polish - self.align_pct)
        weights = _weights(self.mid, self.tail, part).normalised()
        return Moment(weights, self.tau_ctx[1], self.tau_sns[1], polishes=False)


def _between(first: float, last: float, part: float) -> float:
    """Return the value at a part, 0 to 1, of the way from first to last along half a cosine."""
    return last + (first - last) * (1 + math.cos(math.pi * part)) / 2


def _weights(first: LossWeights, last: LossWeights, part: float) -> LossWeights:
    return LossWeights(*(_between(*ends, part) for ends in zip(astuple(first), astuple(last), strict=True)))
