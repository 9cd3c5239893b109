"""What `check_folder` refuses, one hand-made change to an honest folder at a time."""

import json
import math
import os
import socket

import pytest
from honest_folders import CODE, CONFIG, FILES, PARQUET, WEIGHTS, write

from xlzoo.hub_cards import Facts, Figure, Metric, PublishError
from xlzoo.hub_cards.checks import check_facts, check_folder, files_of, is_hub_id, read_json

KINDS = tuple(FILES)
# Put together here, so that nothing in this file is taken for the real thing.
SECRETS = {
    "hf_": "hf_" + "aB3" * 12,
    "api_org_": "api_org_" + "aB3" * 12,
    "sk-": "sk-" + "proj-aB3" * 5,
    **{f"gh{kind}_": f"gh{kind}_" + "aB3" * 12 for kind in "opusr"},
    "github_pat_": "github_pat_" + "aB3" * 12,
    "glpat-": "glpat-" + "aB3" * 7,
    **{prefix: prefix + "AB3D" * 4 for prefix in ("AKIA", "ASIA")},
    "AIza": "AIza" + "aB3dE" * 7,
    **{f"xox{kind}-": f"xox{kind}-" + "123456789012-aB3" for kind in "abprs"},
    "eyJ": "eyJ" + "aB3dE" * 3 + ".eyJ" + "aB3dE" * 3 + ".x",
    "-----BEGIN RSA PRIVATE KEY": "-----BEGIN RSA " + "PRIVATE KEY-----\nMIIEow",
    "://ann:": "https://ann:" + "s3cret@example.org/x",
}


def metric(dataset="phrasebook", value=0.5):
    return Metric("token-classification", dataset, "test", "sw", "f1", value)


def refused(folder, kind):
    with pytest.raises(PublishError) as error:
        check_folder(folder, kind)
    message = str(error.value)
    assert "\n" not in message and len(message) < 400
    return message


@pytest.mark.parametrize("kind", KINDS)
def test_honest_folder_passes(tmp_path, kind):
    check_folder(write(tmp_path, FILES[kind]), kind)


# The kind, the file that is added or replaced, what it holds, and words of the sentence.
CHANGES = {
    "pickle": ("model", "training_args.bin", "x", "training_args.bin may hold a pickle"),
    "pickled rows": ("dataset", "data/rows.PKL", "x", "data/rows.PKL may hold a pickle, which runs code when it is"),
    "pickle as vocabulary": ("model", "spiece.model", b"\x80\x04K\x01.", "spiece.model is no vocabulary"),
    "zip as vocabulary": ("peft", "spiece.model", b"PK\x03\x04", "spiece.model is no vocabulary"),
    "pickle as parquet": ("dataset", "train.parquet", b"\x80\x04K\x01.", "train.parquet does not hold what its name"),
    "cut parquet": ("dataset", "train.parquet", PARQUET[:-1], "train.parquet is cut short"),
    "tiny parquet": ("dataset", "train.parquet", b"PAR1PAR1", "train.parquet is cut short"),
    "page as picture": ("model", "curve.png", "<html>", "curve.png does not hold what its name says"),
    "log": ("model", "run.log", "x", "run.log is of a kind that is not published: only .jinja, .json, .md, "),
    "code of an adapter": ("adapter", "modeling.py", "", "modeling.py is of a kind that is not published"),
    "code of a PEFT adapter": ("peft", "modeling.py", "", "files are, as what is published is a peft"),
    "loading script": ("dataset", "news.py", "", "news.py is of a kind that is not published"),
    "weights in a dataset": ("dataset", "model.safetensors", WEIGHTS, "model.safetensors is of a kind"),
    "rows in a model": ("model", "train.jsonl", "{}", "train.jsonl is of a kind"),
    "arrow": ("dataset", "data-00000-of-00001.arrow", "x", ".arrow is of a kind that is not published"),
    "hidden": ("model", ".env", "x", ".env has a name that is not published: it is hidden"),
    "hidden folder": ("dataset", ".cache/rows.csv", "x", ".cache/rows.csv has a name that is not published"),
    "backslash": ("model", "a\\b.json", "{}", "has a name that is not published"),
    "newline": ("model", "a\nb.json", "{}", r"'a\nb.json' has a name that is not published"),
    "absolute path": ("model", "a.json", '{"dir": "/data/runs"}', "a.json holds an absolute path, '/data/runs'"),
    "path of a dataset": ("dataset", "dataset_infos.json", '{"p": "/data/x"}', "dataset_infos.json holds an absolute"),
    "home": ("peft", "README.md", "see /home/ann", "README.md holds a path in a home directory, '/home/ann'"),
    "home of a model": ("model", "a.yaml", "dir: ~/runs", "a.yaml holds a path in a home directory, '~/runs'"),
    "e-mail": ("adapter", "README.md", "ann.b@example.org", "README.md holds an e-mail address, 'ann.b@example.org'"),
    "e-mail in code": ("model", "layers.py", "# ann@example.org\n", "layers.py holds an e-mail address"),
    "latin-1": ("model", "vocab.txt", b"caf\xe9", "vocab.txt is not UTF-8 text"),
    "latin-1 rows": ("dataset", "train.csv", b"caf\xe9", "train.csv is not UTF-8 text"),
    "latin-1 code": ("model", "layers.py", b"# caf\xe9", "layers.py is not UTF-8 text"),
    "no rows": ("dataset", "train.csv", "", "train.csv is empty"),
    "no JSON": ("model", "generation_config.json", "{", "generation_config.json is not valid JSON"),
    "NaN": ("model", "config.json", '{"a": NaN}', "config.json is not valid JSON"),
    "deep JSON": ("model", "a.json", "[" * 10**5, "a.json is not valid JSON"),
    "long number": ("model", "a.json", "1" * 5000, "a.json is not valid JSON"),
    "list as config": ("model", "config.json", "[]", "config.json holds a JSON list where an object was expected"),
    "index without map": ("model", "x.safetensors.index.json", "{}", "x.safetensors.index.json has no weight_map"),
    "AdapterHub as PEFT": ("peft", "adapter_config.json", '{"name": "en"}', "is in AdapterHub's format"),
    "PEFT as AdapterHub": ("adapter", "adapter_config.json", '{"peft_type": "LORA"}', "is in PEFT's format"),
}


