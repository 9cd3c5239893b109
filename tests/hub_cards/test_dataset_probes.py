"""The copy of a dataset must hold the same rows, as `load_dataset` reads them."""

import pytest
from datasets import ClassLabel, Dataset, DatasetDict, Features, List, Value
from probe_tools import refused

from xlzoo.hub_cards import PublishError, probes
from xlzoo.hub_cards.comparing import require_same

FEATURES = Features({"tokens": List(Value("string")), "ner_tags": List(ClassLabel(names=["O", "B-LOC"]))})
ROWS = [
    {"tokens": ["Asha", "yuko", "Nairobi"], "ner_tags": [0, 0, 1]},
    {"tokens": [], "ner_tags": []},
    {"tokens": ["çok"], "ner_tags": [0]},
]


def tagged(rows=ROWS, features=FEATURES, split="train"):
    return DatasetDict({split: Dataset.from_list(rows, features=features)})


def write_parquet(dataset, folder):
    folder.mkdir()
    for split, rows in dataset.items():
        rows.to_parquet(folder / f"{split}-00000-of-00001.parquet")
    return folder


def test_dataset_passes_in_a_fresh_process_and_a_changed_row_does_not(tmp_path):
    dataset = tagged()
    dataset["test"] = Dataset.from_list(ROWS[:1], features=FEATURES)
    probe = probes.record_dataset(dataset, tmp_path / "probe")
    probes.check_probe(probe, write_parquet(dataset, tmp_path / "copy"), tmp_path)
    changed = [{**ROWS[0], "tokens": ["Asha", "yuko", "Mombasa"]}, *ROWS[1:]]
    dataset["train"] = Dataset.from_list(changed, features=FEATURES)
    message = refused(probe, write_parquet(dataset, tmp_path / "changed"), tmp_path)
    assert message.endswith("the rows of the split 'train' hold something else.")


def test_secret_in_compressed_rows_is_found_in_the_fresh_process(tmp_path):
    secret = "hf_" + "aB3" * 12
    dataset = DatasetDict(train=Dataset.from_list([{"text": "a word"}, {"text": f"token={secret}"}]))
    probe = probes.record_dataset(dataset, tmp_path / "probe")
    message = refused(probe, write_parquet(dataset, tmp_path / "copy"), tmp_path)
    assert "row 1 of the split 'train' holds what looks like an access token" in message and secret not in message


OTHER = Features({**FEATURES, "ner_tags": List(ClassLabel(names=["B-LOC", "O"]))})
NUMBERS = Features({**FEATURES, "ner_tags": List(Value("int64"))})
DATASETS = {
    "order": (tagged([ROWS[1], ROWS[0], ROWS[2]]), "the rows of the split 'train' hold something else"),
    "label": (tagged([{**ROWS[0], "ner_tags": [1, 0, 1]}, *ROWS[1:]]), "the rows of the split 'train' hold"),
    "row": (tagged(ROWS[:2]), "the rows of the split 'train' are 2 and not 3"),
    "split": (tagged(split="test"), "its splits are test and not train"),
    "column": (
        tagged().rename_column("ner_tags", "tags"),
        "the columns of the split 'train' are ['tags', 'tokens'] and not ['ner_tags', 'tokens']",
    ),
    "classes": (tagged(features=OTHER), "the classes of the split 'train' are {'ner_tags': ['B-LOC', 'O']} and not"),
    "no classes": (tagged(features=NUMBERS), "the classes of the split 'train' are {} and not"),
}


@pytest.mark.parametrize("other, words", DATASETS.values(), ids=DATASETS)
def test_changed_dataset_is_refused(tmp_path, other, words):
    original, copy = probes.record_dataset(tagged(), tmp_path / "a"), probes.record_dataset(other, tmp_path / "b")
    with pytest.raises(PublishError) as error:
        require_same(original.answer, copy.answer)
    assert words in str(error.value)


def test_dataset_without_splits_is_a_train_split(tmp_path):
    one, other = (
        probes.record_dataset(tagged()["train"], tmp_path / "a"),
        probes.record_dataset(tagged(), tmp_path / "b"),
    )
    require_same(one.answer, other.answer)
