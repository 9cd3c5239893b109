"""The script: the dataset and its report, deaths and restarts, tasks, what it refuses, and what it publishes."""

import json
import logging
import sys

import pytest
from corpus_runs import (
    after_a_file,
    after_its_place,
    before_a_file,
    before_its_place,
    build,
    files_of,
    flags,
    numbered,
    refused,
    rows_of,
)
from killed_runs import _child, _process

from xlzoo.run_scripts import build_parallel_corpus
from xlzoo.run_scripts.arguments import parse, read_recipe, recipe_flags
from xlzoo.run_scripts.bitext_arguments import BitextArguments
from xlzoo.run_scripts.build_arguments import BuildArguments
from xlzoo.run_scripts.corpora.bitext import dataset_pairs
from xlzoo.run_scripts.corpora.parallel import cleaning
from xlzoo.run_scripts.corpora.sources import Source
from xlzoo.run_scripts.errors import UserError
from xlzoo.run_scripts.parallel_arguments import CorpusArguments, FilterArguments
from xlzoo.run_scripts.stages import corpus_steps


def test_what_is_in_and_what_was_dropped(corpora, capsys):
    report = build(*flags(corpora), "--dedup", "normalized")
    rows = rows_of(corpora / "out")
    assert sorted(rows) == sorted(numbered(range(100))) and rows != sorted(rows)
    first, second, third = report["corpora"]
    assert report["rows"] == 100 and report["languages"] == ["eng", "swh"]
    assert first == {**first, "name": "Tiny", "licence": "CC BY 4.0", "read": 40, "left": 40, "drawn": 40}
    # Data sets come before files: the pairs with an exclamation mark are dropped, being equal but for that.
    assert second["read"] == 50 and second["dropped"]["normalised duplicate"] == 20 and second["drawn"] == 30
    assert third["read"] == 52 and third["drawn"] == 30 and third["name"] == "a.en + a.sw"
    dropped = {name: count for name, count in third["dropped"].items() if count}
    assert dropped == {"empty side": 1, "length": 1, "exact duplicate": 20}
    assert "| a.en + a.sw | not stated | 52 | -1 | -1 | 0 | -20 | 0 | 0 | 30 | 30 |" in capsys.readouterr().out


def test_equal_texts_and_all_texts(corpora):
    assert build(*flags(corpora), "--dedup", "exact")["rows"] == 120
    assert build(*flags(corpora, "all"), "--dedup", "none")["rows"] == 140


def test_without_the_extras(corpora, monkeypatch):
    """Lengths, ratios, duplicates and the draw need no library of `[corpus]` and `[cluster]`; what does says so."""
    for name in ("opusfilter", "opustools", "sacremoses", "sentence_transformers", "datatrove"):
        monkeypatch.setitem(sys.modules, name, None)
    cleaning._normalizer.cache_clear()
    assert build(*flags(corpora))["rows"] == 120
    given = flags(corpora, "other")
    refused("'xlzoo[corpus]', or give --language_id none", *given, "--language_id", "langid")
    refused("'xlzoo[corpus]', or give --normalize_punctuation false", *given, "--normalize_punctuation", "true")
    refused(
        "'xlzoo[corpus]', or give --labse_threshold 0", *given, "--labse_threshold", 0.5, "--similarity_model", "a/b"
    )
    refused("--executor slurm needs datatrove", *given, "--executor", "slurm")
    wanted = [flag for flag in given if flag not in ("--opus_root", corpora / "opus")]
    refused("need opustools; pip install 'xlzoo[corpus]'", *wanted)
    assert not (corpora / "other").exists()


def test_our_own_rooms_read_it(corpora):
    build(*flags(corpora), "--config_name", "eng-swh-tiny")
    assert [path.parent.name for path in (corpora / "out").rglob("*.parquet")] == ["eng-swh-tiny"]
    found = list(dataset_pairs(Source(str(corpora / "out")), "train", ("sw", "en"))())
    assert len(found) == 120 and found[0].source.startswith("nambari")
    (bitext,) = parse(["--src", "en", "--tgt", "sw", "--dataset_name", str(corpora / "out")], BitextArguments)
    assert bitext.pairs(evaluates=False)["train"].num_rows == 120


def test_a_seeded_sample_whatever_the_pieces(corpora):
    """Shards of any size, one task and four: the same files, byte for byte; another seed draws others."""
    size = ["--target_size", 50]
    build(*flags(corpora, "one", "w1"), *size)
    build(*flags(corpora, "many", "w2"), *size, "--shard_size", 7, "--num_tasks", 4)
    assert files_of(corpora / "one") == files_of(corpora / "many")
    report = build(*flags(corpora, "other", "w1"), *size, "--shuffle_seed", 14)
    one, other = rows_of(corpora / "one"), rows_of(corpora / "other")
    assert len(one) == len(other) == 50 == sum(corpus["drawn"] for corpus in report["corpora"])
    assert set(one) != set(other) and len(set(one)) == 50