@pytest.mark.parametrize("kind, name, content, words", CHANGES.values(), ids=CHANGES)
def test_changed_file_is_refused(tmp_path, kind, name, content, words):
    assert words in refused(write(tmp_path, {**FILES[kind], name: content}), kind)


@pytest.mark.parametrize(
    "kind, name, words",
    [
        ("model", "config.json", "The folder holds no config.json, without which a model cannot be loaded"),
        ("model", "model.safetensors", "The folder holds no model.safetensors"),
        ("model", "layers.py", "modeling_toy.py imports from .layers, but no file layers.py lies beside it"),
        (
            "model",
            "modeling_toy.py",
            "config.json names 'modeling_toy.ToyModel' in its auto_map, but the folder holds",
        ),
        ("adapter", "adapter_config.json", "The folder holds no adapter_config.json, without which an adapter"),
        ("adapter", "adapter.safetensors", "The folder holds no adapter.safetensors"),
        ("adapter", "head_config.json", "The folder holds no head_config.json"),
        ("adapter", "model_head.safetensors", "The folder holds no model_head.safetensors"),
        ("peft", "adapter_config.json", "The folder holds no adapter_config.json, without which a PEFT adapter"),
        ("peft", "adapter_model.safetensors", "The folder holds no adapter_model.safetensors"),
    ],
)
def test_missing_file_is_named(tmp_path, kind, name, words):
    write(tmp_path, FILES[kind])
    (tmp_path / name).unlink()
    assert words in refused(tmp_path, kind)


def test_dataset_needs_rows(tmp_path):
    write(tmp_path, {"README.md": "# Rows", "dataset_info.json": "{}"})
    assert "The folder holds no data" in refused(tmp_path, "dataset")


