"""Duplicates, samples and filters of parallel corpora, against the same worked out with a dictionary or by hand."""

import random

import numpy as np
import pytest

from xlzoo.run_scripts.corpora.parallel import deduplication, sampling
from xlzoo.run_scripts.corpora.parallel.cleaning import Cleaner, Cleaning, right_length, right_ratio
from xlzoo.run_scripts.corpora.parallel.opus_filters import known_languages, language_filter, opus_filter
from xlzoo.run_scripts.corpora.parallel.shards import (
    get_array,
    get_note,
    get_table,
    in_shards,
    pairs_of,
    pairs_table,
    put,
    put_array,
    put_note,
    put_table,
    remove_parts,
)
from xlzoo.run_scripts.corpora.parallel.text_files import TextFiles
from xlzoo.run_scripts.corpora.parallel.translations import Translations
from xlzoo.run_scripts.errors import UserError

LANGUAGES = {"source": "eng", "target": "swh"}
PLAIN = {**LANGUAGES, "normalize_punctuation": False, "language_id": "none"}


def some_pairs(number, seed=1):
    """Pairs of few words, so that many are equal, or equal but for case and punctuation."""
    drawn = random.Random(seed)
    forms = ("dog", "Dog", "DOG!", "cat", "cat ", "« cat »", "ｃａｔ", "no. 1", "no. 2")
    return [(drawn.choice(forms), drawn.choice(forms)) for _ in range(number)]


def plain(text):
    """What `normalized` compares, for these words."""
    table = {"ｃａｔ": "cat", "« cat »": "cat", "cat ": "cat", "Dog": "dog", "DOG!": "dog"}
    return {**table, "no. 1": "no1", "no. 2": "no2"}.get(text, text)


@pytest.mark.parametrize("parts", [1, 3])
@pytest.mark.parametrize("mode", ["exact", "normalized"])
def test_duplicates_are_those_that_a_dictionary_finds(mode, parts, tmp_path):
    pairs = some_pairs(400)
    shards = list(in_shards(iter(pairs), 60))
    files = [tmp_path / f"{number}.npy" for number in range(len(shards))]
    for file, shard in zip(files, shards, strict=True):
        put_array(file, deduplication.keys_of(shard, mode))
    lists = [tmp_path / f"part-{part}.npy" for part in range(parts)]
    for part, file in enumerate(lists):
        put_array(file, deduplication.find_duplicates(files, part, parts))
    seen, exact, expected, place = set(), set(), [], 0
    for shard in shards:
        for row, pair in enumerate(shard):
            key = pair if mode == "exact" else (plain(pair[0]), plain(pair[1]))
            if key in seen:
                expected.append((place, row, pair in exact))
            seen.add(key)
            exact.add(pair)
        place += 1
    found = [
        (place, int(row), bool(is_exact))
        for place in range(len(shards))
        for row, is_exact in deduplication.duplicates_in(lists, place)
    ]
    assert found == expected and len(expected) > 300
    if mode == "normalized":
        assert {is_exact for *_, is_exact in expected} == {True, False}


def test_marks_and_digits_are_no_punctuation():
    """Devanagari's vowel signs tell words apart, and so do numbers; an ideographic space does not."""
    keys = deduplication.keys_of([("कि 1", "x"), ("का 1", "x"), ("कि 2", "x"), ("कि\u3000１.", "X")], "normalized")
    assert len({(int(key["high"]), int(key["low"])) for key in keys}) == 3


def test_no_pairs_at_all(tmp_path):
    put_array(tmp_path / "0.npy", deduplication.keys_of([], "exact"))
    put_array(tmp_path / "d.npy", deduplication.find_duplicates([tmp_path / "0.npy"], 0, 1))
    assert len(deduplication.duplicates_in([tmp_path / "d.npy"], 0)) == 0


@pytest.mark.parametrize("target", [0, 1, 37, 99, 100, 500])
def test_a_sample_is_the_lowest_places_in_their_order(target, tmp_path):
    """By sorting all pairs at once; 20 of them are equal and so in one place, in the order of the shards."""
    pairs = [(f"a {number}", f"b {number}") for number in range(80)] + [("same", "same")] * 20
    random.Random(3).shuffle(pairs)
    order = np.argsort(sampling.places_of(pairs, 5), kind="stable")
    expected = [pairs[place] for place in order[: target or None]]
    for rows, parts in ((100, 1), (7, 1), (13, 4)):
        files = []
        for number, shard in enumerate(in_shards(iter(pairs), rows)):
            files.append(tmp_path / f"{target}-{rows}-{number}.arrow")
            put_table(files[-1], sampling.sorted_by_place(pairs_table(shard), sampling.places_of(shard, 5)))
        sample = sampling.draw(files, target)
        drawn = [pair for part in range(parts) for pair in pairs_of(sampling.part_of(files, sample, part, parts))]
        assert drawn == expected and sum(sample.by_shard) == sample.size == len(expected)
    assert (
        drawn != [pairs[place] for place in np.argsort(sampling.places_of(pairs, 6))[: target or None]] or target == 1
    )


