"""Labelled sentence pairs: rows of every source, and the pieces of a pair."""

import pytest
from datasets import ClassLabel, Dataset, DatasetDict, Features, Value
from tiny_runs import refused
from transformers import AutoTokenizer

from xlzoo.run_scripts.corpora.phrasebook import load_phrasebook
from xlzoo.run_scripts.corpora.text_pairs import as_text_pairs
from xlzoo.run_scripts.pair_arguments import PairArguments
from xlzoo.run_scripts.tasks.text_pairs import PAIR_TASKS, label_accuracy

XNLI, PAWSX = PAIR_TASKS["xnli"], PAIR_TASKS["pawsx"]
FILES = {
    "train.tsv": 'language\tlabel\tpremise\thypothesis\nen\tcontradictory\tHe said "no.\tHe agreed.\n',
    "train.csv": 'label,premise,hypothesis\n2,"He said ""no.",He agreed.\n',
    "train.jsonl": '{"label": "contradiction", "sentence1": "He said \\"no.", "sentence2": "He agreed."}\n',
}


@pytest.mark.parametrize("name", FILES)
def test_files_of_every_kind_give_the_same_rows(tmp_path, name):
    (tmp_path / name).write_text(FILES[name])
    rows = PairArguments(train_file=[str(tmp_path / name)]).pairs(XNLI)["train"]
    assert list(rows) == [{"first": 'He said "no.', "second": "He agreed.", "label": "contradiction"}]


def test_numbers_of_class_labels(tmp_path):
    """PAWS-X of the Hub names its labels "0" and "1"."""
    features = Features({"sentence1": Value("string"), "sentence2": Value("string"), "label": ClassLabel(2)})
    rows = Dataset.from_dict({"sentence1": ["a", "b"], "sentence2": ["a", "c"], "label": [1, 0]}, features=features)
    DatasetDict({"train": rows}).save_to_disk(tmp_path / "pawsx")
    made = PairArguments(dataset_name=str(tmp_path / "pawsx")).pairs(PAWSX)["train"]
    assert made["label"][:] == ["paraphrase", "different"]


def test_the_phrasebook_has_the_pairs_of_every_language():
    names = {"dataset_config_name": ["en"], "test_config_name": ["sw", "deu"]}
    arguments = PairArguments(dataset_name="phrasebook", **names, max_train_samples=3, max_eval_samples=3)
    tests = arguments.tests(lambda given: given.pairs(XNLI), arguments.pairs(XNLI))
    assert list(tests) == ["eng", "swh", "deu"]
    expected = load_phrasebook("swh", sizes={"test": 3})["test"]
    assert tests["swh"]["first"][:] == expected["premise"][:]
    names = expected.features["label"].names
    assert tests["swh"]["label"][:] == tests["deu"]["label"][:] == [names[i] for i in expected["label"]]


def test_pieces_of_a_pair(base):
    """XLM-R joins two texts with two separators; of a long pair the longer one is cut."""
    tokenizer = AutoTokenizer.from_pretrained(base)
    rows = Dataset.from_dict({"first": ["The farmer sleeps."], "second": ["He"], "label": ["neutral"]})
    (row,) = as_text_pairs(rows, tokenizer, XNLI.labels, 40)
    first, second = (tokenizer(text, add_special_tokens=False)["input_ids"] for text in ("The farmer sleeps.", "He"))
    begin, end = tokenizer.cls_token_id, tokenizer.sep_token_id
    assert row == {"input_ids": [begin, *first, end, end, *second, end], "labels": 1}
    (short,) = as_text_pairs(rows, tokenizer, XNLI.labels, len(first) + len(second) + 2)
    assert short["input_ids"] == [begin, *first[:-2], end, end, *second, end]


def test_questions_and_answers():
    """By hand; a sentence that looks like the template's own place stays as it is."""
    row = PAWSX.ask("Is it {second}?", "{first}", "paraphrase")
    prompt = "Sentence 1: Is it {second}?\nSentence 2: {first}\nParaphrase: "
    assert row == {"prompt": prompt, "completion": "yes"}
    assert XNLI.ask("a", "b", "neutral")["completion"] == "neutral"


def test_accuracy_by_hand():
    assert label_accuracy([0, 1, 2, 2], [0, 2, 2, 2]) == {"accuracy": 0.75} and label_accuracy([], []) == {
        "accuracy": 0
    }


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("label,premise,hypothesis\n3,a,b\n", "'3' is no label of xnli"),
        ("label,premise,hypothesis\n0,a,b\nmaybe,a,b\n", "Row 1 of the train split: 'maybe'"),
        ("label,premise,hypothesis\n0,a,\n", "second of the train split"),
        ("label,premise,text\n0,a,b\n", "sentence1"),
    ],
)
def test_bad_rows_are_named(tmp_path, text, words):
    (tmp_path / "train.csv").write_text(text)
    refused(lambda: PairArguments(train_file=[str(tmp_path / "train.csv")]).pairs(XNLI), words)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ({"test_config_name": ["sw"]}, "--dataset_name"),
        ({"test_language_file": ["test.tsv"]}, "sw=test.sw.tsv"),
        ({"test_language_file": ["Klingonish=test.tsv"]}, "Klingonish"),
    ],
)
def test_bad_flags(flags, words):
    refused(lambda: PairArguments(**flags), words)
