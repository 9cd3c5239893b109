"""run_word_align.py: files and data sets in, links, scores and drawings out, going on where it stopped."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from tiny_runs import refused
from transformers import AutoTokenizer

from xlzoo.modeling.modeling_xlm_align import XLMAlignModel
from xlzoo.run_scripts import run_word_align
from xlzoo.run_scripts.corpora.alignments import pharaoh
from xlzoo.run_scripts.corpora.phrasebook import load_phrasebook
from xlzoo.run_scripts.stages import word_alignment

SIZE = 14


@pytest.fixture(scope="module")
def rows():
    return load_phrasebook("eng-swh", sizes={"test": SIZE})["test"]


@pytest.fixture(scope="module")
def expected(base, rows):
    """The links that the model itself gives for the words, by options."""
    model, tokenizer = XLMAlignModel.from_pretrained(base), AutoTokenizer.from_pretrained(base)
    pairs = [(row["tokens"]["eng"], row["tokens"]["swh"]) for row in rows]
    return lambda **options: model.align(pairs, tokenizer, **options)


@pytest.fixture
def text(tmp_path, rows):
    """The pairs as two files and as one, and their gold in both forms."""
    words = [[" ".join(row["tokens"][language]) for row in rows] for language in ("eng", "swh")]
    for name, lines in zip(("en", "sw"), words, strict=True):
        (tmp_path / name).write_text("".join(f"{line}\n" for line in lines))
    (tmp_path / "both").write_text("".join(f"{one} ||| {other}\n" for one, other in zip(*words, strict=True)))
    links = [[*(f"{i}-{j}" for i, j in row["sure"]), *(f"{i}p{j}" for i, j in row["possible"])] for row in rows]
    (tmp_path / "gold").write_text("".join(f"{' '.join(each)}\n" for each in links))
    table = [
        f"{n}\t{i}\t{j}\t{kind}\n"
        for n, row in enumerate(rows)
        for kind, name in (("S", "sure"), ("P", "possible"))
        for i, j in row[name]
    ]
    (tmp_path / "gold.tsv").write_text("".join(table))
    return tmp_path


@pytest.fixture
def align(base, text):
    def call(*flags):
        two = ["--source_file", text / "en", "--target_file", text / "sw"]
        chosen = [] if {"--parallel_file", "--dataset_name"} & set(flags) else two
        return run_word_align.main([str(flag) for flag in ("--model_name_or_path", base, *chosen, *flags)])

    return call


def as_lines(links):
    return "".join(f"{pharaoh(each)}\n" for each in links)


@pytest.mark.parametrize(
    "flags, options",
    [
        ((), {"layer": 2}),
        (
            ("--layer", 1, "--method", "itermax", "--encode", "separate"),
            {"layer": 1, "method": "itermax", "encode": "separate"},
        ),
        (("--method", "itermax", "--max_count", 4), {"method": "itermax", "max_count": 4}),
        (("--sinkhorn_iter", 0, "--layer", 0), {"sinkhorn_steps": 0, "layer": 0}),
        (("--bf16",), {"dtype": torch.bfloat16}),
        (("--batch_tokens", 1), {}),
    ],
)
def test_links_of_two_files(flags, options, align, text, expected):
    out = text / "deep" / "links"
    assert align("--output_file", out, *flags) == {"pairs": SIZE}
    assert out.read_text() == as_lines(expected(**options))


def test_one_file_and_the_phrasebook(align, text, expected):
    align("--parallel_file", text / "both", "--output_file", text / "one")
    book = ("--dataset_name", "phrasebook", "--dataset_config_name", "en-sw", "--max_samples", SIZE)
    scores = align(*book, "--output_file", text / "two")
    assert (text / "one").read_text() == (text / "two").read_text() == as_lines(expected())
    assert scores == align("--gold_file", text / "gold")


def test_texts_without_spaces(align, text, base):
    (text / "en").write_text("我们 爱\n猫がいる。\n")
    (text / "sw").write_text("we love\na cat\n")
    model, tokenizer = XLMAlignModel.from_pretrained(base), AutoTokenizer.from_pretrained(base)
    align("--output_file", text / "spaces")
    words = model.align([(["我们", "爱"], ["we", "love"]), (["猫がいる。"], ["a", "cat"])], tokenizer)
    align("--segment", "characters", "--output_file", text / "characters")
    characters = model.align([("我们 爱", "we love"), ("猫がいる。", "a cat")], tokenizer)
    assert [(text / name).read_text() for name in ("spaces", "characters")] == [as_lines(words), as_lines(characters)]
    assert words != characters


@pytest.mark.parametrize("gold", ["gold", "gold.tsv"])
def test_scores_of_all_layers_in_one_run(gold, align, text, expected, rows, capsys, monkeypatch):
    """Counted again here, link by link; the encoder runs once."""
    runs = []
    real = XLMAlignModel.align_layers
    monkeypatch.setattr(XLMAlignModel, "align_layers", lambda *a, **k: runs.append(1) or real(*a, **k))
    results = align("--gold_file", text / gold, "--layer", "all")
    assert len(runs) == 1 and list(results["layers"]) == [0, 1, 2]
    for layer, scores in results["layers"].items():
        found = [set(each) for each in expected(layer=layer)]
        sure = [set(map(tuple, row["sure"])) for row in rows]
        may = [one | set(map(tuple, row["possible"])) for one, row in zip(sure, rows, strict=True)]
        right = sum(len(a & p) for a, p in zip(found, may, strict=True))
        must = sum(len(a & s) for a, s in zip(found, sure, strict=True))
        size, wanted = sum(map(len, found)), sum(map(len, sure))
        assert scores["precision"] == pytest.approx(right / size)
        assert scores["recall"] == pytest.approx(must / wanted)
        assert scores["aer"] == pytest.approx(1 - (right + must) / (size + wanted))
    assert f"{100 * results['layers'][1]['aer']:.2f}" in capsys.readouterr().out
    assert align("--gold_file", text / gold, "--layer", "1")["layers"][1] == results["layers"][1]


def test_a_run_that_died_goes_on(align, text, expected, monkeypatch):
    """Killed in its third chunk, with a line half written: nothing is done twice, scores are those of the whole."""
    out, flags = text / "links", ("--output_file", text / "links", "--gold_file", text / "gold")
    monkeypatch.setattr(word_alignment, "CHUNK", 4)
    done, real, links = [], XLMAlignModel.align_layers, expected()

    def counting(self, pairs, *arguments, **options):
        if len(done) == most:
            raise KeyboardInterrupt
        done.append(len(pairs))
        return real(self, pairs, *arguments, **options)

    monkeypatch.setattr(XLMAlignModel, "align_layers", counting)
    most = 2
    with pytest.raises(KeyboardInterrupt):
        align(*flags)
    assert out.read_text() == as_lines(links[:8])
    with out.open("a") as file:
        file.write("0-0 1-")
    done.clear()
    most = None
    results = align(*flags)
    assert done == [4, 2] and out.read_text() == as_lines(links)
    done.clear()
    assert align(*flags) == results and not done, "nothing is left to do"
    whole = align("--gold_file", text / "gold")
    assert results == whole


def test_more_of_the_same_text(align, text, expected):
    out = text / "links"
    for size in (3, 3, 9, None):
        align("--output_file", out, *(("--max_samples", size) if size else ()))
        assert out.read_text() == as_lines(expected()[:size])
    align("--output_file", out, "--max_samples", 2, "--overwrite")
    assert out.read_text() == as_lines(expected()[:2])


@pytest.mark.parametrize("ending", ["svg", "png", "pdf"])
def test_drawings(ending, align, text):
    """The same links draw the same file; order and number of the pairs, and gold, matter."""
    pytest.importorskip("matplotlib")
    asked = {"a": (2, 5), "b": (2, 5), "c": (5, 2), "d": (2,), "e": ()}
    for name, chosen in asked.items():
        numbers = ("--plot_sentences", *chosen) if chosen else ()
        align("--plot", text / f"{name}.{ending}", *numbers, "--gold_file", text / "gold")
    align("--plot", text / f"f.{ending}", "--plot_sentences", 2)
    drawn = {name: (text / f"{name}.{ending}").read_bytes() for name in "abcdef"}
    assert drawn["a"] == drawn["b"] and len({*drawn.values()}) == 5
    if ending == "svg":
        titles = {name: re.findall("<!-- pair ([0-9]+) -->", content.decode()) for name, content in drawn.items()}
        assert titles == {"a": ["2", "5"], "b": ["2", "5"], "c": ["5", "2"], "d": ["2"], "e": ["1"], "f": ["2"]}


def test_an_aligner_of_ours_keeps_its_layer(align, text, base, expected, tmp_path):
    model = XLMAlignModel.from_pretrained(base)
    model.config.align_layer, model.config.sinkhorn_steps = 1, 5
    model.save_pretrained(tmp_path / "ours")
    AutoTokenizer.from_pretrained(base).save_pretrained(tmp_path / "ours")
    align("--output_file", text / "links", "--model_name_or_path", tmp_path / "ours")
    assert (text / "links").read_text() == as_lines(expected(layer=1, sinkhorn_steps=5))


@pytest.fixture
def nothing_loads(monkeypatch):
    """Every mistake is found before a model is loaded."""
    monkeypatch.setattr(word_alignment, "load_aligner", lambda *_: pytest.fail("a model was about to be loaded"))


@pytest.mark.usefixtures("nothing_loads")
@pytest.mark.parametrize(
    "flags, words",
    [
        ((), ["The links would go nowhere", "--output_file"]),
        (("--method", "best"), ["--method is 'best'", "ot, argmax, itermax, match"]),
        (("--encode", "both"), ["--encode is 'both'", "joint, separate"]),
        (("--layer", "x"), ["--layer is 'x'"]),
        (("--layer", "-1"), ["--layer"]),
        (("--max_count", "0"), ["--max_count is 0"]),
        (("--sinkhorn_iter", "-1"), ["--sinkhorn_iter is -1"]),
        (("--segment", "letters"), ["--segment is 'letters'"]),
        (("--layer", "all"), ["several layers", "--gold_file"]),
        (("--layer", "1", "2", "--gold_file", "{gold}", "--output_file", "x"), ["hold the links of one layer"]),
        (("--parallel_file", "both", "--source_file", "a", "--target_file", "b"), ["Give one of"]),
        (("--parallel_file", "both", "--source_file", "a"), ["both --source_file and --target_file"]),
        (("--split", "test"), ["--split goes with --dataset_name"]),
        (("--dataset_name", "phrasebook", "--source_language", "en"), ["both --source_language"]),
        (("--plot", "a.doc"), ["must end in one of .png, .pdf, .svg"]),
        (("--plot_sentences", "2"), ["needs the file to draw to"]),
        (("--plot", "a.png", "--plot_sentences", "0"), ["expected numbers from 1"]),
        (("--plot", "a.png", "--plot_sentences", "15"), ["--plot_sentences is 15, the text has 14 pairs"]),
        (("--gold", "x"), ["Unknown argument '--gold'", "--gold_file"]),
        (("--gold_file", "none"), ["no file none"]),
        (("--output_file", "."), ["is a folder"]),
        (("--output_file", "x", "--device", "tpu9"), ["--device tpu9 cannot be used"]),
    ],
)
def test_wrong_flags(flags, words, align, text):
    refused(lambda: align(*(str(flag).format(gold=text / "gold") for flag in flags)), *words)


@pytest.mark.usefixtures("nothing_loads")
@pytest.mark.parametrize(
    "name, content, words",
    [
        ("sw", "a\n", ["sw ends after line 1", "as many lines"]),
        ("gold", "0-0\n" * 13, ["links for 13 sentences, the text has 14 pairs"]),
        ("gold", "0-0\n" * 15, ["links for 15 sentences, the text has 14 pairs"]),
        ("gold", "0-0\n" * 13 + "0-99\n", ["The gold of line 14", "links the words 0 and 99"]),
        ("gold", "0-0\n0;0\n", ["gold, line 2: '0;0' is no link"]),
        ("en", "", ["ends after line 0"]),
    ],
)
def test_wrong_files(name, content, words, align, text):
    (text / name).write_text(content)
    asked = ("--gold_file", text / "gold") if name == "gold" else ("--output_file", text / "links")
    refused(lambda: align(*asked), *words)


@pytest.mark.usefixtures("nothing_loads")
def test_empty_files(align, text):
    for name in ("en", "sw"):
        (text / name).write_text("")
    refused(lambda: align("--output_file", text / "links"), "holds no pairs")


def test_layers_that_the_encoder_does_not_have(align, text):
    refused(lambda: align("--output_file", text / "links", "--layer", 3), "--layer is 3", "to 2")
    assert not (text / "links").exists()


def test_files_of_others_are_not_continued(align, text):
    out = text / "links"
    out.write_text("0-0\n")
    refused(lambda: align("--output_file", out), "was not written by this script", "--overwrite")
    align("--output_file", out, "--overwrite")
    refused(lambda: align("--output_file", out, "--layer", 1), "layer was [], now ['1']", "--overwrite")
    refused(lambda: align("--output_file", out, "--parallel_file", text / "both"), "of another run (source_file was")
    (text / "links.run.json").write_text("[]")
    refused(lambda: align("--output_file", out), "was not written by this script")
    align("--output_file", out, "--overwrite")
    for name in ("en", "sw"):
        (text / name).write_text("a\n")
    refused(lambda: align("--output_file", out), "holds links of 14 pairs, the text has 1")


def test_notes_of_the_run(align, text, base):
    align("--output_file", text / "links", "--method", "argmax")
    notes = json.loads((text / "links.run.json").read_text())
    assert notes["method"] == "argmax" and notes["model_name_or_path"] == str(base)


def test_two_processes_share_the_pairs(text, base, expected):
    """Started by torchrun in the middle of a text, with chunks of three that do not come out even."""
    (text / "start.py").write_text(
        "from xlzoo.run_scripts import run_word_align\nfrom xlzoo.run_scripts.stages import word_alignment\n"
        "word_alignment.CHUNK = 3\nrun_word_align.cli()\n"
    )
    files = ["--source_file", text / "en", "--target_file", text / "sw", "--gold_file", text / "gold"]
    flags = [str(flag) for flag in ("--model_name_or_path", base, *files, "--output_file", text / "links")]
    run_word_align.main([*flags, "--max_samples", "1"])
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*torchrun, str(text / "start.py"), *flags, "--device", "cpu"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert (text / "links").read_text() == as_lines(expected())
    scores = run_word_align.main([*flags, "--overwrite"])["layers"][2]
    assert done.stdout.count("| layer |") == 1 and f"{100 * scores['aer']:.2f}" in done.stdout


@pytest.mark.shared
@pytest.mark.usefixtures("shared_data")
def test_the_recipe_of_the_published_table(base, monkeypatch):
    """With a stand-in for the published checkpoint, on the first sentences."""
    monkeypatch.chdir(Path(run_word_align.__file__).parents[1])
    flags = ["--model_name_or_path", str(base), "--max_samples", "4"]
    results = run_word_align.main(["recipes/word_align_gold.yaml", *flags])
    assert results["pairs"] == 4 and list(results["layers"]) == [0, 1, 2]