@pytest.mark.parametrize("prefix, secret", SECRETS.items(), ids=SECRETS)
def test_secret_is_found_everywhere_and_not_shown(tmp_path, prefix, secret):
    """In prose, in code, in a vocabulary, in the rows of a dataset, and across the chunks that these are read in."""
    edge = (1 << 20) - 12
    places = [("model", "a.md"), ("model", "layers.py"), ("model", "vocab.txt"), ("dataset", "test.jsonl")]
    for number, (kind, name) in enumerate(places):
        filler = "x " * (edge // 2) if name in ("vocab.txt", "test.jsonl") else "a = '"
        folder = write(tmp_path / str(number), {**FILES[kind], name: f"{filler}{secret}'"})
        message = refused(folder, kind)
        assert message.startswith(f"{name} holds ") and prefix in message
        assert secret[len(prefix) + 2 :] not in message


def test_harmless_text_passes(tmp_path):
    text = (
        "See https://huggingface.co/org/toy/tree/main or and/or km/h, </details>, `hf_hub_download`, 1/2/3; a.b@c.\n"
        "@torch.no_grad() x = q@k.transpose(-2, -1) @ b.T; /think; [/INST] and <|im_end|>; @misc{key, year={2020}}\n"
        "task-oriented-sequence-classification, sk-learn-is-spelled-sklearn, risk-averse-2024-strategies, ghp_short\n"
    )
    check_folder(write(tmp_path, {**FILES["model"], "notes.md": text, "a.json": json.dumps({"t": text})}), "model")


def test_a_long_line_takes_no_longer_than_its_length(tmp_path):
    """Patterns that begin anew at every letter would need minutes for these."""
    texts = {
        f"{n}.txt": unit * (3 * 10**6 // len(unit))
        for n, unit in enumerate(("a", "a.", "a/", "a@", "~/ ", "eyJ", "sk-", "@a."))
    }
    check_folder(write(tmp_path, {**FILES["model"], **texts}), "model")


def test_large_files_are_refused_by_their_size_alone(tmp_path):
    """The files are sparse: they have a size, and nothing is read of them."""
    write(tmp_path, {**FILES["model"], "notes.md": "", "model.safetensors": ""})
    os.truncate(tmp_path / "notes.md", 51 * 10**6)
    assert "notes.md has 51 MB" in refused(tmp_path, "model")
    os.truncate(tmp_path / "notes.md", 10)
    os.truncate(tmp_path / "model.safetensors", 51 * 10**9)
    assert "model.safetensors has 51.0 GB" in refused(tmp_path, "model")


def test_vocabularies_and_rows_may_be_large(tmp_path):
    large = "a task-force\n" * (4 * 10**6)
    check_folder(write(tmp_path / "model", {**FILES["model"], "vocab.txt": large}), "model")
    check_folder(write(tmp_path / "rows", {**FILES["dataset"], "train.txt": large}), "dataset")


def test_what_is_no_file_is_refused_without_waiting_for_it(tmp_path):
    write(tmp_path, FILES["model"])
    os.mkfifo(tmp_path / "pipe.json")
    assert "pipe.json is neither a file nor a folder" in refused(tmp_path, "model")
    (tmp_path / "pipe.json").unlink()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(tmp_path / "socket.json"))
        assert "socket.json is neither a file nor a folder" in refused(tmp_path, "model")


@pytest.mark.parametrize("target", ["../secret.json", "..", "missing.json", "link.json", "/etc/passwd", "sub"])
def test_link_that_leads_astray_is_refused(tmp_path, target):
    folder = write(tmp_path / "model", {**FILES["model"], "sub/a.json": "{}"})
    (tmp_path / "secret.json").write_text("{}")
    (folder / "link.json").symlink_to(target)
    assert "link.json is a link that does not lead to a file inside the folder" in refused(folder, "model")


def test_link_to_a_file_of_the_folder_is_a_file(tmp_path):
    write(tmp_path, FILES["model"])
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/same.safetensors").symlink_to("../model.safetensors")
    check_folder(tmp_path, "model")
    assert [str(file) for file in files_of(tmp_path)][-3:] == [
        "spiece.model",
        "sub/same.safetensors",
        "tokenizer.json",
    ]


@pytest.mark.parametrize(
    "config, code, words",
    [
        (
            {"AutoModel": "other.ToyModel"},
            CODE,
            "names 'other.ToyModel' in its auto_map, but the folder holds no file",
        ),
        ({"AutoModel": "../layers.Layer"}, CODE, "the folder holds no file ../layers.py"),
        ({"AutoModel": "org/x--modeling_toy.ToyModel"}, CODE, "the folder holds no file org/x--modeling_toy.py"),
        ({"AutoModel": "modeling_toy.Other"}, CODE, "modeling_toy.py holds no class Other"),
        ({"AutoTokenizer": [None, "tok.Fast"]}, CODE, "names 'tok.Fast' in its auto_map"),
        ({"AutoModel": "layers.Layer"}, CODE, "says that the model is a ToyModel, but no Auto class"),
        (None, "from .missing import x\n", "modeling_toy.py imports from .missing"),
        (None, '"""Like\n\n    from .missing import x\n"""\n', "modeling_toy.py imports from .missing"),
        (None, "from . import missing\n", "modeling_toy.py imports from .missing"),
        (None, "from ..layers import Layer\n", "modeling_toy.py imports from ..layers"),
        (None, "from .sub.deep import x\n", "modeling_toy.py imports from .sub.deep"),
        (None, "def f(:\n", "modeling_toy.py is not valid Python"),
        (None, "\0", "modeling_toy.py is not valid Python"),
        (None, "x = " + "(" * 10**4, "modeling_toy.py is not valid Python"),
    ],
)
def test_incomplete_code_is_refused(tmp_path, config, code, words):
    changed = {**CONFIG, "auto_map": config} if config else {"model_type": "toy"}
    files = {**FILES["model"], "config.json": json.dumps(changed), "modeling_toy.py": code}
    assert words in refused(write(tmp_path, files), "model")


def test_code_is_followed_from_file_to_file(tmp_path):
    files = {
        **FILES["model"],
        "layers.py": "from .parts import Part as Layer\n",
        "parts.py": "from .bits import Bit\n",
    }
    assert "parts.py imports from .bits" in refused(write(tmp_path, files), "model")
    write(tmp_path, {"bits.py": "class Bit: ...\n"})
    check_folder(tmp_path, "model")


def test_nothing_is_written_by_a_check(tmp_path):
    for kind in KINDS:
        write(tmp_path / kind, FILES[kind])
        check_folder(tmp_path / kind, kind)
        assert {str(file) for file in files_of(tmp_path / kind)} == set(FILES[kind])


def test_folder_that_cannot_be_listed_is_no_empty_folder(tmp_path, monkeypatch):
    """Even where the checks run with all rights."""
    assert "nowhere is not a folder" in refused(tmp_path / "nowhere", "model")
    write(tmp_path, {**FILES["model"], "closed/a.json": "{}"})

    def scan(path):
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    scandir = os.scandir
    monkeypatch.setattr(os, "scandir", scan)
    assert "closed cannot be read (Permission denied)" in refused(tmp_path, "model")


@pytest.mark.parametrize(
    "facts, words",
    [
        ({"base_model": "runs/2024/base"}, "The base model 'runs/2024/base' is not a Hub id"),
        ({"datasets": ("good", "local files")}, "The dataset 'local files' is not a Hub id"),
        ({"metrics": (metric(dataset="data/2024/rows.csv"),)}, "The dataset 'data/2024/rows.csv' is not a Hub id"),
        ({"metrics": (metric(dataset="~"),)}, "The dataset '~' is not a Hub id"),
        ({"metrics": (metric(dataset=".."),)}, "The dataset '..' is not a Hub id"),
        ({"metrics": (metric(value=math.inf),)}, "The f1 on phrasebook is inf, which is no result"),
        ({"figures": (Figure("../curve.png", ""),)}, "The figure '../curve.png' is not the name of a .png file"),
        ({"figures": (Figure("curve.svg", ""),)}, "The figure 'curve.svg' is not the name of a .png file"),
    ],
)
def test_facts_that_are_none_are_refused(facts, words):
    with pytest.raises(PublishError) as error:
        check_facts("org/toy", Facts(**facts))
    assert words in str(error.value)


def test_facts_about_data_and_pictures_that_are_not_on_the_hub_pass():
    metrics = (metric(), metric(dataset="local files"), metric(dataset="org/rows"), metric(dataset="v1.0 (2024)"))
    check_facts("org/toy", Facts(metrics=metrics, figures=(Figure("curve.png", "Loss"),), datasets=("org/rows",)))


@pytest.mark.parametrize("repo_id", ["", "a/b/c", "../x", "/org/toy", "org/my model"])
def test_bad_repository_id_is_refused(repo_id):
    with pytest.raises(PublishError, match="The repository id"):
        check_facts(repo_id, Facts())


def test_names_of_the_hub(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "org/here").mkdir(parents=True)
    assert is_hub_id("xlm-roberta-base") and is_hub_id("org/model")
    assert not any(map(is_hub_id, ("org/here", str(tmp_path), "./model", "a/b/c", "", "~/model")))
    (tmp_path / "a.json").write_text("[1]")
    assert read_json(tmp_path, type(tmp_path)("a.json")) == [1]
