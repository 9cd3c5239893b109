"""Three adapters' tensors become the fourth's, module by module, whatever mapping they are read from."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from zlib import crc32

import torch

from xlzoo.run_scripts.merging.layout import PAIRS, PREFIX, Layout, Strength, layout, pair_of
from xlzoo.run_scripts.merging.low_rank import Cut, Factors, cut, cut_dense, weighted_sum
from xlzoo.run_scripts.merging.rules import RULES, SMALLEST_DIVISOR, Rule, Setting, Trio
from xlzoo.run_scripts.merging.settings import rescaled, scale_of

State = Mapping[str, torch.Tensor]


@dataclass(frozen=True)
class Plan:
    """How three adapters are merged."""

    rule: Rule
    strength: Strength = field(default_factory=Strength)
    setting: Setting = field(default_factory=Setting)
    """Its t is replaced by that of the layer."""
    is_product: bool = False
    """Merge LoRA's updates as wholes, not their factors one by one as published."""
    rank: int | None = None
    """To cut merged updates to; None keeps sums of updates exact, at the sum of the ranks."""
    measures_error: bool = False
    """Measure how far merged factors of LoRA are from the merged product."""
    seed: int = 0
    """Of what DARE drops; each tensor draws for itself, so that the order in which they are read does not matter."""

    def at(self, name: str) -> Setting:
        """Return the setting for a module or tensor."""
        setting = self.setting
        return Setting(self.strength.of(name), setting.density, setting.weights)


@dataclass
class Report:
    """What is worth knowing about a merge, as far as it has come."""

    error: float = 0.0
    """Squared Frobenius norm of what is between merged LoRA updates and the exact ones, of all modules together.

    That is what cutting them to a rank left out, or what merging their factors one by one made of them.
    """
    norm: float = 0.0
    """The same of the exact updates."""
    divisors: int = 0
    """Numbers by which (IA)3 divided."""
    unusable: int = 0
    """Those among them next to 0."""

    @property
    def relative_error(self) -> float:
        """The norm of the error as a share of the exact updates' norm."""
        return (self.error / self.norm) ** 0.5 if self.norm else 0.0


