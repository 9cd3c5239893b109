"""The t that is best on a development set, and what merged adapters and models publish."""

import json
import math
import re

import pytest
import torch
from asked_here import ask_here
from known_folders import AFTER, WORDS, write_bigrams, write_rows
from peft import PeftModel
from safetensors.torch import save_file
from three_adapters import ROLES, Three, base_model, lora, outputs, save_three
from transformers import AutoModelForCausalLM

from xlzoo.hub_cards import PublishError
from xlzoo.run_scripts import run_merge
from xlzoo.run_scripts.errors import UserError


@pytest.fixture(autouse=True)
def without_network(monkeypatch):
    monkeypatch.setattr("xlzoo.hub_cards.bases._card_on_hub", lambda hub_id: {})


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    """A model that says yes where the references, merged with t, say maybe from t = 0.35 on; and four rows.

    Of one row the answer is yes, of three maybe. The logarithms of the probabilities are 0.4 and 0.2, and the target
    reference adds 2 t to the latter: it overtakes at t = log(2) / 2.
    """
    root = tmp_path_factory.mktemp("known")
    write_bigrams(root / "base", WORDS, AFTER, positions=64)
    write_rows(
        root / "data/xnli/sw/validation.jsonl",
        [{"premise": "Yeye", "hypothesis": "H", "label": label} for label in (0, 1, 1, 1)],
    )
    for role in ROLES:
        down, up = torch.zeros(1, len(WORDS)), torch.zeros(len(WORDS), 1)
        down[0, WORDS.index("sahihi?")] = 1
        up[WORDS.index("Hivyo,")] = 2.0 * (role == "target")
        (root / role).mkdir()
        key = "base_model.model.lm_head.lora_{}.weight"
        save_file({key.format("A"): down, key.format("B"): up}, root / role / "adapter_model.safetensors")
        fields = {"peft_type": "LORA", "r": 1, "lora_alpha": 1, "target_modules": ["lm_head"]}
        (root / role / "adapter_config.json").write_text(json.dumps({**fields, "task_type": "CAUSAL_LM"}))
    return root, Three(*(root / role for role in ROLES))


def test_the_best_strength_is_chosen_and_drawn(known, tmp_path):
    root, three = known
    asked = ["--task", "xnli", "--lang", "sw", "--data_dir", root / "data", "--scoring", "likelihood"]
    flags = ["--output_dir", tmp_path / "out", "--base_model", root / "base", "--tune", *asked]
    told = run_merge.main(three.flags(*flags))
    yes = {0.0: 0.25, 0.25: 0.25, 0.5: 0.75, 0.75: 0.75, 1.0: 0.75}
    assert 0.25 < math.log(2) / 2 < 0.5
    assert told["scores"] == {t: {"xnli_sw": score} for t, score in yes.items()}
    assert told["merged"]["."]["t"] == 0.5
    card = (tmp_path / "out" / "README.md").read_text()
    assert "Of the values 0, 0.25, 0.5, 0.75, 1, t was chosen as the best on validation data" in card
    assert "xnli_sw 0.75" in card and "(tuning_curve.png)" in card and "t: 0.5" in card
    assert (tmp_path / "out" / "tuning_curve.png").stat().st_size > 1000


def test_tasks_that_there_are_not_are_found_before_anything_is_written(known, tmp_path):
    root, three = known
    asked = ["--task", "xnli", "--lang", "tr", "--data_dir", root / "data"]
    with pytest.raises(UserError, match="xnli has no 'tr'"):
        run_merge.main(three.flags("--output_dir", tmp_path / "out", "--base_model", root / "base", "--tune", *asked))
    with pytest.raises(UserError, match="names no base model; give --base_model"):
        run_merge.main(three.flags("--output_dir", tmp_path / "out", "--tune", *asked))
    assert not (tmp_path / "out").exists()


def test_what_cannot_be_published_is_merged_all_the_same(known, tmp_path, door):
    root, three = known
    door.error = "The Hub is away."
    flags = ["--output_dir", tmp_path / "out", "--base_model", root / "base", "--hub_dir", tmp_path / "hub"]
    told = f"the merge is complete, so publish it later with: xlzoo-publish {tmp_path / 'out'} out --hub_dir"
    with pytest.raises(PublishError, match=re.escape(told)):
        run_merge.main(three.flags(*flags))
    assert (tmp_path / "out" / "adapter_model.safetensors").is_file()


def test_what_is_published_comes_back(tmp_path, monkeypatch):
    """An adapter, and a model with it, through the one door into a folder; both compute the same."""
    ask_here(monkeypatch, tmp_path / "modules")
    three = save_three(tmp_path, "llama", lora)
    base_model("llama").save_pretrained(tmp_path / "base")
    common = ["--base_model", tmp_path / "base", "--hub_dir", tmp_path / "hub", "--language", "Swahili"]
    run_merge.main(three.flags("--output_dir", tmp_path / "a", *common, "--hub_model_id", "me/adapter"))
    more = ["--hub_model_id", "me/model", "--merge_into_base"]
    run_merge.main(three.flags("--output_dir", tmp_path / "m", *common, *more))
    adapter, model = tmp_path / "hub/me/adapter", tmp_path / "hub/me/model"
    assert {path.name for path in adapter.iterdir()} == {
        *("README.md", "adapter_config.json", "adapter_model.safetensors")
    }
    found = outputs(PeftModel.from_pretrained(base_model("llama"), adapter), "llama")
    assert (outputs(AutoModelForCausalLM.from_pretrained(model), "llama") - found).abs().max() < 1e-5
    for folder, title in ((adapter, "Merged LoRA adapter"), (model, "Model with a merged LoRA adapter")):
        card = (folder / "README.md").read_text()
        assert f"# {title} for Swahili" in card and "Made by run_merge.py of xlzoo" in card
        assert "task_adapter: task" in card and "rule is adamergex" in card and str(tmp_path) not in card
        assert "language: sw" in card or "- sw" in card
