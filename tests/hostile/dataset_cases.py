"""What may be wrong with a data set's folder: metadata that lead elsewhere, links, archives, saved tables."""

import io
import json
import os
import pickle
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

from cases import Case, Kind, flipped, harmless, missing, no_plain_file, put, truncated
from dataset_folders import (
    CARD,
    load,
    write_arrow,
    write_card,
    write_csv,
    write_gzip,
    write_jsonl,
    write_parquet,
    write_pushed,
    write_saved,
)
from json_cases import DEEP, edit_json, no_object, with_values
from row_cases import (
    arrow_cases,
    bomb,
    csv_cases,
    file_cases,
    gzip_cases,
    jsonl_cases,
    parquet_cases,
    pushed_cases,
)
from tensor_cases import payload

from xlzoo.run_scripts.errors import UserError

README, SETTINGS, OLD = "README.md", ".huggingface.yaml", "dataset_infos.json"
PATHS = (
    *(
        "../../secret.jsonl",
        "/etc/passwd",
        "data/../../secret.jsonl",
        "~/secret.jsonl",
        "/dev/zero",
        "/proc/self/environ",
    ),
    *("/**", "**/../../**", "../**/*", "data/[", "data/{a,b", "data/*" + "*" * 200, "x" * 5000),
    *("file:///etc/passwd", "local:///etc/passwd", "memory://x", "s3://a/b", "ftp://127.0.0.1/x", "github://x:y@/z"),
    *("http://127.0.0.1:9/x.jsonl", "https://127.0.0.1:9/x.jsonl", "hf://datasets/nobody/nothing/x.jsonl"),
    *(
        "zip://x.jsonl::file:///etc/x.zip",
        "filecache::file:///etc/passwd",
        "dir::file:///etc",
        "https://a::file:///etc",
    ),
    *("data/nothing.jsonl", "data", "", "data/train.jsonl\0"),
)
LAUGHS = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{new}: &{new} [{','.join([f'*{old}'] * 9)}]\n" for old, new in zip("abcdefghi", "bcdefghij", strict=True)
)
FILES = "configs:\n- config_name: default\n  data_files: data/*.jsonl\n"
TEXT = "dataset_info:\n  features:\n  - name: text\n"
BROKEN_YAML = {
    "laughs": LAUGHS + "configs: *j",
    "laughs in a configuration": LAUGHS + "configs:\n- config_name: *j\n  data_files: *i",
    "itself within itself": "configs: &a [*a]",
    "an object to make": "configs: !!python/object/apply:os.system ['true']",
    "a class to import": "x: !!python/name:os.system",
    "deep lists": "configs: " + "[" * 500 + "]" * 500,
    "a number for configs": "configs: 3",
    "a list of numbers": "configs: [1, 2]",
    "a configuration without name": "configs:\n- data_files: data/*.jsonl",
    "a name that climbs": "configs:\n- config_name: ../../x\n  data_files: data/*.jsonl",
    "a name of numbers": "configs:\n- config_name: [1]\n  data_files: data/*.jsonl",
    "a split that climbs": "configs:\n- config_name: default\n  data_files:\n  - {split: ../x, path: data/*}",
    "a class of 10^9 labels": TEXT + "    dtype:\n      class_label:\n        num_classes: 1000000000",
    "labels numbered far out": TEXT + "    dtype:\n      class_label:\n        names:\n          '1000000000': a",
    "an unknown type": TEXT + "    dtype: os.system",
    "another type": TEXT + "    dtype: int64",
    "more rows than there are": TEXT
    + "    dtype: string\n  splits:\n  - {name: train, num_examples: 99, num_bytes: 9}",
    "duplicate keys": "configs: 1\nconfigs: 2",
    "tabs": "\tconfigs: x",
    "a date for a path": "configs:\n- config_name: default\n  data_files: 2020-01-01",
    "features of a configuration": FILES + "  features: [3]",
    "a version that climbs": FILES + "  version: ../../x",
    "a field to follow": FILES + "  field: [a, b]",
    "a wrong setting of the reader": FILES + "  newlines_in_values: 3",
}
ODD_YAML = {
    "two defaults": FILES + "  default: true\n- config_name: b\n  default: true\n  data_files: data/*.jsonl",
    "an unknown setting": FILES + "  evil: true",
    "an unknown encoding": FILES + "  encoding: evil",
    "chunks of nothing": FILES + "  chunksize: 0",
    "chunks of -1": FILES + "  chunksize: -1",
    "another builder": FILES + "  builder_name: pandas",
    "sizes in words": "dataset_info:\n  dataset_size: big\n  splits: [3]",
}
OLD_INFOS = {
    "noise": "[[[",
    "a list": "[1]",
    "deep lists": "[" * DEEP,
    "deep objects": '{"a":' * DEEP,
    "null": "null",
    "an unknown class": '{"default": {"features": {"text": {"_type": "os.system"}}}}',
    "a huge class": '{"default": {"features": {"text": {"num_classes": 1000000000, "_type": "ClassLabel"}}}}',
}