def test_killed_after_and_in_every_file(corpora):
    """A chain of runs, each killed at its third or fourth file, ends in the dataset of an undisturbed run.

    A piece of work has three files at most, so that each run gets a little further.
    """
    given = ["--target_size", 90, "--shard_size", 12, "--dedup", "normalized"]
    build(*flags(corpora, "whole", "w1"), *given)
    argv = [str(flag) for flag in [*flags(corpora, "out", "w2"), *given]]
    moments = [(before_a_file, 4), (after_a_file, 3)]
    deaths = 0
    while True:
        process = _process(_child, build_parallel_corpus.main, argv, *moments[deaths % 2])
        process.start()
        process.join(timeout=120)
        if process.exitcode == 0:
            break
        assert process.exitcode == -9
        deaths += 1
    assert deaths > 20
    assert files_of(corpora / "out") == files_of(corpora / "whole")
    assert not list((corpora / "w2").rglob(".*.part")) and not (corpora / ".out.building").exists()


@pytest.mark.parametrize("moment", [before_its_place, after_its_place])
def test_killed_around_the_last_step(moment, corpora):
    build(*flags(corpora, "whole", "w1"))
    argv = [str(flag) for flag in flags(corpora, "out", "w1")]
    process = _process(_child, build_parallel_corpus.main, argv, moment, 0)
    process.start()
    process.join(timeout=120)
    assert process.exitcode == -9
    assert build(*argv)["rows"] == 120 and files_of(corpora / "out") == files_of(corpora / "whole")


def test_what_was_done_is_used_again(corpora, monkeypatch):
    """The same command does nothing; another target only draws; another length cleans, and reads nothing again."""
    build(*flags(corpora))
    done = []
    for step in (corpus_steps.Read, corpus_steps.Clean, corpus_steps.Keep, corpus_steps.Draw):

        def run(self, item, original=step.run):
            done.append(self.name)
            original(self, item)

        monkeypatch.setattr(step, "run", run)
    build(*flags(corpora))
    assert done == []
    build(*flags(corpora, "fewer"), "--target_size", 5)
    assert done == ["draw"]
    build(*flags(corpora, "shorter"), "--max_len", 20)
    assert done[1:] == [*["clean"] * 3, *["keep"] * 3, "draw"]
    (corpora / "a.en").write_text((corpora / "a.en").read_text().upper())
    build(*flags(corpora, "changed"))
    assert done[8:] == ["read", "clean", *["keep"] * 3, "draw"]


def test_skipped_or_refused_but_never_silent(corpora, caplog):
    """A corpus that is not there, one that breaks off, and a data set without the language."""
    (corpora / "a.sw").write_bytes((corpora / "a.sw").read_bytes()[:-20])
    (corpora / "set" / "train.jsonl").write_text('{"translation": {"en": "a b", "de": "c d"}}\n')
    given = [*flags(corpora), "--corpora", "Gone"]
    refused("has no moses files of Gone in eng and swh", *given)
    assert not (corpora / "out").exists()
    with caplog.at_level(logging.WARNING):
        report = build(*given, "--on_error", "skip")
    assert report["rows"] == 40
    reasons = {corpus["name"]: corpus.get("left_out", "") for corpus in report["corpora"]}
    assert reasons["Tiny"] == "" and "has no moses files of Gone" in reasons["Gone"]
    assert "ends after line 51" in reasons["a.en + a.sw"] and "has no text in swh" in reasons["set"]
    for reason in filter(None, reasons.values()):
        assert reason in caplog.text
    notes = json.loads((corpora / "out" / "facts.json").read_text())["data_note"]
    assert notes.count("was left out: ") == 3 and "a.sw ends after line 51" in notes and str(corpora) not in notes


def test_unknown_languages(corpora, caplog):
    refused("unknown language 'klingonish'", *flags(corpora), "--tgt", "klingonish")
    given = [*flags(corpora), "--language_id", "langid", "--tgt", "hausa"]
    refused("langid cannot tell hau; give another --language_id", *given)
    assert not (corpora / "work").exists()
    (corpora / "a.sw").write_text("".join("wani abu da ban sani ba\n" for _ in range(52)))
    files = ["--source_file", corpora / "a.en", "--target_file", corpora / "a.sw"]
    places = ["--hf_out", corpora / "out", "--work_dir", corpora / "work", "--labse_threshold", 0]
    report = build("--src", "en", "--tgt", "ha", *files, *places, "--on_error", "skip", "--max_per_dataset", 9)
    assert report["unchecked"] == ["hau"] and "cannot tell hau, which goes unchecked" in caplog.text
    assert report["corpora"][0]["read"] == 9


