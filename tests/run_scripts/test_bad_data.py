"""Whatever is wrong with the data or the output folder ends in one sentence, before any training starts."""

import pytest
from tiny_runs import refused

PHRASES = ["--dataset_name", "phrasebook"]
pytestmark = pytest.mark.usefixtures("nothing_starts")


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("t.txt", "", ["t.txt", "holds no"]),
        ("t.jsonl", "", ["t.jsonl", "empty"]),
        ("t.jsonl", '{"sentence": "a"}\n', ["no column text", "sentence", "--text_column_name"]),
        ("t.jsonl", '{"text": 3}\n', ["text", "[3]", "strings"]),
        ("t.jsonl", '{"text": "a"}\n{"text": null}\n', ["text", "row 1"]),
        ("t.jsonl", '{"text": "a"}\n{"te', ["t.jsonl"]),
        ("t.doc", "words", ["t.doc", "format"]),
        ("t.jsonl", '{"text": " "}\n', ["no tokens"]),
    ],
)
def test_bad_text(base, mlm, tmp_path, name, text, words):
    (tmp_path / name).write_text(text)
    refused(lambda: mlm("--train_file", tmp_path / name, "--model_name_or_path", base), *words)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("t.txt", "", ["t.txt", "holds no"]),
        ("t.jsonl", '{"tokens": ["a"], "tags": ["O"]}\n', ["no column ner_tags", "--label_column_name"]),
        ("t.jsonl", '{"tokens": ["a", "b"], "ner_tags": ["O"]}\n', ["Row 0", "2 words", "1 labels"]),
        ("t.jsonl", '{"tokens": "a", "ner_tags": "O"}\n', ["tokens", "lists"]),
        ("t.jsonl", '{"tokens": [1], "ner_tags": ["O"]}\n', ["tokens", "strings"]),
        ("t.jsonl", '{"tokens": ["a", null], "ner_tags": ["O", "O"]}\n', ["Row 0", "lacks"]),
        ("t.jsonl", '{"tokens": ["a"], "ner_tags": [3]}\n', ["ner_tags", "[3]", "names"]),
        ("t.jsonl", '{"tokens": [], "ner_tags": []}\n', ["train"]),
        ("t.conll", "a B-PER\nb wrong\n", ["t.conll", "line 2", "wrong"]),
        ("t.conll", "a B-PER\nb\n", ["t.conll", "line 2"]),
    ],
)
def test_bad_tagged_words(ner, tmp_path, name, text, words):
    (tmp_path / name).write_text(text)
    refused(lambda: ner("--train_file", tmp_path / name), *words)


def test_labels_unseen_in_training(ner, task_run, languages, tmp_path):
    (tmp_path / "train.conll").write_text("a B-PER\nb O\n")
    (tmp_path / "dev.conll").write_text("a O\n\nc B-DATE\n")
    files = ["--train_file", tmp_path / "train.conll", "--validation_file", tmp_path / "dev.conll"]
    refused(lambda: ner(*files), "B-DATE", "validation", "row 1")
    test = [
        "--do_predict",
        "--test_file",
        tmp_path / "dev.conll",
        "--load_adapter",
        languages["eng"],
        task_run / "ner",
    ]
    refused(lambda: ner(*test), "B-DATE", "test")


def test_missing_data(base, mlm, ner, tmp_path):
    refused(lambda: ner(), "--dataset_name", "--train_file")
    refused(lambda: ner("--train_file", tmp_path / "none.conll"), "none.conll")
    refused(lambda: ner("--dataset_name", "nobody/nothing"), "nobody/nothing")
    refused(lambda: ner("--dataset_name", "phrasebook", "--dataset_config_name", "klingonish"), "klingonish")
    refused(lambda: ner("--dataset_name", "phrasebook", "--dataset_config_name", "hau"), "hau", "swh")
    (tmp_path / "t.conll").write_text("a B-PER\n")
    refused(lambda: ner("--train_file", tmp_path / "t.conll", "--do_eval"), "--do_eval", "--validation_file")
    refused(lambda: ner("--train_file", tmp_path / "t.conll", "--do_predict"), "--do_predict", "--test_file")
    refused(lambda: ner("--test_file", tmp_path / "t.conll"), "--train_file")
    mlm_call = lambda *flags: mlm("--model_name_or_path", base, *flags)  # noqa: E731
    refused(lambda: mlm_call("--validation_file", tmp_path / "t.conll", "--do_train"), "--do_train", "--train_file")


def test_data_that_climbs_out_of_its_folder(ner, tmp_path):
    (tmp_path / "secret.jsonl").write_text('{"tokens": ["a"], "ner_tags": ["O"]}\n')
    data = tmp_path / "data"
    data.mkdir()
    (data / "README.md").write_text("---\nconfigs:\n- config_name: default\n  data_files: ../secret.jsonl\n---\n")
    refused(lambda: ner("--dataset_name", data), "secret.jsonl", "outside")


def test_output_that_cannot_be_written(ner, mlm, base, tmp_path):
    (tmp_path / "file").touch()
    refused(lambda: ner(*PHRASES, "--output_dir", tmp_path / "file"), "is a file")
    refused(
        lambda: mlm(*PHRASES, "--model_name_or_path", base, "--output_dir", tmp_path / "file/x"), "cannot be written"
    )
