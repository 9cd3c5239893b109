"""Files, folders and the phrasebook, each way to fail, and the checks of columns and labels."""

import gzip
import sys
from types import SimpleNamespace

import datasets
import pytest

from xlzoo.run_scripts.corpora.sources import (
    Source,
    as_strings,
    label_names,
    load,
    phrasebook_config,
    require_columns,
    require_known_labels,
)
from xlzoo.run_scripts.errors import UserError

TAGS = ["O", "B-PER", "I-PER"]


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


def tagged(*sentences):
    """One split of (words, ClassLabel numbers) pairs."""
    features = {
        "tokens": datasets.List(datasets.Value("string")),
        "tags": datasets.List(datasets.ClassLabel(names=TAGS)),
    }
    columns = {"tokens": [words for words, _ in sentences], "tags": [numbers for _, numbers in sentences]}
    return datasets.Dataset.from_dict(columns, features=datasets.Features(features))


# Files and folders


def test_files_named_one_by_one(tmp_path):
    (tmp_path / "a.txt").write_text("moja\nmbili\n")
    (tmp_path / "b.csv").write_text("text\ntatu\n")
    dataset = load(Source(files={"validation": [str(tmp_path / "b.csv")], "train": [str(tmp_path / "a.txt")]}))
    assert list(dataset) == ["train", "validation"]
    assert {split: rows["text"][:] for split, rows in dataset.items()} == {
        "train": ["moja", "mbili"],
        "validation": ["tatu"],
    }


def test_folder_of_files_named_after_splits(folder):
    (folder / "en_ewt-ud-test.iob2").write_text("Asha\tB-PER\n")
    (folder / "dev.txt.gz").write_bytes(gzip.compress(b"lala O\n"))
    (folder / "train.conll").write_text("a O\n\nb O\n")
    (folder / "README.md").write_text("# words about train.txt\n")
    (folder / "contest.txt").write_text("no split\n")
    dataset = load(Source(name=str(folder), kind="tokens"))
    assert {split: rows["tokens"][:] for split, rows in dataset.items()} == {
        "train": [["a"], ["b"]],
        "validation": [["lala"]],
        "test": [["Asha"]],
    }


def test_two_files_for_one_split_are_refused(folder):
    (folder / "dev.txt").write_text("a\n")
    (folder / "valid.txt").write_text("b\n")
    with pytest.raises(UserError, match=r"two files for validation, dev\.txt and valid\.txt"):
        load(Source(name=str(folder)))


@pytest.mark.parametrize("saved", [tagged((["a"], [1])), datasets.DatasetDict(dev=tagged((["a"], [1])))])
def test_folder_saved_to_disk(folder, saved):
    saved.save_to_disk(folder)
    dataset = load(Source(name=str(folder)))
    assert list(dataset) == (["train"] if isinstance(saved, datasets.Dataset) else ["validation"])
    assert next(iter(dataset.values()))[0] == {"tokens": ["a"], "tags": [1]}


def test_saved_folder_that_leads_elsewhere_or_is_broken_is_refused(folder):
    tagged((["a"], [1])).save_to_disk(folder / "private")
    tagged((["b"], [0])).save_to_disk(folder / "shown")
    state = folder / "shown" / "state.json"
    arrow = next((folder / "shown").glob("*.arrow")).name
    state.write_text(state.read_text().replace(arrow, f"../private/{arrow}"))
    with pytest.raises(UserError, match="lies outside"):
        load(Source(name=str(folder / "shown")))
    state.write_text("{")
    with pytest.raises(UserError, match="cannot read the data set saved in"):
        load(Source(name=str(folder / "shown")))


def card(*configs):
    lines = [f"- config_name: {name}\n  data_files: '{files}'" for name, files in configs]
    return "---\nconfigs:\n" + "\n".join(lines) + "\n---\n"


def test_folder_in_the_layout_of_the_hub(folder):
    for name in ("swa", "hau"):
        (folder / name).mkdir()
        (folder / name / "part.jsonl").write_text(f'{{"text": "{name}"}}\n')
    (folder / "README.md").write_text(card(("swa", "swa/*"), ("hau", "hau/*")))
    assert load(Source(name=str(folder), config="hau"))["train"]["text"][:] == ["hau"]
    with pytest.raises(UserError, match=r"no configuration 'ibo': choose one of \['swa', 'hau'\]"):
        load(Source(name=str(folder), config="ibo"))
    with pytest.raises(UserError, match=r"several configurations: choose one of \['swa', 'hau'\]"):
        load(Source(name=str(folder)))


def test_metadata_that_climbs_out_is_refused(folder):
    secret = folder.parent / "secret.txt"
    secret.write_text("secret\n")
    (folder / "README.md").write_text(card(("up", "../secret.txt"), ("absolute", str(secret))))
    for config in ("up", "absolute"):
        with pytest.raises(UserError, match="lies outside"):
            load(Source(name=str(folder), config=config))


def test_folders_without_usable_data(folder):
    with pytest.raises(UserError, match=r"cannot read.*doesn't contain any data files"):
        load(Source(name=str(folder)))
    (folder / "data.py").write_text("raise SystemExit\n")
    with pytest.raises(UserError, match="loading script, which never runs"):
        load(Source(name=str(folder)))
    with pytest.raises(UserError, match="neither an existing folder nor a Hub id"):
        load(Source(name=str(folder / "missing")))


