"""Rows of token ids, worked out by hand with a tokenizer of a few words."""

import pytest
from datasets import Dataset
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_runs import refused
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from xlzoo.run_scripts.corpora.sequences import Frame, as_completions, as_documents, as_packed

WORDS = ["<pad>", "<end>", "<begin>", "a", "b", "c", "d", "e", " "]
PAD, END, BEGIN, A, B, C, D, E, SPACE = range(9)


def tokenizer(begins=False):
    """Letters and spaces, a token each; with `begins` every text starts with one more."""
    backend = Tokenizer(models.WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="<pad>"))
    backend.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    if begins:
        backend.post_processor = processors.TemplateProcessing(
            single="<begin> $A", special_tokens=[("<begin>", BEGIN)]
        )
    names = {"eos_token": "<end>", "pad_token": "<pad>", **({"bos_token": "<begin>"} if begins else {})}
    return PreTrainedTokenizerFast(tokenizer_object=backend, **names)


def texts(*lines):
    return Dataset.from_dict({"text": list(lines)})


def test_documents_are_framed_as_the_tokenizer_frames_texts():
    assert Frame.of(tokenizer())([A, B]) == [A, B, END]
    assert Frame.of(tokenizer(begins=True))([A, B]) == [BEGIN, A, B, END]


def test_packing_leaves_no_token_out():
    packed = as_packed(texts("ab", "c", "dea"), tokenizer(), 4)["input_ids"]
    assert packed == [[A, B, END, C], [END, D, E, A]]  # The last end is alone in its block and predicted by nothing.
    assert as_packed(texts("ab", "cd"), tokenizer(begins=True), 5)["input_ids"] == [
        [BEGIN, A, B, END, BEGIN],
        [C, D, END],
    ]


def test_documents_go_on_in_further_rows():
    rows = as_documents(texts("abcde", "", "a"), tokenizer(), 4)["input_ids"]
    assert rows == [[A, B, C, D], [E, END], [A, END]]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.text("abcde", max_size=12), min_size=1, max_size=8), st.integers(2, 9), st.booleans())
def test_blocks_are_the_documents_one_behind_the_other(lines, length, streams):
    rows = texts(*lines)
    blocks = list(as_packed(rows.to_iterable_dataset() if streams else rows, tokenizer(), length))
    flat = [token for block in blocks for token in block["input_ids"]]
    whole = [token for line in lines for token in [*(WORDS.index(letter) for letter in line), END]]
    assert all(2 <= len(block["input_ids"]) <= length for block in blocks)
    assert flat == whole[: len(flat)] and len(whole) - len(flat) <= 1


def pairs(*rows):
    prompts, completions = zip(*rows, strict=True)
    return Dataset.from_dict({"prompt": list(prompts), "completion": list(completions)})


def completed(rows, length=20, separator="", only=True, begins=False):
    made = as_completions(rows, tokenizer(begins), length, separator, only)
    return list(zip(made["input_ids"], made["labels"], strict=True))


def test_only_the_completion_and_the_end_are_predicted():
    assert completed(pairs(("ab", "cd"))) == [([A, B, C, D, END], [-100, -100, C, D, END])]
    assert completed(pairs(("ab", "c")), separator=" ", begins=True) == [
        ([BEGIN, A, B, SPACE, C, END], [-100] * 4 + [C, END])
    ]
    assert completed(pairs(("ab", "c")), only=False) == [([A, B, C, END], [A, B, C, END])]


def test_a_token_across_the_border_is_of_the_completion():
    backend = Tokenizer(models.WordLevel({"<end>": 0, "ab": 1, "c": 2}, unk_token="<end>"))
    backend.pre_tokenizer = pre_tokenizers.Split("ab", "isolated")
    joined = PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="<end>")
    made = as_completions(pairs(("ca", "bc")), joined, 9, "", True)
    assert made["labels"] == [[-100, 1, 2, 0]]


def test_long_prompts_lose_their_beginning():
    assert completed(pairs(("abcde", "ab")), length=5) == [([D, E, A, B, END], [-100, -100, A, B, END])]
    assert completed(pairs(("abcde", "abcd")), length=5) == [([A, B, C, D, END], [A, B, C, D, END])]


@pytest.mark.parametrize(
    ("row", "words"),
    [(("ab", ""), "row 1 is empty"), (("ab", " "), "row 1 is empty"), (("a", "abcde"), "row 1 has 6")],
)
def test_completions_that_cannot_be_learned_are_named(row, words):
    refused(lambda: completed(pairs(("a", "b"), row), length=5), words)
