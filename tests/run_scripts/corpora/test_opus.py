"""Corpora in OPUS's own layouts: Moses archives and files, XML with alignments, and what is damaged or missing."""

import gzip
import zipfile
from pathlib import Path

import pytest
from opus_folders import (
    GROUPS,
    PAIRS,
    XML_PAIRS,
    document,
    write_moses_text,
    write_moses_zip,
    write_xml,
    write_zip,
)

from xlzoo.run_scripts.corpora.parallel import opus_download, standoff
from xlzoo.run_scripts.corpora.parallel.opus import OpusCorpus
from xlzoo.run_scripts.corpora.parallel.opus_tree import Wanted
from xlzoo.run_scripts.corpora.parallel.standoff import Sentences, read_sentences
from xlzoo.run_scripts.errors import UserError


def corpus(root, source="eng", target="swh", limit=0, cache=None, **wanted):
    return OpusCorpus(Wanted("Tiny", source, target, **wanted), root, Path(cache or "nowhere"), limit)


def read(root, *args, **wanted):
    return list(corpus(root, *args, **wanted).pairs())


def refused(words, root, **wanted):
    with pytest.raises(UserError) as caught:
        read(root, **wanted)
    assert words in str(caught.value) and "\n" not in str(caught.value)


def swapped(pairs):
    return [(target, source) for source, target in pairs]


def test_moses_archives(tmp_path):
    write_moses_zip(tmp_path)
    assert read(tmp_path) == PAIRS
    assert read(tmp_path, "swh", "eng") == swapped(PAIRS)
    assert read(tmp_path, limit=2) == PAIRS[:2]
    assert corpus(tmp_path).licence() == "CC BY 4.0"


@pytest.mark.parametrize("packed", [False, True])
def test_moses_files(packed, tmp_path):
    write_moses_text(tmp_path, packed=packed)
    assert read(tmp_path) == PAIRS
    assert read(tmp_path, "swh", "eng") == swapped(PAIRS)
    assert corpus(tmp_path).licence() == ""


@pytest.mark.parametrize("preprocess", ["raw", "xml"])
@pytest.mark.parametrize("packed", [False, True])
def test_xml_with_its_alignment(preprocess, packed, tmp_path):
    """Links of several sentences, links of one side only, two documents, text with marks of time, and words."""
    write_xml(tmp_path, preprocess=preprocess, packed=packed)
    assert read(tmp_path, preprocess=preprocess) == XML_PAIRS
    assert read(tmp_path, "swh", "eng", preprocess=preprocess) == swapped(XML_PAIRS)


def test_the_latest_release_is_the_one_with_the_highest_number(tmp_path):
    for release, pairs in (("v2", PAIRS[:1]), ("v10", PAIRS[:2]), ("v9", PAIRS[:3])):
        write_moses_zip(tmp_path, release=release, pairs=pairs)
    assert len(read(tmp_path)) == 2 and len(read(tmp_path, release="v9")) == 3
    write_moses_zip(tmp_path, release="latest")
    assert len(read(tmp_path)) == 4


def test_languages_in_other_spellings(tmp_path):
    """The plain code goes before one with a region, and a code of three letters is as good."""
    write_moses_zip(tmp_path, one="en", other="pt_BR", pairs=PAIRS[:1])
    assert len(read(tmp_path, target="por")) == 1
    write_moses_zip(tmp_path, one="en", other="pt")
    assert len(read(tmp_path, target="por")) == 4
    write_moses_zip(tmp_path, release="v3", one="eng", other="swa")
    assert read(tmp_path) == PAIRS


def test_a_folder_that_opustools_downloaded_to(tmp_path):
    made = write_moses_zip(tmp_path / "tree")
    (tmp_path / "cache").mkdir()
    made.rename(tmp_path / "cache" / "Tiny_latest_moses_en-sw.txt.zip")
    assert read(None, cache=tmp_path / "cache") == PAIRS
    base = write_xml(tmp_path / "tree")
    for name in ("xml/en-sw.xml.gz", "raw/en.zip", "raw/sw.zip"):
        (base / name).rename(tmp_path / "cache" / f"Tiny_latest_{name.replace('/', '_')}")
    assert read(None, cache=tmp_path / "cache", preprocess="raw") == XML_PAIRS


def test_what_a_tree_lacks(tmp_path):
    refused("has no moses files of Tiny in eng and swh", tmp_path)
    write_moses_zip(tmp_path)
    refused("has no xml files of Tiny", tmp_path, preprocess="xml")
    refused("has no moses files of Tiny in eng and deu", tmp_path, target="deu")
    base = write_xml(tmp_path, release="v3")
    (base / "raw" / "sw.zip").unlink()
    refused("no raw/sw.zip with its sentences", tmp_path, preprocess="raw")


