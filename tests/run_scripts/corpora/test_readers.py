"""Files are written by hand; totals of real data come from its own table of rows or from a second, shorter parser."""

import gzip

import datasets
import pytest

from xlzoo.run_scripts.corpora.readers import read_file, read_tagged, read_text
from xlzoo.run_scripts.errors import UserError


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


def write(path, content):
    content = content if isinstance(content, bytes) else content.encode()
    path.write_bytes(gzip.compress(content) if path.name.endswith(".gz") else content)
    return path


@pytest.mark.parametrize("name", ["a.txt", "a.txt.gz"])
def test_text_splits_on_line_feed_only(tmp_path, name):
    path = write(tmp_path / name, " = Title = \n\n \u3000\none\u2028two\u0085three\x0c\rfour\r\nlast")
    assert read_text(path)["text"][:] == [" = Title = ", "one\u2028two\u0085three\x0c\rfour", "last"]
    assert read_text(path, skip_blank=False)["text"][1:3] == ["", " \u3000"]


def test_byte_order_mark_is_dropped_at_the_start_alone(tmp_path):
    assert read_text(write(tmp_path / "a.txt", "\ufeffone\n\ufefftwo\n"))["text"][:] == ["one", "\ufefftwo"]


LAYOUTS = {
    "masakhaner.txt": "# O\nAsha B-PER\n\n\nAmina B-PER\n# O\n. O\n",
    "tabs.tsv": "#\tO\nAsha\tB-PER\n\nAmina\tB-PER\n#\tO\n.\tO\n\n",
    "conll2003.conll": "-DOCSTART- -X- -X- O\n\n# NN B-NP O\nAsha NNP I-NP B-PER\n\n"
    "Amina NNP B-NP B-PER\n# NN B-NP O\n. . O O\n",
    "uner.iob2": "# sent_id = 1\n# text = # Asha\n1\t#\tO\tO#O\ta\n2\tAsha\tB-PER\tB-PER#O\ta\n\n"
    "# sent_id = 2\n1\tAmina\tB-PER\t-\ta\n2\t#\tO\t-\ta\n3\t.\tO\t-\ta\n",
    "spaces.bio": "#  O \nAsha  B-PER\r\n   \nAmina B-PER\n# O\n. O",
}


@pytest.mark.parametrize("ending", ["", ".gz"])
@pytest.mark.parametrize("name", LAYOUTS)
def test_layouts_agree(tmp_path, name, ending):
    rows = read_tagged(write(tmp_path / (name + ending), LAYOUTS[name]))
    assert rows.to_dict() == {
        "tokens": [["#", "Asha"], ["Amina", "#", "."]],
        "ner_tags": [["O", "B-PER"], ["B-PER", "O", "O"]],
    }


def test_numbers_as_words_are_not_ids(tmp_path):
    rows = read_tagged(write(tmp_path / "a.txt", "1 CD B-NP O\nmay MD O O\n\n2 CD O B-DATE\n"))
    assert rows["tokens"][:] == [["1", "may"], ["2"]]
    assert rows["ner_tags"][:] == [["O", "O"], ["B-DATE"]]


def test_words_keep_unicode_spaces_and_tabbed_words_plain_ones(tmp_path):
    assert read_tagged(write(tmp_path / "a.txt", "10\u00a0000 O\n"))["tokens"][0] == ["10\u00a0000"]
    assert read_tagged(write(tmp_path / "a.tsv", "10 000\tO\n"))["tokens"][0] == ["10 000"]


def test_span_tags_stay_as_written(tmp_path):
    rows = read_tagged(write(tmp_path / "a.bio", "a I-PER\nb I-LOC\nc S-ORG\nd E-LOC\n"))
    assert rows["ner_tags"][0] == ["I-PER", "I-LOC", "S-ORG", "E-LOC"]


def test_conllu_gives_upos_of_words(tmp_path):
    text = (
        "# text = Vámonos .\n1-2\tVámonos\t_\t_\t_\t_\t_\t_\t_\t_\n1\tVamos\tir\tVERB\t_\t_\t0\troot\t_\t_\n"
        "2\tnos\tnos\tPRON\t_\t_\t1\tobj\t_\t_\n2.1\tya\tya\tADV\t_\t_\t_\t_\t_\t_\n3\t.\t.\tPUNCT\t_\t_\t1\tpunct\t_\t_\n"
    )
    rows = read_tagged(write(tmp_path / "a.conllu", text))
    assert rows.to_dict() == {"tokens": [["Vamos", "nos", "."]], "pos_tags": [["VERB", "PRON", "PUNCT"]]}


