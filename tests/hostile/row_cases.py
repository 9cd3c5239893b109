"""What may be wrong with files of rows: JSON lines, CSV, packed text, Parquet, Arrow."""

import gzip
import json
import pickle
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from cases import Case, edit_bytes, flipped, harmless, missing, no_plain_file, plant, put, truncated
from json_cases import DEEP, HUGE
from tensor_cases import beside, payload

PARQUET, ARROW = "train.parquet", "data/train-00000-of-00001.arrow"


def file_cases(file: str, flips: int = 12) -> Iterator[Case]:
    """Damage to one data file; without it, or with its first lines, what is left may be good."""
    yield from harmless(truncated(file))
    yield from harmless(no_plain_file(file))
    yield from flipped(file, flips)


JSON_ROWS: dict[str, str | bytes] = {
    "one line of 10 MB": json.dumps({"text": "x" * 10**7}) + "\n",
    "deep lists": '{"text": ' + "[" * DEEP + "]" * DEEP + "}\n",
    "deep objects": '{"text": ' + '{"a":' * DEEP + "1" + "}" * DEEP + "}\n",
    "brackets in a text": json.dumps({"text": '\\"[' * DEEP}) + "\n",
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
    "only NULs": bytes(1000),
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
NO_ROWS = ("deep lists", "deep objects", "lists", "other", "only", "Latin-1", "UTF-16", "HTML", "pointer", "gzip")


def jsonl_cases() -> Iterator[Case]:
    yield from file_cases("train.jsonl")
    for what, content in JSON_ROWS.items():
        yield Case(f"train.jsonl holds {what}", put("train.jsonl", content), not any(word in what for word in NO_ROWS))
    yield Case("nothing but code", _script)
    yield Case("code beside the rows", lambda folder: plant(folder, "dataset.py", "__init__.py"), may_load=True)
    yield Case("a loading script beside the rows", lambda folder: plant(folder, f"{folder.name}.py"), may_load=True)
    yield from beside("train.pkl", "train.pickle")


def _script(folder: Path) -> None:
    for file in folder.iterdir():
        file.unlink()
    plant(folder, f"{folder.name}.py", "dataset.py", "__init__.py")


def csv_cases() -> Iterator[Case]:
    yield from file_cases("train.csv")
    rows: dict[str, str | bytes] = {
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
    }
    for what, content in rows.items():
        must_fail = what in ("only a header", "Latin-1", "binary", "a row too long")
        yield Case(f"train.csv holds {what}", put("train.csv", content), not must_fail)


def gzip_cases() -> Iterator[Case]:
    file = "train.txt.gz"
    yield from truncated(file)
    yield from harmless(no_plain_file(file))
    yield from flipped(file, 12)
    for what, line in {"lines": b"x" * 99 + b"\n", "one line": b"x" * 100, "empty lines": b"\n" * 100}.items():
        yield Case(f"{file} is a bomb of {what}", put(file, bomb(line)))
    yield Case(f"{file} is no gzip", put(file, "plain text\n"))
    yield Case(f"{file} holds two members", edit_bytes(file, lambda raw: raw + raw), may_load=True)
    yield Case(f"{file} has a tail of noise", edit_bytes(file, lambda raw: raw + b"noise"))


def bomb(line: bytes, gigabytes: int = 8) -> bytes:
    """Return a gzip file of some MB that unpacks to many GB of `line`; its checksum at the very end is wrong."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packer.compress(line)
    packer.flush(zlib.Z_FULL_FLUSH)
    again = packer.compress(line * 10**4) + packer.flush(zlib.Z_FULL_FLUSH)
    repeated = again * (gigabytes * 10**9 // (len(line) * 10**4))
    return b"\x1f\x8b\x08" + bytes(6) + b"\xff" + repeated + packer.flush() + bytes(8)


def _deep_feature() -> object:
    feature: object = {"dtype": "string", "_type": "Value"}
    for _ in range(500):
        feature = {"feature": feature, "_type": "List"}
    return {"text": feature}


SCHEMAS = {
    "a class of 10^9 labels": {"text": {"num_classes": 10**9, "_type": "ClassLabel"}},
    "labels in a file": {"text": {"names_file": "/etc/passwd", "_type": "ClassLabel"}},
    "an array of 10^12": {"text": {"shape": [HUGE, HUGE], "dtype": "float32", "_type": "Array2D"}},
    "an unknown feature": {"text": {"_type": "os.system"}},
    "a module for a feature": {"text": {"_type": "json"}},
    "a list for features": [],
    "deep features": _deep_feature(),
    "a feature of numbers": {"text": 3},
    "another column": {"other": {"dtype": "string", "_type": "Value"}},
}
"""What `datasets` notes beside a schema, and builds features from."""


def parquet_cases(file: str = PARQUET, flips: int = 15) -> Iterator[Case]:
    yield from truncated(file)
    yield from harmless(no_plain_file(file))
    yield from flipped(file, flips)
    yield from flipped(file, flips, slice(-400, None))
    yield Case(f"{file} with a footer of 2 GB", edit_bytes(file, lambda raw: raw[:-8] + b"\xff\xff\xff\x7fPAR1"))
    yield Case(f"{file} encrypted", edit_bytes(file, lambda raw: raw[:-4] + b"PARE"))
    yield Case(f"{file} twice in one", edit_bytes(file, lambda raw: raw + raw), may_load=True)
    for what, features in SCHEMAS.items():
        noted = json.dumps({"info": {"features": features}})
        yield Case(f"{file} notes {what}", _with_schema(file, noted), what in ("an array of 10^12", "another column"))
    yield Case(f"{file} notes deep noise", _with_schema(file, "[" * DEEP))
    yield Case(f"{file} of an extension type", _extension(file), may_load=True)
    yield Case(f"{file} of 10^7 rows in a few bytes", _many_rows(file))


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


def _many_rows(file: str) -> Callable[[Path], object]:
    """Ten row groups of a million equal texts each, a few kB in all."""

    def damage(folder: Path) -> None:
        texts = pa.DictionaryArray.from_arrays(pa.array(np.zeros(10**6, np.int8)), pa.array(["a" * 40]))
        table = pa.table({"text": texts})
        with pq.ParquetWriter(folder / file, table.schema, compression="zstd") as writer:
            for _ in range(10):
                writer.write_table(table, row_group_size=10**6)

    return damage


def pushed_cases() -> Iterator[Case]:
    file = "data/train-00000-of-00001.parquet"
    yield from parquet_cases(file, flips=5)
    yield from harmless([missing(file)])


def arrow_cases() -> Iterator[Case]:
    yield from file_cases(ARROW, flips=40)
    for what, features in SCHEMAS.items():
        yield Case(f"{ARROW} notes {what}", _noted(features), what in ("an array of 10^12", "another column"))


def _noted(features: object) -> Callable[[Path], object]:
    def damage(folder: Path) -> None:
        metadata = {"huggingface": json.dumps({"info": {"features": features}})}
        table = pa.table({"text": ["a", "b"]}).replace_schema_metadata(metadata)
        with pa.OSFile(str(folder / ARROW), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)

    return damage
