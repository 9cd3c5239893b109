"""run_xtune.py on data as the Hub has them: every task's rows, languages told apart, tests of another data set."""

import json

import pytest
from datasets import Dataset, DatasetDict
from hub_xtreme import CONFIGS, NLI, SENTENCES, make_xnli, make_xtreme, write_configs
from tiny_runs import COMMON, refused

from xlzoo.hub_cards import Metric
from xlzoo.run_scripts import run_xtune
from xlzoo.run_scripts.arguments import ModelArguments, parse
from xlzoo.run_scripts.corpora.row_languages import mixed_languages
from xlzoo.run_scripts.corpora.sources import load
from xlzoo.run_scripts.data_arguments import SourceArguments
from xlzoo.run_scripts.encoder_adapters import EncoderAdapterArguments
from xlzoo.run_scripts.language_tests import LanguageTests
from xlzoo.run_scripts.objectives.consistency_config import ConsistencyConfig
from xlzoo.run_scripts.stages.classification_facts import with_languages
from xlzoo.run_scripts.stages.facts import Record
from xlzoo.run_scripts.stages.xtune_tasks import KINDS
from xlzoo.run_scripts.tasks.span_questions import SPAN_TASKS
from xlzoo.run_scripts.xtune_arguments import TaskData, ViewArguments

TYPES = (ModelArguments, TaskData, ViewArguments, EncoderAdapterArguments, ConsistencyConfig)
ALL = ["--do_train", "--do_eval", "--do_predict"]


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    """The folders that stand for google/xtreme and facebook/xnli."""
    root = tmp_path_factory.mktemp("hub")
    return {"google/xtreme": str(make_xtreme(root / "xtreme")), "facebook/xnli": str(make_xnli(root / "xnli"))}


def read(hub, task, *flags):
    """Return the rows and tests that a run reads."""
    given = ["--output_dir", "o", "--use_cpu", "--task_name", task, *ALL, *(hub.get(flag, flag) for flag in flags)]
    _, data, *_, args = parse(given, *TYPES)
    rows, tests, _ = KINDS[task].read(data, args)
    return rows, tests


def xtreme(config, *tests):
    return ["--dataset_name", "google/xtreme", "--dataset_config_name", config, "--test_config_name", *tests]


@pytest.mark.parametrize(
    ("task", "column", "config", "others"),
    [
        ("ner", "ner_tags", "PAN-X.en", {"PAN-X.de": "deu", "PAN-X.sw": "swh"}),
        ("pos", "pos_tags", "udpos.English", {"udpos.German": "deu", "udpos.Yoruba": "yor"}),
    ],
)
def test_tags(hub, task, column, config, others):
    rows, tests = read(hub, task, *xtreme(config, *others))
    assert list(tests) == ["eng", *others.values()] and set(rows) == {"train", "validation"}
    names = {"ner_tags": ["O", "B-PER"], "pos_tags": ["ADJ", "ADP"]}[column]
    assert rows["train"][0] == {"tokens": ["The", "farmer", "sleeps."], column: [names[0], names[1], names[0]]}
    assert tests["deu"]["tokens"][0] == ["Der", "Bauer", "schläft."]


def test_paraphrases(hub):
    rows, tests = read(hub, "pawsx", *xtreme("PAWS-X.en", "PAWS-X.de"))
    assert list(tests) == ["eng", "deu"] and rows["validation"]["label"][:] == ["different", "paraphrase"]
    assert tests["deu"][1] == {"first": "Der Bauer schläft.", "second": "Er ist wach.", "label": "paraphrase"}


INFERENCE = ["--dataset_name", "facebook/xnli", "--dataset_config_name", "en", "--test_dataset_name", "google/xtreme"]
INFERENCE += ["--test_config_name", "XNLI"]


def test_inference_is_tested_on_another_data_set_read_once(hub, monkeypatch):
    """Its rows in all languages are one configuration; the English test of the other data set is not used."""
    seen = []

    def noted(source):
        seen.append(source.config)
        return load(source)

    monkeypatch.setattr("xlzoo.run_scripts.data_arguments.load", noted)
    rows, tests = read(hub, "xnli", *INFERENCE)
    assert seen == ["en", "XNLI"] and len(rows["train"]) == 12
    assert list(tests) == ["deu", "eng", "swh"] and {len(test) for test in tests.values()} == {3}
    assert tests["swh"]["label"][:] == list(NLI)
    assert set(tests["deu"]["first"]) == {SENTENCES["de"][0]}


