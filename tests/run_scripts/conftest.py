"""A tiny checkpoint with its tokenizer, once per session, and data sets that stay out of the user's cache."""

import datasets
import pytest
from tiny_runs import NER, make_checkpoint, train_language_adapter

from xlzoo.run_scripts import run_ner


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "datasets")


@pytest.fixture(scope="session")
def base(tmp_path_factory):
    """A stock XLM-R checkpoint of 2 layers x 32 with dropout, and its tokenizer."""
    return make_checkpoint(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="session")
def languages(base, tmp_path_factory):
    """Folders of the language adapters eng and swh, trained for two steps each."""
    root = tmp_path_factory.mktemp("languages")
    return {language: train_language_adapter(base, root / language, language) for language in ("eng", "swh")}


@pytest.fixture(scope="session")
def task_run(base, languages, tmp_path_factory):
    """The output folder of a task adapter trained on the frozen English adapter."""
    folder = tmp_path_factory.mktemp("task") / "run"
    data = ["--dataset_name", "phrasebook", "--dataset_config_name", "eng"]
    stack = ["--train_adapter", "--load_lang_adapter", str(languages["eng"])]
    run_ner.main([*NER, *data, *stack, "--model_name_or_path", str(base), "--output_dir", str(folder)])
    return folder
