"""Safetensors read by their header: every way in which a file may be damaged, or be something else."""

import json
import os
import pickle
import zipfile
from pathlib import Path

import pytest
import torch
from honest_folders import FILES, WEIGHTS, safetensors, with_header, write
from safetensors.torch import save_file

from xlzoo.hub_cards import PublishError
from xlzoo.hub_cards.checks import check_folder
from xlzoo.hub_cards.weight_checks import check_weights

FILE = Path("model.safetensors")
GOOD = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


def refused(folder):
    with pytest.raises(PublishError) as error:
        check_weights(folder, FILE)
    message = str(error.value)
    assert message.startswith("model.safetensors ") and "\n" not in message
    return message


def entry(**changes):
    return with_header(json.dumps({"a": {**GOOD, **changes}}), 8)


# What the file holds, and words of the sentence.
DAMAGE = {
    "empty": (b"", "it has only 0 bytes"),
    "short": (b"weights", "it has only 7 bytes"),
    "pickle": (pickle.dumps({"a": [1.0] * 20}), "it declares a header of"),
    "page": (b"<!DOCTYPE html><html>not found</html>", "it declares a header of"),
    "cut in the header": (WEIGHTS[:60], "it declares a header of"),
    "cut in the tensors": (WEIGHTS[:-1], "its tensors end at byte 34 of 33"),
    "one byte more": (WEIGHTS + b"\0", "its tensors end at byte 34 of 35"),
    "huge header": ((2**63).to_bytes(8, "little") + b"{}", f"it declares a header of {2**63} bytes"),
    "header of nothing": (with_header("", 0), "its header is not JSON"),
    "header of spaces": (with_header("    {}", 0), "its header is not JSON"),
    "header of a list": (with_header("[]", 0), "its header is not JSON"),
    "broken header": (with_header('{"a": ', 0), "its header is not JSON"),
    "latin-1 header": (with_header('{"é": 1}'.encode("latin-1"), 0), "its header is not JSON"),
    "deep header": (with_header('{"a":' * 10**5, 0), "its header is not JSON"),
    "twice": (with_header('{"a": 1, "a": 2}', 0), "'a' is there twice"),
    "twice inside": (with_header('{"a": {"dtype": "F32", "dtype": "U8"}}', 0), "'dtype' is there twice"),
    "no tensors": (with_header("{}", 0), "model.safetensors holds no tensors"),
    "metadata only": (safetensors({}, {"format": "pt"}), "model.safetensors holds no tensors"),
    "metadata of numbers": (safetensors({"a": ("U8", [1], 1)}, {"epoch": 3}), "its metadata is no mapping of texts"),
    "metadata of a list": (with_header('{"__metadata__": []}', 0), "its metadata is no mapping of texts"),
    "entry of a number": (with_header('{"a": 1}', 0), "the entry of 'a' does not consist of"),
    "entry with more": (entry(code="x"), "the entry of 'a' does not consist of"),
    "unknown type": (entry(dtype="F33"), "'a' is of the unknown type 'F33'"),
    "type of a list": (entry(dtype=[]), "'a' is of the unknown type []"),
    "negative axis": (entry(shape=[-2]), "the shape or data_offsets of 'a' are no lists of sizes"),
    "axis of a truth": (entry(shape=[True, 2]), "the shape or data_offsets of 'a' are no lists of sizes"),
    "fractional axis": (entry(shape=[2.0]), "the shape or data_offsets of 'a' are no lists of sizes"),
    "many axes": (entry(shape=[10**18] * 10**5), "the shape or data_offsets of 'a' are no lists of sizes"),
    "one offset": (entry(data_offsets=[8]), "the shape or data_offsets of 'a' are no lists of sizes"),
    "other shape": (entry(shape=[3]), "'a' has 8 bytes, which do not make F32 of shape [3]"),
    "huge shape": (entry(shape=[2**62, 2**62]), "'a' has 8 bytes, which do not make F32"),
    "other type": (entry(dtype="F64"), "'a' has 8 bytes, which do not make F64 of shape [2]"),
    "backwards": (entry(data_offsets=[8, 0]), "'a' has -8 bytes"),
    "beyond the end": (entry(shape=[4], data_offsets=[0, 16]), "its tensors end at byte 16 of 8"),
    "overlap": (
        with_header(json.dumps({"a": GOOD, "b": {**GOOD, "data_offsets": [4, 12]}}), 12),
        "its tensors overlap or leave a gap at byte 4",
    ),
    "the same bytes": (with_header(json.dumps({"a": GOOD, "b": GOOD}), 8), "its tensors overlap or leave a gap"),
    "gap": (
        with_header(json.dumps({"a": GOOD, "b": {**GOOD, "data_offsets": [9, 17]}}), 17),
        "its tensors overlap or leave a gap at byte 8",
    ),
    "gap at the start": (
        with_header(json.dumps({"a": {**GOOD, "data_offsets": [1, 9]}}), 9),
        "its tensors begin at byte 1",
    ),
}


@pytest.mark.parametrize("content, words", DAMAGE.values(), ids=DAMAGE)
def test_damaged_file_is_refused(tmp_path, content, words):
    assert words in refused(write(tmp_path, {str(FILE): content}))