def test_languages_are_chosen_and_cut_one_by_one(hub):
    _, tests = read(hub, "xnli", *INFERENCE, "--test_languages", "swahili", "de", "--max_eval_samples", "2")
    assert {code: test["first"][:] for code, test in tests.items()} == {
        code: [SENTENCES[name][0]] * 2 for code, name in (("swh", "sw"), ("deu", "de"))
    }


@pytest.mark.parametrize(("task", "prefix"), [("xquad", "XQuAD.{}"), ("mlqa", "MLQA.{0}.{0}")])
def test_questions_after_squad(hub, task, prefix):
    """Of XQuAD there are validation rows alone; what MLQA has of them is not tested on."""
    tested = [prefix.format(code) for code in ("en", "de", "sw")]
    rows, tests = read(hub, task, *xtreme("SQuAD", *tested), "--language", "en")
    assert list(tests) == ["eng", "deu", "swh"] and len(rows["train"]) == len(rows["validation"]) == 2
    assert tests["deu"]["text"][:] == ["Der", "Der"] and tests["deu"]["start"][:] == [0, 0]
    if task == "mlqa":
        assert set(tests["swh"]["language"]) == {"sw"} and set(rows["train"]["language"]) == {"en"}


def test_questions_in_languages_that_their_ids_tell(hub):
    """TyDiQA trains and evaluates in one language, and is tested on the validation rows of all."""
    rows, tests = read(hub, "tydiqa", *xtreme("tydiqa", "tydiqa"), "--language", "sw", "--max_train_samples", "1")
    assert rows["train"]["id"][:] == ["swahili-0-1"] and rows["validation"]["id"][:] == ["swahili-0-1", "swahili-1-1"]
    assert {code: set(test["text"]) for code, test in tests.items()} == {
        "eng": {"The"},
        "deu": {"Der"},
        "swh": {"Mkulima"},
    }


def test_training_on_one_data_set_and_testing_on_mixed_rows_of_another(base, hub, tmp_path):
    flags = [*COMMON, "--model_name_or_path", str(base), "--output_dir", str(tmp_path / "run"), "--task_name", "xnli"]
    flags += [hub.get(flag, flag) for flag in INFERENCE] + [
        "--augmentation",
        "subword",
        "--copy_augmentation",
        "subword",
    ]
    results = run_xtune.main([*flags, *ALL, "--language", "en", "--max_steps", "2", "--save_strategy", "no"])
    report = json.loads((tmp_path / "run/results.json").read_text())
    assert report["source"] == "eng" and set(report["scores"]["2"]) == {"deu", "eng", "swh"}
    assert report["scores"]["2"]["swh"] == results["test_swh_accuracy"]
    assert report["gap"]["2"] == results["test_gap_accuracy"]


def test_cards_tell_what_was_tested():
    """A score without a name is of the one language there is, of the data set that was tested."""
    scores = (Metric("question-answering", "squad", split, "en", "f1", 0.5) for split in ("validation", "test"))
    run = Record(base=None, language="eng", recipe={}, metrics=tuple(scores))
    made = with_languages(run, SPAN_TASKS["xquad"], {"eval_f1": 0.5, "test_f1": 0.5}, ["deu"], "google/xtreme").metrics
    assert [(one.dataset, one.language) for one in made] == [("squad", "en"), ("google/xtreme", "de")]


