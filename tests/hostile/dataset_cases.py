"""What may be wrong with a data set's folder."""

import gzip
import io
import json
import os
import pickle
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from cases import Case, edit_bytes, executed, flipped, missing, no_plain_file, truncated
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
from json_cases import DEEP, HUGE, edit_json, no_object, with_values
from tensor_cases import payload

__all__ = [
    "load",
    "write_arrow",
    "write_card",
    "write_csv",
    "write_gzip",
    "write_jsonl",
    "write_parquet",
    "write_pushed",
    "write_saved",
]


def put(file: str, text: str | bytes) -> Callable[[Path], object]:
    raw = text.encode() if isinstance(text, str) else text

    def damage(folder: Path) -> None:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_bytes(raw)

    return damage


def file_cases(file: str, seeds: int = 12) -> Iterator[Case]:
    """Damage to one data file; where lines are cut, or a character flips, what is left may be good."""
    for case in truncated(file):
        yield replace(case, may_load=file.endswith((".jsonl", ".csv", ".arrow")))
    yield from (replace(case, may_load=True) for case in no_plain_file(file))
    yield from flipped(file, range(seeds))


def jsonl_cases() -> Iterator[Case]:
    yield from file_cases("train.jsonl")
    rows: dict[str, str | bytes] = {
        "one line of 10 MB": json.dumps({"text": "x" * 10**7}) + "\n",
        "deep lists": '{"text": ' + "[" * DEEP + "]" * DEEP + "}\n",
        "deep objects": '{"text": ' + '{"a":' * DEEP + "1" + "}" * DEEP + "}\n",
        "text that is a number": '{"text": 3}\n',
        "text that is null": '{"text": null}\n',
        "text that is a list": '{"text": ["a"]}\n',
        "mixed types": '{"text": "a"}\n{"text": 3}\n{"text": {"b": []}}\n',
        "lists for rows": "[1, 2]\n[3]\n",
        "words for rows": '"a"\n"b"\n',
        "numbers for rows": "1\n2\n",
        "other columns": '{"texts": "a"}\n',
        "a column twice": '{"text": "a", "text": "b"}\n',
        "a number of 10000 digits": '{"text": ' + "9" * 10_000 + "}\n",
        "NaN": '{"text": NaN}\n',
        "half a surrogate": '{"text": "\\ud800"}\n',
        "NULs": b'{"text": "a\0b"}\n',
        "only NULs": b"\0" * 1000,
        "Latin-1": '{"text": "é"}\n'.encode("latin-1"),
        "UTF-16": '{"text": "a"}\n'.encode("utf-16"),
        "a byte order mark": '\ufeff{"text": "a"}\n',
        "no line end": '{"text": "a"}',
        "HTML": "<html>404</html>",
        "a Git LFS pointer": "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 3\n",
        "a gzip file": gzip.compress(b'{"text": "a"}\n'),
        "a thousand columns": json.dumps({"text": "a", **{f"c{i}": i for i in range(1000)}}) + "\n",
        "a column named like an attribute": '{"text": "a", "__class__": 1}\n',
    }
    for what, content in rows.items():
        yield Case(f"train.jsonl holds {what}", put("train.jsonl", content), may_load=True)
    yield Case("a loading script", _script)
    yield Case(
        "a pickle beside it", lambda folder: (folder / "train.pkl").write_bytes(pickle.dumps(payload(folder))), True
    )


def _script(folder: Path) -> None:
    for file in folder.iterdir():
        file.unlink()
    for name in (f"{folder.name}.py", "dataset.py", "__init__.py", "conftest.py"):
        (folder / name).write_text(f"open({str(executed(folder))!r}, 'w')\n", encoding="utf-8")


