"""run_xtune.py --xtreme_dir: the flags it stands for, runs of every kind of task from the folder, and its refusals."""

import json

import pytest
from tiny_runs import COMMON, refused
from xtreme_folder import make_download

from xlzoo.run_scripts import run_xtune
from xlzoo.run_scripts.arguments import ModelArguments, parse
from xlzoo.run_scripts.encoder_adapters import EncoderAdapterArguments
from xlzoo.run_scripts.objectives.consistency_config import ConsistencyConfig
from xlzoo.run_scripts.xtreme_arguments import with_xtreme
from xlzoo.run_scripts.xtune_arguments import TaskData, ViewArguments

TYPES = (ModelArguments, TaskData, ViewArguments, EncoderAdapterArguments, ConsistencyConfig)
TRANSLATED = ["--setting", "translate-train-all"]


@pytest.fixture(scope="module")
def download(tmp_path_factory):
    folder = tmp_path_factory.mktemp("xtreme") / "download"
    make_download(folder)
    return folder


def stands_for(download, *flags):
    given = ["--model_name_or_path", "m", "--output_dir", "o", "--use_cpu", "--xtreme_dir", str(download)]
    _, data, views, _, args = parse([*given, *flags], *TYPES)
    return with_xtreme(data, views, args)


def test_flags_that_it_stands_for(download):
    data, views = stands_for(download, "--task_name", "xnli", "--do_train", "--do_eval", "--do_predict", *TRANSLATED)
    assert data.language == "eng" and data.train_file == [str(download / "xnli/train-en.tsv")]
    assert data.validation_file == str(download / "xnli/dev-en.tsv")
    assert data.test_file == str(download / "xnli/test-en.tsv")
    assert data.test_language_file == [f"deu={download}/xnli/test-de.tsv", f"swh={download}/xnli/test-sw.tsv"]
    translate = download / "xtreme_translations/XNLI/translate-train"
    assert views.translations == [str(translate / f"en-{code}-translated.tsv") for code in ("de", "sw")]


def test_only_what_the_run_needs(download):
    """No tests without --do_predict, so that their labels may be out; chosen languages; TyDiQA in another language."""
    data, views = stands_for(download, "--task_name", "xquad", "--do_train")
    assert (data.validation_file, data.test_file, data.test_language_file) == (None, None, [])
    assert not views.translations and data.train_file == [str(download / "squad/train-v1.1.json")]
    data, _ = stands_for(download, "--task_name", "pos", "--do_train", "--do_predict", "--test_config_name", "Swahili")
    assert data.test_language_file == [f"swh={download}/udpos/test-sw.tsv"] and data.test_config_name == []
    assert data.test_file == str(download / "udpos/test-en.tsv")
    data, _ = stands_for(download, "--task_name", "tydiqa", "--language", "sw", "--do_train", "--do_predict")
    assert data.train_file[0].endswith("goldp.sw.train.json") and data.test_file.endswith("goldp.sw.dev.json")
    assert [given[:4] for given in data.test_language_file] == ["deu=", "eng="]


def test_tydiqa_evaluates_on_the_test_in_its_language(download, caplog):
    """As XTREME's train_qa.sh does, there being no other rows; but only where it is said."""
    data, _ = stands_for(download, "--task_name", "tydiqa", "--language", "sw", "--do_train", "--do_eval")
    assert data.validation_file.endswith("tydiqa.goldp.sw.dev.json") and "scores its test in swh" in caplog.text
    assert stands_for(download, "--task_name", "tydiqa")[0].validation_file is None


def test_tests_of_another_data_set_or_in_chosen_languages(download):
    """Its scripts leave the tests without labels, which the Hub's have."""
    hub = ["--test_dataset_name", "google/xtreme", "--test_config_name", "XNLI", "--test_languages", "de"]
    data, _ = stands_for(download, "--task_name", "xnli", "--do_train", "--do_predict", *hub)
    assert data.train_file == [str(download / "xnli/train-en.tsv")] and data.test_file is None
    assert (data.test_config_name, data.test_languages, data.test_language_file) == (["XNLI"], ["deu"], [])
    data, _ = stands_for(download, "--task_name", "xnli", "--do_train", "--do_predict", "--test_languages", "de")
    assert data.test_language_file == [f"deu={download}/xnli/test-de.tsv"] and not data.test_languages


def test_named_data_and_translations_come_first(download):
    named = ["--dataset_name", "phrasebook", "--task_name", "xnli", "--do_train", *TRANSLATED]
    data, views = stands_for(download, *named)
    assert data.dataset_name == "phrasebook" and not data.train_file and len(views.translations) == 2
    data, views = stands_for(download, *TRANSLATED, "--task_name", "xnli", "--do_train", "--translations", "mine.txt")
    assert views.translations == ["mine.txt"] and data.train_file


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (
            ["--task_name", "ner", "--language", "de"],
            "no train file in deu, only in eng; expected panx_dataset/{}-train",
        ),
        (["--task_name", "xnli", "--do_predict", "--test_config_name", "fr"], "no test file in fra"),
        (["--task_name", "pos", "--language", "fr", "--do_eval"], "no train file in fra"),
        (["--task_name", "xnli", "--train_file", "a.tsv"], "--xtreme_dir is not used"),
        (["--task_name", "tydiqa", "--language", "sw", *TRANSLATED], "from English, not from sw"),
        (["--task_name", "mlqa", "--xtreme_dir", "nowhere"], "nowhere is no folder"),
        (["--task_name", "mlqa", "--test_config_name", "xx"], "xx"),
    ],
)
def test_mistakes_end_before_any_training(base, download, tmp_path, nothing_starts, flags, words):
    given = [*COMMON, "--model_name_or_path", str(base), "--output_dir", str(tmp_path / "out"), "--do_train"]
    refused(lambda: run_xtune.main([*given, "--xtreme_dir", str(download), *flags]), words)


@pytest.mark.parametrize(("task", "metric"), [("pos", "accuracy"), ("pawsx", "accuracy"), ("xquad", "f1")])
def test_translate_train_from_the_folder_alone(base, download, tmp_path, task, metric):
    """Tags, pairs and questions through both stages, with scores in all three languages."""
    given = [*COMMON, "--model_name_or_path", str(base), "--output_dir", str(tmp_path / "run")]
    given += ["--xtreme_dir", str(download), "--task_name", task, *TRANSLATED, "--augmentation", "subword"]
    given += ["--do_train", "--do_eval", "--do_predict", "--max_steps", "2", "--save_strategy", "no"]
    results = run_xtune.main([*given, "--max_query_length", "8", "--doc_stride", "16"])
    assert {f"test_{code}_{metric}" for code in ("eng", "deu", "swh")} | {f"eval_{metric}"} <= results.keys()
    scores = json.loads((tmp_path / "run/results.json").read_text())["scores"]["2"]
    assert set(scores) == {"eng", "deu", "swh"}
