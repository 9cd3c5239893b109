"""Words of texts, pieces of words, and which words a piece belongs to, in scripts with spaces and without."""

import itertools

import pytest
import torch
from alignment.oracles import transport
from alignment.tiny import CHINESE, JAPANESE, PAIRS, THAI, aligner, states, stock, tokenizer
from hypothesis import given, settings
from hypothesis import strategies as st

from xlzoo.modeling.alignment_words import PieceCutter, split_words, word_spans


@pytest.mark.parametrize(
    "text, words",
    [
        ("", []),
        ("  Das  ist\tgut .\n", ["Das", "ist", "gut", "."]),
        ("我爱北京。", ["我", "爱", "北", "京", "。"]),
        ("我用Python3写 code。", ["我", "用", "Python3", "写", "code", "。"]),
        ("猫がカップ", ["猫", "が", "カ", "ッ", "プ"]),
        # Vowels above, below and behind stay with their consonant.
        ("ที่น่ารัก", ["ที่", "น่", "า", "รั", "ก"]),
        ("ខ្មែរ", ["ខ្", "មែ", "រ"]),
        ("한국어 문장 .", ["한국어", "문장", "."]),
        ("हिन्दी वाक्य", ["हिन्दी", "वाक्य"]),
        ("a\u3000b\u00a0c", ["a", "b", "c"]),
    ],
)
def test_words_of_texts(text, words):
    assert split_words(text) == words


@settings(max_examples=200, deadline=None)
@given(st.text(st.one_of(st.characters(), st.sampled_from(" \t我がกิ。aé")), max_size=30))
def test_words_are_all_that_is_no_space(text):
    """In order, without gaps but white space, and none is empty."""
    spans = word_spans(text)
    assert all(start < stop for start, stop in spans)
    assert all(before[1] <= after[0] for before, after in itertools.pairwise(spans))
    assert "".join(text[start:stop] for start, stop in spans) == "".join(text.split())
    assert split_words(text) == [text[start:stop] for start, stop in spans]


def test_words_are_cut_one_by_one():
    """As the tokenizer cuts each word alone; asked again, nothing is cut again."""
    cutter = PieceCutter(tokenizer())
    words = ["the", "the", "dogs", CHINESE, "", "\u200b", "the"]
    pieces = [tokenizer()(word, add_special_tokens=False)["input_ids"] for word in words]
    for _ in range(2):
        [cut] = cutter.cut([words])
        assert cut.ids == [piece for part in pieces for piece in part]
        assert cut.first == cut.last == [number for number, part in enumerate(pieces) for _ in part]
        cutter.tokenizer = None


def test_more_words_than_one_row_of_the_tokenizer():
    words = [f"{number}a" for number in range(1500)]
    [cut] = PieceCutter(tokenizer()).cut([words])
    assert cut.ids == [i for word in words for i in tokenizer()(word, add_special_tokens=False)["input_ids"]]


def test_a_text_with_spaces_is_cut_like_its_words():
    cutter = PieceCutter(tokenizer())
    for pair in PAIRS:
        for words in pair:
            text, listed = cutter.cut([f" {'  '.join(words)} ", words])
            assert (text.ids, text.first, text.last) == (listed.ids, listed.first, listed.last)


@pytest.mark.parametrize("text", [CHINESE, THAI, JAPANESE, f"a {CHINESE} b{THAI}"])
def test_pieces_of_several_characters_belong_to_all_of_them(text):
    """Each word's characters lie under pieces that name it, and a piece's words are those under it, by its place."""
    [cut] = PieceCutter(tokenizer()).cut([text])
    assert any(first < last for first, last in zip(cut.first, cut.last, strict=True))
    places = tokenizer()(text, return_offsets_mapping=True, add_special_tokens=False)["offset_mapping"]
    for (start, stop), first, last in zip(places, cut.first, cut.last, strict=True):
        under = [n for n, (begin, end) in enumerate(word_spans(text)) if begin < stop and start < end]
        assert under == list(range(first, last + 1))
    named = {number for first, last in zip(cut.first, cut.last, strict=True) for number in range(first, last + 1)}
    assert named == set(range(len(split_words(text))))


def test_texts_without_spaces_align():
    """Against one encoded pair: every word of a linked piece is linked with every word of the other."""
    model = aligner()
    source, target = f"{CHINESE} {JAPANESE}", f"Wir {THAI}"
    one, other = (
        tokenizer()(text, add_special_tokens=False, return_offsets_mapping=True) for text in (source, target)
    )
    row = [0, *one["input_ids"], 2, *other["input_ids"], 2]
    both, middle = states(stock(model), row, 2), len(one["input_ids"]) + 1
    expected = set()
    for i, j in transport((both[1:middle] @ both[middle + 1 : -1].T).tolist()):
        expected |= {
            (a, b)
            for a, (begin, end) in enumerate(word_spans(source))
            for b, (first, last) in enumerate(word_spans(target))
            if begin < one["offset_mapping"][i][1] and one["offset_mapping"][i][0] < end
            if first < other["offset_mapping"][j][1] and other["offset_mapping"][j][0] < last
        }
    [links] = model.align([(source, target)], tokenizer(), layer=2)
    assert links == sorted(expected)
    assert model.align([(source, split_words(target)), PAIRS[0]], tokenizer(), layer=2)[1] != links
    assert len(links) < len(split_words(source)) * len(split_words(target))


def test_texts_and_words_mix_in_one_call():
    model = aligner()
    texts = [(" ".join(source), " ".join(target)) for source, target in PAIRS]
    mixed = [(" ".join(source), target) for source, target in PAIRS]
    expected = model.align(PAIRS, tokenizer())
    assert model.align(texts, tokenizer()) == model.align(mixed, tokenizer()) == expected


def test_slow_tokenizers_are_refused():
    class Slow:
        is_fast = False

    with pytest.raises(ValueError, match="give a fast tokenizer"):
        PieceCutter(Slow())


def test_words_without_pieces_have_no_links():
    """A tokenizer that knows no such character and drops it: the words around keep their numbers."""

    class Dropping:
        """The real tokenizer behind a filter, as normalizers that delete control characters are."""

        is_fast = True
        cls_token_id, sep_token_id = 0, 2

        def __len__(self):
            return len(tokenizer())

        def __call__(self, rows, **options):
            return tokenizer()([[word.replace("\u200b", "") for word in row] for row in rows], **options)

    [links] = aligner().align([(["the", "\u200b", "dog"], ["the", "dog"])], Dropping())
    assert links and torch.tensor(links)[:, 0].tolist().count(1) == 0