def csv_cases() -> Iterator[Case]:
    yield from file_cases("train.csv")
    for what, content in {
        "NULs": b"text\na\0b\n",
        "an open quote": 'text\n"a\n' + "b\n" * 1000,
        "a row too long": "text\na\nb,c,d\n",
        "a field of 10 MB": "text\n" + "x" * 10**7 + "\n",
        "a thousand columns": ",".join(["text", *(f"c{i}" for i in range(1000))]) + "\n" + "a," * 1000 + "\n",
        "a formula": "text\n=cmd|' /C calc'!A0\n",
        "only a header": "text\n",
        "Latin-1": "text\né\n".encode("latin-1"),
        "the same header twice": "text,text\na,b\n",
        "binary": bytes(range(256)) * 10,
    }.items():
        yield Case(f"train.csv holds {what}", put("train.csv", content), may_load=True)


def gzip_cases() -> Iterator[Case]:
    yield from file_cases("train.txt.gz")
    for what, line in {"lines": b"x" * 99 + b"\n", "one line": b"x" * 100, "empty lines": b"\n" * 100}.items():
        yield Case(f"train.txt.gz is a bomb of {what}", put("train.txt.gz", bomb(line)))
    yield Case("train.txt.gz is no gzip", put("train.txt.gz", "plain text\n"))
    twice = edit_bytes("train.txt.gz", lambda raw: raw + raw)
    yield Case("train.txt.gz holds two members", twice, may_load=True)
    yield Case("train.txt.gz has a tail of noise", edit_bytes("train.txt.gz", lambda raw: raw + b"noise"))


