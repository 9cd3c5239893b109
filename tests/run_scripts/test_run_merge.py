"""run_merge.py on files: what PEFT loads from its folder computes what three adapters, worked out by hand, compute."""

import json

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file
from three_adapters import FAMILIES, base_model, ia3, lora, outputs, prefix, save_three
from transformers import DynamicCache, PreTrainedModel

from xlzoo.hub_cards.file_checks import files_of
from xlzoo.hub_cards.weight_checks import check_weights
from xlzoo.run_scripts import run_merge

WEIGHTS = "adapter_model.safetensors"


@pytest.fixture(autouse=True)
def without_network(monkeypatch):
    """Nobody asks the Hub for the license of the base model."""
    monkeypatch.setattr("xlzoo.hub_cards.bases._card_on_hub", lambda hub_id: {})


@pytest.fixture
def no_base(monkeypatch):
    """No model is made or loaded."""

    def refuse(self, *args, **kwargs):
        pytest.fail("a model was made")

    monkeypatch.setattr(PreTrainedModel, "__init__", refuse)
    yield
    monkeypatch.undo()


def merge(three, folder, *flags):
    return run_merge.main(three.flags("--output_dir", folder, *flags))


def states(three):
    return [load_file(folder / WEIGHTS) for folder in (three.task, three.target, three.source)]


def loaded(family, folder):
    return PeftModel.from_pretrained(base_model(family), folder)


def weight_of(family, key):
    """Return the name of the weight that a LoRA or IA3 tensor changes, and whether it is [in, out] there."""
    name = key.removeprefix("base_model.model.").partition(".lora")[0].partition(".ia3")[0]
    return f"{name}.weight", family == "gpt2"


@pytest.mark.parametrize("product", [False, True])
@pytest.mark.parametrize("family", FAMILIES)
def test_merged_lora_gives_the_outputs_of_three_deltas(family, product, tmp_path):
    three = save_three(tmp_path, family, lora)
    t = 0.6
    merge(three, tmp_path / "out", "--t", t, *["--lora_merge", "product"] * product)
    task, target, source = states(three)
    model = base_model(family)
    weights = dict(model.named_parameters())
    for key in (key for key in task if key.endswith("lora_A.weight")):
        other = key.replace("lora_A", "lora_B")
        if product:
            delta = sum(w * each[other] @ each[key] for w, each in ((1, task), (t, target), (-t, source)))
        else:
            up, down = (task[name] + t * (target[name] - source[name]) for name in (other, key))
            delta = up @ down
        name, turned = weight_of(family, key)
        weights[name].data += 2 * (delta.T if turned else delta)  # alpha / r = 8 / 4
    if family == "xlm-r":  # The classifier is the task adapter's.
        for key in (key for key in task if ".classifier." in key):
            weights[key.removeprefix("base_model.model.")].data = task[key]
    found, expected = outputs(loaded(family, tmp_path / "out"), family), outputs(model, family)
    assert (found - expected).abs().max() < 1e-5
    assert (found - outputs(loaded(family, three.task), family)).abs().max() > 0.01


@pytest.mark.parametrize("family", FAMILIES)
def test_merged_ia3_gives_the_outputs_of_three_vectors(family, tmp_path):
    three = save_three(tmp_path, family, ia3)
    merge(three, tmp_path / "out", "--t", 0.6)
    task, target, source = states(three)
    model = base_model(family)
    weights = dict(model.named_parameters())
    for key in (key for key in task if key.endswith("ia3_l")):
        factor = task[key] * (0.6 * (target[key] / source[key] - 1) + 1)
        name, turned = weight_of(family, key)
        weights[name].data *= factor.T if turned else factor
        bias = name.replace(".weight", ".bias")
        if bias in weights and factor.shape[1] == 1:
            weights[bias].data *= factor[:, 0]
    for key in (key for key in task if ".classifier." in key):
        weights[key.removeprefix("base_model.model.")].data = task[key]
    assert (outputs(loaded(family, tmp_path / "out"), family) - outputs(model, family)).abs().max() < 1e-5