def test_two_columns_of_upos_are_pos_tags(tmp_path):
    assert read_tagged(write(tmp_path / "a.txt", "Asha PROPN\nlala VERB\n")).column_names == ["tokens", "pos_tags"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", "a O\nb\n", r"a\.txt, line 2: expected 2 columns as in the first row, found 1"),
        ("a.txt", "a O\n\nb c O\n", "line 3: expected 2 columns as in the first row, found 3"),
        ("a.txt", "a O\n# no comment within\n", "line 2: expected 2 columns"),
        ("a.tsv", "a\tO\n\tO\n", "line 2: the word is empty"),
        ("a.txt", "a O\nb PER\n", "line 2: tag 'PER', expected O or a span tag"),
        ("a.txt", "a NOUN\nb O\n", "line 2: tag 'O', expected one of ADJ"),
        ("a.txt", "word\n", "has lines like 'word'"),
        ("a.txt", "", "holds no sentences"),
        ("a.txt", "# comment only\n\n", "holds no sentences"),
        ("a.txt", b"a O\nb\xff O\n", "line 2: not UTF-8"),
        ("a.xml", "<a/>", r"cannot tell the format of .*a\.xml"),
    ],
)
def test_faults_of_tagged_files_name_the_place(tmp_path, name, content, message):
    with pytest.raises(UserError, match=message):
        read_file(write(tmp_path / name, content), "tokens")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", "", "holds no rows"),
        ("a.txt", " \n\n", "holds no rows"),
        ("a.txt", b"fine\n\xe9\n", "line 2: not UTF-8"),
        ("a.csv", "", "is empty"),
        ("a.csv", "text\n", "cannot read"),
        ("a.csv", "a,b\n1,2\n1,2,3\n", "Expected 2 fields in line 3"),
        ("a.jsonl", "\n", "is empty"),
        ("a.jsonl", '{"text": "a"}\n{"text": \n', "cannot read"),
        ("a.jsonl", b'{"text": "a"}\n{"text": "\xe9"}\n', "line 2: not UTF-8"),
        ("a.parquet", "no parquet", "cannot read"),
        ("a.conllu", "", "holds no sentences"),
    ],
)
def test_faults_of_other_files(tmp_path, name, content, message):
    with pytest.raises(UserError, match=message):
        read_file(write(tmp_path / name, content), "text")


@pytest.mark.parametrize("name", ["a.txt.gz", "a.jsonl.gz"])
def test_truncated_and_false_gzip(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(gzip.compress(b'{"text": "one row"}\n' * 50)[:-12])
    with pytest.raises(UserError, match=r"cannot read .* after line \d+: Compressed file ended"):
        read_file(path, "text")
    path.write_bytes(b'{"text": "not compressed"}\n')
    with pytest.raises(UserError, match=r"cannot read .*Not a gzipped file"):
        read_file(path, "text")


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(UserError, match="no file"):
        read_file(tmp_path / "a.txt", "text")
    (tmp_path / "b.txt").mkdir()
    with pytest.raises(UserError, match="cannot read"):
        read_file(tmp_path / "b.txt", "text")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a [1].csv", "text,label\nhabari,1\n"),
        ("a.jsonl", '{"text": "habari", "label": 1}\n'),
        ("a.json", '[{"text": "habari", "label": 1}]'),
        ("a.jsonl.gz", '{"text": "habari", "label": 1}\n'),
    ],
)
def test_tables_keep_their_columns(tmp_path, name, content):
    assert read_file(write(tmp_path / name, content), "tokens").to_list() == [{"text": "habari", "label": 1}]


def test_parquet(tmp_path):
    datasets.Dataset.from_dict({"tokens": [["a"]], "ner_tags": [["O"]]}).to_parquet(tmp_path / "a.parquet")
    assert read_file(tmp_path / "a.parquet", "tokens").to_list() == [{"tokens": ["a"], "ner_tags": ["O"]}]


SENTENCES = {
    "ner/masakhaner/swa/dev.txt.gz": 942,
    "ner/masakhaner/hau/dev.txt": 816,
    "ner/uner/da_ddt/test.iob2.gz": 565,
    "ner/uner/zh_gsd/dev.iob2.gz": 500,
    "udpos/en_ewt/dev.conllu.gz": 2001,
    "udpos/de_gsd/test.conllu.gz": 977,
}


@pytest.mark.shared
@pytest.mark.parametrize("name", SENTENCES)
def test_real_tagged_files(shared_data, name):
    path = shared_data / name
    text = (gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()).decode()
    table = [line.split("\t") for line in text.split("\n") if "\t" in line and line.split("\t")[0].isdigit()]
    pairs = (
        [line.split(" ") for line in text.split("\n") if line] if not table else [(row[1], row[2]) for row in table]
    )
    if "udpos" in name:
        pairs = [(row[1], row[3]) for row in table]
    rows = read_file(path, "tokens")
    tags = rows["pos_tags" if "udpos" in name else "ner_tags"]
    assert len(rows) == SENTENCES[name]
    assert [word for words in rows["tokens"] for word in words] == [word for word, _ in pairs]
    assert [tag for names in tags for tag in names] == [tag for _, tag in pairs]


@pytest.mark.shared
def test_real_text(shared_data):
    assert len(read_file(shared_data / "lm" / "luo.txt", "text")) == 1056
    assert len(read_text(shared_data / "lm" / "wikitext-2" / "valid.txt.gz", skip_blank=False)) == 3760


@pytest.mark.parametrize("name", ["train.de", "dev.swh_Latn", "train.en.gz"])
def test_files_named_after_a_language_are_lines_of_text(tmp_path, name):
    path = tmp_path / name
    (gzip.open if name.endswith(".gz") else open)(path, "wb").write(b"a b\n\nc\n")
    assert read_file(path, "text")["text"] == ["a b", "c"]
    with pytest.raises(UserError, match="cannot tell the format"):
        read_file(path, "tokens")
    with pytest.raises(UserError, match="cannot tell the format"):
        read_file(tmp_path / "code.py", "text")