@dataclass(frozen=True)
class MergedAdapter:
    """The fourth adapter, computed as it is read.

    `configs` and `states` are of the task adapter, the target and the source reference, and fit each other.
    """

    configs: tuple[Mapping[str, Any], Mapping[str, Any], Mapping[str, Any]]
    states: tuple[State, State, State]
    plan: Plan
    report: Report = field(default_factory=Report)
    dtypes: Mapping[str, torch.dtype] = field(default_factory=dict)
    """The types to return tensors in, by name; by default in at least single precision."""
    ranks: dict[str, int] = field(default_factory=dict)
    """Of the updates that were merged as wholes, by module."""

    @cached_property
    def layout(self) -> Layout:
        """The task adapter's."""
        return layout(self.states[0], self.configs[0])

    def tensors(self) -> Iterator[tuple[str, torch.Tensor]]:
        """Yield every tensor with its name; heads are the task adapter's."""
        for key, tensor in self._exact_tensors():
            yield key, tensor.to(self.dtypes.get(key, tensor.dtype))

    def _exact_tensors(self) -> Iterator[tuple[str, torch.Tensor]]:
        for module, names in self.layout.modules.items():
            merged = self.parts(module)
            for part, key in names.items():
                yield key, merged[part]
        for key in self.layout.biases:
            yield key, self.bias(key)
        for key in self.layout.whole:
            yield key, self.states[0][key]

    def config(self) -> dict[str, Any]:
        """Return the configuration of the tensors, once all have been read."""
        return rescaled(self.configs[0], self.ranks) if self.plan.is_product else dict(self.configs[0])

    def scale(self, module: str, rank: int) -> float:
        """Return what the merged update of a module is multiplied by."""
        return 1.0 if self.plan.is_product else scale_of(self.configs[0], module, rank)

    def parts(self, module: str) -> dict[str, torch.Tensor]:
        """Return the merged tensors of one module by the part of the adapter that they are."""
        names = self.layout.modules[module]
        if PREFIX in names:
            return {PREFIX: self._prefix(names[PREFIX])}
        if self.plan.is_product:
            return self._product(module, names)
        merged = {part: self._combined(key, self.plan.rule, part) for part, key in names.items()}
        if self.plan.measures_error:
            self._measure(module, names, merged)
        return merged

    def _read(self, key: str) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Read a tensor three times, in a type to calculate with."""
        task, target, source = (_exact(state[key]) for state in self.states)
        return task, target, source

    def bias(self, key: str) -> torch.Tensor:
        """Return a bias of the base model that was trained along, whose kind is a sum whatever the rule."""
        return self._combined(key, self.plan.rule if self.plan.rule.is_sum else RULES["additive"])

    def _combined(self, key: str, rule: Rule, part: str = "") -> torch.Tensor:
        trio, setting = self._read(key), self.plan.at(key)
        module = key.removeprefix("base_model.model.").removesuffix(f".{part}")
        if part in UP:
            trio = self._rescaled(trio, module)
        if rule is RULES["linear"] and part in DOWN | UP:
            setting = _factor_weights(setting, part in DOWN)
        if rule is RULES["multiplicative"]:
            self.report.divisors += trio[2].numel()
            self.report.unusable += int((trio[2].abs() < SMALLEST_DIVISOR).sum())
        return self._combine(rule, trio, setting, key)

    def _combine(self, rule: Rule, trio: Trio, setting: Setting, name: str) -> torch.Tensor:
        if not rule.is_random:
            return rule.combine(trio, setting)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(crc32(f"{self.plan.seed} {name}".encode()))
            return rule.combine(trio, setting)

    def _rescaled(self, trio: Trio, module: str) -> Trio:
        """Put what the references are scaled by, other than the task adapter, into their second factors."""
        scales = [scale_of(config, module, trio[0].shape[1]) for config in self.configs]
        task, *others = (
            up if scale == scales[0] else up * (scale / scales[0]) for up, scale in zip(trio, scales, strict=True)
        )
        return task, others[0], others[1]

    def _prefix(self, key: str) -> torch.Tensor:
        """Merge prefixes `[tokens, layers * 2 * width]`, each layer's keys and each layer's values by themselves."""
        width, trio = int(self.configs[0]["token_dim"]), self._read(key)
        blocks = zip(*(tensor.split(width, dim=1) for tensor in trio), strict=True)
        merged = [
            self.plan.rule.combine(block, self.plan.at(f"layers.{number // 2}."))
            for number, block in enumerate(blocks)
        ]
        return torch.cat(merged, dim=1)

    def _updates(self, module: str, names: Mapping[str, str]) -> list[Factors]:
        """Read the three LoRA updates of a module, with their scales in them."""
        down, up = pair_of(names)
        return [
            Factors(down_, up_ * scale_of(config, module, down_.shape[0]))
            for down_, up_, config in zip(self._read(names[down]), self._read(names[up]), self.configs, strict=True)
        ]

    def _measure(self, module: str, names: Mapping[str, str], merged: Mapping[str, torch.Tensor]) -> None:
        """Take down how far the merged factors' update is from the sum of the updates."""
        down, up = (merged[part] for part in pair_of(names))
        updates, weights = self._updates(module, names), self.plan.at(module).signed
        found = Factors(down, up * self.scale(module, down.shape[0]))
        self.report.error += weighted_sum([*updates, found], [*weights, -1.0]).squared_norm()
        self.report.norm += weighted_sum(updates, weights).squared_norm()

    def _product(self, module: str, names: Mapping[str, str]) -> dict[str, torch.Tensor]:
        down, up = pair_of(names)
        merged = self._merged_update(self._updates(module, names), module)
        self.ranks[module] = merged.rank
        return {down: merged.down, up: merged.up}

    def _merged_update(self, updates: list[Factors], module: str) -> Factors:
        most, setting = min(updates[0].down.shape[1], updates[0].up.shape[0]), self.plan.at(module)
        if self.plan.rule.is_sum:
            whole = weighted_sum(updates, setting.signed)
            if self.plan.rank is None:
                return whole
            return self._noted(cut(whole, min(self.plan.rank, most, whole.rank)))
        task, target, source = (update.dense() for update in updates)
        merged = self._combine(self.plan.rule, (task, target, source), setting, module)
        return self._noted(cut_dense(merged, min(self.plan.rank or most, most)))

    def _noted(self, found: Cut) -> Factors:
        self.report.error += found.error
        self.report.norm += found.norm
        return found.factors


DOWN, UP = ({pair[place] for pair in PAIRS} for place in (0, 1))


def _exact(tensor: torch.Tensor) -> torch.Tensor:
    """Return the numbers in at least single precision."""
    return tensor if tensor.dtype in (torch.float32, torch.float64) else tensor.float()


def _factor_weights(setting: Setting, is_down: bool) -> Setting:
    """Return the weights of one LoRA factor whose product has those of the setting, as peft's `linear` splits them."""
    roots = [abs(weight) ** 0.5 * (-1.0 if is_down and weight < 0 else 1.0) for weight in setting.signed]
    return Setting(setting.t, setting.density, (roots[0], roots[1], roots[2]))