@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_merged_prefixes_are_read_before_every_layer(family, tmp_path):
    """Keys and values of each layer, worked out by hand, put into the base model's cache."""
    three = save_three(tmp_path, family, prefix)
    merge(three, tmp_path / "out", "--t", 0.6)
    model = base_model(family)
    heads = 2 if family == "llama" else 4
    cache, identity = DynamicCache(), torch.eye(5, dtype=torch.float64)
    blocks = [each["prompt_embeddings"].double().split(heads * 8, dim=1) for each in states(three)]
    for layer in range(2):
        pair = []
        for task, target, source in zip(*(each[2 * layer : 2 * layer + 2] for each in blocks), strict=True):
            merged = (0.6 * (target @ torch.linalg.pinv(source) - identity) + identity) @ task
            pair.append(merged.float().view(5, heads, 8).transpose(0, 1).expand(2, -1, -1, -1))
        cache.update(*pair, layer)
    ids = torch.arange(4, 22).reshape(2, 9)
    with torch.no_grad():
        mask = torch.ones(2, 14, dtype=torch.long)
        expected = model(input_ids=ids, attention_mask=mask, past_key_values=cache).logits
    assert (outputs(loaded(family, tmp_path / "out"), family) - expected).abs().max() < 1e-4


def test_the_base_model_is_not_needed_and_files_are_whole(tmp_path, no_base):
    three = save_without_models(tmp_path)
    results = merge(three, tmp_path / "out", "--language", "sw")
    assert results == {"merged": {".": {"t": 1.0, "rule": "adamergex"}}}
    files = {path.name for path in files_of(tmp_path / "out")}
    assert files == {WEIGHTS, "adapter_config.json", "README.md", "facts.json", "run.json", "all_results.json"}
    from pathlib import Path

    assert check_weights(tmp_path / "out", Path(WEIGHTS)) == set(states(three)[0])
    config = json.loads((tmp_path / "out" / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == "me/base" and config["inference_mode"]
    card = (tmp_path / "out" / "README.md").read_text()
    for said in ("task adapter task", "target, the reference adapter in the target language", "1 times", "Swahili"):
        assert said in card
    assert str(tmp_path) not in card


def save_without_models(folder):
    """Write three LoRA adapters in bfloat16, without any model."""
    from safetensors.torch import save_file
    from three_adapters import ROLES, Three

    generator = torch.Generator().manual_seed(3)
    for role in ROLES:
        (folder / role).mkdir()
        name = "base_model.model.model.layers.0.self_attn.q_proj.lora_{}.weight"
        tensors = {name.format(part): torch.randn(4, 4, generator=generator).bfloat16() for part in "AB"}
        save_file(tensors, folder / role / WEIGHTS, metadata={"format": "pt"})
        fields = {"peft_type": "LORA", "r": 4, "lora_alpha": 8, "target_modules": ["q_proj"]}
        text = json.dumps({**fields, "base_model_name_or_path": "me/base", "task_type": "CAUSAL_LM"})
        (folder / role / "adapter_config.json").write_text(text)
    return Three(*(folder / role for role in ROLES))


def test_types_are_kept_and_no_strength_keeps_every_bit(tmp_path):
    three = save_without_models(tmp_path)
    merge(three, tmp_path / "out", "--t", 0)
    task, found = load_file(three.task / WEIGHTS), load_file(tmp_path / "out" / WEIGHTS)
    assert all(torch.equal(found[key], value) and found[key].dtype == torch.bfloat16 for key, value in task.items())


def test_a_sweep_writes_a_folder_for_each_strength(tmp_path):
    three = save_without_models(tmp_path)
    results = merge(three, tmp_path / "out", "--t", 0, 0.5, -1)
    assert set(results["merged"]) == {"t-0", "t-0.5", "t--1"}
    task, target, source = states(three)
    for t in (0, 0.5, -1):
        for key, value in load_file(tmp_path / "out" / f"t-{t}" / WEIGHTS).items():
            parts = (each[key].float() for each in (task, target, source))
            assert torch.equal(value, (next(parts) + t * (next(parts) - next(parts))).bfloat16())


def test_other_scales_and_ranks_are_put_into_the_factors(tmp_path):
    """The references scale by 16 / 4, not by 8 / 4; in products, one may have another rank too."""
    changes = ({}, {"lora_alpha": 16}, {"lora_alpha": 16})
    three = save_three(tmp_path / "scales", "llama", lora, changes=changes)
    merge(three, tmp_path / "out", "--allow_rescale")
    task, target, source = states(three)
    key = next(key for key in task if key.endswith("lora_B.weight"))
    found = load_file(tmp_path / "out" / WEIGHTS)
    torch.testing.assert_close(found[key], task[key] + 2 * target[key] - 2 * source[key])
    changes = ({}, {"r": 2, "use_rslora": True}, {"rank_pattern": {"layers.0.self_attn.q_proj": 3}})
    three = save_three(tmp_path / "ranks", "llama", lora, changes=changes)
    merge(three, tmp_path / "product", "--allow_rescale", "--lora_merge", "product")
    scales = [8 / 4, 8 / 2**0.5, 8 / 3]
    task, target, source = states(three)
    key = "base_model.model.model.layers.0.self_attn.q_proj.lora_{}.weight"
    expected = sum(
        weight * scale * each[key.format("B")] @ each[key.format("A")]
        for weight, scale, each in zip((1, 1, -1), scales, (task, target, source), strict=True)
    )
    module = loaded("llama", tmp_path / "product").base_model.model.model.layers[0].self_attn.q_proj
    torch.testing.assert_close(module.get_delta_weight("default"), expected)


@pytest.mark.parametrize("rule", ["ties", "dare_linear", "magnitude_prune"])
def test_rules_of_peft_make_what_its_own_method_makes(rule, tmp_path):
    """The oracle is `add_weighted_adapter` on whole updates, with the source adapter's second factors negated."""
    three = save_three(tmp_path, "llama", lora)
    flags = ["--rule", rule, "--density", 0.7, "--lora_merge", "product", "--rank", 32, "--t", 0.6]
    merge(three, tmp_path / "out", *flags)
    model = PeftModel.from_pretrained(base_model("llama"), three.task, adapter_name="task")
    model.load_adapter(three.target, "target")
    model.load_adapter(three.source, "source")
    for name, parameter in model.named_parameters():
        if "lora_B.source" in name:
            parameter.data.neg_()
    found = loaded("llama", tmp_path / "out")
    for name, module in model.named_modules():
        if not name.endswith("q_proj"):
            continue
        ours = found.get_submodule(name).get_delta_weight("default")
        if rule == "dare_linear":  # Drawn otherwise; each number is 0 or its whole self over 0.7, in each adapter.
            terms = [w * module.get_delta_weight(a) / 0.7 for a, w in (("task", 1), ("target", 0.6), ("source", 0.6))]
            sums = torch.stack([sum(t * k for t, k in zip(terms, keep, strict=True)) for keep in KEPT])
            assert (sums - ours).abs().min(0).values.max() < 1e-4
            continue
        weights = {"weights": [1.0, 0.6, 0.6], "combination_type": f"{rule}_svd", "density": 0.7, "svd_rank": 32}
        model.add_weighted_adapter(["task", "target", "source"], adapter_name="all", **weights)
        torch.testing.assert_close(ours, module.get_delta_weight("all"), rtol=1e-3, atol=1e-4)


KEPT = [(a, b, c) for a in (0, 1) for b in (0, 1) for c in (0, 1)]


def test_errors_are_told_and_stand_in_the_card(tmp_path):
    three = save_without_models(tmp_path)
    off = merge(three, tmp_path / "off", "--measure_error")["merged"]["."]["relative_error"]
    lost = merge(three, tmp_path / "cut", "--lora_merge", "product", "--rank", 2)["merged"]["."]["relative_error"]
    assert 0 < lost < 1 < off  # Three random updates: factors give something else altogether.
    assert f"which is {off:.2%} of the norm away" in (tmp_path / "off/README.md").read_text()
    assert f"cut to rank 2, without {lost:.2%} of their norm" in (tmp_path / "cut/README.md").read_text()
    assert json.loads((tmp_path / "cut/all_results.json").read_text())["merged"]["."]["relative_error"] == lost


def test_linear_is_that_of_peft(tmp_path):
    three = save_three(tmp_path, "llama", lora)
    merge(three, tmp_path / "out", "--rule", "linear", "--weights", 0.5, 0.5, -0.25)
    model = PeftModel.from_pretrained(base_model("llama"), three.task, adapter_name="task")
    model.load_adapter(three.target, "target")
    model.load_adapter(three.source, "source")
    model.add_weighted_adapter(["task", "target", "source"], [0.5, 0.5, -0.25], "all", combination_type="linear")
    model.set_adapter("all")
    assert (outputs(loaded("llama", tmp_path / "out"), "llama") - outputs(model, "llama")).abs().max() < 1e-5
