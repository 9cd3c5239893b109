"""Small corpora for `build_parallel_corpus.py`, runs on them, and ways to die in such a run."""

import json
import random

import pytest
from datasets import load_dataset
from killed_runs import die
from opus_folders import write_moses_zip

from xlzoo.hub_cards import placing
from xlzoo.run_scripts.build_parallel_corpus import main
from xlzoo.run_scripts.corpora.parallel import shards
from xlzoo.run_scripts.errors import UserError
from xlzoo.run_scripts.stages import corpus_steps, parallel_corpus

PLAIN = "--language_id none --normalize_punctuation false --labse_threshold 0 --min_len 2 --target_size 0".split()


def numbered(numbers, mark=""):
    """Pairs of which each number's are unlike the others."""
    return [(f"the number {number} is here{mark}", f"nambari {number} iko hapa{mark}") for number in numbers]


def write_corpora(root):
    """Write an OPUS tree of one corpus, two files and a data set, which share pairs, in part but for punctuation.

    Of 100 pairs 20 to 39 come three times, of which once with an exclamation mark; one pair is too short, one has no
    target side.
    """
    write_moses_zip(root / "opus", pairs=numbered(range(40)))
    mixed = [*numbered(range(20, 70)), ("one", "moja"), ("no target", "")]
    random.Random(1).shuffle(mixed)
    for side, name in enumerate(("a.en", "a.sw")):
        (root / name).write_text("".join(f"{pair[side]}\n" for pair in mixed))
    rows = [{"translation": dict(zip(("en", "sw"), pair, strict=True))} for pair in numbered(range(70, 100))]
    rows += [{"translation": dict(zip(("en", "sw"), pair, strict=True))} for pair in numbered(range(20, 40), "!")]
    (root / "set").mkdir()
    (root / "set" / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return root


def flags(root, out="out", work="work"):
    """Return the flags for all of these corpora."""
    where = ["--corpora", "Tiny", "--opus_root", root / "opus", "--hf_corpora", root / "set"]
    where += ["--source_file", root / "a.en", "--target_file", root / "a.sw"]
    return ["--src", "en", "--tgt", "sw", *where, "--hf_out", root / out, "--work_dir", root / work, *PLAIN]


def build(*given):
    return main([str(flag) for flag in given])


def rows_of(folder):
    """Return the pairs of a finished dataset, in their order."""
    found = load_dataset(str(folder), split="train", cache_dir=str(folder.parent / "cache"))["translation"]
    return [(row["eng"], row["swh"]) for row in found]


def files_of(folder):
    """Return the bytes of a finished dataset's files by name."""
    return {path.name: path.read_bytes() for path in sorted(folder.rglob("*.parquet"))}


def before_a_file(number):
    """Die when a file is written, but before it has its name; files are counted from 1."""
    _die_at_file(number, named=False)


def after_a_file(number):
    """Die when a file has its name."""
    _die_at_file(number, named=True)


def _die_at_file(number, named):
    original, seen = shards.put, []

    def put(path, write):
        seen.append(path)
        if len(seen) == number and not named:
            original(path, lambda part: (write(part), die()))
        original(path, write)
        if len(seen) == number:
            die()

    for module in (shards, corpus_steps, parallel_corpus):
        if hasattr(module, "put"):
            module.put = put


def before_its_place(number):
    """Die with the dataset whole, but beside its place."""
    parallel_corpus.place = lambda *_: die()


def after_its_place(number):
    """Die with the dataset in its place, and its report not yet told."""

    def place(tree, destination):
        placing.place(tree, destination)
        die()

    parallel_corpus.place = place


def refused(words, *given):
    """The run ends in one sentence with these words."""
    with pytest.raises(UserError) as caught:
        build(*given)
    assert words in str(caught.value) and "\n" not in str(caught.value)
