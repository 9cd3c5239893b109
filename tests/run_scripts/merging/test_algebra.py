"""The algebra of merging, on any tensors: what must hold follows from the formulas, and is worked out beside them."""

import numpy
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from xlzoo.run_scripts.merging.layout import Strength
from xlzoo.run_scripts.merging.rules import ADAMERGEX, RULES, SMALLEST_DIVISOR, Setting, rule_for
from xlzoo.run_scripts.merging.states import MergedAdapter, Plan

NAME = "base_model.model.layers.{}.proj."
LORA = {"peft_type": "LORA", "r": 2, "lora_alpha": 6}
IA3 = {"peft_type": "IA3"}
PREFIX = {"peft_type": "PREFIX_TUNING", "token_dim": 6, "num_layers": 2, "num_virtual_tokens": 3}
CONFIGS = {"LORA": LORA, "IA3": IA3, "PREFIX_TUNING": PREFIX}
seeds = st.integers(0, 2**31 - 1)
strengths = st.floats(-3, 3, allow_nan=False, width=32)
structures = st.sampled_from(sorted(CONFIGS))
FEW = settings(max_examples=40, deadline=None)


def state(structure, seed):
    """Return the tensors of a random adapter with two layers."""
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape):
        return torch.randn(*shape, generator=generator)

    if structure == "LORA":
        parts = {"lora_A.weight": (2, 5), "lora_B.weight": (4, 2)}
        return {NAME.format(layer) + part: draw(*shape) for layer in (0, 1) for part, shape in parts.items()}
    if structure == "IA3":
        return {NAME.format(layer) + "ia3_l": 1 + 0.3 * draw(4, 1) for layer in (0, 1)}
    return {"prompt_embeddings": draw(3, 2 * 2 * 6)}


def merged(structure, states, rule="adamergex", **plan):
    adapter = MergedAdapter((CONFIGS[structure],) * 3, tuple(states), Plan(rule_for(rule, structure), **plan))
    return dict(adapter.tensors())


def three(structure, seed):
    return [state(structure, seed + number) for number in range(3)]


def same(first, second, tolerance=1e-5):
    assert first.keys() == second.keys()
    for key, value in first.items():
        torch.testing.assert_close(value, second[key], rtol=tolerance, atol=tolerance)


@FEW
@given(structures, seeds)
def test_no_strength_returns_the_task_adapter_to_the_bit(structure, seed):
    states = three(structure, seed)
    same(merged(structure, states, strength=Strength(0.0)), states[0], tolerance=0)


@FEW
@given(structures, seeds, strengths)
def test_equal_references_change_nothing(structure, seed, t):
    task, reference, _ = three(structure, seed)
    same(merged(structure, [task, reference, reference], strength=Strength(t)), task, tolerance=0)


@FEW
@given(st.sampled_from(["LORA", "IA3"]), seeds)
def test_the_source_reference_as_task_gives_the_target_reference(structure, seed):
    _, target, source = three(structure, seed)
    same(merged(structure, [source, target, source]), target)


@FEW
@given(seeds)
def test_of_prefixes_it_gives_the_target_as_far_as_the_source_spans_it(seed):
    """source source⁺ is the identity and source⁺ source a projection: by numpy's own inverse, in double precision."""
    _, target, source = three("PREFIX_TUNING", seed)
    found = merged("PREFIX_TUNING", [source, target, source])["prompt_embeddings"].double().split(6, dim=1)
    blocks = zip(*(each["prompt_embeddings"].double().split(6, dim=1) for each in (target, source)), strict=True)
    for block, (aim, origin) in zip(found, blocks, strict=True):
        onto = torch.from_numpy(numpy.linalg.pinv(origin.numpy())) @ origin
        torch.testing.assert_close(block, aim @ onto, rtol=1e-4, atol=1e-4)