def card_cases() -> Iterator[Case]:
    yield from harmless([*truncated(README), *no_plain_file(README)])
    yield from flipped(README, 15)
    yield from file_cases("data/train.jsonl", flips=4)
    for path in PATHS:
        yield Case(f"{README} leads to {path[:40]!r}", put(README, CARD.replace("data/train.jsonl", json.dumps(path))))
    for where in ("/", "../..", "~", "/etc", "data/../.."):
        text = f"---\nconfigs:\n- config_name: default\n  data_dir: {where!r}\n---\n"
        yield Case(f"{README} leads to the folder {where!r}", put(README, text))
    for what, text in (BROKEN_YAML | ODD_YAML).items():
        yield Case(f"{README} holds {what}", put(README, f"---\n{text}\n---\n"), what in ODD_YAML)
    for what in ("laughs", "laughs in a configuration", "an object to make", "labels numbered far out"):
        yield Case(f"{SETTINGS} holds {what}", put(SETTINGS, BROKEN_YAML[what]))
    for what, text in OLD_INFOS.items():
        yield Case(f"{OLD} holds {what}", put(OLD, text))
    yield from links()
    yield from archives()


def _with_link(name: str, target: str) -> Callable[[Path], object]:
    def damage(folder: Path) -> None:
        (folder / README).unlink()
        (folder / "data" / "train.jsonl").unlink()
        (folder.parent / "secret.jsonl").write_text('{"text": "secret"}\n', encoding="utf-8")
        (folder / name).symlink_to(target)

    return damage


def links() -> Iterator[Case]:
    targets = {"a file outside": ("data/train.jsonl", "../../secret.jsonl"), "a folder outside": ("train", "../.."),
               "everything": ("train", "/"), "a device": ("data/train.jsonl", "/dev/zero")}  # fmt: skip
    for what, (name, target) in targets.items():
        yield Case(f"a link to {what}", _with_link(name, target))
    circles = ("a", "b", "c", "train")
    yield Case("links in circles", lambda folder: [(folder / name).symlink_to(".") for name in circles])
    yield Case("a fifo among the data", lambda folder: os.mkfifo(folder / "data" / "fifo.jsonl"))