@pytest.mark.parametrize("source", [Source(), Source(name="phrasebook", files={"train": ["a.txt"]})])
def test_exactly_one_source(source):
    with pytest.raises(UserError, match="either --dataset_name or files"):
        load(source)


@pytest.mark.shared
def test_real_folder(shared_data):
    dataset = load(Source(name=str(shared_data / "ner" / "masakhaner" / "swa"), kind="tokens"))
    assert {split: len(rows) for split, rows in dataset.items()} == {"train": 6593, "validation": 942, "test": 1883}
    kinds = ["DATE", "LOC", "ORG", "PER"]
    assert label_names(dataset, "ner_tags") == ["O", *(f"{place}-{kind}" for place in "BI" for kind in kinds)]


# The phrasebook


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ("sw", "swh"),
        ("Swahili", "swh"),
        ("eng-swh", "eng-swh"),
        ("en-de", "eng-deu"),
        ("English-Swahili", "eng-swh"),
        ("eng_Latn-swa", "eng-swh"),
        ("pt-BR", "por"),
        ("zh-Hans", "cmn"),
    ],
)
def test_phrasebook_config(config, expected):
    assert phrasebook_config(config) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (Source(name="phrasebook"), ("eng", 0)),
        (Source(name="phrasebook", config="sw", language="de", seed=3), ("swh", 3)),
        (Source(name="phrasebook", language="German"), ("deu", 0)),
    ],
)
def test_phrasebook_gets_code_and_seed(monkeypatch, source, expected):
    module = SimpleNamespace(SIZES={}, load_phrasebook=lambda config, *, seed, sizes: (config, seed))
    monkeypatch.setitem(sys.modules, "xlzoo.run_scripts.corpora.phrasebook", module)
    assert load(source) == expected


def test_usual_split_names_unless_taken(monkeypatch):
    splits = ["extra", "test", "val", "dev", "train"]
    monkeypatch.setattr(
        "xlzoo.run_scripts.corpora.sources.load_repository",
        lambda name, config: datasets.DatasetDict({split: tagged(([split], [0])) for split in splits}),
    )
    dataset = load(Source(name="team/any"))
    assert [(split, rows[0]["tokens"][0]) for split, rows in dataset.items()] == [
        ("train", "train"),
        ("validation", "val"),
        ("test", "test"),
        ("extra", "extra"),
        ("dev", "dev"),
    ]


# Columns and labels


def test_missing_column_names_what_is_there():
    dataset = datasets.DatasetDict(train=tagged((["a"], [0])), test=tagged((["a"], [0])).remove_columns("tags"))
    require_columns(dataset, ["tokens"], Source(name="team/any"))
    with pytest.raises(
        UserError, match=r"team/any swa has no column tags in its test split, only tokens: .*--label_column"
    ):
        require_columns(dataset, ["tokens", "tags"], Source(name="team/any", config="swa"))


def test_label_names():
    words = datasets.DatasetDict(train=datasets.Dataset.from_dict({"tags": [["I-X", "B-X"], ["O", "A"]]}))
    assert label_names(words, "tags") == ["O", "A", "B-X", "I-X"]
    assert label_names(datasets.DatasetDict(train=tagged((["a"], [1]))), "tags") == TAGS
    whole = datasets.DatasetDict(train=datasets.Dataset.from_dict({"label": ["yes", "no", "yes"]}))
    assert label_names(whole, "label") == ["no", "yes"]
    with pytest.raises(UserError, match="found only test"):
        label_names(datasets.DatasetDict(test=tagged((["a"], [1]))), "tags")
    with pytest.raises(UserError, match=r"tags holds \[0, 1\]"):
        label_names(datasets.DatasetDict(train=datasets.Dataset.from_dict({"tags": [[0, 1]]})), "tags")


def test_as_strings():
    label = datasets.Features({"label": datasets.ClassLabel(names=["no", "yes"])})
    dataset = datasets.DatasetDict(train=tagged((["a", "b"], [1, 2]), ([], [])))
    assert as_strings(dataset, "tags")["train"].to_list() == [
        {"tokens": ["a", "b"], "tags": ["B-PER", "I-PER"]},
        {"tokens": [], "tags": []},
    ]
    whole = datasets.DatasetDict(test=datasets.Dataset.from_dict({"label": [1, 0]}, features=label))
    assert as_strings(whole, "label")["test"]["label"][:] == ["yes", "no"]
    assert as_strings(as_strings(dataset, "tags"), "tags")["train"]["tags"][0] == ["B-PER", "I-PER"]
    hidden = datasets.DatasetDict(test=datasets.Dataset.from_dict({"label": [-1]}, features=label))
    with pytest.raises(UserError, match="label has"):
        as_strings(hidden, "label")


def test_labels_unseen_in_training():
    dataset = datasets.DatasetDict(train=tagged((["a"], [1])), test=tagged((["a"], [0]), (["Juma", "lala"], [1, 2])))
    require_known_labels(dataset, "tags", TAGS)
    with pytest.raises(
        UserError, match=r"the test split holds I-PER, unseen .* row 1 \('Juma lala'\): expected O, B-PER"
    ):
        require_known_labels(dataset, "tags", TAGS[:2])
    require_known_labels(as_strings(dataset, "tags"), "tags", TAGS)