@FEW
@given(seeds, strengths)
def test_prefixes_follow_the_published_product(seed, t):
    """(t (target source⁺ - I) + I) task, layer by layer, keys and values apart."""
    states = three("PREFIX_TUNING", seed)
    found = merged("PREFIX_TUNING", states, strength=Strength(t))["prompt_embeddings"].split(6, dim=1)
    blocks = zip(*(each["prompt_embeddings"].double().split(6, dim=1) for each in states), strict=True)
    identity = torch.eye(3, dtype=torch.float64)
    for block, (task, target, source) in zip(found, blocks, strict=True):
        # The rows are independent, so that source⁺ = source.T (source source.T)^-1.
        inverse = source.T @ torch.linalg.inv(source @ source.T)
        expected = (t * (target @ inverse - identity) + identity) @ task
        torch.testing.assert_close(block.double(), expected, rtol=1e-3, atol=1e-3)


@FEW
@given(seeds, strengths)
def test_ia3_follows_the_published_ratio(seed, t):
    task, target, source = three("IA3", seed)
    found = merged("IA3", [task, target, source], strength=Strength(t))
    for key, value in found.items():
        if source[key].abs().min() > 0.05:
            expected = task[key] * (t * (target[key] / source[key] - 1) + 1)
            torch.testing.assert_close(value, expected, rtol=1e-4, atol=1e-4)


def test_divisors_next_to_nothing_are_added_instead_and_counted():
    key = NAME.format(0) + "ia3_l"
    values = ([2.0, 3.0, 4.0], [0.5, 1.0, 6.0], [0.0, SMALLEST_DIVISOR / 2, 2.0])
    states = [{key: torch.tensor(numbers)[:, None]} for numbers in values]
    adapter = MergedAdapter((IA3,) * 3, tuple(states), Plan(RULES["multiplicative"], Strength(0.5)))
    # By hand: 2 + (0.5 - 0) / 2; 3 + (1 - 0) / 2; 4 * (0.5 * (6 / 2 - 1) + 1).
    assert torch.allclose(dict(adapter.tensors())[key][:, 0], torch.tensor([2.25, 3.5, 8.0]))
    assert (adapter.report.unusable, adapter.report.divisors) == (2, 3)


@FEW
@given(seeds, strengths)
def test_products_add_whole_updates_exactly(seed, t):
    """The update of the merged adapter, up @ down with scale 1, is that of the three, each with scale 6 / 2."""
    states = three("LORA", seed)
    adapter = MergedAdapter((LORA,) * 3, tuple(states), Plan(RULES["additive"], Strength(t), is_product=True))
    found = dict(adapter.tensors())
    for layer in (0, 1):
        down, up = (NAME.format(layer) + part for part in ("lora_A.weight", "lora_B.weight"))
        task, target, source = (3 * each[up].double() @ each[down].double() for each in states)
        whole = found[up].double() @ found[down].double()
        torch.testing.assert_close(whole, task + t * (target - source), rtol=1e-4, atol=1e-4)
        assert found[down].shape == (6, 5)
    ranks = {"r": 6, "lora_alpha": 6, "use_rslora": False, "rank_pattern": {}, "alpha_pattern": {}}
    assert adapter.config() == {**LORA, **ranks}


@FEW
@given(seeds, strengths, st.integers(1, 6))
def test_cut_products_are_the_nearest_of_their_rank(seed, t, rank):
    """By Eckart and Young: numpy's singular values of the whole update say how near any of that rank can come."""
    states = three("LORA", seed)
    plan = Plan(RULES["additive"], Strength(t), is_product=True, rank=rank)
    adapter = MergedAdapter((LORA,) * 3, tuple(states), plan)
    found, error, norm = dict(adapter.tensors()), 0.0, 0.0
    for layer in (0, 1):
        down, up = (NAME.format(layer) + part for part in ("lora_A.weight", "lora_B.weight"))
        task, target, source = (3 * each[up].double() @ each[down].double() for each in states)
        whole = task + t * (target - source)
        values = torch.from_numpy(numpy.linalg.svd(whole.numpy(), compute_uv=False))
        left_out = (whole - found[up].double() @ found[down].double()).square().sum().item()
        assert left_out == pytest.approx(values[rank:].square().sum().item(), rel=1e-3, abs=1e-8)
        error, norm = error + left_out, norm + whole.square().sum().item()
        assert found[down].shape[0] == min(rank, 4)
    assert adapter.report.relative_error == pytest.approx((error / norm) ** 0.5, rel=1e-3, abs=1e-6)