def test_lengths_and_ratios_by_hand():
    pairs = [("a b", "a b c d"), ("a", "a b c"), ("a b c d", "a b"), ("a b c", "a b c d e f g")]
    assert right_length(pairs, 2, 4) == [True, False, True, False]
    # As published: 0.45 to 2.0, or the inverse within it. 3/7 is 0.43 and 7/3 is 2.3; 1/3 and 3 are outside as well.
    assert right_ratio(pairs, 0.45, 2.0) == [True, False, True, False]
    assert right_ratio(pairs, 0.4, 1.0) == [True, False, True, True]


def test_filters_in_turn_and_what_each_drops():
    pairs = [("„One“ two  three", "moja mbili tatu"), ("one", "moja"), ("a b", "a b c d e"), ("xxxxxxxxxx b", "c d")]
    settings = {"min_len": 2, "max_len": 5, "len_ratio_low": 0.5, "len_ratio_high": 2.0, "language_id": "none"}
    long_words = ({"LongWordFilter": {"threshold": 8}}, {"LongWordFilter": {"threshold": 6}})
    kept, dropped = Cleaner(Cleaning(**LANGUAGES, **settings, opusfilter=long_words)).clean(pairs)
    assert kept == [('"One" two three', "moja mbili tatu")]
    assert dict(dropped) == {"length": 1, "length ratio": 1, "LongWordFilter": 1, "LongWordFilter 2": 0}


def test_ours_are_opusfilters_where_these_say_the_same():
    pairs = [pair for pair in some_pairs(100) for _ in (0, 1)] + [
        ("a " * n, "b " * m) for n in (1, 4, 9) for m in (2, 5)
    ]
    theirs = opus_filter("LengthFilter", {"min_length": 1, "max_length": 4, "unit": "word"})
    assert theirs(pairs) == right_length(pairs, 1, 4)
    theirs = opus_filter("LengthRatioFilter", {"threshold": 2.0 + 1e-9, "unit": "word"})
    assert theirs(pairs) == right_ratio(pairs, 0.5, 2.0)


def test_languages_are_told():
    english, swahili = "The farmer was in the garden.", "Mkulima alikuwa bustanini leo asubuhi."
    pairs = [(english, swahili), (swahili, english), (english, english)]
    assert language_filter("langid", ("eng", "swh"))(pairs) == [True, False, False]
    assert language_filter("langid", ("eng", None))(pairs) == [True, False, True]
    assert known_languages("langid", ("swh", "hau", "cmn", "nob")) == ["swh", "cmn", "nob"]
    assert known_languages("lingua", ("swh", "yor", "kin")) == ["swh", "yor"]


@pytest.mark.parametrize(
    "name, settings, words",
    [
        ("NoFilter", {}, "no filter 'NoFilter'"),
        ("FilterABC", {}, "no filter 'FilterABC'"),
        ("LengthFilter", {"unit": "page"}, "cannot be made"),
        ("LengthFilter", {"shortest": 1}, "no setting 'shortest'"),
        ("Cld2Filter", {"languages": ["en", "sw"]}, "needs the package pycld2"),
        ("SentenceEmbeddingFilter", {}, "needs the package laserembeddings"),
    ],
)
def test_filters_that_cannot_be_made(name, settings, words):
    with pytest.raises(UserError, match=words):
        opus_filter(name, settings)


def test_without_the_libraries(monkeypatch):
    """The filters of lengths need nothing; what others need is named."""
    for name in ("opusfilter", "sacremoses"):
        monkeypatch.setitem(__import__("sys").modules, name, None)
    assert Cleaner(Cleaning(**PLAIN, min_len=1)).clean([("a b", "c d")])[0] == [("a b", "c d")]
    with pytest.raises(UserError, match="opusfilter needs OpusFilter; pip install 'xlzoo"):
        opus_filter("LengthFilter", {})
    with pytest.raises(UserError, match="--language_id none"):
        known_languages("langid", ("eng",))


def test_ways_to_tell_languages_that_are_not_installed():
    with pytest.raises(UserError, match="cld2 needs the package pycld2"):
        known_languages("cld2", ("eng",))