def test_archive_of_torch_is_refused_by_its_content(tmp_path):
    torch.save({"a": torch.zeros(3)}, tmp_path / FILE)
    assert zipfile.is_zipfile(tmp_path / FILE)
    assert "it declares a header of" in refused(tmp_path)


def test_every_bit_of_the_header_counts(tmp_path):
    """A flipped bit is refused, or leaves a file of the same sizes: another name, another type of the same width."""
    raw = safetensors({"a": ("F32", [2, 3], 24), "b": ("F16", [4], 8)})
    read = 0
    for bit in range(8 * (len(raw) - 32)):
        changed = bytearray(raw)
        changed[bit // 8] ^= 1 << (bit % 8)
        write(tmp_path, {str(FILE): bytes(changed)})
        try:
            read += len(check_weights(tmp_path, FILE)) == 2
        except PublishError as error:
            assert "\n" not in str(error)
    assert 0 < read < len(raw)


def test_what_safetensors_writes_is_read(tmp_path):
    types = ["float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool"]
    types += ["float8_e4m3fn", "float8_e5m2", "uint16", "uint32", "uint64"]
    tensors = {name: torch.zeros(3, 2, dtype=getattr(torch, name)) for name in types}
    tensors |= {"scalar": torch.tensor(1.0), "none": torch.zeros(0, 4)}
    save_file(tensors, tmp_path / FILE, metadata={"format": "pt"})
    assert check_weights(tmp_path, FILE) == set(tensors)


def test_tensors_themselves_are_not_read(tmp_path):
    """Ten gigabytes that are not there take no time."""
    write(tmp_path, {str(FILE): entry(shape=[25 * 10**8], data_offsets=[0, 10**10])[:-8]})
    os.truncate(tmp_path / FILE, (tmp_path / FILE).stat().st_size + 10**10)
    assert check_weights(tmp_path, FILE) == {"a"}


@pytest.mark.parametrize("text", ["/data/runs/x", "ann@example.org", "~/runs", "hf_" + "aB3" * 12])
def test_metadata_is_checked_like_a_text(tmp_path, text):
    raw = safetensors({"a": ("U8", [1], 1)}, {"from": text})
    files = {**FILES["adapter"], "adapter.safetensors": raw}
    with pytest.raises(PublishError, match=r"^The metadata of adapter\.safetensors holds "):
        check_folder(write(tmp_path, files), "adapter")


SHARDS = {
    "model-00001-of-00002.safetensors": safetensors({"a": ("U8", [1], 1), "b": ("U8", [1], 1)}),
    "model-00002-of-00002.safetensors": safetensors({"c": ("U8", [1], 1)}),
}
WHERE = {
    "a": "model-00001-of-00002.safetensors",
    "b": "model-00001-of-00002.safetensors",
    "c": "model-00002-of-00002.safetensors",
}


def sharded(folder, where=WHERE, **more):
    files = {name: content for name, content in FILES["model"].items() if name != "model.safetensors"}
    index = {"model.safetensors.index.json": json.dumps({"metadata": {}, "weight_map": where})}
    return write(folder, {**files, **SHARDS, **index, **more})


def test_index_that_fits_its_shards_passes(tmp_path):
    check_folder(sharded(tmp_path), "model")


@pytest.mark.parametrize(
    "where, words",
    [
        ({**WHERE, "d": "model-00002-of-00002.safetensors"}, "do not fit: the tensor 'd' is in the index only"),
        ({**WHERE, "a": "model-00002-of-00002.safetensors"}, "do not fit: the tensor 'a' is in"),
        ({name: WHERE[name] for name in "ac"}, "do not fit: the tensor 'b' is in the shard only"),
        ({**WHERE, "d": "model-00003-of-00003.safetensors"}, "puts 'd' into 'model-00003-of-00003.safetensors'"),
        ({**WHERE, "d": "../model.safetensors"}, "puts 'd' into '../model.safetensors'"),
        ({**WHERE, "d": "/x/model.safetensors"}, "holds an absolute path"),
        ({**WHERE, "d": 3}, "puts 'd' into 3"),
        ({**WHERE, "d": "config.json"}, "puts 'd' into 'config.json'"),
        ({name: WHERE[name] for name in "ab"}, "model-00002-of-00002.safetensors is a shard that no index names"),
        ({}, "model.safetensors.index.json has no weight_map"),
        ([], "model.safetensors.index.json has no weight_map"),
    ],
)
def test_index_that_does_not_fit_is_refused(tmp_path, where, words):
    with pytest.raises(PublishError) as error:
        check_folder(sharded(tmp_path, where), "model")
    assert words in str(error.value)


def test_index_beside_whole_weights_is_refused(tmp_path):
    with pytest.raises(PublishError, match=r"are both there, and only one of them would be loaded"):
        check_folder(sharded(tmp_path, **{"model.safetensors": WEIGHTS}), "model")


def test_shards_without_an_index_are_refused(tmp_path):
    sharded(tmp_path)
    (tmp_path / "model.safetensors.index.json").unlink()
    with pytest.raises(PublishError, match=r"model-00001-of-00002\.safetensors is a shard that no index names"):
        check_folder(tmp_path, "model")
