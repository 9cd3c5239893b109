"""Reference tasks from the command line: what is written, from what, and what is refused."""

import json

import pytest
from tiny_runs import refused

from xlzoo.run_scripts import build_reference_task, run_clm
from xlzoo.run_scripts.corpora.phrasebook import load_phrasebook
from xlzoo.run_scripts.data_arguments import SourceArguments
from xlzoo.run_scripts.reference_arguments import newest_config
from xlzoo.run_scripts.stages import reference_task

SMALL = ["--dataset_name", "phrasebook", "--max_train_samples", "200", "--max_eval_samples", "40", "--rows", "20"]
PIECES = [*SMALL, "--eval_rows", "4", "--prompt_units", "20", "--completion_units", "1"]


def build(folder, *flags):
    return build_reference_task.main(["--output_dir", str(folder), *map(str, flags)])


def written(folder, name):
    return json.loads((folder / name).read_text(encoding="utf-8"))


def test_the_phrasebook_gives_pieces_in_the_published_template(tmp_path):
    found = build(tmp_path / "run", *PIECES, "--dataset_config_name", "deu")
    assert found == {"validation": 4, "train": 20, "test": 4}
    rows = written(tmp_path / "run", "train.json")
    assert len(rows) == 20 and all(row.keys() == {"prompt", "completion"} for row in rows)
    text = " ".join(load_phrasebook("deu", sizes={"train": 200})["train"]["text"]).split()
    assert [word for row in rows for part in row.values() for word in part.split()] == text[:420]
    assert all(len(row["prompt"].split()) == 20 and len(row["completion"].split()) == 1 for row in rows)


def test_run_clm_reads_what_was_built(tmp_path, base):
    build(tmp_path / "rows", *PIECES, "--output_format", "jsonl", "--completion_units", 3)
    splits = SourceArguments(dataset_name=str(tmp_path / "rows")).load("text", {"prompt": "prompt"})
    assert {split: len(rows) for split, rows in splits.items()} == {"train": 20, "validation": 4, "test": 4}
    sizes = "n_embd=16,n_layer=1,n_head=2,n_positions=128"
    flags = ["--model_type", "gpt2", "--config_overrides", sizes, "--tokenizer_name", str(base)]
    flags += [
        "--dataset_name",
        str(tmp_path / "rows"),
        "--completion_separator",
        " ",
        "--do_train",
        "--max_steps",
        "1",
    ]
    results = run_clm.main([*flags, "--do_train", "--report_to", "none", "--output_dir", str(tmp_path / "run")])
    assert results["train_loss"] > 0


def test_last_words_of_shuffled_documents(tmp_path):
    flags = [*SMALL, "--eval_rows", "0", "--whole_documents", "--completion_units", 2]
    build(tmp_path / "order", *flags)
    build(tmp_path / "one", *flags, "--seed", 1)
    build(tmp_path / "again", *flags, "--seed", 1)
    build(tmp_path / "two", *flags, "--seed", 2)
    order, one, again, two = (written(tmp_path / name, "train.json") for name in ("order", "one", "again", "two"))
    assert one == again and one != two and one != order
    texts = load_phrasebook("eng", sizes={"train": 200})["train"]["text"]
    assert [f"{row['prompt']} {row['completion']}" for row in order] == [
        text for text in texts if len(text.split()) > 2
    ][:20]
    assert {" ".join(row.values()) for row in one} <= set(texts)
    assert not (tmp_path / "order/validation.json").exists()


def test_files_of_any_kind_and_documents_that_are_set_aside(tmp_path):
    """Without a validation split its rows come first, and no document gives rows to both."""
    texts = [f"{name} one two three" for name in ("a", "b", "c", "d")]
    (tmp_path / "t.txt").write_text("\n".join(texts) + "\n")
    (tmp_path / "t.csv").write_text("body\n" + "\n".join(texts) + "\n")
    flags = ["--rows", 5, "--eval_rows", 1, "--prompt_units", 1, "--completion_units", 1]
    assert build(tmp_path / "txt", *flags, "--train_file", tmp_path / "t.txt") == {"validation": 1, "train": 5}
    build(tmp_path / "csv", *flags, "--train_file", tmp_path / "t.csv", "--text_column_name", "body")
    for name in ("txt", "csv"):
        assert written(tmp_path / name, "validation.json") == [{"prompt": "a", "completion": "one"}]
        assert written(tmp_path / name, "train.json")[:3] == [
            {"prompt": "b", "completion": "one"},
            {"prompt": "two", "completion": "three"},
            {"prompt": "c", "completion": "one"},
        ]