def test_files_are_whole_or_not_there(tmp_path):
    def broken(part):
        part.write_text("half")
        raise RuntimeError

    put_note(tmp_path / "note.json", {"kept": 1})
    with pytest.raises(RuntimeError):
        put(tmp_path / "note.json", broken)
    assert get_note(tmp_path / "note.json") == {"kept": 1} and len(list(tmp_path.iterdir())) == 2
    remove_parts(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["note.json"] and get_note(tmp_path / "none.json") is None
    put_table(tmp_path / "t.arrow", pairs_table([]))
    put_array(tmp_path / "a.npy", np.empty(0, deduplication.KEYS))
    assert pairs_of(get_table(tmp_path / "t.arrow")) == [] and len(get_array(tmp_path / "a.npy")) == 0


def test_shards_end_at_long_texts(monkeypatch):
    monkeypatch.setattr("xlzoo.run_scripts.corpora.parallel.shards.CHARACTERS", 100)
    sizes = [len(shard) for shard in in_shards(iter([("a", "b")] * 7 + [("a" * 99, "b")] * 2 + [("a", "b")]), 5)]
    assert sizes == [5, 3, 1, 1]


def test_files_of_pairs(tmp_path):
    (tmp_path / "p.tsv").write_text('a "quoted\tb ||| c\n\tonly\n')
    (tmp_path / "p.txt").write_text("a ||| b\n")
    assert list(TextFiles(tmp_path / "p.tsv").pairs()) == [('a "quoted', "b ||| c"), ("", "only")]
    assert list(TextFiles(tmp_path / "p.txt", limit=5).pairs()) == [("a ", " b")]
    (tmp_path / "p.tsv").write_text("a\tb\tc\n")
    with pytest.raises(UserError, match=r"p\.tsv, line 1: found 3 texts; expected two"):
        list(TextFiles(tmp_path / "p.tsv").pairs())
    with pytest.raises(UserError, match="no file"):
        list(TextFiles(tmp_path / "gone.en", tmp_path / "p.txt").pairs())


def translations(name, split="train", limit=0, source="eng", target="swh"):
    return list(Translations(str(name), split, source, target, limit).pairs())


@pytest.mark.parametrize(
    "one, other", [("eng", "swh"), ("en", "sw"), ("eng_Latn", "swh_Latn"), ("English", "Swahili"), ("en", "swa")]
)
@pytest.mark.parametrize("nested", [True, False])
def test_translations_under_any_usual_names(one, other, nested, tmp_path):
    import json

    texts = [{one: "a", other: "b"}, {one: "c", other: None}]
    rows = [{"id": number, **({"translation": row} if nested else row)} for number, row in enumerate(texts)]
    (tmp_path / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert translations(tmp_path) == [("a", "b"), ("c", "")]
    assert translations(tmp_path, source="swh", target="eng", limit=1) == [("b", "a")]
    with pytest.raises(UserError, match="has no text in deu, only"):
        translations(tmp_path, target="deu")
    with pytest.raises(UserError, match="has no dev split, only train"):
        translations(tmp_path, "dev")


def test_the_configuration_of_two_languages_is_found(tmp_path):
    """A folder in the Hub's layout with several configurations, of which one is of these languages."""
    configs = []
    for name, (one, other) in {"eng_Latn-swh_Latn": ("eng_Latn", "swh_Latn"), "de-en": ("de", "en")}.items():
        (tmp_path / "files").mkdir(exist_ok=True)
        row = f'{{"translation": {{"{one}": "1 {name}", "{other}": "2 {name}"}}}}\n'
        (tmp_path / "files" / f"{name}.jsonl").write_text(row)
        configs.append(f"- config_name: {name}\n  data_files: files/{name}.jsonl\n")
    (tmp_path / "README.md").write_text(f"---\nlicense: cc-by-4.0\nconfigs:\n{''.join(configs)}---\n")
    assert translations(tmp_path) == [("1 eng_Latn-swh_Latn", "2 eng_Latn-swh_Latn")]
    assert translations(tmp_path, source="eng", target="deu") == [("2 de-en", "1 de-en")]
    assert translations(f"{tmp_path}:de-en", source="eng", target="deu") == [("2 de-en", "1 de-en")]
    assert Translations(str(tmp_path), "train", "eng", "swh").licence() == "cc-by-4.0"
    with pytest.raises(UserError, match="no such configuration; give one of"):
        translations(tmp_path, source="eng", target="fra")


def test_a_data_set_that_breaks_off(tmp_path):
    """The stream begins, and one of its files, which come later, is no whole Parquet file."""
    from datasets import Dataset

    rows = Dataset.from_list([{"translation": {"en": str(number), "sw": "x"}} for number in range(50)])
    (tmp_path / "data").mkdir()
    for part in range(2):
        rows.to_parquet(tmp_path / "data" / f"train-0000{part}-of-00002.parquet")
    assert len(translations(tmp_path)) == 100
    path = tmp_path / "data" / "train-00001-of-00002.parquet"
    path.write_bytes(path.read_bytes()[:-300])
    with pytest.raises(UserError, match="cannot read"):
        translations(tmp_path)


def test_the_phrasebook_is_a_data_set_too():
    found = translations("phrasebook", limit=3)
    assert len(found) == 3 and all(map(all, found))