@pytest.mark.parametrize("name", ["{}", "{}_translate_large"])
@pytest.mark.parametrize(
    ("task", "tested"),
    [("panx", 40), ("udpos", 33), ("pawsx", 7), ("xnli", "XNLI"), ("xquad", 11), ("mlqa", 7), ("tydiqa", "tydiqa")],
)
def test_recipes_name_what_is_there(task, tested, name):
    """In all languages of the task, each once, or of one configuration that mixes them; others are based on these."""
    recipe = f"recipes/xtune_{name.format(task)}.yaml"
    _, data, *_ = parse([recipe, "--use_cpu"], *TYPES)
    assert data.tested_name == "google/xtreme" and set(data.test_config_name) <= CONFIGS
    assert {data.dataset_name, *data.dataset_config_name} <= CONFIGS | {"google/xtreme", "facebook/xnli", "en"}
    own = {"test": ["own"]} if task in ("panx", "udpos", "pawsx") else {}
    tests = data.tests(lambda given: {"test": given.dataset_config_name}, own)
    assert list(tests) == [tested] if isinstance(tested, str) else len(tests) == tested
    assert data.language_code() == "eng" and ("eng" in tests or isinstance(tested, str))
    assert all(len(code) == 3 for code in tests) or isinstance(tested, str)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["tydiqa", *xtreme("tydiqa", "tydiqa")], "eng, deu, swh; say with --language which to train in"),
        (["tydiqa", *xtreme("tydiqa", "tydiqa"), "--language", "fr"], "none in fra"),
        (["xnli", *INFERENCE, "--test_languages", "fr"], "none in fra"),
        (["ner", *xtreme("PAN-X.en", "PAN-X.de"), "--test_languages", "sw"], "none are in swh, only in eng, deu"),
        (["ner", *xtreme("PAN-X.en", "PAN-X.de", "PAN-X.en")], "--test_config_name PAN-X.en is a second test in eng"),
        (["ner", *xtreme("PAN-X.en", "PAN-X.de"), "--test_language_file", "German=x.tsv"], "second test in deu"),
        (["xquad", *xtreme("SQuAD", "XQuAD.de", "tydiqa"), "--language", "en"], "tydiqa is a second test in deu"),
        (["xnli", *INFERENCE[:-2]], "--test_dataset_name goes with --test_config_name"),
    ],
)
def test_mistakes(hub, flags, words):
    refused(lambda: read(hub, *flags), words)


@pytest.mark.parametrize(
    ("columns", "codes"),
    [
        ({"language": ["de", "German", "swh"]}, ["deu", "deu", "swh"]),
        ({"language": ["de", "German"]}, None),
        ({"language": ["python", "de"]}, None),
        ({"language": [None, "de"]}, None),
        ({"language": [1, 2]}, None),
        ({"id": ["english-1-0", "thai-1"]}, ["eng", "tha"]),
        ({"id": ["dev-1", "row-2"]}, None),
        ({"id": ["english", "thai"]}, None),
        ({"id": ["5733be28", "56be4db0"]}, None),
        ({"text": ["english-1", "thai-2"]}, None),
    ],
)
def test_how_rows_tell_their_languages(columns, codes):
    """Languages of a single one tell nothing that a configuration's name does not."""
    assert mixed_languages({"test": Dataset.from_dict(columns)}) == ({"test": codes} if codes else {})


def test_text_is_taken_in_whatever_languages():
    """As before: `--language` is for its card alone, and it may be a stream, of which nobody knows the languages."""
    loaded = DatasetDict({"train": Dataset.from_dict({"language": ["de", "sw"], "text": ["eins", "moja"]})})
    assert LanguageTests(language="de").chosen(loaded, "text") is loaded
    assert LanguageTests(language="de").chosen(loaded, "pairs")["train"]["text"][:] == ["eins"]
    assert LanguageTests().chosen(loaded, "pairs")["train"]["text"][:] == ["eins", "moja"]


def test_configurations_with_other_splits(tmp_path):
    """One that has no validation split adds nothing to it; one that has none to train on is refused beside others."""
    rows = Dataset.from_dict({"text": ["one", "two"]})
    made = {"a": {"train": rows}, "b": {"train": rows, "validation": rows}, "c": {"test": rows}}
    folder = str(write_configs(tmp_path, made))

    def texts(*configs):
        return SourceArguments(dataset_name=folder, dataset_config_name=list(configs)).load("text", {"text": "text"})

    assert {split: len(part) for split, part in texts("a", "b").items()} == {"train": 4, "validation": 2}
    assert set(texts("c")) == {"test"}
    refused(lambda: texts("b", "c"), "--dataset_config_name", "no train split")


def test_compiled_models_take_no_noise():
    flags = ["--output_dir", "o", "--use_cpu", "--torch_compile"]
    refused(lambda: parse([*flags, "--copy_augmentation", "noise"], *TYPES), "--torch_compile", "noise")
    assert parse(flags, *TYPES)[-1].torch_compile
