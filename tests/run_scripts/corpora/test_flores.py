"""FLORES in every layout it comes in, from folders and from stand-ins for the Hub; languages in any spelling."""

import datasets
import pytest
from flores_folders import LAYOUTS, TEXTS, write_all, write_plus, write_released
from huggingface_hub import HfApi

from xlzoo.run_scripts.corpora.flores import Flores, open_flores
from xlzoo.run_scripts.corpora.plain_texts import read_texts
from xlzoo.run_scripts.errors import UserError


@pytest.mark.parametrize("write", LAYOUTS)
def test_every_layout_gives_the_same_sentences(tmp_path, write):
    flores = open_flores(str(write(tmp_path / "flores")))
    assert sorted(flores.codes) == sorted(TEXTS)
    for code, splits in TEXTS.items():
        assert flores.texts(code, "dev") == flores.texts(code, "validation") == splits["dev"]
        assert flores.texts(code) == flores.texts(code, "devtest") == splits["devtest"]


@pytest.mark.parametrize(
    ("language", "code"),
    [
        *((spelling, "swh_Latn") for spelling in ("swh_Latn", "swh", "sw", "swa", "Swahili", "swahili", "sw-Latn")),
        *((spelling, "cmn_Hans") for spelling in ("zh-Hans", "zho_Hans", "cmn_Hans")),
        *((spelling, "cat_Latn") for spelling in ("ca", "Catalan", "cat_Latn")),
        ("zh_hant", "cmn_Hant"),
        ("cat_Latn_vale1252", "cat_Latn_vale1252"),
        ("German", "deu_Latn"),
    ],
)
def test_languages_in_any_spelling(language, code):
    assert Flores("flores", tuple(TEXTS), {}.get).code_of(language) == code


def test_languages_that_are_not_there():
    flores = Flores("flores", (*TEXTS, *(f"x{letter}x_Latn" for letter in "abcd")), {}.get)
    for language, words in {
        "Chinese": "'Chinese' may be cmn_Hans or cmn_Hant in flores: name one",
        "zh-Arab": r"flores has no 'zh-Arab' \(cmn\)",
        "fr": r"flores has no 'fr' \(fra\), only swh_Latn, .* and 2 others",
        "Klingonese": "unknown language 'Klingonese'",
    }.items():
        with pytest.raises(UserError, match=words):
            flores.code_of(language)


def test_phrasebook():
    flores = open_flores("phrasebook")
    assert flores.code_of("Swahili") == "swh" and len(flores.texts("swh")) == 500
    with pytest.raises(UserError, match="no devtest split of swh, only train, validation, test"):
        flores.texts("swh", "devtest")


def test_splits_columns_and_rows_that_are_not_there(tmp_path):
    flores = open_flores(str(write_plus(tmp_path / "plus")))
    with pytest.raises(UserError, match="no test split of swh_Latn, only validation, devtest: choose with --split"):
        flores.texts("swh_Latn", "test")
    with pytest.raises(UserError, match="no column words for swh_Latn, only id, text, iso_639_3"):
        flores.texts("swh_Latn", column="words")
    with pytest.raises(UserError, match="id of the devtest split holds"):
        flores.texts("swh_Latn", column="id")
    assert flores.texts("swh_Latn", column="iso_639_3") == ["swh", "swh"]
    rows = datasets.Dataset.from_dict({"text": ["a", None]})
    with pytest.raises(UserError, match="text of the devtest split is empty in row 1"):
        Flores("x", ("swh",), lambda code: datasets.DatasetDict(devtest=rows)).texts("swh")


def test_folders_that_are_no_flores(tmp_path):
    (tmp_path / "train.txt").write_text("a\n")
    with pytest.raises(UserError, match="neither a configuration for each language nor columns such as sentence_swh"):
        open_flores(str(tmp_path))
    with pytest.raises(UserError, match="neither an existing folder nor a Hub id"):
        open_flores(str(tmp_path / "nothing"))
    (tmp_path / f"{tmp_path.name}.py").write_text("raise SystemExit\n")
    with pytest.raises(UserError, match="loading script, which never runs"):
        open_flores(str(tmp_path))


def test_links_out_of_a_release_are_refused(tmp_path):
    (tmp_path / "secret").write_text("secret\n")
    folder = write_released(tmp_path / "flores")
    path = folder / "devtest" / "swh_Latn.devtest"
    path.unlink()
    path.symlink_to(tmp_path / "secret")
    with pytest.raises(UserError, match="is a link to"):
        open_flores(str(folder)).texts("swh_Latn")


def test_hub_out_of_reach():
    with pytest.raises(UserError, match="cannot reach the Hub for 'nobody/flores'"):
        open_flores("nobody/flores")


def test_loading_script_on_the_hub_is_replaced_by_its_parquet_copy(tmp_path, monkeypatch):
    """`facebook/flores` holds a loading script; the Hub's copy has a folder per configuration."""
    names = [
        f"{config}/{split}/0000.parquet" for config in ("all", "deu_Latn", "swh_Latn") for split in ("dev", "devtest")
    ]
    monkeypatch.setattr(HfApi, "list_repo_files", lambda *_, **__: names)

    def refuse(*_):
        raise RuntimeError("Dataset scripts are no longer supported, but found flores.py")

    monkeypatch.setattr(datasets, "get_dataset_config_names", refuse)
    flores = open_flores("facebook/flores")
    assert flores.codes == ("deu_Latn", "swh_Latn") and flores.code_of("sw") == "swh_Latn"


def test_hub_with_configurations(tmp_path, monkeypatch):
    """Which names are languages: not `all`, which is a language's code too, nor pairs."""
    names = ["default", "all", "swh_Latn", "deu_Latn", "deu_Latn-swh_Latn"]
    monkeypatch.setattr(datasets, "get_dataset_config_names", lambda name: names)
    assert open_flores("team/flores").codes == ("swh_Latn", "deu_Latn")
    folder = write_all(tmp_path / "all")
    assert "all" not in open_flores(str(folder)).codes


# Files


def test_texts_of_files(tmp_path):
    plain = tmp_path / "news.devtest"
    plain.write_text("moja\n\nmbili\r\n")
    assert read_texts(plain) == ["moja", "mbili"]
    assert read_texts(plain, skip_blank=False) == ["moja", "", "mbili"]
    table = tmp_path / "rows.csv"
    table.write_text("text,words\na,b\nc,d\n")
    assert read_texts(table) == ["a", "c"] and read_texts(table, "words") == ["b", "d"]
    with pytest.raises(UserError, match="no column other, only text, words"):
        read_texts(table, "other")
    tagged = tmp_path / "train.iob2"
    tagged.write_text("Asha B-PER\nlala O\n\nndiyo O\n")
    assert read_texts(tagged) == ["Asha lala", "ndiyo"]


def test_files_without_text(tmp_path):
    blank = tmp_path / "blank.txt"
    blank.write_text("\n  \n")
    for skip_blank in (True, False):
        with pytest.raises(UserError, match=r"blank\.txt holds no text"):
            read_texts(blank, skip_blank=skip_blank)
    with pytest.raises(UserError, match="no file"):
        read_texts(tmp_path / "nothing.txt")
    (tmp_path / "latin.txt").write_bytes("año\n".encode("latin-1"))
    with pytest.raises(UserError, match="line 1: not UTF-8"):
        read_texts(tmp_path / "latin.txt")
