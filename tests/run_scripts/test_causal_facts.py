"""Causal language models and PEFT adapters on them: the code of their cards runs and continues a text as they do."""

import shutil

import pytest
import torch
from peft import LoraConfig, get_peft_model
from tiny_models import TINY_BACKPACK
from tiny_runs import sentences
from transformers import AutoTokenizer

from xlzoo.hub_cards import Facts, Metric, PublishError, publish
from xlzoo.hub_cards.bases import Base
from xlzoo.hub_cards.probes import record_model, record_peft
from xlzoo.modeling.configuration_backpack import BackpackGPT2Config
from xlzoo.modeling.modeling_backpack import BackpackGPT2LMHeadModel
from xlzoo.run_scripts import run_clm
from xlzoo.run_scripts.stages.causal_facts import causal_adapter_facts, causal_lm_facts
from xlzoo.run_scripts.stages.facts import Record
from xlzoo.run_scripts.stages.folder_facts import completed
from xlzoo.run_scripts.stages.snippets import opening

PROMPT = "The mother"
BASE = "xlzoo/backpack-tiny"


@pytest.fixture(scope="module")
def backpack(base, tmp_path_factory):
    """A tiny Backpack with random weights, its tokenizer and their folder."""
    tokenizer = AutoTokenizer.from_pretrained(base)
    torch.manual_seed(3)
    model = BackpackGPT2LMHeadModel(BackpackGPT2Config(**{**TINY_BACKPACK, "vocab_size": len(tokenizer)})).eval()
    folder = tmp_path_factory.mktemp("backpack") / "model"
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return model, tokenizer, folder


def record(hub_id=None):
    metric = Metric("text-generation", "phrasebook", "validation", "en", "perplexity", 12.25)
    return Record(Base(hub_id, "mit", ""), "eng", {"max_steps": 2}, metrics=(metric,))


def continued(model, tokenizer):
    inputs = tokenizer(PROMPT, return_tensors="pt")
    output = model.generate(**inputs, max_new_tokens=20, do_sample=False)
    return tokenizer.decode(output[0], skip_special_tokens=True)


def test_backpack_is_published_with_its_code_and_continues_a_text(backpack, tmp_path):
    model, tokenizer, folder = backpack
    facts = causal_lm_facts(record(), PROMPT, is_backpack=True)
    probe = record_model(model, tmp_path / "probe")
    receipt = publish(folder, "me/backpack", facts, probe=probe, hub_dir=tmp_path / "hub")
    assert {"modeling_backpack.py", "model.safetensors", "README.md"} <= dict(receipt.files).keys()
    card = (tmp_path / "hub/me/backpack/README.md").read_text()
    assert "pipeline_tag: text-generation\n" in card and "# Backpack language model for English\n" in card
    assert "arxiv:2305.16765" in card and "12.25" in card
    assert f"It prints:\n\n```\n{continued(model, tokenizer)}\n```" in card


def test_peft_adapter_is_published_and_continues_a_text_on_its_base(backpack, tmp_path):
    live, tokenizer, folder = backpack
    plain = BackpackGPT2LMHeadModel.from_pretrained(folder)
    config = LoraConfig(task_type="CAUSAL_LM", r=2, target_modules=["c_attn"], init_lora_weights=False)
    adapted = get_peft_model(plain, config).eval()
    adapted.save_pretrained(tmp_path / "adapter")
    facts = causal_adapter_facts(record(BASE), PROMPT, "LoRA", is_completion=True, own_code=True)
    publish(
        tmp_path / "adapter",
        "me/adapter",
        facts,
        probe=record_peft(adapted, tmp_path / "probe", folder, trust_remote_code=True),
        beside={BASE: folder},
        hub_dir=tmp_path / "hub",
    )
    card = (tmp_path / "hub/me/adapter/README.md").read_text()
    assert "# LoRA task adapter for English\n" in card and f"base_model: {BASE}\n" in card
    assert "- lora\n" in card and str(folder) not in card
    assert f"It prints:\n\n```\n{continued(adapted, tokenizer)}\n```" in card
    assert continued(adapted, tokenizer) != continued(live, tokenizer)


def test_without_a_hub_id_of_the_base_there_is_no_code_for_an_adapter():
    facts = causal_adapter_facts(record(), PROMPT, "IA3", is_completion=False, own_code=False)
    assert facts.usage == "" and facts.base_model is None
    assert facts.title == "IA3 language adapter for English" and facts.summary.startswith("An IA3 adapter")
    assert facts.paper == "2205.05638" and "peft" in facts.versions


def test_stock_model_names_no_paper_and_needs_no_trust():
    facts = causal_lm_facts(record("openai-community/gpt2"), PROMPT, is_backpack=False)
    assert (facts.paper, facts.citation, facts.tags) == ("", "", ("causal-lm",))
    assert "trust_remote_code" not in facts.usage and facts.base_model == "openai-community/gpt2"


def test_folder_of_an_adapter_on_a_model_with_code_is_loaded_with_trust(backpack, tmp_path):
    """What publish.py says of a folder without facts."""
    _, _, folder = backpack
    plain = BackpackGPT2LMHeadModel.from_pretrained(folder)
    get_peft_model(plain, LoraConfig(task_type="CAUSAL_LM", r=2)).save_pretrained(tmp_path)
    (tmp_path / "README.md").unlink()
    facts = completed(Facts(kind="peft", base_model=BASE), tmp_path, folder)
    assert f'AutoModelForCausalLM.from_pretrained("{BASE}", trust_remote_code=True)' in facts.usage
    assert facts.pipeline_tag == "text-generation" and "num_labels" not in facts.usage


def test_opening_is_half_a_sentence():
    assert opening([". .", "Amina sees the old teacher ."]) == "Amina sees the"
    assert len(opening(sentences()["text"]).split()) <= 6


def test_code_of_a_base_runs_only_if_told_so(backpack, nothing_starts, tmp_path):
    """Training uses our own code; the check of the adapter would run what lies beside the base's weights."""
    base = shutil.copytree(backpack[2], tmp_path / "base")
    with (base / "modeling_backpack.py").open("a") as code:
        code.write(f"\nopen({str(tmp_path / 'executed')!r}, 'w')\n")
    flags = ["--model_name_or_path", str(base), "--dataset_name", "phrasebook", "--block_size", "32", "--use_peft"]
    flags += ["--target_modules", "c_attn", "--do_train", "--output_dir", str(tmp_path / "out"), "--report_to", "none"]
    with pytest.raises(PublishError, match=f"{base} has code of its own, .* --trust_remote_code if you trust"):
        run_clm.main([*flags, "--hub_dir", str(tmp_path / "hub")])
    assert not (tmp_path / "executed").exists() and not (tmp_path / "hub").exists()
