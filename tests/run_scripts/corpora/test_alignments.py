"""Gold links as Pharaoh lines and as tables, with the line of what is wrong."""

import gzip

import pytest

from xlzoo.run_scripts.corpora.alignments import GoldLinks, parse_pharaoh, pharaoh, read_gold, read_pharaoh
from xlzoo.run_scripts.errors import UserError


def written(folder, text, name="gold"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_pharaoh_lines(tmp_path):
    gold = read_gold(written(tmp_path, "0-0 1-2 2p3\n\n0p0  10-11\r\n"))
    assert gold.sentences == [GoldLinks({(0, 0), (1, 2)}, {(2, 3)}), GoldLinks(), GoldLinks({(10, 11)}, {(0, 0)})]
    assert not gold.is_table and gold[0] is gold.sentences[0]


def test_what_is_written_is_read_again(tmp_path):
    links = [[(0, 0), (2, 1)], [], [(10, 3)]]
    path = written(tmp_path, "".join(f"{pharaoh(each)}\n" for each in links))
    assert [gold.sure for gold in read_pharaoh(path)] == [set(each) for each in links]


def test_tables(tmp_path):
    """Sentences in any order; those without a row have no links; without a kind a link is sure."""
    gold = read_gold(written(tmp_path, "2\t0\t1\tP\n0\t0\t0\tS\n0\t1\t1\n"))
    assert gold.sentences == [GoldLinks({(0, 0), (1, 1)}), GoldLinks(), GoldLinks(set(), {(0, 1)})]
    assert gold.is_table and gold[7] == GoldLinks()


def test_packed_files(tmp_path):
    path = tmp_path / "gold.gz"
    path.write_bytes(gzip.compress(b"0-0\n"))
    assert read_gold(path).sentences == [GoldLinks({(0, 0)})]


@pytest.mark.parametrize(
    "text, words",
    [
        ("0-0\n1:2\n", "line 2: '1:2' is no link; expected 1-2 (sure) or 1p2 (possible)"),
        ("0-0 -1-2\n", "line 1: '-1-2' is no link"),
        ("0-\n", "line 1: '0-' is no link"),
        ("٣-1\n", "line 1: '٣-1' is no link"),
        ("0\t0\t0\tS\n0\t0\n", "line 2: '0\\t0' is no row of sentence, source word, target word, and S or P"),
        ("0\t0\t0\tX\n", "line 1"),
        ("0\t0\t-1\tS\n", "line 1"),
        ("999999999\t0\t0\tS\n", "line 1"),
        ("", "is empty; expected links such as 0-0 1-2"),
    ],
)
def test_what_is_wrong_is_named(text, words, tmp_path):
    with pytest.raises(UserError) as caught:
        read_gold(written(tmp_path, text))
    assert words in str(caught.value) and "\n" not in str(caught.value)


def test_links_beyond_the_words_are_named():
    parse_pharaoh("2-3 0p0", "here").check("Line 4", 3, 4)
    for wrong in ("3-0", "0-4", "0p4"):
        with pytest.raises(UserError, match=r"Line 4 links the words .* of sentences of 3 and 4 words"):
            parse_pharaoh(wrong, "here").check("Line 4", 3, 4)


def test_the_number_of_sentences(tmp_path):
    lines, table = (read_gold(written(tmp_path, text)) for text in ("0-0\n0-0\n", "1\t0\t0\tS\n"))
    for gold in (lines, table):
        gold.check_length(2, is_whole=True)
        gold.check_length(1, is_whole=False)
        with pytest.raises(UserError, match="links for 2 sentences, the text has 1 pairs"):
            gold.check_length(1, is_whole=True)
    table.check_length(3, is_whole=True)
    with pytest.raises(UserError, match="links for 2 sentences, the text has 3 pairs"):
        lines.check_length(3, is_whole=True)


@pytest.mark.shared
@pytest.mark.parametrize(
    "languages, sentences, sure, possible",
    [("de-en", 508, 9612, 921), ("en-fr", 447, 4038, 13400), ("en-hi", 90, 1408, 0)],
)
def test_real_gold(languages, sentences, sure, possible, shared_data):
    """The numbers of the data's own README."""
    gold = read_gold(shared_data / "word_alignment" / languages / "gold.tsv")
    assert len(gold.sentences) == sentences
    assert sum(len(one.sure) for one in gold.sentences) == sure
    assert sum(len(one.possible) for one in gold.sentences) == possible