@FEW
@given(seeds, strengths)
def test_what_factors_make_of_updates_is_measured(seed, t):
    """Against whole updates, formed and subtracted."""
    states = three("LORA", seed)
    plan = Plan(RULES["additive"], Strength(t), measures_error=True)
    adapter = MergedAdapter((LORA,) * 3, tuple(states), plan)
    found, error, norm = dict(adapter.tensors()), 0.0, 0.0
    for layer in (0, 1):
        down, up = (NAME.format(layer) + part for part in ("lora_A.weight", "lora_B.weight"))
        task, target, source, merged_ = (3 * each[up].double() @ each[down].double() for each in (*states, found))
        whole = task + t * (target - source)
        error, norm = error + (whole - merged_).square().sum().item(), norm + whole.square().sum().item()
    assert adapter.report.relative_error == pytest.approx((error / norm) ** 0.5, rel=1e-3, abs=1e-5)


@FEW
@given(structures, seeds)
def test_layers_take_their_own_strength(structure, seed):
    states = three(structure, seed)
    plain, whole = states[0], merged(structure, states)
    found = merged(structure, states, strength=Strength(1.0, {0: 0.0}))
    for key, value in found.items():
        pieces = zip(*(each.split(12, dim=1) for each in (value, plain[key], whole[key])), strict=True)
        if key == "prompt_embeddings":
            (first, task, _), (second, _, full) = pieces
            assert torch.equal(first, task) and torch.equal(second, full)
        else:
            assert torch.equal(value, plain[key] if ".0." in key else whole[key])


@FEW
@given(seeds, strengths)
def test_task_arithmetic_is_the_additive_rule(seed, t):
    states = three("LORA", seed)
    found = [merged("LORA", states, rule=rule, strength=Strength(t)) for rule in ("task_arithmetic", "additive")]
    same(*found)


def test_linear_weighs_updates_not_factors():
    """Worked out by hand: one number for each factor, so that factors 2 and 3 are an update of 6, doubled by alpha."""
    names = [NAME.format(0) + part for part in ("lora_A.weight", "lora_B.weight")]
    states = [dict(zip(names, torch.tensor(pair).reshape(2, 1, 1), strict=True)) for pair in ([2.0, 3.0], [1.0, 5.0])]
    config = {"peft_type": "LORA", "r": 1, "lora_alpha": 2}
    weights = Setting(weights=(0.25, 0.0, 0.0))
    plan = Plan(RULES["linear"], setting=weights)
    found = dict(MergedAdapter((config,) * 3, (*states, states[1]), plan).tensors())
    assert found[names[0]].item() * found[names[1]].item() == pytest.approx(0.25 * 6)
    plan = Plan(RULES["linear"], setting=Setting(weights=(1.0, 0.0, -4.0)), is_product=True)
    found = dict(MergedAdapter((config,) * 3, (*states, states[1]), plan).tensors())
    assert (found[names[1]] @ found[names[0]]).item() == pytest.approx(2 * (6 - 4 * 5))


def test_ties_keeps_elects_and_averages():
    """By hand: of 4, -3, 1 | 2, 5, -1 | -1, 2, 3 (the source with its sign turned) two in three stay."""
    task, target, source = torch.tensor([[4.0, -3, 1], [2, 5, -1], [1, -2, -3]])
    # Kept: 4 -3 0 | 2 5 0 | 0 2 3; signs by the sums 6 4 3 are + + +; the means over what agrees follow.
    found = RULES["ties"].combine((task, target, source), Setting(t=1.0, density=0.67))
    assert torch.allclose(found, torch.tensor([3.0, 3.5, 3.0]))


@pytest.mark.parametrize("rule", ["dare_linear", "dare_ties"])
def test_dare_draws_by_seed_and_name_and_leaves_the_generator_alone(rule):
    states = three("LORA", 5)
    before = torch.random.get_rng_state()
    first, again, other = (merged("LORA", states, rule=rule, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(torch.random.get_rng_state(), before)
    same(first, again, tolerance=0)
    assert any(not torch.equal(first[key], other[key]) for key in first)


def test_rules_of_the_paper_by_structure():
    assert [rule_for("adamergex", kind) for kind in ADAMERGEX] == [
        RULES[name] for name in ("additive", "multiplicative", "matrix_product")
    ]