@pytest.mark.parametrize(
    "given, words",
    [
        (["--tgt", "eng"], "both eng"),
        (["--min_len", 0], "--min_len is 0"),
        (["--len_ratio_low", 3], "expected a range"),
        (["--labse_threshold", 1.5], "expected a cosine"),
        (["--language_id", "guess"], "expected langid"),
        (["--opusfilter", "LengthFilter"], "expected JSON such as"),
        (["--opusfilter", '{"NoFilter": {}}'], "OpusFilter has no filter 'NoFilter'"),
        (["--source_file", "b.en"], "name 2 and 1 files"),
        (["--opus_root", "nowhere"], "--opus_root nowhere is no folder"),
        (["--num_tasks", 0], "--num_tasks is 0"),
        (["--config_name", "a/b"], "--config_name is 'a/b'"),
        (["--cluster_options", "{}x"], "expected a JSON object"),
        (["--cluster_options", '{"time": "1"}'], "go with --executor"),
        (["--executor", "ray"], "--executor ray needs ray"),
        (["--similarity_model", "nowhere/none", "--labse_threshold", 0.5], "'nowhere/none' cannot be loaded"),
        (["--hub_model_id", "me/it"], "does nothing where nothing is published"),
        (["--work_dir", ""], "one to work in"),
        (["--max_len", 2, "--min_len", 2], "No pair is left"),
    ],
)
def test_refused_in_one_sentence(given, words, corpora):
    refused(words, *flags(corpora), *given)
    assert not (corpora / "out").exists()


def test_another_dataset_is_not_overwritten(corpora):
    build(*flags(corpora), "--target_size", 5)
    refused("holds something else", *flags(corpora), "--target_size", 6)
    assert build(*flags(corpora), "--target_size", 6, "--overwrite_output_dir")["rows"] == 6
    assert len(rows_of(corpora / "out")) == 6
    build(*flags(corpora), "--target_size", 6, "--cleanup_work_dir_on_success")
    assert not (corpora / "work").exists()


def test_the_published_command():
    """Every flag of it is there under its own name, and says what it said."""
    recipe = read_recipe("recipes/parallel_corpus_seed.yaml")
    published = """src tgt hf_out work_dir corpora hf_corpora hf_corpora_split max_per_corpus batch_size min_len
        max_len len_ratio_low len_ratio_high labse_threshold target_size opus_download_dir log_level upload_data
        config_name"""
    assert set(recipe) == set(published.split())
    kept = {key: value for key, value in recipe.items() if key != "upload_data"}
    sources, filters, build_args = parse(recipe_flags(kept), CorpusArguments, FilterArguments, BuildArguments)
    assert [sources.source, sources.target] == ["eng", "swh"] and len(sources.origins()) == 12
    assert {origin.limit for origin in sources.origins()[:10]} == {500_000}
    assert [origin.limit for origin in sources.origins()[10:]] == [0, 0]
    assert filters.similarity.threshold == 0.74 and filters.similarity.batch_size == 2048
    assert filters.similarity.model == "sentence-transformers/LaBSE"
    assert (filters.min_len, filters.max_len, filters.target_size, filters.shuffle_seed) == (3, 256, 100_000, 13)
    assert build_args.config_name == "eng-swh-100k"
    with pytest.raises(UserError, match=r"HF_HUB_OFFLINE|no token"):  # It asks to publish.
        parse(["--upload_data", *recipe_flags(kept)], CorpusArguments, FilterArguments, BuildArguments)


def test_published_with_its_card(corpora):
    """Through the real door, to a local folder: the card says what went in, and the copy loads by its config."""
    from datasets import load_dataset

    given = [*flags(corpora), "--config_name", "eng-swh-tiny", "--dedup", "normalized", "--license", "cc-by-4.0"]
    build(*given, "--hub_dir", corpora / "hub", "--hub_dataset_id", "me/eng-swh")
    card = (corpora / "hub" / "me" / "eng-swh" / "README.md").read_text()
    assert "| Tiny | CC BY 4.0 | 40 | 0 | 0 | 0 | 0 | 0 | 0 | 40 | 40 |" in card
    for words in (
        "config_name: eng-swh-tiny",
        "license: cc-by-4.0",
        "- translation",
        "build_parallel_corpus.py",
        "- sw",
    ):
        assert words in card, words
    assert str(corpora) not in card and "train 100 ['translation']" in card
    published = load_dataset(str(corpora / "hub" / "me" / "eng-swh"), "eng-swh-tiny", split="train")
    assert published["translation"] == load_dataset(str(corpora / "out"), split="train")["translation"]


@pytest.mark.shared
def test_real_files(shared_data, tmp_path):
    """Masakhane's English-Swahili and NTREX, of which most is what it should be."""
    folder = shared_data / "parallel"
    given = ["--src", "eng", "--tgt", "swh", "--pair_file", folder / "mafand" / "en-swa" / "dev.tsv.gz"]
    given += ["--source_file", folder / "ntrex" / "eng.txt.gz", "--target_file", folder / "ntrex" / "swa.txt.gz"]
    given += ["--hf_out", tmp_path / "out", "--work_dir", tmp_path / "work", "--labse_threshold", 0, "--min_len", 3]
    report = build(
        *given, "--max_len", 256, "--len_ratio_low", 0.45, "--len_ratio_high", 2.0, "--max_per_dataset", 400
    )
    assert [corpus["read"] for corpus in report["corpora"]] == [400, 400]
    for corpus in report["corpora"]:
        assert corpus["drawn"] > 300 and corpus["dropped"]["language"] <= 50
