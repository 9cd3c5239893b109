"""A tiny checkpoint with its tokenizer, once per session, and data sets that stay out of the user's cache."""

import multiprocessing

import datasets
import pytest
from corpus_runs import write_corpora
from doors import Door
from killed_runs import MODULES
from tiny_runs import MLM, NER, make_checkpoint, train_language_adapter
from transformers import Trainer

from xlzoo.run_scripts import run_mlm, run_ner


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


@pytest.fixture
def nothing_starts(monkeypatch, tmp_path):
    """No Trainer is ever made, and no output folder."""

    def init(self, *args, **kwargs):
        pytest.fail("training was about to start")

    monkeypatch.setattr(Trainer, "__init__", init)
    yield
    assert not (tmp_path / "out").exists()


@pytest.fixture
def door(monkeypatch):
    """What the scripts publish ends here and is looked at."""
    door = Door()
    monkeypatch.setattr("xlzoo.run_scripts.stages.publishing.publish", door)
    return door


@pytest.fixture
def mlm(tmp_path):
    return lambda *flags: run_mlm.main([*MLM, "--output_dir", str(tmp_path / "out"), *map(str, flags)])


@pytest.fixture
def ner(tmp_path, base):
    def call(*flags):
        names = ["--model_name_or_path", str(base)] * ("--model_name_or_path" not in flags)
        run_ner.main([*NER, "--output_dir", str(tmp_path / "out"), *names, *map(str, flags)])

    return call


@pytest.fixture
def corpora(tmp_path):
    """The folder of `write_corpora`; the process that others are forked from starts once, with what all tests need."""
    multiprocessing.get_context("forkserver").set_forkserver_preload(MODULES)
    return write_corpora(tmp_path)
