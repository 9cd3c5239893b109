"""XTREME's folder: which files a task has, their forms, what is missing from them, and its translations."""

import gzip

import pytest
from xtreme_folder import NLI, SENTENCES, make_download, pairs, write_squad, write_tsv, write_words

from xlzoo.run_scripts.corpora.sources import Source, load
from xlzoo.run_scripts.corpora.translations import read_translations
from xlzoo.run_scripts.corpora.xtreme import LAYOUTS, xtreme_files
from xlzoo.run_scripts.errors import UserError

LANGUAGES = {"eng": "en", "deu": "de", "swh": "sw"}
KINDS = {"ner": "tokens", "pos": "tokens", "xnli": "pairs", "pawsx": "pairs"}


def read(path, kind):
    return load(Source(files={"train": [str(path)]}, kind=kind))["train"]


@pytest.fixture
def download(tmp_path):
    make_download(tmp_path / "download")
    return tmp_path / "download"


@pytest.mark.parametrize(
    ("task", "train", "validation", "test", "translations"),
    [
        ("ner", "panx/train-en.tsv", "panx/dev-{}.tsv", "panx/test-{}.tsv", "translate_train.panx.txt"),
        ("pos", "udpos/train-en.tsv", "udpos/dev-{}.tsv", "udpos/test-{}.tsv", "translate_train.udpos.txt"),
        (
            "xnli",
            "xnli/train-en.tsv",
            "xnli/dev-{}.tsv",
            "xnli/test-{}.tsv",
            "XNLI/translate-train/en-{}-translated.tsv",
        ),
        (
            "pawsx",
            "pawsx/train-en.tsv",
            "pawsx/dev-{}.tsv",
            "pawsx/test-{}.tsv",
            "PAWSX/translate-train/en-{}-translated.tsv",
        ),
        (
            "xquad",
            "squad/train-v1.1.json",
            "squad/dev-v1.1.json",
            "xquad/xquad.{}.json",
            "SQuAD/translate-train/squad.translate.train.en-{}.json",
        ),
        (
            "mlqa",
            "squad/train-v1.1.json",
            "mlqa/MLQA_V1/dev/dev-context-{0}-question-{0}.json",
            "mlqa/MLQA_V1/test/test-context-{0}-question-{0}.json",
            "SQuAD/translate-train/squad.translate.train.en-{}.json",
        ),
        (
            "tydiqa",
            "tydiqa/tydiqa-goldp-v1.1-train/tydiqa.goldp.{}.train.json",
            "tydiqa/tydiqa-goldp-v1.1-dev/tydiqa.goldp.{}.dev.json",
            "tydiqa/tydiqa-goldp-v1.1-dev/tydiqa.goldp.{}.dev.json",
            "TyDiQA-GoldP/translate-train/tydiqa.translate.train.en-{}.json",
        ),
    ],
)
def test_files_of_every_task(download, task, train, validation, test, translations):
    """Typed from XTREME's and xTune's scripts; of MLQA, questions in their passage's language alone."""
    files = xtreme_files(download, task)

    def expected(pattern):
        each = {code: download / pattern.format(language) for code, language in LANGUAGES.items()}
        return each if "{" in pattern else {"eng": download / pattern}

    assert (files.train, files.validation, files.test) == (expected(train), expected(validation), expected(test))
    root, others = download / "xtreme_translations", ("de", "sw") if "{" in translations else ("",)
    assert files.all_translations() == [root / translations.format(language) for language in others]
    assert files.labelled("test", "swh") == files.test["swh"]


@pytest.mark.parametrize("task", LAYOUTS)
def test_tests_without_labels_are_told(tmp_path, task):
    make_download(tmp_path, labelled=False)
    with pytest.raises(UserError, match=r"(test|xquad|goldp).*de.* has no labels, which XTREME's scripts take out"):
        xtreme_files(tmp_path, task).labelled("test", "deu")
    if task == "tydiqa":
        with pytest.raises(UserError, match="leave out --do_eval"):
            xtreme_files(tmp_path, task).labelled("validation", "deu")


def test_published_files_have_the_labels_of_tests(tmp_path):
    """They come before those of the scripts, packed or not: PAN-X with languages before its words, PAWS-X, TyDiQA."""
    make_download(tmp_path, labelled=False)
    raw = "en:Jim\tB-PER\nen:Raynor\tI-PER\nen::\tO\n\nen:He:she\tO\n"
    (tmp_path / "panx_dataset").mkdir()
    (tmp_path / "panx_dataset/en-test.gz").write_bytes(gzip.compress(raw.encode()))
    path = xtreme_files(tmp_path, "ner").labelled("test", "eng")
    assert path == tmp_path / "panx_dataset/en-test.gz"
    rows = read(path, "tokens")
    assert rows["tokens"][:] == [["Jim", "Raynor", ":"], ["He:she"]]
    assert rows["ner_tags"][:] == [["B-PER", "I-PER", "O"], ["O"]]

    write_tsv(
        tmp_path / "x-final/de/test_2k.tsv",
        [["id", "sentence1", "sentence2", "label"], ["1", "a", 'b "c', "0"]],
        False,
    )
    path = xtreme_files(tmp_path, "pawsx").labelled("test", "deu")
    rows = read(path, "pairs")
    assert rows[0] == {"id": 1, "sentence1": "a", "sentence2": 'b "c', "label": 0}

    write_squad(tmp_path / "tydiqa/tydiqa-goldp-v1.1-dev/tydiqa-goldp-dev-swahili.json", "sw")
    assert xtreme_files(tmp_path, "tydiqa").labelled("test", "swh").name == "tydiqa-goldp-dev-swahili.json"