def archives() -> Iterator[Case]:
    """Data files that unpack to others, or are no rows of text."""

    def only(name: str, make: Callable[[Path], bytes]) -> Callable[[Path], object]:
        def damage(folder: Path) -> None:
            content = make(folder)
            for file in [folder / README, *(folder / "data").iterdir()]:
                file.unlink()
            (folder / "data" / name).write_bytes(content)

        return damage

    row = b'{"text": "a"}\n'
    makers: dict[str, Callable[[Path], bytes]] = {
        "train.jsonl.gz": lambda _: bomb(row + b" " * 80),
        "train.jsonl": lambda _: bomb(row + b" " * 80),
        "train.zip": lambda _: _zip({"train.jsonl": row * 10**6}),
        "train.pkl": lambda folder: pickle.dumps(payload(folder)),
        "train.tar": _tar,
    }
    for name, make in makers.items():
        yield Case(f"nothing but a hostile {name}", only(name, make))
    climbing = only("train.zip", lambda _: _zip({"../../../executed": b"", "train.jsonl": row}))
    yield Case("a zip that climbs", climbing, may_load=True)
    for ending in "7z rar xz zst bz2 lz4 h5 xml npy png wav pdf eval lance tsfile".split():
        yield Case(f"nothing but train.{ending} of noise", only(f"train.{ending}", lambda _: bytes(range(256)) * 20))


def _zip(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def _tar(folder: Path) -> bytes:
    """A WebDataset whose fields some decoders unpickle."""
    file, evil = io.BytesIO(), pickle.dumps(payload(folder))
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, content in {"0.pyd": evil, "0.pickle": evil, "0.pth": evil, "0.txt": b"a"}.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return file.getvalue()


def saved_cases() -> Iterator[Case]:
    data, state, info, splits = (
        "train/data-00000-of-00001.arrow",
        "train/state.json",
        "train/dataset_info.json",
        "dataset_dict.json",
    )
    yield from truncated(data)
    yield from no_plain_file(data)
    yield from flipped(data, 40)
    for file in (splits, state, info):
        yield from truncated(file)
        yield from harmless([*no_plain_file(file), missing(file)])
        yield from harmless(no_object(file))
        yield from flipped(file, 6)
    outside = [
        "../../secret.arrow",
        "/etc/passwd",
        "../validation/data-00000-of-00001.arrow",
        3,
        None,
        "",
        "a\0b",
        "hf://x/y",
    ]
    for name in outside:
        change = edit_json(state, lambda full, name=name: full.update(_data_files=[{"filename": name}]))
        yield Case(f"{state} leads to {name!r}", change)
    yield from with_values(state, STATES)
    yield from with_values(info, INFOS)
    yield from with_values(splits, {"splits": [None, 3, ["../../x"], ["/etc"], ["nothing"], [3]]})
    yield from harmless(with_values(state, {"_format_type": ["torch"], "_fingerprint": ["../../x", 3, None]}))
    yield from harmless(
        with_values(info, {"features": [None], "task_templates": [["evil"]], "builder_name": ["../../x"]})
    )


STATES = {
    "_data_files": [None, 3, [], [3], {}],
    "_format_type": ["evil", 3],
    "_format_columns": [["nothing"], 3],
    "_indices_data_files": [[{"filename": "/etc/passwd"}]],
    "_split": ["../x", 3],
    "_format_kwargs": [{"device": "cuda"}, 3],
}
INFOS = {
    "features": [
        *(3, {}, {"text": {"_type": "os.system"}}, {"text": {"num_classes": 10**9, "_type": "ClassLabel"}}),
        *({"text": {"dtype": "evil", "_type": "Value"}}, {"other": {"dtype": "string", "_type": "Value"}}),
    ],
    "splits": [3, {"train": 3}],
    "version": ["../../x", 3],
}
KINDS = [
    Kind(name, write, load, cases, (UserError,))
    for name, write, cases in (
        ("data set of JSON lines", write_jsonl, jsonl_cases),
        ("data set of CSV", write_csv, csv_cases),
        ("data set of packed text", write_gzip, gzip_cases),
        ("data set of Parquet", write_parquet, parquet_cases),
        ("data set from push_to_hub", write_pushed, pushed_cases),
        ("data set of Arrow", write_arrow, arrow_cases),
        ("data set with a card", write_card, card_cases),
        ("data set from save_to_disk", write_saved, saved_cases),
    )
]