def test_tokens_of_a_tokenizer(tmp_path, base):
    build(tmp_path / "run", *PIECES, "--unit", "tokens", "--tokenizer_name", base)
    text = " ".join(load_phrasebook("eng", sizes={"train": 200})["train"]["text"])
    joined = [row["prompt"] + row["completion"] for row in written(tmp_path / "run", "train.json")]
    assert all(piece in text for piece in joined) and len(joined) == 20


def test_what_is_there_is_kept_unless_the_settings_differ(tmp_path, monkeypatch):
    found = build(tmp_path / "run", *PIECES)
    with monkeypatch.context() as patched:
        patched.setattr(reference_task, "_write", lambda *_: pytest.fail("the rows were there"))
        assert build(tmp_path / "run", *PIECES) == found
    refused(lambda: build(tmp_path / "run", *PIECES, "--seed", 3), "seed was None, now 3", "--overwrite")
    build(tmp_path / "run", *SMALL, "--overwrite", "--eval_rows", 0, "--output_format", "jsonl", "--prompt_units", 9)
    left = {path.name for path in (tmp_path / "run").iterdir()}
    assert left == {"train.jsonl", "reference_task.json"}


def test_a_build_that_died_begins_anew(tmp_path, monkeypatch):
    def die(path, rows):
        path.write_text("[\n")
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(reference_task, "_write", die)
        build(tmp_path / "run", *PIECES)
    build(tmp_path / "run", *PIECES)
    build(tmp_path / "whole", *PIECES)
    for path in (tmp_path / "whole").iterdir():
        assert path.read_bytes() == (tmp_path / "run" / path.name).read_bytes()


def test_the_published_recipe(tmp_path):
    """Its shape, from the phrasebook in place of Wikipedia."""
    found = build_reference_task.main(
        ["recipes/reference_task_seed.yaml", *SMALL[:2], "--eval_rows", "1", "--output_dir", str(tmp_path / "run")]
    )
    assert found["train"] > 20 and found["test"] == 1
    (row,) = written(tmp_path / "run", "validation.json")
    assert len(row["prompt"].split()) == 511 and len(row["completion"].split()) == 1


def test_the_newest_dump_of_a_language():
    names = ["20220301.sw", "20231101.sw", "20231101.de", "20231101.be-x-old", "20231101.simple"]
    assert newest_config(names, "Swahili", "wikipedia") == "20231101.sw"
    refused(lambda: newest_config(names, "fr", "wikipedia"), "no configuration for fr", "20231101.de")


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--prompt_units", 0], "--prompt_units"),
        (["--unit", "tokens"], "--tokenizer_name"),
        (["--tokenizer_name", "x"], "--unit tokens"),
        (["--language", "Klingonish"], "Klingonish"),
        (["--prompt_units", 100_000], "0 validation"),
        (["--text_column_name", "nowhere"], "nowhere"),
        (["--dataset_config_name", "eng-swh"], "no column text"),
    ],
)
def test_mistakes_end_in_one_sentence(tmp_path, flags, words):
    refused(lambda: build(tmp_path / "out", *PIECES, *flags), words)


def test_other_peoples_folders_are_left_alone(tmp_path):
    (tmp_path / "train.json").write_text("[]")
    refused(lambda: build(tmp_path, *PIECES, "--overwrite"), "holds other files")
    refused(lambda: build(tmp_path / "train.json", *PIECES), "is a file")
    refused(lambda: build_reference_task.main(PIECES), "--output_dir")