def test_damaged_archives(tmp_path):
    path = write_moses_zip(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    refused("cannot read", tmp_path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("Tiny.en-sw.en", "".join(f"{pair[0]}\n" for pair in PAIRS) * 50)
        archive.writestr("Tiny.en-sw.sw", "".join(f"{pair[1]}\n" for pair in PAIRS) * 50)
    broken = bytearray(path.read_bytes())
    broken[300] ^= 0xFF  # In the middle of the first text, which is stored as it is.
    path.write_bytes(broken)
    refused("cannot read", tmp_path)
    write_zip(path, {"Tiny.en-sw.en": "a\nb\n", "Tiny.en-sw.sw": "a\n"})
    refused("ends after line 1", tmp_path)
    write_zip(path, {"other.en": "a\n", "Tiny.en-sw.sw": "a\n"})
    refused("holds 0 files named *.en-sw.en", tmp_path)
    write_zip(path, {"Tiny.en-sw.en": "a\n" * 2**21, "Tiny.en-sw.sw": "a\n" * 2**21})
    refused("unpacks to more than", tmp_path)


def test_damaged_xml(tmp_path):
    base = write_xml(tmp_path)
    alignment = base / "xml" / "en-sw.xml.gz"
    whole = gzip.decompress(alignment.read_bytes())

    def write(text):
        alignment.write_bytes(gzip.compress(text))

    write(whole[: len(whole) - 30])
    refused("is not whole XML", tmp_path, preprocess="raw")
    write(whole.replace(b'xtargets="1;1"', b'xtargets="1"', 1))
    refused("expected ids of two documents", tmp_path, preprocess="raw")
    write(whole.replace(b"en/b/c.xml.gz", b"en/gone.xml.gz"))
    refused("has no document en/gone.xml.gz", tmp_path, preprocess="raw")
    write(whole.replace(b'"">', b'"" [<!ENTITY a "aaaa">]>', 1))
    refused("declares the entity a", tmp_path, preprocess="raw")
    alignment.write_bytes(gzip.compress(whole)[:-20])
    refused("cannot read", tmp_path, preprocess="raw")


def test_links_to_sentences_that_are_not_there(tmp_path):
    """They come as pairs with an empty side, which the reader counts; what lies outside the corpus is refused."""
    groups = [("en/a.xml.gz", "sw/a.xml.gz", ["1;1", "2;77", "4;4"]), GROUPS[1]]
    write_xml(tmp_path, groups=groups)
    assert read(tmp_path, preprocess="raw")[1] == (PAIRS[1][0], "")
    (tmp_path / "secret.xml").write_text(document(["a secret"]))
    write_xml(tmp_path / "open", packed=False, groups=[("en/../../../../../secret.xml.gz", "sw/a.xml.gz", ["1;1"])])
    refused("outside of its corpus", tmp_path / "open", preprocess="raw")


def test_a_document_is_never_held_as_a_whole(monkeypatch):
    """Only a window of sentences is kept, and reading goes no further than the sentence that is asked for."""
    monkeypatch.setattr(standoff, "WINDOW", 5)
    given = []

    def blocks():
        for number in range(1000):
            given.append(number)
            yield f'{"<t>" * (not number)}<s id="{number}">sentence {number}</s>{"</t>" * (number == 999)}'.encode()

    sentences = Sentences(blocks(), "a document")
    assert sentences.text(["3", "4"]) == "sentence 3 sentence 4" and len(given) == 5
    assert sentences.text(["8"]) == "sentence 8" and len(sentences._found) == 5
    assert sentences.text(["4", "5"]) == "sentence 4 sentence 5"
    assert sentences.text(["3"]) is None  # Too far back.


def test_entities_and_spaces_of_text():
    xml = b'<text><s id="1">a &lt; b\n  &amp;<time id="x"/>c</s><s id="2"/><note>none</note></text>'
    assert list(read_sentences([xml[:20], xml[20:]], "x")) == [("1", "a < b & c"), ("2", "")]


def test_downloads_arrive_whole_or_not_at_all(tmp_path, monkeypatch):
    """opustools' part is played by a function with its signature; it may print, fail, or break off."""
    archive = write_moses_zip(tmp_path / "tree").read_bytes()
    asked = []

    class OpusGet:
        given = archive

        def __init__(self, **arguments):
            self.arguments = arguments

        def get_files(self):
            asked.append((self.arguments["source"], self.arguments["target"]))
            if self.given is None:
                raise ConnectionResetError("the line is dead")
            if self.arguments["target"] == "sw":
                print("Unable to retrieve the data")
                return
            (Path(self.arguments["download_dir"]) / "Tiny_latest_moses_en-swh.txt.zip").write_bytes(self.given)

    monkeypatch.setattr("opustools.OpusGet", OpusGet)
    cache = tmp_path / "cache"
    monkeypatch.setattr(OpusGet, "given", archive[:-30])
    refused("broke off", None, cache=cache)
    monkeypatch.setattr(OpusGet, "given", None)
    refused("cannot be reached for Tiny (the line is dead)", None, cache=cache)
    assert [path.name for path in cache.iterdir()] == []
    monkeypatch.setattr(OpusGet, "given", archive)
    with pytest.raises(UserError, match="holds 0 files"):  # The archive names its members en-sw, not en-swh.
        read(None, cache=cache)
    assert asked[-2:] == [("en", "sw"), ("en", "swh")]
    assert [path.name for path in cache.iterdir()] == ["Tiny_latest_moses_en-swh.txt.zip"]


def test_opustools_answer_of_nothing_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr("opustools.OpusGet.get_files", lambda self: print("Unable to retrieve the data"))
    refused("OPUS gave no moses files of Tiny in eng and swh (Unable to retrieve the data", None, cache=tmp_path)
    monkeypatch.setitem(__import__("sys").modules, "opustools", None)
    with pytest.raises(UserError, match="pip install 'xlzoo"):
        opus_download.require_opustools()