def bomb(line: bytes, gigabytes: int = 8) -> bytes:
    """Return a gzip file of a few MB that unpacks to many GB of `line`; its checksum at the very end is wrong."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packer.compress(line)
    packer.flush(zlib.Z_FULL_FLUSH)
    again = packer.compress(line * 10**4) + packer.flush(zlib.Z_FULL_FLUSH)
    repeated = again * (gigabytes * 10**9 // (len(line) * 10**4))
    return b"\x1f\x8b\x08" + bytes(6) + b"\xff" + repeated + packer.flush() + bytes(8)


def parquet_cases(file: str = "train.parquet") -> Iterator[Case]:
    yield from file_cases(file, seeds=40)
    for case in list(flipped(file, range(100, 130))):
        yield replace(case, name=f"{case.name} in the footer", damage=edit_bytes(file, _flip_footer(len(case.name))))
    footer = edit_bytes(file, lambda raw: raw[:-8] + (2**31 - 1).to_bytes(4, "little") + b"PAR1")
    yield Case(f"{file} with a footer of 2 GB", footer)
    yield Case(f"{file} encrypted", edit_bytes(file, lambda raw: raw[:-4] + b"PARE"))
    yield Case(f"{file} twice in one", edit_bytes(file, lambda raw: raw + raw), may_load=True)
    schemas = {
        "a class of 10^9 labels": {"text": {"num_classes": 10**9, "_type": "ClassLabel"}},
        "an array of 10^12": {"text": {"shape": [HUGE, HUGE], "dtype": "float32", "_type": "Array2D"}},
        "an unknown feature": {"text": {"_type": "os.system"}},
        "a list for features": [],
        "deep features": _deep_feature(),
        "a feature of numbers": {"text": 3},
        "another column": {"other": {"dtype": "string", "_type": "Value"}},
    }
    for what, features in schemas.items():
        yield Case(
            f"{file} declares {what}", _with_schema(file, json.dumps({"info": {"features": features}})), may_load=True
        )
    yield Case(f"{file} declares noise", _with_schema(file, "[" * DEEP), may_load=True)
    yield Case(f"{file} of an extension type", _extension(file), may_load=True)


def _flip_footer(seed: int) -> Callable[[bytes], bytes]:
    def change(raw: bytes) -> bytes:
        import random

        dice, damaged = random.Random(seed), bytearray(raw)
        for _ in range(3):
            damaged[-dice.randrange(1, 400)] ^= 1 << dice.randrange(8)
        return bytes(damaged)

    return change


def _deep_feature() -> object:
    feature: object = {"dtype": "string", "_type": "Value"}
    for _ in range(500):
        feature = {"feature": feature, "_type": "List"}
    return {"text": feature}


def _with_schema(file: str, text: str) -> Callable[[Path], object]:
    def damage(folder: Path) -> None:
        table = pa.table({"text": ["a", "b"]}).replace_schema_metadata({"huggingface": text})
        pq.write_table(table, folder / file)

    return damage


def _extension(file: str) -> Callable[[Path], object]:
    """An Arrow extension type whose parameters old releases of pyarrow unpickled."""

    def damage(folder: Path) -> None:
        evil = pickle.dumps(payload(folder))
        metadata = {"ARROW:extension:name": "arrow.py_extension_type", "ARROW:extension:metadata": evil}
        schema = pa.schema([pa.field("text", pa.string(), metadata=metadata)])
        pq.write_table(pa.table({"text": ["a"]}, schema=schema), folder / file)

    return damage


def card_cases() -> Iterator[Case]:
    """Metadata in the README that lead elsewhere, or are no metadata."""
    yield from (replace(case, may_load=True) for case in truncated("README.md"))
    yield from (replace(case, may_load=True) for case in no_plain_file("README.md"))
    yield from flipped("README.md", range(20))
    yield from file_cases("data/train.jsonl", seeds=4)
    for path in PATHS:
        yield Case(
            f"README.md leads to {path!r}", put("README.md", CARD.replace("data/train.jsonl", json.dumps(path)))
        )
    for where in ("/", "../..", "~", "/etc", "data/../.."):
        text = f"---\nconfigs:\n- config_name: default\n  data_dir: {where!r}\n---\n"
        yield Case(f"README.md leads to the folder {where!r}", put("README.md", text))
    for what, text in FRONT_MATTER.items():
        yield Case(f"README.md holds {what}", put("README.md", f"---\n{text}\n---\n"), may_load=True)
        if "yaml" in what:
            yield Case(f".huggingface.yaml holds {what}", put(".huggingface.yaml", text), may_load=True)
    for what, text in {
        "noise": "[[[",
        "a list": "[1]",
        "deep": "[" * DEEP,
        "a deep object": '{"a":' * DEEP,
        "null": "null",
        "a wrong class": '{"default": {"features": {"text": {"_type": "os.system"}}}}',
        "a huge class": '{"default": {"features": {"text": {"num_classes": 1000000000, "_type": "ClassLabel"}}}}',
    }.items():
        yield Case(f"dataset_infos.json holds {what}", put("dataset_infos.json", text), may_load=True)
    yield from links()
    yield from archives()


PATHS = (
    *(
        "../../secret.jsonl",
        "/etc/passwd",
        "file:///etc/passwd",
        "data/../../secret.jsonl",
        "~/secret.jsonl",
        "/**",
        "**/../../**",
    ),
    *("../**/*", "http://127.0.0.1:9/x.jsonl", "https://127.0.0.1:9/x.jsonl", "hf://datasets/nobody/nothing/x.jsonl"),
    *(
        "zip://x.jsonl::file:///etc/x.zip",
        "local:///etc/passwd",
        "filecache::file:///etc/passwd",
        "memory://x",
        "s3://a/b",
    ),
    *(
        "data/nothing.jsonl",
        "data",
        "",
        "data/train.jsonl\0",
        "data/[",
        "data/{a,b",
        "x" * 5000,
        "/dev/zero",
        "/proc/self/environ",
    ),
    *("ftp://127.0.0.1/x", "github://x:y@/z", "dir::file:///etc", "data/*" + "*" * 200),
)
BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(9)
)
FRONT_MATTER = {
    "a yaml bomb": BOMB + "configs: *j",
    "a yaml bomb in a configuration": BOMB + "configs:\n- config_name: *j\n  data_files: *i",
    "yaml that makes an object": "configs: !!python/object/apply:os.system ['true']",
    "yaml that names a class": "x: !!python/name:os.system",
    "deep yaml": "configs: " + "[" * 3000 + "]" * 3000,
    "a number for configs": "configs: 3",
    "a list of numbers": "configs: [1, 2]",
    "a configuration without name": "configs:\n- data_files: data/*.jsonl",
    "a name that climbs": "configs:\n- config_name: ../../x\n  data_files: data/*.jsonl",
    "a name of numbers": "configs:\n- config_name: [1]\n  data_files: data/*.jsonl",
    "two defaults": "configs:\n- config_name: a\n  default: true\n  data_files: data/*.jsonl\n"
    "- config_name: b\n  default: true\n  data_files: data/*.jsonl",
    "an unknown setting": "configs:\n- config_name: default\n  data_files: data/*.jsonl\n  evil: true",
    "settings of the reader": "configs:\n- config_name: default\n  data_files: data/*.jsonl\n  encoding: evil\n"
    "  newlines_in_values: 3\n  chunksize: -1",
    "a chunk of nothing": "configs:\n- config_name: default\n  data_files: data/*.jsonl\n  chunksize: 0",
    "a split that climbs": "configs:\n- config_name: default\n  data_files:\n  - split: ../../x\n"
    "    path: data/*.jsonl",
    "a class of 10^9 labels": "dataset_info:\n  features:\n  - name: text\n    dtype:\n"
    "      class_label:\n        num_classes: 1000000000",
    "labels numbered far out": "dataset_info:\n  features:\n  - name: text\n    dtype:\n"
    "      class_label:\n        names:\n          '1000000000': a",
    "an unknown type": "dataset_info:\n  features:\n  - name: text\n    dtype: os.system",
    "another type": "dataset_info:\n  features:\n  - name: text\n    dtype: int64",
    "more rows than there are": "dataset_info:\n  features:\n  - name: text\n    dtype: string\n"
    "  splits:\n  - name: train\n"
    f"    num_examples: {HUGE}\n    num_bytes: {HUGE}",
    "sizes in words": "dataset_info:\n  dataset_size: big\n  splits: [3]",
    "duplicate keys": "configs: 1\nconfigs: 2",
    "tabs": "\tconfigs: x",
    "a date for a path": "configs:\n- config_name: default\n  data_files: 2020-01-01",
    "a version": "configs:\n- config_name: default\n  data_files: data/*.jsonl\n  version: ../../x",
    "another builder": "configs:\n- config_name: default\n  builder_name: pandas\n  data_files: data/*.jsonl",
    "a drop of labels": "configs:\n- config_name: default\n  data_files: data/*.jsonl\n  drop_labels: 3",
    "a field to follow": "configs:\n- config_name: default\n  data_files: data/*.jsonl\n  field: [a, b]",
    "features of a configuration": "configs:\n- config_name: default\n  data_files: data/*.jsonl\n  features: [3]",
}


def links() -> Iterator[Case]:
    def linked(name: str, target: str) -> Callable[[Path], object]:
        def damage(folder: Path) -> None:
            (folder / "README.md").unlink()
            (folder / "data" / "train.jsonl").unlink()
            (folder.parent / "secret.jsonl").write_text('{"text": "secret"}\n', encoding="utf-8")
            (folder / name).symlink_to(target)

        return damage

    yield Case("a link to a file outside", linked("data/train.jsonl", "../../secret.jsonl"))
    yield Case("a link to a folder outside", linked("train", "../.."))
    yield Case("a link to all", linked("train", "/"))
    yield Case("a link to a device", linked("data/train.jsonl", "/dev/zero"), may_load=True)

    def loops(folder: Path) -> None:
        for name in ("a", "b", "c", "train"):
            (folder / name).symlink_to(".")

    yield Case("links in circles", loops, may_load=True)
    yield Case("a fifo among the data", lambda folder: os.mkfifo(folder / "data" / "fifo.jsonl"), may_load=True)
    yield Case(
        "a fifo for all data",
        lambda folder: [(folder / "README.md").unlink(), os.mkfifo(folder / "data" / "test.jsonl")],
        True,
    )


def archives() -> Iterator[Case]:
    """Data files that unpack to others."""

    def only(name: str, make: Callable[[Path], bytes]) -> Callable[[Path], object]:
        def damage(folder: Path) -> None:
            raw = make(folder)
            for file in [folder / "README.md", *(folder / "data").iterdir()]:
                file.unlink()
            (folder / "data" / name).write_bytes(raw)

        return damage

    def zipped(members: dict[str, bytes]) -> bytes:
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in members.items():
                archive.writestr(name, content)
        return file.getvalue()

    row = b'{"text": "a"}\n'
    yield Case("a gzip bomb", only("train.jsonl.gz", lambda _: bomb(row + b" " * 80)))
    yield Case("a gzip bomb by another name", only("train.jsonl", lambda _: bomb(row + b" " * 80)))
    yield Case(
        "a zip that climbs", only("train.zip", lambda _: zipped({"../../../executed": b"", "train.jsonl": row})), True
    )
    yield Case("a zip bomb", only("train.zip", lambda _: zipped({"train.jsonl": row * 2 * 10**7})))
    yield Case("a tar of pickles", only("train.tar", _tar), may_load=True)
    yield Case("a pickle", only("train.pkl", lambda folder: pickle.dumps(payload(folder))))
    for name in (
        "train.7z",
        "train.rar",
        "train.xz",
        "train.zst",
        "train.bz2",
        "train.lz4",
        "train.h5",
        "train.xml",
        "train.npy",
        "train.png",
        "train.wav",
        "train.pdf",
        "train.eval",
        "train.lance",
        "train.tsfile",
    ):
        yield Case(f"{name} of noise", only(name, lambda _: bytes(range(256)) * 20))


def _tar(folder: Path) -> bytes:
    import tarfile

    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, content in {
            "0.pyd": pickle.dumps(payload(folder)),
            "0.pickle": pickle.dumps(payload(folder)),
            "0.txt": b"a",
        }.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return file.getvalue()


def saved_cases() -> Iterator[Case]:
    data, state, info = "train/data-00000-of-00001.arrow", "train/state.json", "train/dataset_info.json"
    yield from file_cases(data, seeds=60)
    for file in ("dataset_dict.json", state, info):
        yield from truncated(file)
        yield from (replace(case, may_load=True) for case in no_plain_file(file))
        yield from (replace(case, may_load=True) for case in no_object(file))
        yield from flipped(file, range(10))
        yield replace(missing(file), may_load=True)
    for name in (
        "../../secret.arrow",
        "/etc/passwd",
        "../validation/data-00000-of-00001.arrow",
        3,
        None,
        "",
        "a\0b",
        "hf://x/y",
    ):
        change = edit_json(state, lambda full, name=name: full["_data_files"].__setitem__(0, {"filename": name}))
        yield Case(f"{state} leads to {name!r}", change, may_load=name == "../validation/data-00000-of-00001.arrow")
    states = {
        "_data_files": [None, 3, [], [3], {}],
        "_format_type": ["torch", "evil", 3],
        "_fingerprint": ["../../x", 3, None],
        "_format_columns": [["nothing"], 3],
        "_indices_data_files": [[{"filename": "/etc/passwd"}]],
        "_split": ["../x", 3],
        "_format_kwargs": [{"device": "cuda"}, 3],
    }
    infos = {
        "features": [
            None,
            3,
            {},
            {"text": {"_type": "os.system"}},
            {"text": {"num_classes": 10**9, "_type": "ClassLabel"}},
            {"text": {"dtype": "evil", "_type": "Value"}},
            {"other": {"dtype": "string", "_type": "Value"}},
        ],
        "splits": [3, {"train": 3}],
        "task_templates": [["evil"]],
        "builder_name": ["../../x"],
        "version": ["../../x", 3],
    }
    for file, values in ((state, states), (info, infos)):
        yield from (replace(case, may_load=True) for case in with_values(file, values))
    yield from with_values(
        "dataset_dict.json", {"splits": [None, 3, ["../../x"], ["/etc"], ["nothing"], [3], {"train": 1}]}
    )


def arrow_cases() -> Iterator[Case]:
    yield from file_cases("data/train-00000-of-00001.arrow", seeds=60)


def pushed_cases() -> Iterator[Case]:
    yield from parquet_cases("data/train-00000-of-00001.parquet")