def test_words_with_colons_stay_whole_where_no_languages_stand_before_them(tmp_path):
    (tmp_path / "train").write_text("at\tO\n10:30\tO\n")
    assert read(tmp_path / "train", "tokens")["tokens"][:] == [["at", "10:30"]]


@pytest.mark.parametrize("quoted", [True, False])
@pytest.mark.parametrize("language", SENTENCES)
def test_pairs_are_read_as_they_were_written(tmp_path, language, quoted):
    """With quotation marks in them, by csv's writer in both of its ways."""
    write_tsv(tmp_path / "train-en.tsv", pairs(language, NLI), quoted)
    rows = read(tmp_path / "train-en.tsv", "pairs")
    assert [list(row.values()) for row in rows] == pairs(language, NLI)
    assert rows.column_names == ["sentence1", "sentence2", "label"]


def test_marks_are_undone_only_where_all_are_of_the_writer(tmp_path):
    """`"a "" b"` is csv's `a " b`, unless the file also has a cell that csv would have written in another way."""
    (tmp_path / "t.tsv").write_text('"a "" b"\tc\t0\n')
    (tmp_path / "u.tsv").write_text('"a "" b"\tc "d"\t0\n')
    found = [read(tmp_path / name, "pairs") for name in ("t.tsv", "u.tsv")]
    assert [rows["sentence1"][0] for rows in found] == ['a " b', '"a "" b"']


def test_pairs_that_are_cut_off_are_told(tmp_path):
    (tmp_path / "train-en.tsv").write_text("a\tb\t0\na\tb\n")
    with pytest.raises(UserError, match=r"train-en.tsv, line 2: 2 columns; expected two sentences and a label"):
        read(tmp_path / "train-en.tsv", "pairs")


@pytest.mark.parametrize(
    ("task", "split", "language", "words"),
    [
        ("xnli", "train", "deu", "no train file in deu, only in eng; expected xnli/train-{}.tsv"),
        ("tydiqa", "validation", "fra", "only in deu eng swh; expected tydiqa/tydiqa-goldp-v1.1-dev"),
        ("xquad", "test", "fra", "only in deu eng swh; expected xquad/xquad.{}.json"),
    ],
)
def test_what_is_missing_is_named(download, task, split, language, words):
    with pytest.raises(UserError) as told:
        xtreme_files(download, task).in_language(split, language)
    assert words in str(told.value)


def test_folders_that_are_none(tmp_path):
    with pytest.raises(UserError, match="nowhere is no folder"):
        xtreme_files(tmp_path / "nowhere", "ner")
    with pytest.raises(UserError, match=r"has no xtreme_translations/XNLI/translate-train/en-\{\}-tr"):
        xtreme_files(tmp_path, "xnli").all_translations()


def test_links_out_of_the_folder_are_refused(tmp_path, download):
    (tmp_path / "elsewhere.tsv").write_text("a\tO\n")
    (download / "panx/test-fr.tsv").symlink_to(tmp_path / "elsewhere.tsv")
    with pytest.raises(UserError, match="is a link to"):
        xtreme_files(download, "ner")


def test_translations_of_both_sentences(download):
    """Each sentence once in every language, though the first one stands in all three rows."""
    paths = xtreme_files(download, "xnli").all_translations()
    found = read_translations([str(path) for path in paths])
    first, seconds = SENTENCES["en"][0], [f"{SENTENCES['en'][1]} {i}" for i in range(3)]
    assert set(found) == {first, *seconds}
    told = [(translation.language, " ".join(translation.words)) for translation in found[first]]
    assert told == [("deu", SENTENCES["de"][0]), ("swh", SENTENCES["sw"][0])]
    assert [" ".join(found[second][1].words) for second in seconds] == [f"{SENTENCES['sw'][1]} {i}" for i in range(3)]
    assert all(translation.links is None for known in found.values() for translation in known)
    some = read_translations([str(path) for path in paths], ["Swahili"], [seconds[0]])
    assert [translation.language for translation in some[seconds[0]]] == ["swh"] and set(some) == {seconds[0]}


def test_translations_of_pairs_with_other_columns_are_told(tmp_path):
    write_tsv(tmp_path / "en-de-translated.tsv", [["a", "b", "c", "d", "0"], ["a", "b", "c"]])
    with pytest.raises(UserError, match=r"en-de-translated.tsv, line 2: 3 columns; expected two sentences, their"):
        read_translations([str(tmp_path / "en-de-translated.tsv")])


@pytest.mark.parametrize("task", KINDS)
def test_sources_read_what_is_found(download, task):
    files = xtreme_files(download, task)
    loaded = load(
        Source(files={"train": [str(files.train["eng"])], "test": [str(files.test["deu"])]}, kind=KINDS[task])
    )
    number = {"xnli": 3}.get(task, 2)
    assert len(loaded["train"]) == number and len(loaded["test"]) == number


def test_names_of_no_language_are_passed_over(tmp_path):
    write_words(tmp_path / "panx/test-de.tsv", "de", ("O",))
    write_words(tmp_path / "panx/test-all.tsv", "de", ("O",))
    write_words(tmp_path / "panx/test-qqq.tsv", "de", ("O",))
    assert "deu" in xtreme_files(tmp_path, "ner").test
