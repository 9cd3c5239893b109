"""What was published to a `--hub_dir` is taken by the flags of every script, and gives the numbers of what went in."""

import json

import pytest
import torch
from peft import LoraConfig, get_peft_model
from tiny_models import TINY_BACKPACK
from tiny_runs import NER, assert_same, sentences
from transformers import AutoTokenizer

from xlzoo.hub_cards import Facts, publish
from xlzoo.modeling.configuration_backpack import BackpackGPT2Config
from xlzoo.modeling.modeling_backpack import BackpackGPT2LMHeadModel
from xlzoo.run_scripts import run_clm, run_flores_ppl, run_mlm, run_ner
from xlzoo.run_scripts.corpora.phrasebook import NER_TAGS
from xlzoo.run_scripts.stages.folder_facts import kind_of

PHRASES = ["--dataset_name", "phrasebook"]


def write_rows(folder, rows):
    """Write a dataset of one validation and one training split."""
    folder.mkdir(parents=True)
    for split in ("train", "validation"):
        (folder / f"{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return folder


def write_decoder(base, root):
    """Write a tiny Backpack with its code and a tokenizer, and a LoRA adapter on it."""
    tokenizer = AutoTokenizer.from_pretrained(base)
    torch.manual_seed(6)
    model = BackpackGPT2LMHeadModel(BackpackGPT2Config(**{**TINY_BACKPACK, "vocab_size": len(tokenizer)}))
    for part in (model, tokenizer):
        part.save_pretrained(root / "decoder")
    config = LoraConfig(task_type="CAUSAL_LM", r=2, target_modules=["c_attn"], init_lora_weights=False)
    get_peft_model(model, config).save_pretrained(root / "lora")


@pytest.fixture(scope="module")
def sources(base, languages, task_run, tmp_path_factory):
    """Folders by name: models, adapters of both formats, and datasets."""
    root = tmp_path_factory.mktemp("sources")
    write_decoder(base, root)
    texts = sentences("eng", 6)["text"]
    tags = [NER_TAGS[index % len(NER_TAGS)] for index in range(200)]
    tagged = [{"tokens": text.split(), "ner_tags": tags[: len(text.split())]} for text in texts]
    return {
        "encoder": base,
        "tagger": task_run,
        "language": languages["eng"],
        "task": task_run / "ner",
        "texts": write_rows(root / "texts", [{"text": text} for text in texts]),
        "tagged": write_rows(root / "tagged", tagged),
        "decoder": root / "decoder",
        "lora": root / "lora",
    }


@pytest.fixture(scope="module")
def published(sources, tmp_path_factory):
    """The same things as trees of a local hub."""
    hub = tmp_path_factory.mktemp("hub")
    for name, folder in sources.items():
        publish(folder, f"me/{name}", Facts(kind=kind_of(folder)), hub_dir=hub)
    return {name: hub / "me" / name for name in sources}


EVAL = ["--do_eval", "--report_to", "none", "--max_eval_samples", "6"]
LENGTH = {run_mlm: ["--max_seq_length", "48"], run_ner: ["--max_seq_length", "48"], run_clm: ["--block_size", "32"]}
MEASURED = ["--lang", "eng", "--dataset_name", "phrasebook", "--max_samples", "4"]
# The script, and its flags with the names of folders where a path belongs.
CASES = {
    "mlm model": (run_mlm, ["--model_name_or_path", "encoder", *PHRASES]),
    "mlm adapter": (run_mlm, ["--model_name_or_path", "encoder", "--load_adapter", "language", *PHRASES]),
    "mlm dataset": (run_mlm, ["--model_name_or_path", "encoder", "--dataset_name", "texts"]),
    "ner model": (run_ner, ["--model_name_or_path", "tagger", *PHRASES]),
    "ner adapters": (run_ner, ["--model_name_or_path", "encoder", "--load_adapter", "language", "task", *PHRASES]),
    "ner dataset": (run_ner, ["--model_name_or_path", "tagger", "--dataset_name", "tagged"]),
    "clm model": (run_clm, ["--model_name_or_path", "decoder", *PHRASES]),
    "clm adapter": (run_clm, ["--model_name_or_path", "decoder", "--load_adapter", "lora", *PHRASES]),
    "clm dataset": (run_clm, ["--model_name_or_path", "decoder", "--dataset_name", "texts"]),
    "ppl model": (run_flores_ppl, ["--model_path", "decoder", *MEASURED]),
    "ppl adapter": (run_flores_ppl, ["--model_path", "decoder", "--load_adapter", "lora", *MEASURED]),
}


def measured(script, flags, folders, out):
    """Run a script and return the number that it measured."""
    filled = [str(folders.get(flag, flag)) for flag in flags]
    if script is run_flores_ppl:
        (metrics,) = script.main(filled).values()
        return metrics["perplexity"]
    return script.main([*filled, *EVAL, *LENGTH[script], "--output_dir", str(out)])["eval_loss"]


@pytest.mark.parametrize(("script", "flags"), CASES.values(), ids=CASES)
def test_published_folder_is_taken_for_the_one_that_was_published(sources, published, tmp_path, script, flags):
    expected = measured(script, flags, sources, tmp_path / "source")
    assert measured(script, flags, published, tmp_path / "published") == expected


def test_trained_task_adapter_stands_on_a_published_language_adapter(sources, published, tmp_path):
    flags = [*NER, *PHRASES, "--train_adapter"]
    for name, folders in (("one", sources), ("two", published)):
        on = ["--model_name_or_path", str(folders["encoder"]), "--load_lang_adapter", str(folders["language"])]
        run_ner.main([*flags, *on, "--output_dir", str(tmp_path / name)])
    assert_same(tmp_path / "one/ner", tmp_path / "two/ner")
